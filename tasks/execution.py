"""One attempt as a recipe: request -> execute -> settle.

`carry_out` never raises for what an operation does wrong: every end of an attempt but success is one of the functions
of `runs`, done here, and the line that names it is what Flower shows. A success is given back, so that `stint` can
settle several in one transaction, and claim what follows in it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TypeVar

import structlog

from tasks import plans, runs
from tasks.context import AttemptContext, cancel_requested
from tasks.contract import (
    RetryLater,
    StepCancelled,
    StepFailed,
    StepRequest,
    StepResult,
    Upstream,
    catalog,
)
from tasks.database import mend_connection, resilient
from tasks.errors import LeaseLost, PlanInvalid, UnknownOperation
from tasks.failpoints import failpoint
from tasks.interruption import CancelWanted, LeaseWanted, TimeLimitReached, interruptible, was_cancelled
from tasks.leases import Lease
from tasks.models import Step, StepDependency
from tasks.processes import kill_strays
from tasks.states import StepState

log = structlog.get_logger(__name__)
_T = TypeVar("_T")

MAX_OUTPUT_BYTES = 256 * 1024  # a column of a row that later steps read whole


def carry_out(lease: Lease, *, may_last: bool = True) -> runs.Success | str:
    """Execute. Returns the success, which is still to be settled; or the name of how the attempt ended otherwise.

    Its start is logged if it `may_last`.
    """
    failpoint("after_claim")
    with bound(lease):
        if may_last:
            log.info("attempt_started", agent=lease.agent, operation=lease.operation)
        try:
            return _attempt(lease)
        except LeaseLost:
            return record_stale(lease)


def bound(lease: Lease) -> contextlib.AbstractContextManager[None]:
    """Name the attempt in each line that is logged in the block."""
    return structlog.contextvars.bound_contextvars(
        run=str(lease.order.run_id), step=lease.key, attempt=lease.attempt
    )


def tell_end(lease: Lease, outcome: str) -> str:
    """Log how an attempt ended. Returns the line that Flower shows of it."""
    with bound(lease):
        log.info("attempt_ended", outcome=outcome)
    return f"run {lease.order.run_id} step {lease.key} attempt {lease.attempt}: {outcome}"


def record_stale(lease: Lease) -> str:
    """Write down that the attempt was not the one that counts any more."""
    resilient(lambda: runs.record_stale(lease), what="record stale")
    return "stale"


def fail(lease: Lease, kind: str, message: str, *, retriable: bool) -> str:
    """Record a failed attempt. Returns the outcome's name."""
    ended = _end(
        lease, lambda: runs.fail(lease, kind=kind, message=message, retriable=retriable), what="fail"
    )
    if ended is None:
        ended = StepState(Step.objects.values_list("state", flat=True).get(pk=lease.step_pk))
    log.warning("attempt_failed", kind=kind, message=message, now=ended.value)
    return "dead" if ended is StepState.DEAD else "failed, will be tried again"


def _end(lease: Lease, act: Callable[[], _T], *, what: str) -> _T | None:
    """Store an end of the attempt. None: it was stored before, and only the answer was lost. Raises LeaseLost."""
    try:
        return resilient(act, what=what)
    except LeaseLost:
        if resilient(lambda: runs.was_ended(lease), what="read attempt"):
            return None
        raise


def _attempt(lease: Lease) -> runs.Success | str:
    """Execute; settle every end but success. Raises LeaseLost."""
    context = AttemptContext(lease=lease, project_id=lease.order.project_id)
    try:
        try:
            try:
                with interruptible(lease.timeout_seconds):
                    result = catalog().execute(_request(lease), context)
            finally:
                mend_connection()
            context.flush()
            return _success(lease, result, context)
        except runs.Suspended as suspended:
            context.flush()
            return _suspend(lease, suspended)
        except LeaseWanted:
            context.flush()
            _end(lease, lambda: runs.release(lease), what="release")
            return "released"
        except (StepCancelled, CancelWanted):
            context.flush()
            return _settle_cancelled(lease)
        except RetryLater as later:
            context.flush()
            told, delay = str(later), later.delay_seconds
            _end(lease, lambda: runs.postpone(lease, message=told, delay_seconds=delay), what="postpone")
            return "postponed"
        except TimeLimitReached:
            context.flush()
            return fail(lease, "timeout", f"not over after {lease.timeout_seconds} s", retriable=True)
        except StepFailed as failed:
            context.flush()
            return fail(lease, failed.kind, str(failed), retriable=failed.retriable)
        except LeaseLost:
            raise
        except Exception as error:  # the one broad catch: whatever an operation raises is recorded, not lost
            log.exception("operation_raised")
            context.flush()
            return fail(lease, "error", f"{type(error).__name__}: {error}", retriable=True)
    finally:
        strays = kill_strays()
        if strays:
            log.warning("strays_killed", count=strays)
        context.close()


def _success(lease: Lease, result: StepResult, context: AttemptContext) -> runs.Success | str:
    size = len(json.dumps(result.output))
    if size > MAX_OUTPUT_BYTES:
        told = (
            f"the output has {size} bytes; at most {MAX_OUTPUT_BYTES} are stored, larger things are artifacts"
        )
        return fail(lease, "bad_result", told, retriable=False)
    return runs.Success(lease=lease, result=result, artifacts=tuple(context.artifacts))


def _suspend(lease: Lease, suspended: runs.Suspended) -> str:
    try:
        state = _end(lease, lambda: runs.suspend(lease, suspended.order), what="suspend")
    except (PlanInvalid, UnknownOperation) as error:
        return fail(lease, "bad_call", str(error), retriable=False)
    except StepFailed as failed:
        return fail(lease, failed.kind, str(failed), retriable=failed.retriable)
    return "cancelled" if state is StepState.CANCELLED else f"suspended, {suspended}"


def _settle_cancelled(lease: Lease) -> str:
    if resilient(lambda: cancel_requested(lease), what="read run"):
        _end(lease, lambda: runs.settle_cancelled(lease), what="settle cancelled")
        return "cancelled"
    if was_cancelled():  # the signal was meant for the attempt before this one
        _end(lease, lambda: runs.release(lease), what="release")
        return "released"
    return fail(lease, "cancelled", "the operation stopped by itself", retriable=True)


def _request(lease: Lease) -> StepRequest:
    order = lease.order
    upstream = {one.key: one for one in order.upstream or ()}
    if order.has_upstream and order.upstream is None:
        edges = StepDependency.objects.filter(step_id=lease.step_pk).select_related("needs")
        upstream = {edge.needs.key: _upstream(edge.needs) for edge in edges}
    wanted = {key for key, _ in plans.references(order.input)}
    outputs = (
        dict(Step.objects.filter(run_id=lease.run_pk, key__in=wanted).values_list("key", "output"))
        if wanted
        else {}
    )
    return StepRequest(
        run_id=order.run_id,
        project_id=order.project_id,
        step_id=lease.step_pk,
        step_key=lease.key,
        attempt=lease.attempt,
        agent=lease.agent,
        operation=lease.operation,
        input=plans.resolve(order.input, outputs),
        run_goal=order.goal,
        run_request=order.request,
        upstream=upstream,
    )


def _upstream(step: Step) -> Upstream:
    return Upstream(
        key=step.key,
        agent=step.agent,
        operation=step.operation,
        state=step.state,
        output=step.output,
        error=step.error,
        started_at=step.started_at,
        ended_at=step.ended_at,
    )
