"""How bells get into Redis: in batches, by one connection a process, and never by waiting long for a sick Redis."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from redis import Redis

from tasks import broker, outbox
from tasks.errors import BrokerUnreachable
from tasks.hints import LiveHints, run_group
from tasks.models import OutboxMessage
from tasks.outbox import Bell
from tests import private_servers
from tests.engine.cluster import until
from tests.engine.conftest import Submit, purge_bells, work
from wrenchai_project import servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60, func_only=True)]
needs_embedded = pytest.mark.skipif(
    not private_servers.ARE_EMBEDDED, reason="needs a Redis that the test may freeze"
)
QUEUE = "agent.probe"


@contextmanager
def frozen_redis() -> Iterator[None]:
    """The tests' own Redis keeps its sockets open and answers nothing."""
    pid = servers.status(private_servers.STATE).redis_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        outbox._quiet_until = 0.0


@pytest.fixture
def redis() -> Iterator[Redis]:
    purge_bells()
    client = Redis.from_url(settings.REDIS_URL)
    yield client
    client.close()
    purge_bells()


def promise(count: int) -> None:
    OutboxMessage.objects.bulk_create(
        OutboxMessage(queue=QUEUE, priority=n % 10, created_at="2020-01-01T00:00:00Z") for n in range(count)
    )


def ports(client: Redis) -> set[str]:
    return {row["addr"] for row in client.client_list()}


def drained(connection: Any) -> None:
    """Hear what there is, until nothing came for a moment."""
    with suppress(TimeoutError):
        while True:
            connection.drain_events(timeout=0.3)


def test_relay_rings_a_batch_in_one_round_trip(redis: Redis) -> None:
    promise(200)
    outbox.waiting_bells(QUEUE)  # the connection is open now
    before = redis.info("stats")["total_reads_processed"]
    assert outbox.relay() == 200
    reads = redis.info("stats")["total_reads_processed"] - before
    assert (
        reads < 100
    )  # in pieces of 16 KiB, or as they come on a busy machine, but neither bell nor event by itself
    assert outbox.waiting_bells(QUEUE) == 200
    assert not OutboxMessage.objects.exists()


def test_bells_of_a_batch_keep_their_urgency_and_flower_hears_of_each(redis: Redis) -> None:
    heard: list[dict[str, Any]] = []
    with current_app.connection_for_read() as connection:
        receiver = current_app.events.Receiver(connection, handlers={"task-sent": heard.append})
        with receiver.get_consumers(connection.Consumer, connection.default_channel)[0]:
            drained(connection)  # it listens from now on
            outbox.ring([Bell(queue=QUEUE, priority=priority) for priority in (9, 0, 4)])
            until(lambda: drained(connection) or len(heard) == 3, within=10, what="three events came")
    assert [event["queue"] for event in heard] == [QUEUE] * 3
    waiting = {key.decode(): redis.llen(key) for key in redis.scan_iter(f"wrench:{QUEUE}*")}
    assert waiting == {f"wrench:{QUEUE}:9": 1, f"wrench:{QUEUE}": 1, f"wrench:{QUEUE}:4": 1}


def test_process_keeps_one_connection_and_a_child_has_its_own(redis: Redis) -> None:
    outbox.ring([Bell(queue=QUEUE, priority=5)])
    before = ports(redis)
    for _ in range(20):
        outbox.keep_ringing(QUEUE, since=time.monotonic())
        outbox.ring([Bell(queue=QUEUE, priority=5)])
    assert ports(redis) == before
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:  # what it inherited is its parent's: it must neither use nor close it
        os.write(tell, str(outbox.waiting_bells(QUEUE)).encode())
        time.sleep(60)
        os._exit(0)
    try:
        assert os.read(told, 10) == b"21"
        assert len(ports(redis)) > len(before)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert outbox.waiting_bells(QUEUE) == 21


@needs_embedded
def test_frozen_redis_holds_up_nobody_for_long_and_loses_no_bell(redis: Redis, submit: Submit) -> None:
    outbox.ring([Bell(queue=QUEUE, priority=5)])
    with frozen_redis():
        began = time.monotonic()
        submit(work("a"))
        assert time.monotonic() - began < 3
        began = time.monotonic()
        submit(work("b"))  # who comes next does not even try
        outbox.keep_ringing(QUEUE, since=time.monotonic())
        assert time.monotonic() - began < 1
        with pytest.raises(BrokerUnreachable, match="Redis did not take the bell"):
            outbox.relay(older_than_seconds=0)
        assert OutboxMessage.objects.count() == 2
    until(lambda: _relayed(), within=10, what="the relay rings for what was kept")
    assert not OutboxMessage.objects.exists()


def _relayed() -> bool:
    try:
        return outbox.relay(older_than_seconds=0) >= 0
    except BrokerUnreachable:
        return False


@needs_embedded
def test_threads_wait_for_a_frozen_redis_once_not_one_after_another(redis: Redis) -> None:
    outcomes: list[float] = []

    def ring() -> None:
        began = time.monotonic()
        with pytest.raises(BrokerUnreachable):
            outbox.ring([Bell(queue=QUEUE, priority=5)])
        outcomes.append(time.monotonic() - began)

    with frozen_redis():
        threads = [threading.Thread(target=ring) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(outcomes) == 8
    assert max(outcomes) < broker.PATIENCE_SECONDS + 1


def test_bells_that_a_full_redis_refuses_stay_in_the_outbox(redis: Redis) -> None:
    promise(3)
    redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(BrokerUnreachable, match="maxmemory"):
            outbox.relay()
        assert OutboxMessage.objects.count() == 3
    finally:
        redis.config_set("maxmemory", "0")
    assert outbox.relay() == 3
    assert outbox.waiting_bells(QUEUE) == 3


def _die(heads: Any) -> Any:
    raise RuntimeError("no reason")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_hints_go_on_after_their_thread_died(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    hints = LiveHints()
    with monkeypatch.context() as once:
        once.setattr(hints, "_listened_to", _die)
        hints.tell("some-run", 1)
        dying = hints._thread
        assert dying is not None
        dying.join(5)
    listener = redis.pubsub()
    channel = f"wrench-live__group__{run_group('some-run')}"
    listener.subscribe(channel)
    listener.get_message(timeout=5)
    hints.tell("some-run", 2)
    assert (
        until(lambda: listener.get_message(timeout=1), within=10, what="the hint came")["type"] == "message"
    )
    listener.close()
