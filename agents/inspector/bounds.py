"""How many claims of one tool are kept: the worst and surest. Of a file with more it is told that it has more.

A small file can be made to hold a hundred thousand mistakes, and a report with them is of no use to anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

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
    dropped = set()
    for at in _worst_first(parsed.claims):
        path = parsed.claims[at].path
        if path in left:
            left[path] -= 1
            if left[path] < 0:
                dropped.add(at)
    kept = [claim for at, claim in enumerate(parsed.claims) if at not in dropped]
    told = {one.path for one in parsed.failed}
    failed = [
        Problem(path=path, reason=f"of {count:,} claims the worst {MOST_OF_A_FILE:,} are kept; {_ADVICE}")
        for path, count in sorted(large.items())
        if path not in told
    ]
    return replace(parsed, claims=kept, failed=[*parsed.failed, *failed])


def of_all(claims: Sequence[Claim]) -> tuple[list[int], dict[str, str]]:
    """The places of the worst of a step, and why a file is not fully analysed of which some are left out."""
    if len(claims) <= MOST:
        return list(range(len(claims))), {}
    order = _worst_first(claims)
    left = Counter(claims[at].path for at in order[MOST:])
    whole = f"the tool made {len(claims):,} claims, of which the worst {MOST:,} are kept"
    return sorted(order[:MOST]), {path: f"{count:,} left out: {whole}" for path, count in left.items()}


def _worst_first(claims: Sequence[Claim]) -> list[int]:
    """The places of claims, the worst and of these the surest first."""
    return sorted(
        range(len(claims)), key=lambda at: (claims[at].severity.weight, claims[at].confidence.weight)
    )
