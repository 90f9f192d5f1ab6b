"""One attempt as a recipe: claim -> request -> execute -> settle.

`run_next` is all that a bell does. It never raises for what an operation does wrong: every end of an attempt is
one of the functions of `runs`, and the line it returns is what Flower shows.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from tasks import artifacts, events, interruption, leases, outbox, plans, runs
from tasks.changes import Change
from tasks.contract import (
    ArtifactRef,
    RetryLater,
    StepCancelled,
    StepFailed,
    StepRequest,
    StepResult,
    Upstream,
    catalog,
)
from tasks.database import mend_connection, resilient
from tasks.errors import ArtifactMissing, LeaseLost, PlanInvalid
from tasks.interruption import CancelWanted, LeaseWanted, TimeLimitReached, interruptible, was_cancelled
from tasks.leases import Claimant, Lease
from tasks.models import LogChunk, Run, Step, StepDependency
from tasks.plans import JsonObject
from tasks.processes import kill_strays
from tasks.states import StepState

log = structlog.get_logger(__name__)

TELL_EVERY_SECONDS = 0.25
LOG_CHUNK_BYTES = 8 * 1024
MAX_OUTPUT_BYTES = 256 * 1024  # a column of a row that later steps read whole
ARTIFACT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. /+-]{0,199}\Z")
SESSION_VARIABLE = "WRENCH_WORKER_SESSION"
MOST_FUSED = 50  # steps after a bell's own: Celery counts bells when it replaces children


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
    run = resilient(
        lambda: Run.objects.only("public_id", "project_id", "goal", "request").get(pk=lease.run_pk),
        what="read run",
    )
    following = None
    with structlog.contextvars.bound_contextvars(
        run=str(run.public_id), step=lease.key, attempt=lease.attempt
    ):
        log.info("attempt_started", agent=lease.agent, operation=lease.operation)
        try:
            outcome, following = _attempt(lease, run, may_fuse=may_fuse)
        except LeaseLost:
            resilient(lambda: runs.record_stale(lease), what="record stale")
            outcome = "stale"
        log.info("attempt_ended", outcome=outcome)
    return f"run {run.public_id} step {lease.key} attempt {lease.attempt}: {outcome}", following


def _claim(queue: str) -> Lease | None:
    """Claim; if the answer of the commit was lost, give back whatever was claimed: nobody is working on it."""
    global _in_doubt
    me = _claimant()
    try:
        return runs.start(queue, worker=me.worker, pid=me.pid, worker_name=me.name)
    except (OperationalError, InterfaceError) as error:
        log.warning("claim_failed", queue=queue, reason=str(error).strip())
        connection.close()
        _in_doubt = True
        _give_up()
        return None


def _claimant() -> Claimant:
    pid = os.getpid()
    return Claimant(worker=UUID(os.environ[SESSION_VARIABLE]), pid=pid, name=f"{socket.gethostname()}:{pid}")


def _give_up() -> None:
    """Declare lost whatever this child seems to hold; recovery takes it."""
    mend_connection()
    me = _claimant()
    resilient(lambda: leases.disown(worker=me.worker, pid=me.pid), what="disown")


def _attempt(lease: Lease, run: Run, *, may_fuse: bool) -> tuple[str, Lease | None]:
    """Execute and settle. Returns the outcome's name, and the lease of a fused step. Raises LeaseLost."""
    context = AttemptContext(lease=lease, project_id=run.project_id)
    try:
        try:
            try:
                with interruptible(lease.timeout_seconds):
                    result = catalog().execute(_request(lease, run), context)
            finally:
                mend_connection()
            context.flush()
            return _settle(lease, result, context, may_fuse=may_fuse)
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
    except (OperationalError, InterfaceError):
        raise  # PostgreSQL is away for longer than our patience: recovery takes the step
    except DatabaseError as error:
        return _fail(lease, "bad_result", f"the result cannot be stored: {error}", retriable=False), None
    return "succeeded", following


def _forgo(then: Claimant | None) -> None:
    """Give back a step that was perhaps claimed in a commit whose answer was lost: its fence is unknown."""
    global _in_doubt
    if then is not None:
        _in_doubt = True
        _give_up()


def _settle_cancelled(lease: Lease) -> str:
    if resilient(lambda: _cancel_requested(lease), what="read run"):
        resilient(lambda: runs.settle_cancelled(lease), what="settle cancelled")
        return "cancelled"
    if was_cancelled():  # the signal was meant for the attempt before this one
        resilient(lambda: runs.release(lease), what="release")
        return "released"
    return _fail(lease, "cancelled", "the operation stopped by itself", retriable=True)


def _cancel_requested(lease: Lease) -> bool:
    return Run.objects.filter(pk=lease.run_pk, cancel_requested_at__isnull=False).exists()


def _fail(lease: Lease, kind: str, message: str, *, retriable: bool) -> str:
    ended = resilient(lambda: runs.fail(lease, kind=kind, message=message, retriable=retriable), what="fail")
    log.warning("attempt_failed", kind=kind, message=message, now=ended.value)
    return "dead" if ended is StepState.DEAD else "failed, will be tried again"


