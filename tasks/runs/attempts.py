"""What one attempt may write: its start, and one of its ends, each filtered by its fence."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from tasks import events, leases
from tasks.changes import Change, write
from tasks.contract import ArtifactRef, RecordedStep, StepResult, catalog
from tasks.failpoints import failpoint
from tasks.leases import Claimant, Lease
from tasks.models import Artifact, Attempt, Run, Step, StepDependency
from tasks.plans import Plan
from tasks.runs import circles, success
from tasks.runs.accept import check
from tasks.runs.moves import (
    NOT_RUNNING,
    bury,
    end_attempt,
    end_cancelled,
    end_waits,
    error_of,
    lock_for_settling,
    make_ready,
    release_dependents,
    ring_for_limit,
    wait_for_retry,
)
from tasks.runs.storing import store_steps
from tasks.runs.success import Found, Success
from tasks.states import AttemptOutcome, StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of attempts that were settled together: those left to be settled by themselves, and what follows.

    `following` are the steps claimed in the same transaction; `spare_bells` as many bells as wait for them in Redis,
    since they were ready before, by priority.
    """

    left: tuple[Success, ...] = ()
    following: tuple[Lease, ...] = ()
    spare_bells: tuple[int, ...] = ()


def start(queue: str, *, worker: UUID, pid: int, worker_name: str) -> Lease | None:
    """Claim the best ready step of the queue and tell of it, in one transaction. None: nothing to do."""
    found = start_several(queue, Claimant(worker=worker, pid=pid, name=worker_name), most=1)
    return found[0] if found else None


def start_several(queue: str, claimant: Claimant, *, most: int, again: bool = False) -> tuple[Lease, ...]:
    """Claim the best ready steps of the queue and tell of it, in one transaction. See `leases.claim`."""
    with transaction.atomic():
        found = leases.claim(queue, worker=claimant.worker, pid=claimant.pid, most=most, again=again)
        changes = _Changes()
        _tell_starts(found, changes, claimant)
        write(list(changes.values()))
    return tuple(found)


def settle(
    lease: Lease,
    result: StepResult,
    artifacts: Iterable[ArtifactRef] = (),
    *,
    then: Claimant | None = None,
) -> Lease | None:
    """Accept an attempt's result: success, findings, artifacts, added steps and released dependents at once.

    With `then` the best ready step of the same queue is claimed for it in the same transaction, and its lease
    returned; if this made it ready, no bell is rung for it.
    Raises LeaseLost (the result must be thrown away), PlanInvalid (the added plan is unsound; nothing stored).
    """
    success = Success(lease=lease, result=result, artifacts=tuple(artifacts))
    settled = settle_all([success], then=then)
    return settled.following[0] if settled.following else None


def settle_all(successes: Sequence[Success], *, then: Claimant | None = None, most: int = 1) -> Settled:
    """Accept the results of attempts that one child ended, each on a step of the same queue, in one transaction.

    A single one as `settle` does, which see. Of several those are left which are not common (see `success`), or whose
    lease was lost. With `then`, up to `most` steps are claimed for it in the same transaction, if none is left.
    """
    with transaction.atomic():
        changes = _Changes()
        plain = [one for one in successes if not _is_special(one)]
        found = success.lock(plain) if plain else {}
        common = [one for one in successes if _is_common(found.get(one.lease.step_pk), successes)]
        stored = {one.lease.fence for one in common}
        left = tuple(one for one in successes if one.lease.fence not in stored)
        told = [
            (one, found[one.lease.step_pk].run_public_id, found[one.lease.step_pk].project_id)
            for one in common
        ]
        if common:
            success.succeed(common, found, changes)
        if left and len(successes) == 1:
            step = _settle_uncommon(left[0], changes[left[0].lease.run_pk])
            told.append((left[0], step.run.public_id, step.project_id))
            left = ()
        if len(successes) == 1 and (not common or found[common[0].lease.step_pk].is_limited):
            ring_for_limit(successes[0].lease.step_pk, changes[successes[0].lease.run_pk])
        following: list[Lease] = []
        spare: list[int] = []
        if then is not None and not left:
            queue = successes[0].lease.queue
            following = leases.claim(queue, worker=then.worker, pid=then.pid, most=most, again=True)
            spare = _instead_of_bells(following, changes)
            _tell_starts(following, changes, then)
        # The agents' own rows may be shared by a project's runs. Whoever holds them waits for no step any more: they
        # come after all steps, in the order of projects, and only the runs' rows are locked after them
        for one, run_id, project_id in sorted(told, key=lambda known: known[2]):
            _record(one, run_id, project_id)
        write(list(changes.values()))
        failpoint("before_commit")
    return Settled(left=left, following=tuple(following), spare_bells=tuple(spare))


