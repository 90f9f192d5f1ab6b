"""How a project stands: its gate, its ratings and their course, debt, documentation.

Reads what runs on the default branch have said (`records.RunQuality`); only if there are none, what others said.
A run that looked at less than the whole leaves some things unsaid: then the last that said it counts, with its time.
Refuses to know pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from pydantic import ValidationError

from accounts.models import Project
from agents.quality.model import Dimension, Gate, GateState, Quality, Rating
from agents.quality.records import RunQuality

LATEST = 30  # runs whose word makes the course
_RATED = Q(security__isnull=False) | Q(reliability__isnull=False) | Q(maintainability__isnull=False)
_JUDGED = frozenset({GateState.PASSED.value, GateState.FAILED.value, GateState.BASELINE.value})

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The letters of one dimension, oldest first; `said` is the row that said the last one. None: never rated."""

    dimension: Dimension
    letters: tuple[Rating, ...]
    said: RunQuality | None

    @property
    def letter(self) -> Rating | None:
        return self.letters[-1] if self.letters else None

    @property
    def before(self) -> Rating | None:
        """The letter that it had before the one that it has, None if it never had another."""
        return next((one for one in reversed(self.letters) if one is not self.letters[-1]), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a project. `gate` is that of `judged`: the last run that rated something and had a gate."""

    measured: RunQuality  # the last that counted lines
    judged: RunQuality
    gate: Gate | None
    courses: tuple[Course, ...]
    debt: RunQuality
    documented: float | None  # percent of the public names of Python
    documented_at: datetime | None
    debts: tuple[int, ...]  # minutes, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """How a project stands, in short: for a row of a list."""

    gate: str
    ratings: tuple[tuple[Dimension, str | None], ...]


def standing(project_id: int) -> Standing | None:
    """Tell how a project stands, in two or three queries. None: no run has told of its quality yet."""
    said = RunQuality.objects.filter(project=project_id).order_by("-at", "-id")
    rows = _rows(said.filter(is_default_branch=True)) or _rows(said)
    if not rows:
        return None
    judged = (
        _first(rows, lambda row: row.gate in _JUDGED and _is_rated(row))
        or _first(rows, lambda row: row.gate in _JUDGED)
        or rows[0]
    )
    documented = _first(rows, lambda row: _percent(row) is not None)
    return Standing(
        measured=_first(rows, lambda row: row.code_lines is not None) or rows[0],
        judged=judged,
        gate=_gate(judged),
        courses=tuple(_course(dimension, rows) for dimension in Dimension),
        debt=_first(rows, lambda row: row.maintainability is not None) or rows[0],
        documented=_percent(documented) if documented else None,
        documented_at=documented.at if documented else None,
        debts=tuple(row.debt_minutes for row in reversed(rows) if row.maintainability is not None),
    )


def letters(project_ids: Iterable[int]) -> dict[int, Letters]:
    """Tell in short how several projects stand, in one query. Those of which nothing was told are left out."""
    said = RunQuality.objects.filter(project=OuterRef("pk")).order_by("-at", "-id")
    rows = Project.objects.filter(pk__in=list(project_ids)).order_by()
    rows = rows.annotate(gate=_newest(said.filter(_RATED), "gate"), any_gate=_newest(said, "gate"))
    for dimension in Dimension:
        rated = said.filter(**{f"{dimension.value}__isnull": False})
        rows = rows.annotate(**{dimension.value: _newest(rated, dimension.value)})
    told = rows.values("pk", "gate", "any_gate", *(one.value for one in Dimension))
    return {
        row["pk"]: Letters(
            gate=row["gate"] or row["any_gate"],
            ratings=tuple((dimension, row[dimension.value]) for dimension in Dimension),
        )
        for row in told
        if row["any_gate"]
    }


def _newest(said: QuerySet[RunQuality], column: str) -> Coalesce:
    """Give the column of the newest row on the default branch, else of the newest at all."""
    return Coalesce(
        Subquery(said.filter(is_default_branch=True).values(column)[:1]), Subquery(said.values(column)[:1])
    )


def _rows(said: QuerySet[RunQuality]) -> list[RunQuality]:
    told = said.annotate(documented=KT("whole__measures__documentation__percent"))
    return list(told.defer("whole", "operations")[:LATEST])


def _gate(row: RunQuality) -> Gate | None:
    whole: Any = RunQuality.objects.values_list("whole", flat=True).get(pk=row.pk)
    try:
        return Quality.model_validate(whole).gate
    except ValidationError:  # of an earlier release, with another shape
        return None


def _course(dimension: Dimension, rows: Sequence[RunQuality]) -> Course:
    rated = [row for row in rows if getattr(row, dimension.value) is not None]
    told = tuple(Rating(getattr(row, dimension.value)) for row in reversed(rated))
    return Course(dimension=dimension, letters=told, said=rated[0] if rated else None)


def _is_rated(row: RunQuality) -> bool:
    """Whether a run rated anything: one that only wrote pages has a gate, too, and nothing for it to judge."""
    return any(getattr(row, dimension.value) is not None for dimension in Dimension)


def _percent(row: RunQuality) -> float | None:
    text: str | None = row.documented  # type: ignore[attr-defined]  # annotated
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _first(rows: Sequence[_T], fits: Callable[[_T], bool]) -> _T | None:
    return next((row for row in rows if fits(row)), None)
