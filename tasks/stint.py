"""What a bell does: claim, execute, settle, and go on for as long as it pays.

A bell stands for one step. But a message through Celery costs more than a short step does, and so does a commit. So
the child that answers a bell goes on without another one:

    turn    as many steps as the queue's last ones let expect to be over within `TURN_SECONDS` are claimed at once,
            executed one after the other, and their results stored in one transaction
    fused   which also claims the steps of the next turn: the best ones of the queue, as a bell would
    stint   all turns of one bell, bounded in steps and time, so that Celery can replace children and other queues of
            the worker have their turn

What is claimed is never kept waiting: if a step of a turn takes unexpectedly long, a watchman gives back the others
of its turn after `HOSTAGE_SECONDS`, and stores the results that are there (`watchman`).

Owns: what this child has claimed. Refuses to know: how an attempt is executed (`execution`). Invariant: when
`run_next` returns, no step is running in the name of this child, or it was declared lost.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from tasks import execution, interruption, leases, outbox, runs
from tasks.context import cancel_requested
from tasks.contract import Fence
from tasks.database import is_away, mend_connection, resilient
from tasks.errors import LeaseLost, PlanInvalid
from tasks.leases import Claimant, Lease
from tasks.watchman import Watchman

log = structlog.get_logger(__name__)

SESSION_VARIABLE = "WRENCH_WORKER_SESSION"
MOST_FUSED = 200  # steps after a bell's own: Celery counts bells when it replaces children
STINT_SECONDS = 1.0  # nothing is begun without a bell of its own later than this
TURN_SECONDS = (
    0.01  # what a turn may take: so long a step may be claimed and not begun, a result known and not stored
)
HOSTAGE_SECONDS = 0.05  # the longest that one really waits for another of its turn
SETTLED_BEFORE = "settled before"
REMEMBERED = 32  # steps of a queue whose durations tell what to expect
_HOST = socket.gethostname()  # asked once: the name is told with each attempt


class FusedSteps(Protocol):
    """Hears of the steps that a bell's child goes on with."""

    def take_over(self, bells: Sequence[str]) -> None:
        """These bells will be answered by nobody else: the steps that begin next stand for them."""

    def began(self, fence: Fence) -> None:
        """A step begins that no bell was answered for."""

    def over(self, fence: Fence) -> None:
        """It was executed; how it ended is told when it is stored."""

    def ended(self, fence: Fence, told: str) -> None:
        """It ended; `told` names how, as a bell's answer does."""

    def broke(self) -> None:
        """The child cannot go on: PostgreSQL is away."""

    def flush(self) -> None:
        """Say now what was only noted."""


