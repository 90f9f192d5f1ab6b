"""What every operation of the Documentation agent works from: its files, its symbols, its names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import Field

from agents import workspace
from agents.base import OperationContext, Schema
from agents.grounding import Index, index_of
from agents.reporting.model import FileProblem, ToolRun, ToolState, plural
from agents.symbols import Symbols, SymbolsUnreadable, read, sources
from agents.symbols.sources import Sources
from tasks.contract import StepFailed

TIMEOUT_SECONDS = 900
ATTEMPTS = 2  # the tools are deterministic: a second try only helps against a lost worker or a full machine
NEEDS = ("snapshot",)
PYTHON = ("language:python",)
DOCUMENTS = "documents"  # given by operations that write: a wish to inspect everything does not bring them in
NAMED_FAILURES = 50


class TreeInput(Schema):
    """Which tree to look at, and which parts of it; no paths means all of it."""

    snapshot: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the stored snapshot, in hex")
    revision: str = Field(default="", max_length=200, description="what people call this state of the tree")
    paths: list[str] = Field(
        default_factory=list, description="files and folders, relative to the tree's root"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A tree that is open for reading."""

    sources: Sources
    symbols: Symbols
    index: Index
    tool: ToolRun


@contextmanager
def opened(input: TreeInput, context: OperationContext, *, words: tuple[str, ...] = ()) -> Iterator[Material]:
    """Open the tree and read its symbols. Raises StepFailed if the reader of symbols did not survive the tree."""
    with workspace.checked_out(input.snapshot, context.open_artifact) as tree:
        found = chosen(sources.listed(tree), input.paths)
        context.log(f"{len(found.paths)} files, {len(found.python)} of Python")
        context.progress(0, 3, "reading names")
        try:
            symbols = read(found, scratch=context.scratch, cancelled=context.cancelled)
        except SymbolsUnreadable as error:
            raise StepFailed(str(error)) from error
        context.progress(1, 3, f"{len(symbols.modules)} modules read")
        index = index_of(symbols, paths=found.paths, folders=found.folders, words=words)
        yield Material(sources=found, symbols=symbols, index=index, tool=tool_run(found, symbols))


def chosen(found: Sources, paths: list[str]) -> Sources:
    """Keep the files below some paths; no paths keep all."""
    if wanted := narrowed(paths):
        found.paths = [path for path in found.paths if lies_in(path, wanted)]
    return found


def narrowed(paths: list[str]) -> list[str]:
    """Spell files and folders as a tree does; none of them means all of it."""
    wanted = [PurePosixPath(path).as_posix().strip("/") for path in paths]
    return [] if "." in wanted else wanted


def lies_in(path: str, wanted: list[str]) -> bool:
    """Tell whether a path is one of the narrowed ones, or below one."""
    return any(path == one or path.startswith(f"{one}/") for one in wanted)


def tool_run(found: Sources, symbols: Symbols) -> ToolRun:
    """What griffe read, and what it could not."""
    failed = {problem.path: problem.reason for problem in symbols.failed}
    return run_of(
        "griffe", symbols.griffe, given=len(found.python), failed=failed, skipped=dict(found.counts)
    )


def unread_of(read: ToolRun) -> str:
    """Say at the end of a summary how many files it does not speak of; "" if it speaks of all."""
    return f"; {plural(read.failed_count, 'file')} could not be read" if read.failed_count else ""


def run_of(
    tool: str,
    version: str,
    *,
    given: int,
    failed: dict[str, str],
    skipped: dict[str, int] | None = None,
    findings: int = 0,
    note: str = "",
    purpose: str = "",
) -> ToolRun:
    """Sum up what a tool did with the files that it was given."""
    state = ToolState.OK
    if not given:
        state = ToolState.NOT_APPLICABLE
    elif failed:
        state = ToolState.FAILED if len(failed) >= given else ToolState.PARTIAL
    return ToolRun(
        tool=tool,
        version=version,
        purpose=purpose,
        state=state,
        files_analysed=given - len(failed),
        failed=tuple(
            FileProblem(path=path, reason=reason) for path, reason in sorted(failed.items())[:NAMED_FAILURES]
        ),
        failed_count=len(failed),
        skipped_count=sum((skipped or {}).values()),
        skipped_by_reason=dict(sorted((skipped or {}).items())),
        findings=findings,
        note=note,
    )
