"""A project's health at a glance: what its overview shows, as plain values made in few queries.

Refuses to know HTTP and rights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Project
from agents import trend
from agents.findings import Severity
from agents.quality.model import Condition, ConditionState, Dimension, Gate, Rating
from agents.quality.standing import Course, Standing, standing
from frontend import run_lists, sparks
from frontend.sparks import Spark
from tasks.models import Run

DAYS = 30
OPEN_SHOWN = 5
RECENT_SHOWN = 8
WORDS = {
    Dimension.SECURITY: gettext_lazy("Security"),
    Dimension.RELIABILITY: gettext_lazy("Reliability"),
    Dimension.MAINTAINABILITY: gettext_lazy("Maintainability"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRow:
    """A rating with its course. `told` says how it moved, or why there is none."""

    title: str
    letter: str
    spark: Spark
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFindings:
    """The findings that count now, by severity, and the course of their number over the last days."""

    counts: dict[str, int]
    total: int
    new: int  # in these days
    fixed: int
    spark: Spark

    @property
    def ever(self) -> bool:
        """Whether there were any in these days, so that there is a course to show."""
        return bool(self.total or self.new or self.fixed or self.spark.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """The gate in words: what failed, what could not be told, and the run that says so."""

    state: str
    why: str
    failed: tuple[Condition, ...]
    unknown: tuple[Condition, ...]
    passed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All of it. `standing` is None as long as no run has told of quality."""

    standing: Standing | None
    gate: GateRow | None
    ratings: list[RatingRow]
    findings: OpenFindings
    debt_spark: Spark
    going_on: list[run_lists.RunLine]
    recent: list[run_lists.RunLine]

    @property
    def has_runs(self) -> bool:
        return bool(self.going_on or self.recent)


def health(project: Project) -> Health:
    """Read how a project is."""
    stands = standing(project.pk)
    going_on, recent = _runs(project)
    return Health(
        standing=stands,
        gate=_gate(stands.gate, stands.judged.gate) if stands else None,
        ratings=[_rating(course) for course in stands.courses] if stands else [],
        findings=open_findings(project.pk),
        debt_spark=sparks.spark(stands.debts if stands else (), least=0),
        going_on=going_on,
        recent=recent,
    )


def open_findings(project_id: int) -> OpenFindings:
    """Count a project's open findings now, and over the last days."""
    points = trend.trend(project_id, by=trend.By.DAY, periods=DAYS)
    now = points[-1].open
    return OpenFindings(
        counts={severity.value: now[severity] for severity in Severity},
        total=sum(now.values()),
        new=sum(sum(point.new.values()) for point in points),
        fixed=sum(sum(point.fixed.values()) for point in points),
        spark=sparks.spark([sum(point.open.values()) for point in points], least=0),
    )


def _runs(project: Project) -> tuple[list[run_lists.RunLine], list[run_lists.RunLine]]:
    """The runs that go on and the newest that are over, newest first; their parts are read for both at once."""
    mine = Run.objects.filter(project=project).select_related("project__team", "owner").order_by("-pk")
    going_on = list(mine.filter(state__in=run_lists.OPEN_STATES)[:OPEN_SHOWN])
    recent = list(mine.filter(finished_at__isnull=False)[:RECENT_SHOWN])
    lines = run_lists.lines([*going_on, *recent])
    return lines[: len(going_on)], lines[len(going_on) :]


def _gate(gate: Gate | None, state: str) -> GateRow:
    conditions: tuple[Condition, ...] = gate.conditions if gate else ()
    by_state: dict[Any, list[Condition]] = {one: [] for one in ConditionState}
    for condition in conditions:
        by_state[condition.state].append(condition)
    return GateRow(
        state=state,
        why=gate.why if gate else "",
        failed=tuple(by_state[ConditionState.FAILED]),
        unknown=tuple(by_state[ConditionState.NOT_COMPUTED]),
        passed=len(by_state[ConditionState.PASSED]),
    )


def _rating(course: Course) -> RatingRow:
    weights = [len(Rating) - 1 - letter.weight for letter in course.letters]  # A is up
    return RatingRow(
        title=str(WORDS[course.dimension]),
        letter=course.letter.value if course.letter else "",
        spark=sparks.spark(weights, least=0, most=len(Rating) - 1),
        told=_told(course),
    )


def _told(course: Course) -> str:
    letter, before = course.letter, course.before
    if letter is None:
        return _("not rated yet: no run has done the analyses for it")
    if before is None:
        runs = len(course.letters)
        return _("the same in the last %(runs)d runs") % {"runs": runs} if runs > 1 else _("the first rating")
    if letter.weight < before.weight:
        return _("better than before: it was %(letter)s") % {"letter": before.value}
    return _("worse than before: it was %(letter)s") % {"letter": before.value}
