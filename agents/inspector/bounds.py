"""How many claims of one tool are kept: the worst and surest. Of a file with more it is told that it has more.

A small file can be made to hold a hundred thousand mistakes, and a report with them is of no use to anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.inspector.analyzers.base import Claim, Parsed, Problem

MOST_OF_A_FILE = 1_000
MOST = 300_000  # of a step
_ADVICE = "leave the file out by wrench.toml if nobody mends it"


def of_each_file(parsed: Parsed) -> Parsed:
    """The same answer with no more than the bound of each file; what had more counts as not fully analysed."""
    many = Counter(claim.path for claim in parsed.claims)
    large = {path: count for path, count in many.items() if count > MOST_OF_A_FILE}
    if not large:
        return parsed
    left = dict.fromkeys(large, MOST_OF_A_FILE)
    kept = []
    for claim in sorted(parsed.claims, key=_worst_first):
        if claim.path in left:
            if not left[claim.path]:
                continue
            left[claim.path] -= 1
        kept.append(claim)
    told = {one.path for one in parsed.failed}
    failed = [
        Problem(path=path, reason=f"of {count:,} claims the worst {MOST_OF_A_FILE:,} are kept; {_ADVICE}")
        for path, count in sorted(large.items())
        if path not in told
    ]
    return Parsed(
        claims=kept,
        failed=[*parsed.failed, *failed],
        skipped=parsed.skipped,
        facts=parsed.facts,
        notes=parsed.notes,
    )


def of_all(claims: Sequence[Claim]) -> tuple[list[int], dict[str, str]]:
    """The places of the worst of a step, and why a file is not fully analysed of which some are left out."""
    places = range(len(claims))
    if len(claims) <= MOST:
        return list(places), {}
    order = sorted(places, key=lambda at: _worst_first(claims[at]))
    left = Counter(claims[at].path for at in order[MOST:])
    whole = f"the tool made {len(claims):,}, of which the worst {MOST:,} are kept"
    return sorted(order[:MOST]), {
        path: f"{count:,} claims are left out: {whole}" for path, count in left.items()
    }


def _worst_first(claim: Claim) -> tuple[int, int]:
    return claim.severity.weight, claim.confidence.weight
