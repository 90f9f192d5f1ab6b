"""One attempt as a recipe: claim -> request -> execute -> settle.

`run_next` is all that a bell does. It never raises for what an operation does wrong: every end of an attempt is
one of the functions of `runs`, and the line it returns is what Flower shows.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Protocol
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from tasks import interruption, leases, outbox, plans, runs
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
from tasks.database import is_away, mend_connection, resilient
from tasks.errors import LeaseLost, PlanInvalid, UnknownOperation
from tasks.failpoints import failpoint
from tasks.interruption import CancelWanted, LeaseWanted, TimeLimitReached, interruptible, was_cancelled
from tasks.leases import Claimant, Lease
from tasks.models import Step, StepDependency
from tasks.processes import kill_strays
from tasks.states import StepState

log = structlog.get_logger(__name__)

MAX_OUTPUT_BYTES = 256 * 1024  # a column of a row that later steps read whole
SESSION_VARIABLE = "WRENCH_WORKER_SESSION"
MOST_FUSED = 50  # steps after a bell's own: Celery counts bells when it replaces children
_HOST = socket.gethostname()  # asked once: the name is told with each attempt


_in_doubt = False  # a step may be called running by this child though nobody works on it


class FusedSteps(Protocol):
    """Hears of the steps that a bell's child goes on with, without a bell of their own."""

    def began(self) -> None:
        """A step was claimed in the transaction that settled the one before."""

    def ended(self, line: str, *, is_last: bool) -> None:
        """It is over; `line` names what happened, as a bell's answer does. After the last one no other begins."""

    def broke(self) -> None:
        """The child cannot go on: PostgreSQL is away."""


def run_next(queue: str, *, fused: FusedSteps | None = None) -> str:
    """Claim and execute the best ready step of the queue, and go on with what it makes ready in this queue.

    Returns one line that names what happened to the first step; `fused` hears of the others.
    Raises what is left when PostgreSQL is away for longer than our patience; the step is then given up as lost.
    """
    global _in_doubt
    if _in_doubt:  # once more: a commit without an answer may have happened after the last look
        _give_up()
        _in_doubt = False
    interruption.forget()
    lease = _claim(queue)
    if lease is None:
        return f"{queue}: nothing to do"
    places = MOST_FUSED if settings.FUSE else 0
    ended = False
    try:
        line, following = _carry_out(lease, may_fuse=places > 0)
        while following is not None:
            places -= 1
            following = _go_on(following, fused, may_fuse=places > 0)
        ended = True
    finally:
        if not ended:  # else the heart would see this child alive and the step running until its hard limit
            _in_doubt = True
            _give_up()
    outbox.keep_ringing(queue)
    return line


def _go_on(lease: Lease, fused: FusedSteps | None, *, may_fuse: bool) -> Lease | None:
    """Execute a fused step and tell of it. Returns the lease of the next, if there is one."""
    if fused is None:
        return _carry_out(lease, may_fuse=may_fuse)[1]
    fused.began()
    ended = False
    try:
        line, following = _carry_out(lease, may_fuse=may_fuse)
        ended = True
    finally:
        if not ended:
            fused.broke()
    fused.ended(line, is_last=following is None)
    return following


def _carry_out(lease: Lease, *, may_fuse: bool) -> tuple[str, Lease | None]:
    failpoint("after_claim")
    run_id = lease.order.run_id
    following = None
    with structlog.contextvars.bound_contextvars(run=str(run_id), step=lease.key, attempt=lease.attempt):
        log.info("attempt_started", agent=lease.agent, operation=lease.operation)
        try:
            outcome, following = _attempt(lease, may_fuse=may_fuse)
        except LeaseLost:
            resilient(lambda: runs.record_stale(lease), what="record stale")
            outcome = "stale"
        log.info("attempt_ended", outcome=outcome)
    return f"run {run_id} step {lease.key} attempt {lease.attempt}: {outcome}", following


def _claim(queue: str) -> Lease | None:
    """Claim; if the answer of the commit was lost, give back whatever was claimed: nobody is working on it."""
    global _in_doubt
    me = _claimant()
    try:
        return runs.start(queue, worker=me.worker, pid=me.pid, worker_name=me.name)
    except (DatabaseError, InterfaceError) as error:
        if not is_away(error):
            raise
        log.warning("claim_failed", queue=queue, reason=str(error).strip())
        connection.close()
        _in_doubt = True
        _give_up()
        return None


def _claimant() -> Claimant:
    pid = os.getpid()
    return Claimant(worker=UUID(os.environ[SESSION_VARIABLE]), pid=pid, name=f"{_HOST}:{pid}")


