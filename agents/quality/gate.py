"""The gate on new code: pure decisions over what a run found, measured and failed to look at.

    nothing to compare with         -> baseline, never failed
    a condition is broken           -> failed, whatever else is unknown
    a condition cannot be computed  -> not computed, with why; so a partial analysis never passes
    else                            -> passed

New is what the baseline of the finding's own operation did not have: the latest run on the default branch in
which that operation ended whole and whose gate did not fail. So what a change broke stays new, however often it
is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from agents.findings import Confidence, FindingData, Severity, sort_key
from agents.quality.config import Settings
from agents.quality.model import (
    MAX_BREACHES,
    Breach,
    Condition,
    ConditionState,
    Dimension,
    Gate,
    GateState,
    Measures,
    Rating,
)
from agents.quality.ratings import DIMENSIONS, by_ratio, minutes_of

SECURITY = "inspector.security_scan"
SECRETS = "inspector.secret_scan"
LINT = "inspector.lint"
COMPLEXITY = "inspector.complexity"
QUALITY = "inspector.quality"
DEPENDENCIES = "inspector.dependencies"
NEEDED = (SECURITY, SECRETS, LINT, COMPLEXITY, QUALITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A finding that counts, and whether its operation's baseline lacked it."""

    finding: FindingData
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of its files one tool analysed."""

    tool: str
    analysed: int
    failed: int
    is_whole_failure: bool = False

    @property
    def percent(self) -> float:
        """0 to 100; a tool that failed as a whole covered nothing."""
        given = self.analysed + self.failed
        if self.is_whole_failure:
            return 0.0
        return 100.0 if not given else 100 * self.analysed / given


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What a run is judged by.

    `lacking`: operation -> why it has no whole result. `unfit`: operation -> what it would look at and the target has
    not. `baselines`: operation -> run that it is compared with, None for the base of a change; an operation that is
    not there is looked at for the first time.
    """

    findings: Sequence[Counted]
    coverage: Sequence[Coverage]
    lacking: Mapping[str, str]
    baselines: Mapping[str, UUID | None]
    measures: Measures | None
    unfit: Mapping[str, str] = field(default_factory=dict)


def judge(seen: Assessed, settings: Settings) -> Gate:
    """Decide each condition and the gate."""
    conditions = (
        _security(seen, settings),
        _secrets(seen, settings),
        _reliability(seen, settings),
        _duplication(seen, settings),
        _maintainability(seen, settings),
        _coverage(seen, settings),
    )
    runs = set(seen.baselines.values()) - {None}
    state, why = _state(seen, conditions)
    return Gate(
        state=state, why=why, conditions=conditions, baseline_run=runs.pop() if len(runs) == 1 else None
    )


def _state(seen: Assessed, conditions: Iterable[Condition]) -> tuple[GateState, str]:
    failed = [one for one in conditions if one.state is ConditionState.FAILED]
    unknown = [one for one in conditions if one.state is ConditionState.NOT_COMPUTED]
    kept = [one for one in conditions if one.state is ConditionState.PASSED]
    empty = [one for one in conditions if one.state is ConditionState.NOT_APPLICABLE]
    if not seen.baselines:
        return GateState.BASELINE, "the first analysis of this project: later ones are compared with it"
    if failed:
        return GateState.FAILED, "; ".join(
            f"{one.title}: {one.figure_text}, {one.threshold}" for one in failed
        )
    if unknown:
        return GateState.NOT_COMPUTED, "; ".join(f"{one.title}: {one.why}" for one in unknown)
    if empty and not kept:
        return GateState.NOT_COMPUTED, "; ".join(f"{one.title}: {one.why}" for one in empty)
    told = "".join(f"; {one.title.lower()} could not be asked for: {one.why}" for one in empty)
    return GateState.PASSED, f"every condition on new code is kept{told}"


def _security(seen: Assessed, settings: Settings) -> Condition:
    limit, least = settings.gate.new_security, settings.gate.new_security_confidence
    broken = [
        one.finding
        for one in seen.findings
        if one.is_new
        and one.finding.category in ("security", "dependency")
        and _so_severe(one.finding, limit)
        and one.finding.confidence.weight <= Confidence(least).weight
    ]
    threshold = f"none so severe as {limit} or worse, at a confidence of {least} or more"
    gap = seen.lacking.get(DEPENDENCIES, "")
    note = f"; dependencies not judged: {gap}" if gap else ""
    return _of_new(
        "new_security", "New security findings", limit, threshold, broken, seen, SECURITY, note=note
    )


def _secrets(seen: Assessed, settings: Settings) -> Condition:
    broken = [one.finding for one in seen.findings if one.is_new and one.finding.category == "secret"]
    return _of_new("new_secrets", "New secrets", settings.gate.new_secrets, "none", broken, seen, SECRETS)


def _reliability(seen: Assessed, settings: Settings) -> Condition:
    limit = settings.gate.new_reliability
    broken = [
        one.finding
        for one in seen.findings
        if one.is_new
        and DIMENSIONS[one.finding.category] is Dimension.RELIABILITY
        and _so_severe(one.finding, limit)
    ]
    threshold = f"none so severe as {limit} or worse"
    return _of_new("new_reliability", "New reliability findings", limit, threshold, broken, seen, LINT)


