"""Fixes as reports show them: what is offered first, what only parses after it, what was rejected only counted.

A report goes to people who may not see the project's secrets: they are cut out of diffs. The patch is exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from agents.patches import FixData, Label
from agents.redaction import redact

PATCH = "fixes.patch"  # the artifact that holds all that hold together
_ORDER = (Label.VERIFIED, Label.REANALYSED, Label.PARSES_ONLY)
MEANINGS = {
    Label.VERIFIED: "tests ran with it",
    Label.REANALYSED: "its finding was seen to be gone, and nothing new as severe",
    Label.PARSES_ONLY: "it could not be seen whether its finding is gone",
    Label.REJECTED: "not to be taken",
}


def shown(fixes: Iterable[FixData]) -> list[FixData]:
    """Give those that a reader may take, surest first, then by severity and place."""
    kept = [one.model_copy(update={"diff": redact(one.diff)}) for one in fixes if one.label in _ORDER]
    return sorted(
        kept, key=lambda one: (_ORDER.index(one.label), one.severity.weight, one.path, one.line, one.mend)
    )


def counted(fixes: Iterable[FixData]) -> str:
    """Say how many there are of each label; "" for none."""
    counts = Counter(one.label for one in fixes)
    return ", ".join(f"{counts[label]:,} {label}" for label in Label if counts[label])


def unseen(fix: FixData) -> str:
    """Say what keeps a fix from a better label, in the words of its last rung that did not pass; "" for nothing."""
    open_rungs = [one for one in fix.rungs if one.outcome != "passed" and one.reason]
    return f"{open_rungs[0].rung}: {open_rungs[0].reason}" if open_rungs else ""
