"""`api_reference`: the public names of a project, as pages that link to each other."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from agents.base import OperationContext, operation
from agents.documentation import reference
from agents.documentation.material import (
    ATTEMPTS,
    DOCUMENTS,
    NEEDS,
    PYTHON,
    TIMEOUT_SECONDS,
    TreeInput,
    opened,
)
from agents.documentation.reference.prose import plain
from agents.reporting.model import AnalysisOutput, ToolRun, plural
from tasks.contract import StepFailed

STAGES = 6
MAX_GAPS = 50  # named in the output; the pages name all


class ReferenceInput(TreeInput):
    """Which tree, and how much of it."""

    private: bool = Field(default=False, description="document private names, too")


class NotDocumented(BaseModel):
    """Something that has no place in the reference, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    why: str


class ReferenceOutput(AnalysisOutput):
    """What the reference holds. `not_documented` names at most 50 gaps, `not_documented_count` counts all."""

    title: str
    modules: int
    names: int
    documented: int
    files: tuple[str, ...]
    not_documented: tuple[NotDocumented, ...] = ()
    not_documented_count: int = 0
    foreign_names: int = Field(default=0, description="names in docstrings that this project does not have")


class Reference:
    """What can be imported, told name by name."""

    @operation(
        ReferenceInput,
        ReferenceOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=(DOCUMENTS,),
        requires=PYTHON,
        examples=(
            "write the API reference",
            "generate API documentation",
            "make a reference of the public classes and functions",
            "build the reference manual of this package",
        ),
    )
    def api_reference(self, input: ReferenceInput, context: OperationContext) -> ReferenceOutput:
        """Write the API reference: modules, classes and functions with signatures and docstrings.

        Reads the source with griffe, without importing or running it. Links types to where they are documented,
        names inherited members, re-exports, overloads, properties and what is deprecated; renders Google, NumPy and
        Sphinx docstrings. Stores api_reference.zip (HTML that works offline, and Markdown), api_reference.html and
        api_reference.md (all on one page, unless that is too large) and api_reference.json. What could not be parsed
        or has no public name is named as not documented.
        """
        with opened(input, context) as material:
            chosen = reference.choose(
                material.symbols, material.sources, revision=input.revision, is_private=input.private,
                everything=bool(input.paths),
            )  # fmt: skip
            source = reference.source_of(context.request.run_request, input.revision)
            done = iter(range(2, STAGES))
            try:
                site = reference.build(
                    chosen, material.index, source, scratch=context.scratch, cancelled=context.cancelled,
                    progress=lambda text: context.progress(next(done), STAGES, text),
                )  # fmt: skip
            except (reference.ReferenceTooLarge, reference.ProseUnreadable) as error:
                raise StepFailed(str(error), retriable=False) from error
            tool = material.tool
        files = _store(site, context)
        return _told(chosen, site, files, tool=tool, context=context)


def _store(site: reference.Site, context: OperationContext) -> tuple[str, ...]:
    forms = (
        ("api_reference.zip", site.archive, "application/zip"),
        ("api_reference.html", site.html, "text/html; charset=utf-8"),
        ("api_reference.md", site.markdown, "text/markdown; charset=utf-8"),
        ("api_reference.json", site.json, "application/json"),
    )
    kept = [(name, content, kind) for name, content, kind in forms if content is not None]
    for name, content, kind in kept:
        context.put_artifact(name, content, media_type=kind)
    return tuple(name for name, _, _ in kept)


def _told(
    chosen: reference.Reference,
    site: reference.Site,
    files: tuple[str, ...],
    *,
    tool: ToolRun,
    context: OperationContext,
) -> ReferenceOutput:
    entries = [entry for _, entry in chosen.entries()]
    documented = sum(entry.symbol.docstring is not None for entry in entries)
    if entries:
        told = f"{plural(len(entries), 'name')} in {plural(len(chosen.pages), 'module')}"
        told += f", {documented:,} with a docstring"
    else:
        told = "no public name was found"
    if chosen.gaps:
        told += f"; {plural(len(chosen.gaps), 'gap')} named as not documented"
    context.progress(STAGES, STAGES, "done")
    context.summary = told
    return ReferenceOutput(
        tools=(tool,),
        summary=told,
        title=chosen.title,
        modules=len(chosen.pages),
        names=len(entries),
        documented=documented,
        files=files,
        not_documented=tuple(
            NotDocumented(what=plain(gap.what)[:300], why=plain(gap.why)[:300])
            for gap in chosen.gaps[:MAX_GAPS]
        ),
        not_documented_count=len(chosen.gaps),
        foreign_names=len(site.foreign),
    )
