"""The faults: how each is injected and healed, and how long work may stand still because of it.

Recovery is measured in seconds from a `zero`, which is

    injection   where the system has to help itself: killed workers, relays, schedulers, cut-off and frozen ones
    heal        where it cannot: PostgreSQL or Redis answers again, the disk has room, the clock is right

to the moment when work goes on, the later of

    touched     each attempt that ran at the injection in the killed, frozen or cut-off worker has an event that
                brings its step further: its own end, or the next attempt's start (not counted: steps of runs that
                were paused or cancelled meanwhile)
    probe       work that was handed in after the zero is done: a run of one step, submitted by the API (`run`); the
                same with a retry that only the scheduler ends (`later`), with an artifact (`store`); or a bell that
                only the relay can ring (`bell`); or the greedy step itself, from the start of its first attempt
                (`eat`)

Before a fault that hurts a worker, a few steps of some seconds are handed in, so that it meets work.
A recovery is judged by its bound only if no other fault overlapped it; that it comes at all is judged always (C1).
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.chaos import injections
from tests.chaos.injections import Inject
from tests.chaos.timing import Bound

Zero = Literal["injection", "heal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind of fault. `inject` returns when it has begun; `needs` is an ability of the machine."""

    name: str
    about: str
    bound: Bound
    zero: Zero
    inject: Inject
    needs: str = ""
    wants_work: bool = False  # some steps of seconds are handed in before, so that the fault meets them


_LEASE = Bound(leases=1, seconds=15)  # 45 s in production
_QUICK = Bound(seconds=10)
_DATABASE = Bound(seconds=5)  # after its own recovery
_WEB = Bound(seconds=5)
_BELLS = Bound(seconds=20)

