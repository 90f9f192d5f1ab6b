"""One transaction's changes of runs, gathered first and written last.

Every function of `runs` fills a `Change` for each run while it moves steps, and writes it at its end. Writing touches
the run's row: it counts open steps, ends the run with its last step, promises the bells, and appends the events.
Doing so last keeps the run's lock short and its event numbers gapless; the lock order is steps by id, then runs by
id, everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Q
from django.db.models.functions import Now

from tasks import events, hints, outbox
from tasks.models import Run, Step, StepDependency
from tasks.outbox import Bell
from tasks.states import EdgeCondition, RunState, StepState


@dataclass(slots=True)
class Change:
    """What a transaction does to a run. Not written until `write`."""

    run_pk: int
    facts: list[tuple[events.Fact, int | None]] = field(default_factory=list)
    bells: list[Bell] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    begins: bool = False  # an attempt starts: the run does too, if it is the first one

    def tell(self, fact: events.Fact, step_pk: int | None = None) -> None:
        """Append this fact at the end."""
        self.facts.append((fact, step_pk))

    def ring(self, queue: str, priority: int) -> None:
        """Ring this queue's bell after the commit."""
        self.bells.append(Bell(queue=queue, priority=priority))

    def write(self) -> None:
        """Write it all. The last thing that a transaction does."""
        write([self])

    def finish(self, head: events.Head) -> int:
        """End the run, whose steps are all final, though something went wrong in it. Returns its newest number."""
        run = Run.objects.only("state", "cancel_requested_at", "failure").get(pk=self.run_pk)
        if RunState(run.state).is_final:
            return head.seq
        state, failure = self._verdict(run)
        Run.objects.filter(pk=self.run_pk).update(state=state.value, failure=failure, finished_at=Now())
        fact = events.RunFinished(state=state.value, failure=failure)
        self.tell(fact)
        return events.append([events.Growth(run_pk=self.run_pk, facts=[(fact, None)])])[0].seq

    def _verdict(self, run: Run) -> tuple[RunState, str]:
        """Cancelled if somebody asked for it; failed if a dead step has nobody who dealt with its failure.

        The failure of a step that was called is its caller's: who does not deal with it dies of it.
        """
        if run.cancel_requested_at is not None:
            return RunState.CANCELLED, ""
        dealt_with = (
            StepDependency.objects.filter(
                needs__run_id=self.run_pk,
                condition__in=[EdgeCondition.ALWAYS.value, EdgeCondition.FAILED.value],
            )
            .exclude(step__state=StepState.SKIPPED.value)
            .values("needs_id")
        )
        fatal = (
            Step.objects.filter(run_id=self.run_pk, state=StepState.DEAD.value)
            .exclude(Q(pk__in=dealt_with) | Q(called_by__isnull=False))
            .order_by("ended_at", "pk")
            .first()
        )
        if fatal is None:
            return RunState.SUCCEEDED, ""
        told = (fatal.error or {}).get("message", "no reason recorded")
        return RunState.FAILED, f"step {fatal.key!r} failed: {told}"


def write(changes: Sequence[Change]) -> None:
    """Write the changes of several runs, each named once. The last thing that a transaction does."""
    outbox.put([bell for change in changes for bell in change.bells])
    growing = {change.run_pk: change for change in changes if change.facts or change.opened or change.closed}
    if not growing:
        return
    heads = events.append(
        [
            events.Growth(
                run_pk=change.run_pk,
                facts=change.facts,
                opened=change.opened,
                closed=change.closed,
                begins=change.begins,
            )
            for change in growing.values()
        ]
    )
    for head in heads:
        change, seq = growing[head.run_pk], head.seq
        if head.open_steps == 0 and not head.has_ended and (change.opened or change.closed):
            seq = change.finish(head)
        hints.hint(head.public_id, seq)
        _spread(change, head)


def _spread(change: Change, head: events.Head) -> None:
    """Tell who follows the project, and whose run it is, of what lists of runs and of questions show."""
    told = [fact for fact, _ in change.facts if fact.kind in hints.NEWS]
    told += [events.RunStarted()] if head.has_begun else []
    told += [_WELL] if head.has_ended else []
    for fact in told:
        shown = {name: getattr(fact, name) for name in _SHOWN if hasattr(fact, name)}
        hints.tell_project(head.project_id, fact.kind, run=head.public_id, **shown)
        if "approval" in shown:
            hints.tell_deciders(fact.kind, run=head.public_id, **shown)
        elif head.owner_id is not None:
            hints.tell_user(head.owner_id, fact.kind, run=head.public_id, **shown)


_SHOWN = ("state", "approval", "decision")
_WELL = events.RunFinished(state=RunState.SUCCEEDED.value, failure="")