class _Changes(dict[int, Change]):
    """The changes of a transaction by run, each begun when it is first asked for."""

    def __missing__(self, run_pk: int) -> Change:
        change = self[run_pk] = Change(run_pk)
        return change


def _is_special(one: Success) -> bool:
    return one.result.plan is not None or one.lease.order.is_called


def _is_common(known: Found | None, successes: Sequence[Success]) -> bool:
    """Tell whether it can be settled in few statements. Under limits one at a time is: each end rings for others."""
    return known is not None and known.is_common and (len(successes) == 1 or not known.is_limited)


def _settle_uncommon(one: Success, change: Change) -> Step:
    """Move a step that adds others, or whose dependents are not all let nearer to ready. Raises LeaseLost."""
    lease, result = one.lease, one.result
    awaited = {edge.key for added in result.plan or () for edge in added.after}
    if awaited - {lease.key}:
        circles.hold(lease.run_pk)
    step = lock_for_settling(lease, also=awaited)
    Step.objects.filter(pk=step.pk, fence=lease.fence).update(
        state=StepState.SUCCEEDED.value,
        output=events.storable(result.output),
        summary=events.storable(result.summary),
        error=None,
        ended_at=Now(),
        **NOT_RUNNING,
    )
    end_attempt(lease, AttemptOutcome.SUCCEEDED)
    change.tell(events.StepSucceeded(key=step.key, attempt=lease.attempt, summary=result.summary), step.pk)
    change.closed += 1
    end_waits(step, change)
    ended = {step.pk: (StepState.SUCCEEDED, step.key)}
    if result.plan is not None and step.run.cancel_requested_at is None:
        ended |= _extend(step, result.plan, change)
    release_dependents(ended, change)
    return step


def fail(lease: Lease, *, kind: str, message: str, retriable: bool = True) -> StepState:
    """Record a failed attempt: another follows after a random delay, or the step is dead. Raises LeaseLost."""
    error = error_of(kind, message)
    with transaction.atomic():
        step = lock_for_settling(lease)
        change = Change(lease.run_pk)
        end_attempt(lease, AttemptOutcome.FAILED, error)
        spent = step.attempts_spent + 1
        if retriable and spent < step.max_attempts and step.run.cancel_requested_at is None:
            delay = backoff_seconds(spent)
            wait_for_retry(step, delay, error, change, lease.attempt, spent=spent)
            ended = StepState.WAITING_RETRY
        else:
            bury(step, error, change, lease.attempt, spent=spent)
            ended = StepState.DEAD
        ring_for_limit(step.pk, change)
        change.write()
    return ended


def postpone(lease: Lease, *, message: str, delay_seconds: float) -> None:
    """Put an attempt off without spending it; in a cancelled run the step is cancelled. Raises LeaseLost."""
    error = error_of("retry_later", message)
    with transaction.atomic():
        step = lock_for_settling(lease)
        change = Change(lease.run_pk)
        if step.run.cancel_requested_at is not None:
            end_cancelled(lease, step, change)
            return
        end_attempt(lease, AttemptOutcome.RELEASED, error)
        wait_for_retry(step, delay_seconds, error, change, lease.attempt, spent=step.attempts_spent)
        ring_for_limit(step.pk, change)
        change.write()


def release(lease: Lease) -> None:
    """Give the step back to others at once; no attempt is spent. In a cancelled run it is cancelled.

    Raises LeaseLost.
    """
    with transaction.atomic():
        step = lock_for_settling(lease)
        change = Change(lease.run_pk)
        if step.run.cancel_requested_at is not None:
            end_cancelled(lease, step, change)
            return
        end_attempt(lease, AttemptOutcome.RELEASED)
        change.tell(events.StepReleased(key=step.key, attempt=lease.attempt), step.pk)
        make_ready(step, change, spent=step.attempts_spent)
        change.write()


def settle_cancelled(lease: Lease) -> None:
    """End an attempt that stopped because its run was cancelled. Raises LeaseLost."""
    with transaction.atomic():
        step = lock_for_settling(lease)
        end_cancelled(lease, step, Change(lease.run_pk))


