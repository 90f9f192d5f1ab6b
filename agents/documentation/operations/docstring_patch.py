"""`docstring_patch`: skeletons of docstrings, as patches that were tried."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import Field

from agents.base import OperationContext, Schema, operation
from agents.documentation.material import ATTEMPTS, PYTHON, TreeInput, opened, unread_of
from agents.documentation.skeletons.gaps import gaps
from agents.documentation.skeletons.patching import Writer, Written
from agents.patches import Label
from agents.reporting.model import AnalysisOutput, ToolRun, plural

TIMEOUT_SECONDS = 1_800
NAMED = 100  # docstrings and refusals named in the output; the artifact has all
PATCH, LIST = "docstrings.patch", "docstring_patch.json"


class DocstringInput(TreeInput):
    """Which tree, how many docstrings at most, and in which style; no style means the one that is in use."""

    limit: int = Field(default=100, ge=1, le=500, description="docstrings that are written at most")
    style: Literal["google", "numpy", "sphinx"] | None = Field(
        default=None, description="without: that of the file's docstrings, else of the project's, else google"
    )
    tests: bool = Field(default=False, description="whether test code gets docstrings, too")


class NamedDocstring(Schema):
    """A docstring in short."""

    path: str
    line: int
    name: str
    label: Label


class NamedRefusal(Schema):
    """A docstring that was left to people, and why."""

    path: str
    line: int
    name: str
    reason: str


class DocstringOutput(AnalysisOutput):
    """What was written, by label; `remaining` are wanted, too, but beyond the limit."""

    docstrings_by_label: dict[str, int] = Field(default_factory=dict)
    docstrings: tuple[NamedDocstring, ...] = ()
    refusals: tuple[NamedRefusal, ...] = ()
    refused_count: int = 0
    remaining: int = 0
    files_in_patch: int = 0
    files: tuple[str, ...] = ()  # the artifacts that people read: none if nothing could be begun


class DocstringPatch:
    """Mixin: docstrings that a person only has to complete."""

    # `needs` is empty although it takes a snapshot: so a wish for the whole inspection does not bring it in.
    @operation(
        DocstringInput,
        DocstringOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        requires=PYTHON,
        examples=(
            "write missing docstrings",
            "add docstrings to the public functions",
            "generate docstring skeletons",
            "fill in the docstrings",
        ),
    )
    def docstring_patch(self, input: DocstringInput, context: OperationContext) -> DocstringOutput:
        """Write missing docstrings: skeletons of what the code tells, as a patch.

        For public classes and functions without a docstring: parameters, types, defaults, what is returned or
        yielded, errors that leave the body, in the style that the project uses (Google, NumPy or Sphinx). Lists of
        parameters with gaps get the missing ones. What only a person knows is marked TODO. Each patch is tried in a
        copy: it applies, parses, is the same program, its docstring is complete, nothing contradicts the code.
        Tests stay as they are. Nothing is changed: the result is docstrings.patch for `git apply`, and each fix.
        """
        with opened(input, context) as material, TemporaryDirectory(dir=context.scratch) as folder:
            wanted = list(gaps(material.symbols, material.index, tests=input.tests))
            writer = Writer(
                sources=material.sources,
                symbols=material.symbols,
                index=material.index,
                scratch=Path(folder),
                style=input.style,
                cancelled=context.cancelled,
                progress=lambda done, total: context.progress(done, total, "docstrings tried"),
            )
            made = writer.write(wanted[: input.limit])
        remaining = max(0, len(wanted) - input.limit)
        _store(made, remaining, context)
        context.add_fixes(made.fixes)
        context.add_findings(made.findings)
        context.summary = _summary(made, remaining, material.tool)
        return _output(made, remaining, material.tool.model_copy(update={"findings": len(wanted)}), context)


def _store(made: Written, remaining: int, context: OperationContext) -> None:
    context.put_artifact(PATCH, made.combined.diff, media_type="text/x-diff")
    told = {
        "fixes": [fix.model_dump(mode="json") for fix in made.fixes],
        "refusals": [one.model_dump(mode="json") for one in _refusals(made)],
        "remaining": remaining,
    }
    content = json.dumps(told, ensure_ascii=True, indent=1).encode()
    context.put_artifact(LIST, content, media_type="application/json")


def _refusals(made: Written) -> list[NamedRefusal]:
    return [
        NamedRefusal(path=one.finding.path, line=one.finding.line, name=one.finding.scope, reason=one.reason)
        for one in made.refusals
    ]


def _output(made: Written, remaining: int, tool: ToolRun, context: OperationContext) -> DocstringOutput:
    scopes = {one.fingerprint: one.scope for one in made.findings}
    return DocstringOutput(
        tools=(tool,),
        summary=context.summary,
        docstrings_by_label={str(label): n for label, n in Counter(fix.label for fix in made.fixes).items()},
        docstrings=tuple(
            NamedDocstring(
                path=fix.path, line=fix.line, name=scopes.get(fix.fingerprint, ""), label=fix.label
            )
            for fix in made.fixes[:NAMED]
        ),
        refusals=tuple(_refusals(made)[:NAMED]),
        refused_count=len(made.refusals),
        remaining=remaining,
        files_in_patch=len(made.combined.changes),
        files=(PATCH, LIST) if made.combined.changes else (),
    )


def _summary(made: Written, remaining: int, read: ToolRun) -> str:
    offered = sum(fix.is_offered for fix in made.fixes)
    if not made.fixes and not made.refusals:
        if not read.files_analysed:
            return "no Python file could be read, so nothing is known of docstrings"
        return f"every public class and function has a docstring{unread_of(read)}"
    rejected = len(made.fixes) - offered + len(made.refusals)
    told = f"{plural(offered, 'docstring')} begun in {plural(len(made.combined.changes), 'file')}"
    told += f"; {rejected:,} left to people" if rejected else ""
    told += f"; {remaining:,} more wanted beyond the limit" if remaining else ""
    return told + unread_of(read)
