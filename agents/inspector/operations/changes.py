"""The Inspector's look at a change: what the head has that its base had not.

both trees -> what differs, renames -> analyzers on both: file by file only where they differ, whole programs whole
           -> the same claims by fingerprint, rename, unique move, edited line -> new | fixed
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from agents import workspace
from agents.base import OperationContext, operation
from agents.findings import FindingData, sort_key
from agents.inspector.sides import COMPARABLE, Side, side_of
from agents.inspector.steps import ATTEMPTS, GIVES, AnalysisInput, remembering
from agents.matching import known_of, match
from agents.reporting.change import Change, output_of_change
from agents.reporting.model import ChangeOutput, ToolState, plural
from agents.workspace.comparing import Difference, compare

_FAULTY = (ToolState.FAILED, ToolState.PARTIAL)
TIMEOUT_SECONDS = 3_600  # two trees, all tools


def _known(name: str) -> str:
    if name not in COMPARABLE:
        raise ValueError(f"{name[:50]!r} cannot be compared; these can: {', '.join(COMPARABLE)}")
    return name


Name = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(COMPARABLE)})]


class ChangeInput(AnalysisInput):
    """The head (`snapshot`), what it is compared with, and what to look for; no operations means all that can be."""

    base: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the base's snapshot, in hex")
    operations: list[Name] = Field(
        default_factory=list, description="names of the Inspector's operations that are done on both trees"
    )


class Changes:
    """Mixin: what a branch or a pull request makes worse."""

    @operation(
        ChangeInput,
        ChangeOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=("snapshot", "base"),
        gives=GIVES,
        examples=(
            "review this change",
            "what does this branch make worse?",
            "review the pull request against main",
            "which problems are new compared with the base?",
        ),
    )
    def review_changes(self, input: ChangeInput, context: OperationContext) -> ChangeOutput:
        """Compare a change with its base: only what the change brings in.

        Runs the analyzers on both trees, file by file only where they differ, and hands back what the head has and
        the base had not. A claim is known again by its fingerprint, in a file that git sees as renamed, where exactly
        one like it moved, or on an edited line; what is gone is counted as fixed. Needs a run with a base, whose
        report then has a summary fit for a pull request.
        """
        with (
            workspace.checked_out(input.snapshot, context.open_artifact) as head,
            workspace.checked_out(input.base, context.open_artifact) as base,
            remembering(context.request.project_id) as memory,
        ):
            difference = compare(base, head, scratch=context.scratch, cancelled=context.cancelled)
            context.log(f"{plural(len(difference.head), 'file')} of the change differ from the base")
            names = tuple(dict.fromkeys(input.operations)) or COMPARABLE
            before, after = (
                side_of(tree, sorted(paths), names, input.settings, memory, context, digest=digest)
                for tree, paths, digest in (
                    (base, difference.base, input.base),
                    (head, difference.head, input.snapshot),
                )
            )
        change = judged(before.findings, after.findings, difference, unseen=after.unseen)
        return _told(change, before, after, difference, names, context)


def judged(
    before: Sequence[FindingData],
    after: Sequence[FindingData],
    difference: Difference,
    *,
    unseen: frozenset[str] = frozenset(),
) -> Change:
    """Part the claims of a head into new and known ones, and find those that are gone.

    `unseen`: paths of the head that were not analysed; nothing in them is fixed.
    """
    old = {one.fingerprint: one for one in before}
    fresh = [one for one in after if one.fingerprint not in old]
    seen = {one.fingerprint for one in after}
    gone = [one for name, one in old.items() if name not in seen]
    matched = match(map(known_of, fresh), map(known_of, gone), moves=difference.renamed)
    new = [one.model_copy(update={"is_new": True}) for one in fresh if one.fingerprint not in matched]
    there = set(matched.values())
    now = {old_path: path for path, old_path in difference.renamed.items()}
    fixed = [
        one for one in gone if one.fingerprint not in there and now.get(one.path, one.path) not in unseen
    ]
    return Change(
        new=tuple(sorted(new, key=sort_key)),
        fixed=tuple(sorted(fixed, key=sort_key)),
        kept=len(after) - len(new),
        files=len(difference.head | difference.base) - len(difference.renamed),
        renamed=len(difference.renamed),
    )


def _told(
    change: Change,
    before: Side,
    after: Side,
    difference: Difference,
    names: tuple[str, ...],
    context: OperationContext,
) -> ChangeOutput:
    after.require_work()
    # what told nothing of the head either cannot have told it as new
    silent = {run.label for run in after.tools if run.state is ToolState.FAILED}
    notes = [difference.note] if difference.note else []
    if not difference.head and not difference.base:
        notes.append("the head and its base are the same, so there was nothing to compare")
    notes += [
        f"{run.label} could not analyse the base in full: what it had may be told as new"
        for run in before.tools
        if run.state in _FAULTY and not (run.state is ToolState.FAILED and run.label in silent)
    ]
    output = output_of_change(
        change, tools=after.tools, notes=tuple(dict.fromkeys(notes)), tools_of=after.tools_of(names)
    )
    context.add_findings(change.new)
    if after.is_complete:
        context.cover(after.unseen)
    context.summary = output.summary
    return output
