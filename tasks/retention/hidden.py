"""Deleting whole runs: hidden first, then their rows in small portions, children before parents.

    removable ─hide────> hidden: nobody finds the run, nobody makes a rerun of it
    final ─────discard─┘  └─delete_some, again and again─> events ─> attempts, … ─> steps, last one first ─> the run

A run with thousands of steps was one transaction of many seconds. Now none has more than so many rows; a round that
is killed in between leaves hidden runs, with which the next one begins. Invariants: whoever finds a run finds all of
it; what is hidden is deleted, whatever a policy says by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import CASCADE, Exists, Model, OuterRef, QuerySet
from django.db.models.functions import Now

from tasks.models import Event, Run, ScheduleFire, Step
from tasks.retention.policies import removable_runs
from tasks.retention.report import Account
from tasks.retention.rows import delete, hold

MOST_ROWS = 5_000  # of a portion, however quick the last one was
RUNS_AT_ONCE = 100


def hide(run_pks: Sequence[int]) -> None:
    """Take those of these runs that may go out of everybody's sight, with the links that lead to them.

    One that somebody holds, who is perhaps making a rerun of it, is left for the next round; so is one with events,
    which are deleted before.
    """
    told = Event.objects.filter(run_day=OuterRef("created_day"), run=OuterRef("pk"))
    with transaction.atomic():
        held = hold(removable_runs().filter(pk__in=run_pks).exclude(Exists(told)))
        Run.every.filter(parent__in=held).update(parent=None)
        ScheduleFire.objects.filter(run__in=held).update(run=None)
        Run.objects.filter(pk__in=held).update(hidden_at=Now(), idempotency_key=None)


def hidden_runs() -> QuerySet[Run]:
    """Give the runs that are being deleted."""
    return Run.every.filter(hidden_at__isnull=False)


def delete_some(most: int, account: Account) -> bool:
    """Delete about `most` rows of hidden runs. False: there is none any more."""
    with transaction.atomic():
        runs = _some_runs(most)
        if not runs:
            return False
        told = _delete_told(runs, most)
        if told:
            account.add(told)
            return True
        steps = Step.objects.filter(run__in=runs).order_by("-pk").values_list("pk", flat=True)
        chosen = list(steps[:most])
        account.add(_delete_below(Step, chosen, most) if chosen else _delete_below(Run, runs, most))
    return True


def _delete_told(runs: list[int], most: int) -> dict[str, int]:
    """Delete the first events of one of these runs: no cascade leads to them, and `discard` leaves them."""
    told = Event.objects.filter(run_day=OuterRef("created_day"), run=OuterRef("pk"))
    run = Run.every.filter(Exists(told), pk__in=runs).order_by("pk").first()
    if run is None:
        return {}
    mine = Event.objects.filter(run_day=run.created_day, run=run.pk)
    first = mine.order_by("seq").values_list("seq", flat=True)[0]
    return delete(mine.filter(seq__lt=first + most))


def _some_runs(most: int) -> list[int]:
    """Give the next hidden runs with about so many steps, at least one run."""
    found: list[int] = []
    for pk, steps in hidden_runs().order_by("pk").values_list("pk", "step_count")[:RUNS_AT_ONCE]:
        found.append(pk)
        most -= steps
        if most <= 0:
            break
    return found


def _delete_below(parent: type[Model], pks: list[int], most: int) -> Counter[str]:
    """Delete at most `most` rows that belong to these, or these themselves once nothing else is left.

    The last step goes first: it was added by an earlier one, whose deletion would have to write to it.
    """
    counted: Counter[str] = Counter()
    for model, lookup in (*_below(parent), (parent, "pk")):
        rows: QuerySet[Any] = model._base_manager.filter(**{f"{lookup}__in": pks})
        chosen = list(rows.order_by("-pk").values_list("pk", flat=True)[:most])
        if chosen:
            # without their other columns, which are read if anything hangs on them: outputs are large
            counted.update(delete(model._base_manager.filter(pk__in=chosen).only("pk")))
            most -= len(chosen)
        if most <= 0:
            break
    return counted


@cache
def _below(parent: type[Model]) -> tuple[tuple[type[Model], str], ...]:
    """Give the models whose rows go with a row of this one, children first, each with the way that leads there."""
    return tuple(_descend(parent, "", {parent}))


def _descend(model: type[Model], way: str, seen: set[type[Model]]) -> Iterator[tuple[type[Model], str]]:
    for relation in model._meta.related_objects:
        child = relation.related_model
        if relation.on_delete is CASCADE and child not in seen:
            seen.add(child)
            lookup = f"{relation.field.name}__{way}" if way else relation.field.name
            yield from _descend(child, lookup, seen)
            yield child, lookup