def _of_new(
    key: str,
    title: str,
    limit: str,
    threshold: str,
    broken: Sequence[FindingData],
    seen: Assessed,
    operation: str,
    *,
    note: str = "",
) -> Condition:
    """Ask for no new finding of a kind. What is known to be broken is broken, whatever is not known."""
    if limit == "off":
        return Condition(key=key, title=title, state=ConditionState.OFF)
    count, lacks, unfit = len(broken), seen.lacking.get(operation, ""), seen.unfit.get(operation, "")
    kept = ConditionState.PASSED
    if lacks or unfit:
        kept = ConditionState.NOT_COMPUTED if lacks else ConditionState.NOT_APPLICABLE
    state = ConditionState.FAILED if broken else kept
    is_known = state in (ConditionState.FAILED, ConditionState.PASSED)
    why = lacks or unfit
    return Condition(
        key=key,
        title=title,
        state=state,
        figure=count if is_known else None,
        figure_text=f"{count:,}{note}" if is_known else "",
        threshold=threshold,
        why=f"{operation}: {why}" if why else "",
        breaches=tuple(map(_breach, broken[:MAX_BREACHES])),
        breach_count=count,
    )


def _so_severe(finding: FindingData, limit: str) -> bool:
    return limit != "off" and finding.severity.weight <= Severity(limit).weight


def _breach(finding: FindingData) -> Breach:
    return Breach(
        fingerprint=finding.fingerprint,
        rule=finding.rule,
        severity=finding.severity.value,
        path=finding.path[:300],
        line=finding.line,
    )


def _duplication(seen: Assessed, settings: Settings) -> Condition:
    key, title, limit = "new_duplication", "Duplication on new code", settings.gate.new_duplication
    if limit == "off":
        return Condition(key=key, title=title, state=ConditionState.OFF)
    threshold = f"at most {limit:g} % of the new lines"
    why = _why_no_new_lines(seen)
    if why:
        return _unknown(key, title, threshold, why)
    new, copied = _new_code(seen)
    percent = 100 * copied / new if new else 0.0
    text = f"{percent:.1f} % ({copied:,} of {new:,} new lines)"
    if new < settings.gate.min_new_lines:
        return _figure(key, title, threshold, percent, f"{text}; too few to judge", broken=False)
    return _figure(key, title, threshold, percent, text, broken=percent > limit)


def _maintainability(seen: Assessed, settings: Settings) -> Condition:
    """Rate the new code: what its new findings take to mend, against what its lines took to write."""
    key, title, limit = "new_maintainability", "Maintainability of new code", settings.gate.maintainability
    if limit == "off":
        return Condition(key=key, title=title, state=ConditionState.OFF)
    threshold = f"{limit} or better"
    mine = [
        one.finding
        for one in seen.findings
        if one.is_new and DIMENSIONS[one.finding.category] is Dimension.MAINTAINABILITY
    ]
    why = _why_no_new_lines(seen) or next(
        (f"{name}: {seen.lacking[name]}" for name in (COMPLEXITY,) if name in seen.lacking), ""
    )
    if why:
        return _unknown(key, title, threshold, why)
    new = max(_new_code(seen)[0], settings.gate.min_new_lines)  # one finding on one line says little
    owed = sum(minutes_of(one, settings) for one in mine)
    percent = 100 * owed / (new * settings.debt.minutes_per_line)
    rating = by_ratio(percent, settings)
    broken = rating.weight > Rating(limit).weight
    text = f"{rating.value} ({percent:.1f} % of debt in {_plural(len(mine))})"
    found = _figure(key, title, threshold, percent, text, broken=broken)
    worst = sorted(mine, key=sort_key)[:MAX_BREACHES] if broken else []
    return found.model_copy(
        update={"breaches": tuple(map(_breach, worst)), "breach_count": len(mine) if broken else 0}
    )


def _why_no_new_lines(seen: Assessed) -> str:
    """Say why it is not known which lines are new, or ""."""
    if QUALITY in seen.lacking:
        return f"{QUALITY}: {seen.lacking[QUALITY]}"
    if QUALITY not in seen.baselines:
        return ""  # the first measuring: no line is new
    if seen.measures is None:
        return f"{QUALITY} gave no figures"
    return "" if seen.measures.new_code.lines is not None else seen.measures.new_code.why


def _new_code(seen: Assessed) -> tuple[int, int]:
    """New lines, and how many of them are copies."""
    if QUALITY not in seen.baselines or seen.measures is None:
        return 0, 0
    return seen.measures.new_code.lines or 0, seen.measures.new_code.duplicated_lines


def _coverage(seen: Assessed, settings: Settings) -> Condition:
    key, title, limit = "coverage", "Analysis coverage", settings.gate.coverage
    threshold = f"at least {limit:g} % of each tool's files"
    worst = min(seen.coverage, key=lambda one: one.percent, default=None)
    if worst is None:
        return _unknown(key, title, threshold, "no tool had anything to analyse")
    text = f"{worst.percent:.1f} % by {worst.tool}"
    return _figure(key, title, threshold, worst.percent, text, broken=worst.percent < limit)


def _plural(count: int) -> str:
    return f"{count:,} new finding{'' if count == 1 else 's'}"


def _unknown(key: str, title: str, threshold: str, why: str) -> Condition:
    return Condition(key=key, title=title, state=ConditionState.NOT_COMPUTED, threshold=threshold, why=why)


def _figure(key: str, title: str, threshold: str, figure: float, text: str, *, broken: bool) -> Condition:
    return Condition(
        key=key,
        title=title,
        state=ConditionState.FAILED if broken else ConditionState.PASSED,
        figure=round(figure, 3),
        figure_text=text,
        threshold=threshold,
    )