def _request(lease: Lease, run: Run) -> StepRequest:
    step = Step.objects.get(pk=lease.step_pk)
    upstream = {
        edge.needs.key: _upstream(edge.needs)
        for edge in StepDependency.objects.filter(step_id=lease.step_pk).select_related("needs")
    }
    wanted = {key for key, _ in plans.references(step.input)}
    outputs = dict(Step.objects.filter(run_id=lease.run_pk, key__in=wanted).values_list("key", "output"))
    return StepRequest(
        run_id=run.public_id,
        project_id=run.project_id,
        step_id=lease.step_pk,
        step_key=lease.key,
        attempt=lease.attempt,
        agent=lease.agent,
        operation=lease.operation,
        input=plans.resolve(step.input, outputs),
        run_goal=run.goal,
        run_request=run.request,
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


@dataclass(slots=True, kw_only=True)
class AttemptContext:
    """The `StepContext` of one attempt. What it writes is filtered by the fence; LeaseLost stops the operation."""

    lease: Lease
    project_id: int
    artifacts: list[ArtifactRef] = field(default_factory=list)
    _scratch: Path | None = None
    _told_at: float = 0.0
    _progress: tuple[int, int, str] | None = None
    _lines: list[str] = field(default_factory=list)
    _chunks: int = 0
    _logged_at: float = 0.0
    _untold: str = ""

    @property
    def scratch(self) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="wrench-step-"))
        return self._scratch

    def progress(self, done: int, total: int, message: str = "") -> None:
        self._progress = (done, total, message)
        if time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
            self._tell_progress()

    def log(self, text: str) -> None:
        self._lines.append(text)
        if time.monotonic() - self._logged_at >= TELL_EVERY_SECONDS:
            self._tell_log()
        elif sum(map(len, self._lines)) > LOG_CHUNK_BYTES:
            self._store_lines()

    def emit(self, kind: str, data: JsonObject) -> None:
        fact = events.AgentSaid(key=self.lease.key, attempt=self.lease.attempt, topic=kind, content=data)
        self._write(fact)

    def cancelled(self) -> bool:
        return was_cancelled() or _cancel_requested(self.lease)

    def put_artifact(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        if not ARTIFACT_NAME.match(name):
            raise ValueError(
                f"an artifact cannot be named {name!r}: use 1 to 200 of A-Z a-z 0-9 _ . / + - and blank"
            )
        ref = artifacts.put(name, content, media_type=media_type)
        self.artifacts.append(ref)
        return ref

    def open_artifact(self, digest: str) -> BinaryIO:
        mine = any(ref.digest == digest for ref in self.artifacts)
        if not mine and not artifacts.belongs_to(digest, project_id=self.project_id):
            raise ArtifactMissing(f"this project has no artifact {digest}")
        return artifacts.open_blob(digest)

    def flush(self) -> None:
        """Write what progress and log hold back."""
        if self._progress is not None:
            self._tell_progress()
        if self._lines or self._untold:
            self._tell_log()

    def close(self) -> None:
        """Delete the scratch folder."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _tell_progress(self) -> None:
        if self._progress is None:
            return
        done, total, message = self._progress
        self._progress, self._told_at = None, time.monotonic()
        stored = events.storable({"done": done, "total": total, "message": message})
        lease = self.lease
        fact = events.StepProgress(key=lease.key, attempt=lease.attempt, **stored)
        self._write(fact, progress=stored)

    def _tell_log(self) -> None:
        self._store_lines()
        tail, self._untold, self._logged_at = self._untold, "", time.monotonic()
        lease = self.lease
        self._write(events.StepLogged(key=lease.key, attempt=lease.attempt, chunk=self._chunks, tail=tail))

    def _store_lines(self) -> None:
        """Store the lines as a chunk; `_tell_log` tells of it, and of others that piled up."""
        if not self._lines:
            return
        text = events.storable("\n".join(self._lines))
        self._untold, self._lines = self._lines[-1][:400] or " ", []
        self._chunks += 1
        self._write(None, chunk=text)

    def _write(
        self, fact: events.Fact | None, *, progress: JsonObject | None = None, chunk: str | None = None
    ) -> None:
        """Store a fact of this attempt, in one transaction with what it is about. Raises LeaseLost."""
        lease = self.lease

        def act() -> None:
            with transaction.atomic():
                mine = Step.objects.filter(pk=lease.step_pk, fence=lease.fence, state=StepState.RUNNING.value)
                changes = {"progress": progress} if progress is not None else {"key": lease.key}
                if not mine.update(**changes):
                    raise LeaseLost(
                        f"attempt {lease.attempt} of step {lease.key!r} is no longer the one that counts"
                    )
                if chunk is not None:  # there already, if the answer to its commit was lost
                    LogChunk.objects.get_or_create(
                        step_id=lease.step_pk,
                        attempt=lease.attempt,
                        ordinal=self._chunks,
                        defaults={"at": Now(), "text": chunk},
                    )
                if fact is not None:
                    change = Change(lease.run_pk)
                    change.tell(fact, lease.step_pk)
                    change.write()

        resilient(act, what="tell")