def record_stale(lease: Lease) -> None:
    """Write down that a result came too late. The step itself is not touched.

    Only a lost attempt can be late. One that ended otherwise is this attempt's own end, whose answer was lost.
    The attempt keeps it; the run is told only while it is open, since nothing follows its end.
    """
    with transaction.atomic():
        changed = Attempt.objects.filter(fence=lease.fence, outcome=AttemptOutcome.LOST.value)
        late = changed.update(outcome=AttemptOutcome.STALE.value)
        if late and Run.objects.select_for_update().get(pk=lease.run_pk).finished_at is None:
            change = Change(lease.run_pk)
            change.tell(events.StepStale(key=lease.key, attempt=lease.attempt), lease.step_pk)
            change.write()


def was_settled(lease: Lease) -> bool:
    """Tell whether this attempt's own success is stored: for a commit whose answer was lost."""
    return Attempt.objects.filter(fence=lease.fence, outcome=AttemptOutcome.SUCCEEDED.value).exists()


def was_ended(lease: Lease) -> bool:
    """Tell whether an end of this attempt's own is stored, of whatever kind: for a commit whose answer was lost."""
    others = ["", AttemptOutcome.LOST.value, AttemptOutcome.STALE.value]
    return Attempt.objects.filter(fence=lease.fence).exclude(outcome__in=others).exists()


def backoff_seconds(spent: int) -> float:
    """Draw the delay before the next attempt: full jitter, between 0 and min(cap, base x 2^(spent-1)).

    Method: "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    bound = min(settings.RETRY_CAP_SECONDS, settings.RETRY_BASE_SECONDS * 2 ** (spent - 1))
    return random.uniform(0, bound)  # noqa: S311 - jitter, no secret


def _instead_of_bells(following: Sequence[Lease], changes: Mapping[int, Change]) -> list[int]:
    """Take back a bell for each claimed step, of those about to be rung. Returns the priorities of the others."""
    spare = []
    for lease in following:
        rung = [
            (change, bell)
            for change in changes.values()
            for bell in change.bells
            if (bell.queue, bell.priority) == (lease.queue, lease.priority)
        ]
        if rung:
            rung[0][0].bells.remove(rung[0][1])
        else:
            spare.append(lease.priority)
    return spare


def _tell_starts(found: Sequence[Lease], changes: _Changes, claimant: Claimant) -> None:
    """Tell of the starts of these attempts in the changes of their runs."""
    for lease in found:
        change = changes[lease.run_pk]
        change.begins = change.begins or lease.order.is_first
        change.tell(
            events.StepStarted(key=lease.key, attempt=lease.attempt, worker=claimant.name), lease.step_pk
        )


def _extend(step: Step, plan: Plan, change: Change) -> dict[int, tuple[StepState, str]]:
    """Add the steps that a result asks for. Whoever waits for this step waits for their last ones too.

    Returns those of the last ones that are skipped already, for `release_dependents`.
    """
    waiting = list(
        StepDependency.objects.filter(needs_id=step.pk, step__state=StepState.PENDING.value).order_by(
            "step_id"
        )
    )
    stored = {
        key: (pk, StepState(state))
        for key, pk, state in Step.objects.filter(run_id=step.run_id).values_list("key", "pk", "state")
    }
    stored[step.key] = (
        step.pk,
        StepState.RUNNING,
    )  # its end is told afterwards, to old and new dependents alike
    specs = check(plan, stored={key: pk for key, (pk, _) in stored.items()})
    circles.refuse(step, plan)
    rows = store_steps(step.run, plan, specs, change, stored=stored, added_by=step.pk)
    sinks = [rows[key] for key in plan.sinks()]
    StepDependency.objects.bulk_create(
        [
            StepDependency(step_id=edge.step_id, needs_id=sink.pk, condition=edge.condition)
            for edge in waiting
            for sink in sinks
        ]
    )
    for edge in waiting:
        Step.objects.filter(pk=edge.step_id).update(pending_deps=F("pending_deps") + len(sinks))
    return {sink.pk: (StepState.SKIPPED, sink.key) for sink in sinks if sink.state == StepState.SKIPPED.value}


def _record(one: Success, run_id: UUID, project_id: int) -> None:
    lease = one.lease
    rows = [
        Artifact(
            run_id=lease.run_pk,
            step_id=lease.step_pk,
            name=ref.name,
            digest=ref.digest,
            size=ref.size,
            media_type=ref.media_type,
            created_at=Now(),
        )
        for ref in {ref.name: ref for ref in one.artifacts}.values()
    ]
    if rows:
        Artifact.objects.bulk_create(rows)
    catalog().record(
        RecordedStep(
            run_pk=lease.run_pk,
            run_id=run_id,
            project_id=project_id,
            step_pk=lease.step_pk,
            step_key=lease.key,
            agent=lease.agent,
            operation=lease.operation,
        ),
        one.result,
    )
