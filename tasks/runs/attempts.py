"""What one attempt may write: its start, and one of its ends, each filtered by its fence."""

from __future__ import annotations

import random
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from tasks import events, leases
from tasks.changes import Change
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
from tasks.states import AttemptOutcome, StepState


def start(queue: str, *, worker: UUID, pid: int, worker_name: str) -> Lease | None:
    """Claim the best ready step of the queue and tell of it, in one transaction. None: nothing to do."""
    with transaction.atomic():
        lease = leases.claim(queue, worker=worker, pid=pid)
        if lease is None:
            return None
        _tell_start(lease, Change(lease.run_pk), worker_name)
    return lease


def settle(
    lease: Lease,
    result: StepResult,
    artifacts: Iterable[ArtifactRef] = (),
    *,
    then: Claimant | None = None,
) -> Lease | None:
    """Accept an attempt's result: success, findings, artifacts, added steps and released dependents at once.

    With `then`, and if this makes a step of the same queue ready, the best step of the queue is claimed for it in
    the same transaction and its lease returned; one bell fewer is rung then.
    Raises LeaseLost (the result must be thrown away), PlanInvalid (the added plan is unsound; nothing stored).
    """
    with transaction.atomic():
        change = Change(lease.run_pk)
        found = success.lock(lease) if result.plan is None and not lease.order.is_called else None
        if found is not None and found.is_common:
            success.succeed(lease, result, found, change)
            _record(lease, found.run_public_id, found.project_id, result, artifacts)
            is_limited = found.is_limited
        else:
            _settle_uncommon(lease, result, artifacts, change)
            is_limited = True
        if is_limited:
            ring_for_limit(lease.step_pk, change)
        following = None if then is None else _claim_instead_of_bell(lease.queue, then, change)
        if following is None or then is None:
            change.write()
        else:
            _write_with_start(change, following, then)
        failpoint("before_commit")
    return following


def _settle_uncommon(
    lease: Lease, result: StepResult, artifacts: Iterable[ArtifactRef], change: Change
) -> None:
    """Move a step that adds others, or whose dependents are not all let nearer to ready."""
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
    _record(lease, step.run.public_id, step.project_id, result, artifacts)
    change.tell(events.StepSucceeded(key=step.key, attempt=lease.attempt, summary=result.summary), step.pk)
    change.closed += 1
    end_waits(step, change)
    ended = {step.pk: (StepState.SUCCEEDED, step.key)}
    if result.plan is not None and step.run.cancel_requested_at is None:
        ended |= _extend(step, result.plan, change)
    release_dependents(ended, change)


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


def backoff_seconds(spent: int) -> float:
    """Draw the delay before the next attempt: full jitter, between 0 and min(cap, base x 2^(spent-1)).

    Method: "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    bound = min(settings.RETRY_CAP_SECONDS, settings.RETRY_BASE_SECONDS * 2 ** (spent - 1))
    return random.uniform(0, bound)  # noqa: S311 - jitter, no secret


def _claim_instead_of_bell(queue: str, claimant: Claimant, change: Change) -> Lease | None:
    """Claim as a bell of this queue would, if the change rings one, and take that one bell back.

    Before the run's row is written: a claim may wait for the locks of limits, whose holders wait for rows of runs.
    """
    bell = next((bell for bell in change.bells if bell.queue == queue), None)
    if bell is None:
        return None
    following = leases.claim(queue, worker=claimant.worker, pid=claimant.pid)
    if following is not None:
        change.bells.remove(bell)
    return following


def _write_with_start(change: Change, following: Lease, claimant: Claimant) -> None:
    """Write the change and tell of the start, which may be another run's: runs are locked in the order of ids."""
    if following.run_pk == change.run_pk:
        _tell_start(following, change, claimant.name)
    elif following.run_pk < change.run_pk:
        _tell_start(following, Change(following.run_pk), claimant.name)
        change.write()
    else:
        change.write()
        _tell_start(following, Change(following.run_pk), claimant.name)


def _tell_start(lease: Lease, change: Change, worker_name: str) -> None:
    """Write the change of the lease's run together with the start of the attempt."""
    change.begins = lease.order.is_first
    change.tell(events.StepStarted(key=lease.key, attempt=lease.attempt, worker=worker_name), lease.step_pk)
    change.write()


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


def _record(
    lease: Lease, run_id: UUID, project_id: int, result: StepResult, artifacts: Iterable[ArtifactRef]
) -> None:
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
        for ref in {ref.name: ref for ref in artifacts}.values()
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
        result,
    )