class _Pace:
    """What a queue's next steps may be expected to take, from what its last ones took in this process."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)

    def took(self, seconds: float) -> None:
        self._seconds.append(seconds)

    def most(self) -> int:
        """Give how many steps fit into a turn: all but the slowest tenth of the last ones were that quick."""
        if not self._seconds:
            return 1
        usual = sorted(self._seconds)[int(len(self._seconds) * 0.9)]
        fitting = int(TURN_SECONDS / max(usual, 1e-6))
        return max(1, min(settings.MOST_IN_TURN, 2 * len(self._seconds), fitting))


_in_doubt = False  # a step may be called running by this child though nobody works on it
_has_begun = False  # then: it may have been begun, so it is lost; else it is only to be given back
_paces: dict[str, _Pace] = {}
_watchman = Watchman()


def run_next(queue: str, *, fused: FusedSteps | None = None) -> str:
    """Claim and execute the best ready step of the queue, and go on with others for a while.

    Returns one line that names what happened to the first step; `fused` hears of the others.
    Raises what is left when PostgreSQL is away for longer than our patience; the steps are then given up as lost.
    """
    global _in_doubt, _has_begun
    if _in_doubt:  # once more: a commit without an answer may have happened after the last look
        _give_up() if _has_begun else _give_back()
        _in_doubt = _has_begun = False
    stint = _Stint(queue, fused)
    ended = False
    try:
        stint.work()
        ended = True
    finally:
        if not ended:  # else the heart would see this child alive and the step running until its hard limit
            _in_doubt = _has_begun = True
            if fused is not None:
                fused.broke()
            _give_up()
    if stint.told is None:
        return f"{queue}: nothing to do"
    outbox.keep_ringing(queue, since=stint.began_at)
    return stint.told


@dataclass(slots=True, kw_only=True)
class _Turn:
    """What was claimed together: what is not begun, and results that are not stored yet. Two threads take from it."""

    waiting: deque[Lease]
    done: list[runs.Success] = field(default_factory=list)
    current: Lease | None = None  # under way
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Lease | None:
        with self._lock:
            self.current = self.waiting.popleft() if self.waiting else None
            return self.current

    def end(self, success: runs.Success | None) -> None:
        """Note that the current step was executed, and its result if that is still to be stored."""
        with self._lock:
            self.current = None
            if success is not None:
                self.done.append(success)

    def take_all(self) -> tuple[list[runs.Success], list[Lease]]:
        """Give everything away: nothing is left to be begun or stored."""
        with self._lock:
            taken = list(self.done), list(self.waiting)
            self.done.clear()
            self.waiting.clear()
            return taken


class _Stint:
    """The turns of one bell."""

    def __init__(self, queue: str, fused: FusedSteps | None) -> None:
        self.queue = queue
        self.told: str | None = None  # of the bell's own step
        self._fused = fused
        self._me = claimant()
        self._pace = _paces.setdefault(queue, _Pace())
        self.began_at = time.monotonic()
        self._places = MOST_FUSED + 1
        self._own: Fence | None = None  # of the bell's own step

    def work(self) -> None:
        """Do turn after turn. Raises what is left when PostgreSQL is away."""
        found = self._start()
        self._own = found[0].fence if found else None
        while found:
            found = self._turn(found)

    def _turn(self, found: Sequence[Lease]) -> Sequence[Lease]:
        """Execute what was claimed, and store it. Returns what was claimed for the next turn."""
        self._places -= len(found)
        turn = _Turn(waiting=deque(found))
        interruption.share(on=len(found) > 1)
        with self._watched(turn):
            while (lease := turn.next()) is not None:
                self._execute(lease, turn, is_alone=len(found) == 1)
                if interruption.was_stopped():
                    self._break_up(turn)
        interruption.share(on=False)
        done, _ = turn.take_all()
        following: Sequence[Lease] = ()
        if done:
            has_time = self._places > 0 and time.monotonic() < self.began_at + STINT_SECONDS
            may_go_on = settings.FUSE and has_time and not interruption.was_stopped()
            following = self._store(done, then=self._me if may_go_on else None)
        if self._fused is not None and (len(found) > 1 or not following):
            self._fused.flush()
        return following

    def _watched(self, turn: _Turn) -> AbstractContextManager[None]:
        if len(turn.waiting) < 2:
            return nullcontext()
        return _watchman.watch(lambda: self._break_up(turn), after_seconds=HOSTAGE_SECONDS)

    def _execute(self, lease: Lease, turn: _Turn, *, is_alone: bool) -> None:
        fused = self._fused if lease.fence != self._own else None
        if fused is not None:
            fused.began(lease.fence)
            if is_alone:  # it may take long: people see it running
                fused.flush()
        began = time.monotonic()
        ended = execution.carry_out(lease, may_last=is_alone)
        self._pace.took(time.monotonic() - began)
        if fused is not None:
            fused.over(lease.fence)
        turn.end(None if isinstance(ended, str) else ended)
        if isinstance(ended, str):
            self._tell(lease, ended)

    def _break_up(self, turn: _Turn) -> None:
        """Store the results that are there, and give back what is not begun."""
        done, waiting = turn.take_all()
        if done:
            self._store(done, then=None)
        for lease in waiting:
            try:
                resilient(partial(runs.release, lease), what="release")
            except LeaseLost:
                execution.record_stale(lease)
        if waiting:
            log.info("turn_broken_up", queue=self.queue, stored=len(done), released=len(waiting))
        if self._fused is not None:
            self._fused.flush()
        if interruption.share(on=False) and turn.current is not None:
            _hear_cancel(turn.current)

    def _start(self) -> Sequence[Lease]:
        """Claim; if the answer of the commit was lost, give back whatever was claimed: nobody is working on it."""
        interruption.forget()
        try:
            found = runs.start_several(self.queue, self._me, most=self._most())
        except (DatabaseError, InterfaceError) as error:
            if not is_away(error):
                raise
            log.warning("claim_failed", queue=self.queue, reason=str(error).strip())
            connection.close()
            _give_back()
            return ()
        self._take_bells([lease.priority for lease in found[1:]])
        return found

    def _store(self, done: Sequence[runs.Success], *, then: Claimant | None) -> Sequence[Lease]:
        """Settle, all at once if that is possible. With `then`, returns what was claimed in the same transaction."""
        if then is not None:
            interruption.forget()  # what comes from here on may be for the steps that are claimed here
        if len(done) == 1:
            return self._store_each(done, then=then)
        most = self._most()
        try:
            settled = resilient(lambda: runs.settle_all(done, then=then, most=most), what="settle")
        except Exception as error:  # one of them: an agent's rows, or what PostgreSQL cannot store
            if is_away(error):
                raise
            log.warning("turn_not_stored", steps=len(done), reason=f"{type(error).__name__}: {error}")
            settled = runs.Settled(left=tuple(done))
        left = {success.lease.fence for success in settled.left}
        for success in done:
            if success.lease.fence not in left:
                self._tell(success.lease, "succeeded")
        self._take_bells(settled.spare_bells)
        return self._store_each(settled.left, then=then) if settled.left else settled.following

    def _store_each(self, left: Sequence[runs.Success], *, then: Claimant | None) -> Sequence[Lease]:
        """Settle one by one, and say what is wrong with those that cannot be; claim with the last one.

        If one was settled already, in a commit whose answer was lost, that commit may have claimed as well.
        """
        following: Sequence[Lease] = ()
        is_doubtful = False
        for number, success in enumerate(left, start=1):
            claims = then if number == len(left) and not is_doubtful else None
            with execution.bound(success.lease):
                outcome, settled = _settle(success, claims, most=self._most())
            is_doubtful = is_doubtful or outcome == SETTLED_BEFORE
            self._tell(success.lease, "succeeded" if outcome == SETTLED_BEFORE else outcome)
            self._take_bells(settled.spare_bells)
            following = settled.following
        if is_doubtful and then is not None:
            _give_back()
        return following

    def _most(self) -> int:
        return max(1, min(self._places, self._pace.most()))

    def _take_bells(self, priorities: Sequence[int]) -> None:
        """Take from Redis the bells of steps that this child does: to others they would say nothing new."""
        if priorities:
            bells = outbox.take_back(self.queue, priorities)
            if self._fused is not None:
                self._fused.take_over(bells)

    def _tell(self, lease: Lease, outcome: str) -> None:
        told = execution.tell_end(lease, outcome)
        if lease.fence == self._own:
            self.told = told
        elif self._fused is not None:
            self._fused.ended(lease.fence, told)


def _hear_cancel(current: Lease) -> None:
    """A cancel came while several steps were held; now there is one. Let it hear what is meant for it."""
    if resilient(lambda: cancel_requested(current), what="read run"):
        os.kill(os.getpid(), interruption.CANCEL_SIGNAL)
    else:
        interruption.forget_cancel()


def _settle(success: runs.Success, then: Claimant | None, *, most: int) -> tuple[str, runs.Settled]:
    """Settle one attempt. Returns the outcome's name, and what was claimed."""
    lease, nothing = success.lease, runs.Settled()
    try:
        settled = resilient(lambda: runs.settle_all([success], then=then, most=most), what="settle")
    except LeaseLost:
        if resilient(lambda: runs.was_settled(lease), what="read attempt"):
            return SETTLED_BEFORE, nothing  # the commit went through, only its answer was lost
        return execution.record_stale(lease), nothing
    except PlanInvalid as error:
        return _fail(lease, "bad_plan", str(error), retriable=False), nothing
    except DatabaseError as error:
        if is_away(error):
            raise  # for longer than our patience: recovery takes the step
        told = f"the result cannot be stored: {error}"
        return _fail(lease, "bad_result", told, retriable=False), nothing
    except Exception as error:  # an agent's own way of storing it
        log.exception("record_raised")
        return _fail(lease, "error", f"{type(error).__name__}: {error}", retriable=True), nothing
    return "succeeded", settled


def _fail(lease: Lease, kind: str, message: str, *, retriable: bool) -> str:
    try:
        return execution.fail(lease, kind, message, retriable=retriable)
    except LeaseLost:  # since the settling that was refused
        return execution.record_stale(lease)


def claimant() -> Claimant:
    """Name this process as one who claims."""
    pid = os.getpid()
    return Claimant(worker=UUID(os.environ[SESSION_VARIABLE]), pid=pid, name=f"{_HOST}:{pid}")


def _give_back() -> None:
    """Give back what was perhaps claimed in a commit whose answer was lost. Only while nothing else is held."""
    global _in_doubt
    _in_doubt = True  # the commit may still happen: once more before the next claim
    mend_connection()
    me = claimant()
    resilient(lambda: runs.give_back(worker=me.worker, pid=me.pid), what="give back")


def _give_up() -> None:
    """Declare lost whatever this child seems to hold; recovery takes it."""
    mend_connection()
    me = claimant()
    resilient(lambda: leases.disown(worker=me.worker, pid=me.pid), what="disown")
