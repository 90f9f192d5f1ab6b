"""Bare Celery at its fastest: early acknowledgement, default prefetch, no results; events on, as for the product."""

from __future__ import annotations

import os

from celery import Celery, chain

from benchmarks.contenders.common import LINKS, main
from benchmarks.marks import mark, rang

app = Celery("bare", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=False,
    task_default_queue="bare",
    task_send_sent_event=True,
    worker_send_task_events=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="bare.noop", ignore_result=True)
def noop(number: int, link: int = 0) -> None:
    """Say that it began."""
    mark(number, link)


def submit(kind: str, number: int) -> None:
    """Publish one task, or a chain of ten."""
    rang(number)
    rang(number, link=1)
    if kind == "chain":
        chain(*(noop.si(number, link) for link in range(LINKS))).apply_async()
    else:
        noop.apply_async((number,))


def purge() -> None:
    """Throw away what is left of the round before."""
    app.control.purge()


if __name__ == "__main__":
    main(submit, prepare=purge)