def _give_up() -> None:
    """Declare lost whatever this child seems to hold; recovery takes it."""
    mend_connection()
    me = _claimant()
    resilient(lambda: leases.disown(worker=me.worker, pid=me.pid), what="disown")


def _attempt(lease: Lease, *, may_fuse: bool) -> tuple[str, Lease | None]:
    """Execute and settle. Returns the outcome's name, and the lease of a fused step. Raises LeaseLost."""
    context = AttemptContext(lease=lease, project_id=lease.order.project_id)
    try:
        try:
            try:
                with interruptible(lease.timeout_seconds):
                    result = catalog().execute(_request(lease), context)
            finally:
                mend_connection()
            context.flush()
            return _settle(lease, result, context, may_fuse=may_fuse)
        except runs.Suspended as suspended:
            context.flush()
            return _suspend(lease, suspended), None
        except LeaseWanted:
            context.flush()
            resilient(lambda: runs.release(lease), what="release")
            return "released", None
        except (StepCancelled, CancelWanted):
            context.flush()
            return _settle_cancelled(lease), None
        except RetryLater as later:
            context.flush()
            told, delay = str(later), later.delay_seconds
            resilient(lambda: runs.postpone(lease, message=told, delay_seconds=delay), what="postpone")
            return "postponed", None
        except TimeLimitReached:
            context.flush()
            return _fail(lease, "timeout", f"not over after {lease.timeout_seconds} s", retriable=True), None
        except StepFailed as failed:
            context.flush()
            return _fail(lease, failed.kind, str(failed), retriable=failed.retriable), None
        except LeaseLost:
            raise
        except Exception as error:  # the one broad catch: whatever an operation raises is recorded, not lost
            log.exception("operation_raised")
            context.flush()
            return _fail(lease, "error", f"{type(error).__name__}: {error}", retriable=True), None
    finally:
        strays = kill_strays()
        if strays:
            log.warning("strays_killed", count=strays)
        context.close()


def _settle(
    lease: Lease, result: StepResult, context: AttemptContext, *, may_fuse: bool
) -> tuple[str, Lease | None]:
    size = len(json.dumps(result.output))
    if size > MAX_OUTPUT_BYTES:
        told = (
            f"the output has {size} bytes; at most {MAX_OUTPUT_BYTES} are stored, larger things are artifacts"
        )
        return _fail(lease, "bad_result", told, retriable=False), None
    then = _claimant() if may_fuse and not was_cancelled() else None
    interruption.forget()  # what comes from here on may be for the step that is claimed here
    try:
        following = resilient(lambda: runs.settle(lease, result, context.artifacts, then=then), what="settle")
    except LeaseLost:
        if resilient(
            lambda: runs.was_settled(lease), what="read attempt"
        ):  # the commit went through, only its answer was lost
            _forgo(then)
            return "succeeded", None
        raise
    except PlanInvalid as error:
        return _fail(lease, "bad_plan", str(error), retriable=False), None
    except DatabaseError as error:
        if is_away(error):
            raise  # for longer than our patience: recovery takes the step
        return _fail(lease, "bad_result", f"the result cannot be stored: {error}", retriable=False), None
    return "succeeded", following


def _forgo(then: Claimant | None) -> None:
    """Give back a step that was perhaps claimed in a commit whose answer was lost: its fence is unknown."""
    global _in_doubt
    if then is not None:
        _in_doubt = True
        _give_up()


def _suspend(lease: Lease, suspended: runs.Suspended) -> str:
    try:
        state = resilient(lambda: runs.suspend(lease, suspended.order), what="suspend")
    except (PlanInvalid, UnknownOperation) as error:
        return _fail(lease, "bad_call", str(error), retriable=False)
    except StepFailed as failed:
        return _fail(lease, failed.kind, str(failed), retriable=failed.retriable)
    return "cancelled" if state is StepState.CANCELLED else f"suspended, {suspended}"


def _settle_cancelled(lease: Lease) -> str:
    if resilient(lambda: cancel_requested(lease), what="read run"):
        resilient(lambda: runs.settle_cancelled(lease), what="settle cancelled")
        return "cancelled"
    if was_cancelled():  # the signal was meant for the attempt before this one
        resilient(lambda: runs.release(lease), what="release")
        return "released"
    return _fail(lease, "cancelled", "the operation stopped by itself", retriable=True)


def _fail(lease: Lease, kind: str, message: str, *, retriable: bool) -> str:
    ended = resilient(lambda: runs.fail(lease, kind=kind, message=message, retriable=retriable), what="fail")
    log.warning("attempt_failed", kind=kind, message=message, now=ended.value)
    return "dead" if ended is StepState.DEAD else "failed, will be tried again"


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
