"""What is due, as expressions of the database: its clock, its policies, its states.

Invariant: what belongs to no policy is never due. A project's own row goes before the default; without either,
nothing of the project is deleted. Events and artifacts are not kept longer than their run.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Literal

from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
)
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Coalesce, Greatest, Least, Now
from django.db.models.lookups import LessThan

from tasks.models import RetentionPolicy, Run, Schedule, Upload
from tasks.states import FINAL_RUN_STATES

Kept = Literal["keep_runs_days", "keep_events_days", "keep_artifacts_days"]

MOST_DAYS = 36_500  # a hundred years; PostgreSQL knows no date a million years ago
JUST_OVER = timedelta(hours=1)  # a run that ended so lately was live when somebody looked a moment ago
FINAL = [state.value for state in FINAL_RUN_STATES]
DIGEST = re.compile(r"[0-9a-f]{64}")


class _Days(Func):
    """So many days as an interval."""

    function = "make_interval"
    template = "%(function)s(days => %(expressions)s)"
    output_field = DurationField()


def cutoff(kept: Kept, *, project: str = "project") -> ExpressionWrapper[CombinedExpression]:
    """Give the moment before which things are due; NULL where no policy is. `project` leads to the project's id."""
    bounded = Least(Greatest(F(kept), 1), Greatest(F("keep_runs_days"), 1), MOST_DAYS)
    rows = RetentionPolicy.objects.annotate(days=bounded).values("days")
    own, default = rows.filter(project=OuterRef(project)), rows.filter(project=None)
    days = _Days(Coalesce(Subquery(own[:1]), Subquery(default[:1])))
    return ExpressionWrapper(Now() - days, output_field=DateTimeField())


def due_runs(kept: Kept) -> QuerySet[Run]:
    """Give the runs that are over for longer than `kept` says."""
    return Run.objects.filter(state__in=FINAL).filter(is_due(kept, F("finished_at")))


def is_due(kept: Kept, since: Any, *, project: str = "project") -> LessThan:
    """Tell whether `since` lies before the cutoff."""
    return LessThan(since, cutoff(kept, project=project))


def removable_runs() -> QuerySet[Run]:
    """Give the runs that may go as a whole: due, no artifact left, and no live rerun comes from them.

    A rerun has copies of all that it took over, so one that is over may lose its parent (its link becomes empty).
    """
    return due_runs("keep_runs_days").filter(artifacts=None).exclude(pk__in=runs_live_reruns_come_from())


def runs_live_reruns_come_from() -> QuerySet[Run, int | None]:
    """Give the ids of runs that are kept while a rerun of theirs is live."""
    return (
        Run.objects.exclude(state__in=FINAL).filter(parent__isnull=False).values_list("parent_id", flat=True)
    )


def due_uploads() -> QuerySet[Upload]:
    """Give the uploads that are older than artifacts are kept, wanted or not."""
    return Upload.objects.filter(is_due("keep_artifacts_days", F("created_at")))


def named_by(runs: QuerySet[Run]) -> set[str]:
    """Give the digests that the requests of these runs name, and those of schedules."""
    texts = runs.order_by().annotate(text=Cast("request", TextField())).values_list("text", flat=True)
    planned = Schedule.objects.annotate(text=Cast("request", TextField())).values_list("text", flat=True)
    return {
        digest for text in (*texts.iterator(), *planned.iterator()) for digest in DIGEST.findall(str(text))
    }


def live_runs() -> QuerySet[Run]:
    """Give the runs that are not over, and those just over: a moment ago somebody may have seen them live."""
    return Run.objects.filter(~Q(state__in=FINAL) | Q(finished_at__gt=Now() - JUST_OVER))


def runs_that_keep_artifacts() -> QuerySet[Run]:
    """Give the runs whose artifacts are not due: a person may do those again, from the bytes they began with."""
    return Run.objects.exclude(pk__in=due_runs("keep_artifacts_days").values("pk"))
