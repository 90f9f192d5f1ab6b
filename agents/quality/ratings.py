"""Ratings and debt: pure figures over findings and settings.

Security and reliability are as good as their worst open finding; maintainability is what it would take to mend, in
proportion to what it took to write (the method of SQALE, with the grid that SonarQube made known).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.findings import FindingData, Severity
from agents.quality.config import Settings
from agents.quality.globs import name_matches
from agents.quality.model import Debt, Dimension, Measures, Rated, Rating

DIMENSIONS: Mapping[str, Dimension] = {
    "security": Dimension.SECURITY,
    "secret": Dimension.SECURITY,
    "dependency": Dimension.SECURITY,
    "bug": Dimension.RELIABILITY,
    "database": Dimension.RELIABILITY,
    "maintainability": Dimension.MAINTAINABILITY,
    "performance": Dimension.MAINTAINABILITY,
    "docs": Dimension.MAINTAINABILITY,
    "tests": Dimension.MAINTAINABILITY,
}
"""Category of a finding -> what it is rated under."""

NEEDED: Mapping[Dimension, tuple[str, ...]] = {
    Dimension.SECURITY: ("inspector.security_scan", "inspector.secret_scan"),
    Dimension.RELIABILITY: ("inspector.lint",),
    Dimension.MAINTAINABILITY: ("inspector.complexity", "inspector.quality"),
}
"""The operations without which a rating would be praise for not looking."""

_BY_WORST = {
    Severity.CRITICAL: Rating.E,
    Severity.HIGH: Rating.D,
    Severity.MEDIUM: Rating.C,
    Severity.LOW: Rating.B,
    Severity.INFO: Rating.A,
}


def counts(finding: FindingData, settings: Settings) -> bool:
    """Tell whether a finding counts in ratings and gate: those in test code do not, but for secrets."""
    return not finding.in_test_code or finding.category == "secret" or settings.ratings.count_tests


def by_worst(findings: Iterable[FindingData]) -> Rating:
    """Rate by the worst finding: none or info A, low B, medium C, high D, critical E."""
    return max((_BY_WORST[finding.severity] for finding in findings), default=Rating.A)


def by_ratio(percent: float, settings: Settings) -> Rating:
    """Rate a debt ratio by the project's grid; a limit itself still has the better letter."""
    reached = sum(percent > limit for limit in settings.ratings.maintainability)
    return list(Rating)[reached]


def minutes_of(finding: FindingData, settings: Settings) -> int:
    """Give what it takes to mend a finding: by its rule, else by the first pattern, else by its severity."""
    table = settings.debt.rules
    if finding.rule in table:
        return table[finding.rule]
    for pattern, minutes in table.items():
        if name_matches(pattern, finding.rule):
            return minutes
    return int(getattr(settings.debt.severity, finding.severity.value))


def debt_of(findings: Iterable[FindingData], measures: Measures | None, settings: Settings) -> Debt:
    """Add up the minutes; the ratio needs the lines of product code."""
    minutes = dict.fromkeys(Dimension, 0)
    for finding in findings:
        minutes[DIMENSIONS[finding.category]] += minutes_of(finding, settings)
    cost = None if measures is None else measures.product.code * settings.debt.minutes_per_line
    owed = minutes[Dimension.MAINTAINABILITY]
    return Debt(
        minutes=owed,
        development_minutes=cost,
        ratio_percent=round(100 * owed / cost, 3) if cost else None,
        security_minutes=minutes[Dimension.SECURITY],
        reliability_minutes=minutes[Dimension.RELIABILITY],
    )


def rate(
    findings: Iterable[FindingData], debt: Debt, settings: Settings, *, lacking: Mapping[str, str]
) -> dict[Dimension, Rated]:
    """Rate each dimension. `lacking`: operations that did not end whole, and why."""
    counted = list(findings)
    rated: dict[Dimension, Rated] = {}
    for dimension in Dimension:
        gaps = [f"{name}: {lacking[name]}" for name in NEEDED[dimension] if name in lacking]
        if gaps:
            rated[dimension] = Rated(rating=None, why=f"not computed: {'; '.join(gaps)}")
        elif dimension is Dimension.MAINTAINABILITY:
            rated[dimension] = _maintainability(debt, settings)
        else:
            mine = [one for one in counted if DIMENSIONS[one.category] is dimension]
            worst = min((one.severity for one in mine), key=lambda one: one.weight, default=None)
            why = f"the worst of {len(mine)} is {worst.value}" if worst else "no finding"
            rated[dimension] = Rated(rating=by_worst(mine), why=why)
    return rated


def _maintainability(debt: Debt, settings: Settings) -> Rated:
    if debt.ratio_percent is None:
        return Rated(rating=None, why="not computed: there is no line of product code to compare with")
    why = f"debt of {debt.minutes:,} min is {debt.ratio_percent:.1f} % of what the code took to write"
    return Rated(rating=by_ratio(debt.ratio_percent, settings), why=why)
