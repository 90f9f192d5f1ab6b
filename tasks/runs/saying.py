"""What people tell a run while it works: kept as events, heard by all who follow it, read by its operations."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from tasks import events
from tasks.changes import Change
from tasks.contract import Remark
from tasks.database import resilient
from tasks.errors import ControlRefused, RunIsOver
from tasks.models import Event, Run
from tasks.runs.moves import known
from tasks.states import RunState

PATIENCE_SECONDS = 10.0  # a person waits for the answer
LONGEST_REMARK = 4_000  # characters


def say(public_id: UUID, *, by: str, text: str, remark: UUID) -> Run:
    """Tell a run something. A remark that is there already is not said again.

    Raises RunNotFound, RunIsOver, ControlRefused for a text that is too long.
    """
    if len(text) > LONGEST_REMARK:
        raise ControlRefused(f"the text has {len(text)} characters; at most {LONGEST_REMARK} are told")
    run_pk = known(public_id)

    def act() -> Run:
        with transaction.atomic():
            run = Run.objects.select_for_update(no_key=True).get(pk=run_pk)
            if _remarks(run).filter(data__id=str(remark)).exists():
                return run
            if RunState(run.state).is_final:
                raise RunIsOver(f"run {run.public_id} is {run.state}: nobody works on it who could hear you")
            change = Change(run_pk)
            change.tell(events.RunMessage(by=by, text=text, id=str(remark)))
            change.write()
            return run

    return resilient(act, what="say", patience_seconds=PATIENCE_SECONDS)


def said(run_pk: int) -> tuple[Remark, ...]:
    """Give what people have told this run, in the order in which they did."""
    rows = _remarks(Run.objects.get(pk=run_pk)).order_by("seq")
    return tuple(Remark(by=row.data["by"], text=row.data["text"], at=row.at) for row in rows)


def _remarks(run: Run) -> QuerySet[Event]:
    return Event.objects.filter(run_day=run.created_day, run_id=run.pk, kind=events.RunMessage.kind)
