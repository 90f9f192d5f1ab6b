"""The Inspector's fixes: patches for what it finds, each tried before it is offered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from pydantic import Field

from agents import workspace
from agents.base import OperationContext, Schema, operation
from agents.findings import FindingData
from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.fixes.mending import Mended, mend
from agents.inspector.steps import ATTEMPTS, PYTHON, AnalysisInput, output_of, remembering, shares_of_host
from agents.patches import Label
from agents.quality.adjusting import adjusted
from agents.reporting.model import AnalysisOutput, plural

LOOKED_AT = ("lint", "security_scan")  # the operations whose findings have mends
TIMEOUT_SECONDS = 1800
NAMED = 100  # fixes and refusals named in the output; the artifact has all
PATCH, LIST = "fixes.patch", "fixes.json"


class FixInput(AnalysisInput):
    """Which tree, and which findings of it are to be mended; none named means all."""

    fingerprints: list[str] = Field(default_factory=list, max_length=1000, description="of findings")
    rules: list[str] = Field(default_factory=list, max_length=200, description="names of rules")


class NamedFix(Schema):
    """A fix in short."""

    fingerprint: str
    rule: str
    path: str
    line: int
    label: Label
    title: str


class NamedRefusal(Schema):
    """A finding that could not be mended, and why."""

    fingerprint: str
    rule: str
    path: str
    line: int
    reason: str


class FixOutput(AnalysisOutput):
    """What the analysis saw, and the fixes by label; `combined` counts the files of fixes.patch."""

    fixes_by_label: dict[str, int] = Field(default_factory=dict)
    fixes: tuple[NamedFix, ...] = ()
    refusals: tuple[NamedRefusal, ...] = ()
    refused_count: int = 0
    combined: int = 0


class Fixes:
    """Mixin: patches for what can be mended mechanically."""

    # `needs` is empty although it takes a snapshot: so a wish for the whole inspection does not bring it in.
    @operation(
        FixInput,
        FixOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        requires=PYTHON,
        examples=(
            "fix what you can",
            "propose patches",
            "suggest fixes for the findings",
            "give me a patch that mends what can be mended",
        ),
    )
    def fix(self, input: FixInput, context: OperationContext) -> FixOutput:
        """Offer fixes: patches for what can be mended mechanically in Python.

        Looks for bugs and dangerous code as lint and security_scan do, and makes a small diff for each finding that
        has a mend: ruff's safe fixes, and rewritings of its own, such as parameters in SQL, argument lists instead of
        a shell, yaml.safe_load, secrets, SHA-256, timeouts, XML without entities. Each patch is tried in a copy of
        its files: it applies, parses, its finding is gone, nothing new as severe appears, the public API is whole.
        Tests are not run. Nothing is changed: the result is fixes.patch for `git apply`, and each fix with what was
        seen of it.
        """
        analyzers = [analyzer for name in LOOKED_AT for analyzer in ANALYZERS[name]]
        with (
            workspace.checked_out(input.snapshot, context.open_artifact) as tree,
            remembering(context.request.project_id) as memory,
        ):
            # what the run's other steps, or earlier runs, have had analysed is not analysed again
            analysis = analyse(
                tree,
                analyzers,
                scratch=context.scratch,
                paths=input.paths,
                tree_digest=input.snapshot,
                memory=memory,
                shares=shares_of_host(),
                settings=input.settings,
                tell=context.log,
                cancelled=context.cancelled,
            )
            findings = adjusted(analysis.findings, input.settings)
            made = mend(
                tree,
                [finding for finding in findings if _is_wanted(finding, input)],
                analyzers,
                scratch=context.scratch,
                progress=lambda done, total: context.progress(done, total, "fixes tried"),
                cancelled=context.cancelled,
            )
        looked = output_of(analysis)
        _store(made, context)
        context.add_fixes(made.fixes)
        context.add_findings(_unclaimed(made, findings, context.request.run_id))
        context.summary = _summary(made)
        return _output(looked, made, context.summary)


def _is_wanted(finding: FindingData, input: FixInput) -> bool:
    if input.fingerprints and finding.fingerprint not in input.fingerprints:
        return False
    return not input.rules or finding.rule in input.rules


def _unclaimed(made: Mended, findings: Sequence[FindingData], run_id: UUID) -> list[FindingData]:
    """The mended findings that no other step of the run reports: a fix must have its finding, and that only once."""
    from tasks.models import Step  # needs Django, which loads after the agents

    others = set(
        Step.objects.filter(run__public_id=run_id, agent="inspector").values_list("operation", flat=True)
    )
    if others.issuperset(LOOKED_AT):
        return []
    mended = {fix.fingerprint for fix in made.fixes}
    reported = {
        category for name, category in (("lint", "bug"), ("security_scan", "security")) if name in others
    }
    return [
        one
        for one in findings
        if one.fingerprint in mended and ("security" if one.category == "security" else "bug") not in reported
    ]


def _store(made: Mended, context: OperationContext) -> None:
    context.put_artifact(PATCH, made.combined.diff, media_type="text/x-diff")
    told = {
        "fixes": [fix.model_dump(mode="json") for fix in made.fixes],
        "not_in_patch": made.left_out,
        "refusals": [one.model_dump(mode="json") for one in _refusals(made)],
    }
    content = json.dumps(told, ensure_ascii=True, indent=1).encode()
    context.put_artifact(LIST, content, media_type="application/json")


def _refusals(made: Mended) -> list[NamedRefusal]:
    return [
        NamedRefusal(
            fingerprint=one.finding.fingerprint,
            rule=one.finding.rule,
            path=one.finding.path,
            line=one.finding.line,
            reason=one.reason,
        )
        for one in made.refusals
    ]


def _output(looked: AnalysisOutput, made: Mended, summary: str) -> FixOutput:
    return FixOutput(
        **(looked.model_dump() | {"summary": summary}),
        fixes_by_label={str(label): n for label, n in Counter(fix.label for fix in made.fixes).items()},
        fixes=tuple(
            NamedFix(
                fingerprint=fix.fingerprint,
                rule=fix.rule,
                path=fix.path,
                line=fix.line,
                label=fix.label,
                title=fix.title,
            )
            for fix in made.fixes[:NAMED]
        ),
        refusals=tuple(_refusals(made)[:NAMED]),
        refused_count=len(made.refusals),
        combined=len(made.combined.changes),
    )


def _summary(made: Mended) -> str:
    if not made.fixes and not made.refusals:
        return "nothing here that can be mended mechanically"
    counts = Counter(fix.label for fix in made.fixes)
    told = ", ".join(f"{counts[label]} {label}" for label in Label if counts[label]) or "none"
    refused = f"; {plural(len(made.refusals), 'finding')} left to people" if made.refusals else ""
    return f"{plural(len(made.fixes), 'fix').replace('fixs', 'fixes')} ({told}){refused}"
