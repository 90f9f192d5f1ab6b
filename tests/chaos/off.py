"""Parts of the engine taken out, in the processes of the harness alone, to see that the checker finds the damage.

CHAOS_OFF names one:  fencing    a result is taken from whoever brings it
                      outbox     bells are rung after the commit but not stored, and nobody rings again
                      heartbeat  leases are promised for a day, and nobody looks after children
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

from django.apps import AppConfig


class Off(AppConfig):
    """Takes it out when Django is ready: all of the engine is imported by then."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        if os.environ.get("CHAOS_OFF"):
            PARTS[os.environ["CHAOS_OFF"]]()


def _fencing_off() -> None:
    from tasks.runs import attempts, moves, success

    def unfenced(lease: Any, also: Any = ()) -> Any:
        locked = moves.lock_many({lease.step_pk})
        object.__setattr__(lease, "fence", locked[0].fence or lease.fence)
        return locked[0]

    setattr(attempts, "lock_for_settling", unfenced)  # noqa: B010 - it is imported there, not exported
    success.lock = lambda successes: {}


def _outbox_off() -> None:
    from django.db import transaction

    from tasks import outbox
    from tasks.errors import BrokerUnreachable

    def put(bells: Any) -> None:
        rung = list(bells)
        transaction.on_commit(lambda: _ring(rung), robust=True)

    def keep_ringing(queue: str, *, since: float) -> None:
        return

    def _ring(bells: list[Any]) -> None:
        try:
            outbox.ring(bells)
        except BrokerUnreachable:
            return  # lost: that is what is shown

    outbox.put = put
    outbox.ring_again = lambda: 0
    outbox.keep_ringing = keep_ringing


def _heartbeat_off() -> None:
    from tasks import pulse

    class Shim:
        PIPE = subprocess.PIPE

        @staticmethod
        def Popen(argv: list[str], **options: Any) -> Any:
            wanted = ["tests.chaos.dead_heart" if part == "tasks.heart" else part for part in argv]
            return subprocess.Popen(wanted, **options)

    setattr(pulse, "subprocess", Shim)  # noqa: B010 - a module gives way to a class


PARTS = {"fencing": _fencing_off, "outbox": _outbox_off, "heartbeat": _heartbeat_off}