FAULTS: tuple[Fault, ...] = (
    Fault(
        name="child_killed",
        about="SIGKILL to a worker's child at work",
        bound=_QUICK,
        zero="injection",
        wants_work=True,
        inject=injections.child_killed,
    ),
    Fault(
        name="worker_killed",
        about="SIGKILL to a worker's parent",
        bound=_LEASE,
        zero="injection",
        wants_work=True,
        inject=injections.killed("worker", whole_tree=False),
    ),
    Fault(
        name="host_killed",
        about="SIGKILL to a worker with heart and children at once",
        bound=_LEASE,
        zero="injection",
        wants_work=True,
        inject=injections.killed("worker", whole_tree=True),
    ),
    Fault(
        name="heart_killed",
        about="SIGKILL to a worker's heart",
        bound=_LEASE,
        zero="injection",
        wants_work=True,
        inject=injections.heart_killed,
    ),
    Fault(
        name="worker_frozen",
        about="SIGSTOP to a worker with heart and children, beyond the lease",
        bound=_LEASE,
        zero="injection",
        wants_work=True,
        inject=injections.worker_frozen,
    ),
    Fault(
        name="web_killed",
        about="SIGKILL to a web process",
        bound=_WEB,
        zero="injection",
        inject=injections.killed("web", whole_tree=False),
    ),
    Fault(
        name="relay_killed",
        about="SIGKILL to the leading relay; it stays away",
        bound=_QUICK,
        zero="injection",
        inject=injections.leader_killed("relay", "bell"),
    ),
    Fault(
        name="scheduler_killed",
        about="SIGKILL to the leading scheduler; it stays away",
        bound=_QUICK,
        zero="injection",
        inject=injections.leader_killed("scheduler", "later"),
    ),
    Fault(
        name="relay_frozen",
        about="SIGSTOP to the leading relay for 16 s",
        bound=_BELLS,
        zero="injection",
        inject=injections.leader_frozen("relay", "bell"),
    ),
    Fault(
        name="scheduler_frozen",
        about="SIGSTOP to the leading scheduler for 16 s",
        bound=_BELLS,
        zero="injection",
        inject=injections.leader_frozen("scheduler", "later"),
    ),
    Fault(
        name="scheduler_cut_off",
        about="the leading scheduler and PostgreSQL do not hear each other for 16 s",
        bound=_BELLS,
        zero="injection",
        inject=injections.leader_cut_off("scheduler", "later"),
    ),
    Fault(
        name="worker_cut_off",
        about="a worker and PostgreSQL do not hear each other, beyond the lease",
        bound=_LEASE,
        zero="injection",
        wants_work=True,
        inject=injections.cut_off("PostgreSQL"),
    ),
    Fault(
        name="broker_cut_off",
        about="a worker and Redis do not hear each other",
        bound=_BELLS,
        zero="heal",
        wants_work=True,
        inject=injections.cut_off("Redis"),
    ),
    Fault(
        name="connections_reset",
        about="every connection to PostgreSQL and Redis is broken",
        bound=_BELLS,
        zero="injection",
        inject=injections.connections_reset,
    ),
    Fault(
        name="slow_network",
        about="10 to 60 ms more each way to PostgreSQL",
        bound=_QUICK,
        zero="heal",
        inject=injections.slow_network,
    ),
    Fault(
        name="redis_killed",
        about="SIGKILL to Redis, started again with its data",
        bound=_BELLS,
        zero="heal",
        inject=injections.redis_killed(wiped=False),
    ),
    Fault(
        name="redis_wiped",
        about="SIGKILL to Redis, started again without its data",
        bound=_BELLS,
        zero="heal",
        inject=injections.redis_killed(wiped=True),
    ),
    Fault(
        name="postgres_killed",
        about="SIGKILL to PostgreSQL, started again",
        bound=_DATABASE,
        zero="heal",
        inject=injections.postgres_down(signal.SIGKILL),
    ),
    Fault(
        name="postgres_restarted",
        about="PostgreSQL stopped fast, started again",
        bound=_DATABASE,
        zero="heal",
        inject=injections.postgres_down(signal.SIGINT),
    ),
    Fault(
        name="backends_terminated",
        about="pg_terminate_backend for every session",
        bound=_DATABASE,
        zero="injection",
        inject=injections.backends_terminated,
    ),
    Fault(
        name="disk_full",
        about="no room for artifacts",
        bound=_QUICK,
        zero="heal",
        inject=injections.disk_full,
        needs="small disk",
    ),
    Fault(
        name="clock_stepped",
        about="the clock of a process is stepped, and back",
        bound=_QUICK,
        zero="heal",
        inject=injections.clock_stepped,
        needs="clocks",
    ),
    Fault(
        name="out_of_memory",
        about="a step takes more memory than its worker may have",
        bound=_QUICK,
        zero="injection",
        inject=injections.out_of_memory,
        needs="bounded memory",
    ),
    Fault(
        name="after_claim",
        about="failpoint: killed after a claim",
        bound=_QUICK,
        zero="heal",
        inject=injections.failpoint("after_claim", 0.3),
    ),
    Fault(
        name="before_commit",
        about="failpoint: killed before a result's commit",
        bound=_QUICK,
        zero="heal",
        inject=injections.failpoint("before_commit", 0.3),
    ),
    Fault(
        name="after_commit_before_publish",
        about="failpoint: killed between commit and bell",
        bound=_QUICK,
        zero="heal",
        inject=injections.failpoint("after_commit_before_publish", 0.3),
    ),
    Fault(
        name="after_publish_before_delete",
        about="failpoint: killed between bell and the outbox row's end",
        bound=_QUICK,
        zero="heal",
        inject=injections.failpoint("after_publish_before_delete", 0.3),
    ),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


def schedule(dice: random.Random, wanted: list[Fault]) -> Iterator[tuple[Fault, bool]]:
    """Draw (fault, overlaps the one before) without end: each kind once before any comes again."""
    while True:
        drawn = list(wanted)
        dice.shuffle(drawn)
        for number, fault in enumerate(drawn):
            yield fault, number > 0 and dice.random() < 0.2
