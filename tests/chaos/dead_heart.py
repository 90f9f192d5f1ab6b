"""A heart that promises a day and then does nothing: what `--off heartbeat` starts instead of `tasks.heart`."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

from tasks import heart

DAY_SECONDS = 86_400


class DeadHeart(heart.Heart):
    """Registers the worker, never looks again, and tells its parent that all is well."""

    def _beat(self) -> None:
        time.sleep(heart.POLL_SECONDS)
        self._renewed(time.monotonic())

    def _parent_gone(self) -> None:
        return


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    orders = replace(heart.Orders.from_environment(), lease_seconds=DAY_SECONDS)
    DeadHeart(orders).beat_until_parent_ends()
    os._exit(0)
