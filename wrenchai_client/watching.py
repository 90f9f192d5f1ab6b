"""A run followed from a terminal until it is over."""

from __future__ import annotations

import sys
import time
from contextlib import suppress

from wrenchai_client import progress
from wrenchai_client.errors import ClientError
from wrenchai_client.feed import Feed
from wrenchai_client.server import ApiClient, RunView

LOOK_SECONDS = 5.0  # a run that is quiet is looked at so often all the same
DRAW_SECONDS = 0.2  # events of a busy run that come within are one picture
CANCEL_SECONDS = 15.0


def watch(
    client: ApiClient, run: str, *, quiet_stdout: bool, admin: str = "", cancels: bool
) -> tuple[RunView, bool]:
    """Show the run until it is over. Returns its last state and whether Ctrl-C came.

    `cancels`: Ctrl-C cancels the run; else it only ends the watching. `admin`: see `progress.waits`.
    """
    with progress.display(quiet_stdout=quiet_stdout, admin=admin) as board:
        try:
            return follow(client, run, board, until=None), False
        except KeyboardInterrupt:
            if not cancels:
                print(f"wrenchai: no longer watching; the run goes on: {run}", file=sys.stderr)
                return client.run(run), True
            print("wrenchai: cancelling the run; Ctrl-C again stops at once", file=sys.stderr, flush=True)
            with suppress(ClientError):  # it may have ended by itself meanwhile
                client.cancel(run)
            return follow(client, run, board, until=time.monotonic() + CANCEL_SECONDS), True


def follow(client: ApiClient, run: str, board: progress.Display, *, until: float | None) -> RunView:
    """Show every change until the run is over, or until a time of the monotonic clock."""
    view = client.run(run)
    with Feed(client, run, after=int(view.raw.get("head") or 0)) as feed:
        while True:
            board.show(view)
            if view.is_final or (until is not None and time.monotonic() > until):
                return view
            if feed.wait(LOOK_SECONDS if until is None else 1.0):
                time.sleep(DRAW_SECONDS)
            view = client.run(run)
