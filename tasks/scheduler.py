"""The scheduler and the relay: two small loops, each led by one process at a time, others standing by.

relay      rings for outbox rows that nobody rang for                       every 0.5 s
scheduler  promotes due retries, recovers lost attempts, expires deadlines and questions  every second
           fires schedules                                                  every second; at once while some are due
           rings again where bells got lost, makes the days' partitions     every 5 s
           prunes what is over, in slices of half a second                  once a day
           does the chores of other packages                                every second
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from tasks import chores, outbox, partitions, retention, runs, schedules
from tasks.database import SILENT_SECONDS, Leadership, is_away, is_not_migrated
from tasks.errors import BrokerUnreachable

log = structlog.get_logger(__name__)

RELAY_SECONDS = 0.5
STANDBY_SECONDS = 2.0
AWAY_SECONDS = 1.0
PRUNE_SECONDS = 10.0  # pruning gives way to schedules that are due, for no longer than this
MIGRATE = "run ./wrench serve, or manage.py bootstrap; it goes on by itself then"


def relay_forever() -> None:
    """Be the relay until told to stop."""
    _lead("relay", outbox.relay, every_seconds=RELAY_SECONDS)


def schedule_forever() -> None:
    """Be the scheduler until told to stop."""
    sweep = Sweep()
    _lead("scheduler", sweep, every_seconds=settings.SWEEP_SECONDS, is_behind=sweep.is_behind)


class Sweep:
    """One round of the scheduler; it remembers when it last did what is not due in each round."""

    def __init__(self) -> None:
        self._rang_at = self._pruned_at = 0.0
        self._is_behind = False
        self._prune = retention.Daily()
        self._chores = chores.made()

    def is_behind(self) -> bool:
        """Tell whether the last round has left schedules that are due: then the next one follows at once."""
        return self._is_behind

    def __call__(self) -> int:
        """Move what is due. Returns how many things were moved."""
        moved = runs.promote_due() + runs.recover() + runs.expire() + runs.expire_approvals()
        fired, self._is_behind = schedules.fire_round()
        moved += fired + sum(chore() for chore in self._chores)
        if time.monotonic() - self._rang_at >= settings.REHINT_SECONDS:
            self._rang_at = time.monotonic()
            partitions.ensure(timezone.now().date())
            moved += outbox.ring_again()
        if not self._is_behind or time.monotonic() - self._pruned_at >= PRUNE_SECONDS:
            self._pruned_at = time.monotonic()
            self._prune()
        return moved


def _lead(
    role: str, act: Callable[[], int], *, every_seconds: float, is_behind: Callable[[], bool] = lambda: False
) -> None:
    """Call `act` again and again while this process leads, without a pause while it `is_behind`.

    Survives any outage of PostgreSQL and Redis.
    """
    stop = _stop_on_signal()
    leadership = Leadership(role, silent_seconds=max(SILENT_SECONDS, 3 * every_seconds))
    log.info("started", role=role)
    while not stop.is_set():
        try:
            if leadership.is_held():
                act()
                pause = 0 if is_behind() else every_seconds
            else:
                pause = STANDBY_SECONDS
        except BrokerUnreachable as error:
            log.warning("broker_away", role=role, reason=str(error))
            pause = AWAY_SECONDS
        except (DatabaseError, InterfaceError) as error:
            if not (is_away(error) or is_not_migrated(error)):
                raise
            missing = is_not_migrated(error)
            event, hint = (
                ("database_not_migrated", MIGRATE) if missing else ("database_away", "check PostgreSQL")
            )
            log.warning(event, role=role, reason=str(error).strip(), hint=hint)
            connection.close()
            pause = AWAY_SECONDS
        stop.wait(pause)
    log.info("stopped", role=role)


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def tell(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    return stop
