"""Procrastinate: jobs in PostgreSQL, LISTEN and NOTIFY, asynchronous workers.

It has no chains: a link defers the next one, as its users do. Finished jobs stay, which is its default.
"""

from __future__ import annotations

import os
import sys

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from benchmarks.contenders.common import LINKS, main
from benchmarks.marks import mark, rang

_connector = PsycopgConnector if "work" in sys.argv else SyncPsycopgConnector
app = App(connector=_connector(conninfo=os.environ["BENCH_DATABASE"]))


@app.task(queue="bench", name="noop")
async def noop(number: int, link: int, links: int) -> None:
    """Say that it began, and defer the next link."""
    mark(number, link)
    if link + 1 < links:
        await noop.defer_async(number=number, link=link + 1, links=links)


def submit(kind: str, number: int) -> None:
    """Defer one job, or the first of ten."""
    rang(number)
    rang(number, link=1)
    noop.defer(number=number, link=0, links=LINKS if kind == "chain" else 1)


def work() -> None:
    """Be one worker process."""
    app.run_worker(
        queues=["bench"],
        concurrency=int(os.environ["BENCH_INNER"]),
        listen_notify=True,
        fetch_job_polling_interval=1.0,
    )


def prepare() -> None:
    """Make the schema in an empty database."""
    with app.open():
        app.schema_manager.apply_schema()


def run() -> None:
    """Do what the arguments say."""
    if "fill" in sys.argv or "pace" in sys.argv:
        with app.open():
            main(submit, prepare=prepare)
    else:
        main(submit, prepare=prepare, work=work)


if __name__ == "__main__":
    from benchmarks.contenders import procrastinate_peer  # it wants its app in a module that can be imported

    procrastinate_peer.run()
