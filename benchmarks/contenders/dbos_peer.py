"""DBOS: workflows whose steps are checkpointed in PostgreSQL, started from a queue.

A single task is a workflow without steps: its own status is its checkpoint, so this is its cheapest durable unit.
A chain is a workflow of ten steps. `BENCH_INNER` workflows may run at once in a process.
"""

from __future__ import annotations

import os
import signal

from dbos import DBOS, DBOSClient

from benchmarks.contenders.common import LINKS, main
from benchmarks.marks import mark, rang

POLL_SECONDS = 0.02  # the default of a second would be its latency
VERSION = "bench"


@DBOS.step()
def link_of(number: int, link: int) -> None:
    """Say that it began."""
    mark(number, link)


@DBOS.workflow(name="bench_chain")
def ten(number: int) -> None:
    """Do ten steps, one after the other."""
    for link in range(LINKS):
        link_of(number, link)


@DBOS.workflow(name="bench_single")
def one(number: int) -> None:
    """Say that it began."""
    mark(number, 0)


_clients: list[DBOSClient] = []


def submit(kind: str, number: int) -> None:
    """Enqueue one workflow."""
    if not _clients:
        _clients.append(DBOSClient(system_database_url=os.environ["BENCH_DATABASE"]))
    rang(number)
    rang(number, link=1)
    options = {"queue_name": "bench", "workflow_name": f"bench_{kind}", "app_version": VERSION}
    _clients[0].enqueue(options, number)


def launch(executor: str) -> None:
    """Start DBOS in this process."""
    DBOS(
        config={
            "name": "bench",
            "system_database_url": os.environ["BENCH_DATABASE"],
            "application_version": VERSION,
            "executor_id": executor,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
    )
    DBOS.launch()
    DBOS.register_queue(
        "bench", worker_concurrency=int(os.environ["BENCH_INNER"]), polling_interval_sec=POLL_SECONDS
    )


def work() -> None:
    """Be one worker process."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    launch(f"worker-{os.getpid()}")
    signal.pause()


def prepare() -> None:
    """Make the schema."""
    launch("prepare")
    DBOS.destroy()


if __name__ == "__main__":
    main(submit, prepare=prepare, work=work)
    for client in _clients:
        client.destroy()
