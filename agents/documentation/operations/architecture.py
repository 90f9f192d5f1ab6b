"""`architecture_map`: how the modules of a project stand on each other, as a picture and as tables."""

from __future__ import annotations

from pydantic import Field

from agents import imports, workspace
from agents.base import OperationContext, operation
from agents.documentation import architecture
from agents.documentation.material import (
    ATTEMPTS,
    DOCUMENTS,
    NEEDS,
    PYTHON,
    TreeInput,
    chosen,
    run_of,
)
from agents.documentation.product import Gap, beside, gaps_of
from agents.grounding import Index, demand
from agents.reporting.model import AnalysisOutput, ToolRun, plural
from agents.symbols import sources
from agents.symbols.sources import MAX_FILE_BYTES, Sources
from tasks.contract import StepFailed

TIMEOUT_SECONDS = 600
MAX_MODULES = 20_000
STAGES = 4
NAMED_CYCLES = 20
VERSION = "1"


class ArchitectureInput(TreeInput):
    """Which tree, and what of it is drawn."""

    depth: int = Field(
        default=0, ge=0, le=20, description="parts of a name that are drawn; 0: as many as fit"
    )
    external: bool = Field(default=False, description="draw the packages of others, too")
    deferred: bool = Field(default=False, description="count imports inside of functions, too")


class ArchitectureOutput(AnalysisOutput):
    """What the map holds. `cycles` has the sizes of the largest 20, `cycle_count` counts all."""

    modules: int
    imports: int
    layers: int
    cycles: tuple[int, ...]
    cycle_count: int
    drawn: int = Field(description="boxes in the picture")
    rule: str = Field(description="how modules became boxes")
    external: int = Field(description="packages of others that are imported")
    files: tuple[str, ...]


class Architecture:
    """How modules hang together."""

    @operation(
        ArchitectureInput,
        ArchitectureOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=(DOCUMENTS,),
        requires=PYTHON,
        examples=(
            "draw the architecture",
            "make a module graph",
            "architecture map with layers",
            "diagram of the packages",
        ),
    )
    def architecture_map(self, input: ArchitectureInput, context: OperationContext) -> ArchitectureOutput:
        """Draw the architecture: the graph of modules with layers, cycles, fan-in and fan-out.

        Reads imports by parsing, without importing or running anything; the graph is grimp's. Layers are the levels
        of what imports nothing, of what imports only that, and so on. A large graph is drawn by its packages, opened
        while there are at most 40 boxes. Stores architecture_map.svg, .html (the picture and the tables, offline),
        .md, .mmd (Mermaid) and .json (every module and import).
        """
        with workspace.checked_out(input.snapshot, context.open_artifact) as tree:
            found = chosen(sources.listed(tree), input.paths)
            modules, left = _product(found, everything=bool(input.paths))
            context.progress(1, STAGES, f"{plural(len(modules), 'module')} to read")
            try:
                facts = imports.read(
                    found.root, sorted(modules.values()), max_bytes=MAX_FILE_BYTES, scratch=context.scratch,
                    cancelled=context.cancelled,
                )  # fmt: skip
            except imports.ImportsUnreadable as error:
                raise StepFailed(str(error)) from error
        left += tuple(Gap(what=one.path, why=one.reason) for one in facts.failed)
        context.progress(2, STAGES, "finding layers and cycles")
        made = architecture.read(modules, facts, deferred=input.deferred)
        picture = architecture.collapse(made, depth=input.depth, externals=input.external)
        context.progress(3, STAGES, "drawing")
        page = demand(architecture.markdown(made, picture, left), _index(found, modules))
        tool = run_of(
            "grimp", VERSION, given=len(modules), failed={one.path: one.reason for one in facts.failed},
            skipped=dict(found.counts),
        )  # fmt: skip
        files = _store(made, picture, left, page, context)
        return _told(made, picture, files, tool, context)


def _product(found: Sources, *, everything: bool) -> tuple[dict[str, str], tuple[Gap, ...]]:
    """The modules of the product, and what is left out."""
    every = found.modules()
    aside = {} if everything else beside(every, found)
    kept = {name: path for name, path in every.items() if path not in aside}
    left = tuple(gaps_of(aside))
    if len(kept) > MAX_MODULES:
        left += (Gap(what=f"{len(kept) - MAX_MODULES:,} modules", why=f"beyond the first {MAX_MODULES:,}"),)
    return dict(list(kept.items())[:MAX_MODULES]), left


def _index(found: Sources, modules: dict[str, str]) -> Index:
    """What the page may name: modules and files."""
    return Index(paths={*found.paths, *found.folders}, words=set(modules))


def _store(
    made: architecture.Architecture,
    picture: architecture.Picture,
    left: tuple[Gap, ...],
    page: str,
    context: OperationContext,
) -> tuple[str, ...]:
    drawn = architecture.svg(picture)
    forms = (
        ("architecture_map.svg", drawn.encode(), "image/svg+xml"),
        (
            "architecture_map.html",
            architecture.html(made, picture, drawn, left).encode(),
            "text/html; charset=utf-8",
        ),
        ("architecture_map.md", page.encode(), "text/markdown; charset=utf-8"),
        ("architecture_map.mmd", architecture.mermaid(picture).encode(), "text/plain; charset=utf-8"),
        ("architecture_map.json", architecture.as_json(made, picture, left), "application/json"),
    )
    for name, content, kind in forms:
        context.put_artifact(name, content, media_type=kind)
    return tuple(name for name, _, _ in forms)


def _told(
    made: architecture.Architecture,
    picture: architecture.Picture,
    files: tuple[str, ...],
    tool: ToolRun,
    context: OperationContext,
) -> ArchitectureOutput:
    told = "no Python module was found"
    if made.units:
        cycles = plural(len(made.cycles), "cycle") if made.cycles else "no cycle"
        told = (
            f"{plural(len(made.units), 'module')}, {plural(len(made.edges), 'import')} between them, "
            f"{plural(made.layers, 'layer')}, {cycles}"
        )
    context.progress(STAGES, STAGES, "done")
    context.summary = told
    return ArchitectureOutput(
        tools=(tool,),
        summary=told,
        modules=len(made.units),
        imports=len(made.edges),
        layers=made.layers,
        cycles=tuple(len(cycle.modules) for cycle in made.cycles[:NAMED_CYCLES]),
        cycle_count=len(made.cycles),
        drawn=len(picture.boxes),
        rule=picture.rule,
        external=len(made.externals),
        files=files,
    )
