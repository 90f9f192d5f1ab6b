"""What goes through Redis: bells that get lost, queues of their own, urgency, and what Flower shows of it."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tasks import outbox
from tasks.errors import BrokerUnreachable
from tasks.models import OutboxMessage, Step
from tasks.plans import group
from tests.engine.cluster import Cluster, assert_sound, effects, goes_on, until
from tests.engine.conftest import Submit, work
from wrenchai_project import servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(240)]


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A Redis that the test may kill and wipe, and its URL."""
    state = tmp_path / "redis-state"
    state.mkdir()
    url = servers.start_redis(state, durable=False)
    yield state, url
    servers.stop_redis(state, how=signal.SIGKILL)


@pytest.fixture
def no_bells_from_here() -> Iterator[None]:
    """This process commits but does not ring: its Redis is not the cluster's. The cluster's relay rings."""
    outbox._quiet_until = time.monotonic() + 3600
    yield
    outbox._quiet_until = 0.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_redis_killed_and_wiped_under_load(
    private_redis: tuple[Path, str],
    no_bells_from_here: None,
    project: object,
    submit: Submit,
    ledger: Path,
    tmp_path: Path,
) -> None:
    state, url = private_redis
    with Cluster(tmp_path, redis_url=url) as cluster:
        cluster.relay()
        cluster.scheduler()
        cluster.worker(slots=2)
        run = submit(group(*(work(f"s{n}", ledger=ledger, seconds=0.05) for n in range(80))))
        until(lambda: len(effects(ledger)) > 10, within=40, what="the work has begun")
        for _ in range(2):
            done = len(effects(ledger))
            servers.stop_redis(state, how=signal.SIGKILL)
            for left in servers.data_home(state).rglob("*.aof*"):
                left.unlink()
            assert servers.start_redis(state, durable=False) == url
            goes_on(ledger, since=done, more=6)
        cluster.wait_for(run, within=90)
        assert_sound(run)
        assert sorted(effects(ledger)) == sorted(f"s{n}" for n in range(80))


def test_submit_works_without_redis(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(bells: object) -> None:
        raise BrokerUnreachable("Redis did not take the bell: connection refused")

    monkeypatch.setattr(outbox, "ring", refuse)
    run = submit(work("a"))
    assert (run.state, OutboxMessage.objects.count()) == ("accepted", 1)
    outbox._quiet_until = 0.0


def test_publishing_to_a_dead_redis_is_a_clear_error(tmp_path: Path) -> None:
    with Cluster(tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0") as cluster:
        relay = cluster.relay()
        run_id = OutboxMessage.objects.create(
            queue="agent.probe", priority=5, created_at="2020-01-01T00:00:00Z"
        ).pk
        until(
            lambda: "broker_away" in cluster.log("relay"), within=30, what="the relay says that Redis is away"
        )
        assert relay.poll() is None  # it stays and tries again
        assert OutboxMessage.objects.filter(pk=run_id).exists()


def test_flower_shows_two_agents_on_their_own_queues(cluster: Cluster, submit: Submit, ledger: Path) -> None:
    port = free_port()
    cluster.start(
        "flower",
        *("-m", "celery", "-A", "wrenchai_project", "flower", "--address=127.0.0.1", f"--port={port}"),
        FLOWER_BASIC_AUTH="admin:for-the-test",
    )
    base, login = f"http://127.0.0.1:{port}", ("admin", "for-the-test")

    def get(path: str, auth: tuple[str, str] | None = login) -> httpx.Response | None:
        try:
            return httpx.get(f"{base}{path}", auth=auth, timeout=5)
        except httpx.TransportError:
            return None

    def tasks(auth: tuple[str, str] | None = login) -> httpx.Response | None:
        return get("/api/tasks", auth)

    def hears_the_worker() -> bool:
        """Flower answers before it listens; what happens in between it never learns."""
        answer = get("/workers?json=1")
        return answer is not None and "both@test" in answer.text

    until(tasks, within=40, what="Flower answers")
    refused = tasks(None)
    assert refused is not None
    assert refused.status_code == 401
    cluster.scheduler()
    cluster.worker("both", queues="agent.probe,agent.second", slots=2)
    until(hears_the_worker, within=40, what="Flower hears the worker's events")
    run = submit(work("mine", ledger=ledger), work("other", agent="second", ledger=ledger))
    cluster.wait_for(run)

    def seen() -> set[tuple[str, str]]:
        answer = tasks()
        rows = answer.json().values() if answer else ()
        return {(row["routing_key"], row["result"] or "") for row in rows if row["state"] == "SUCCESS"}

    wanted = {  # beside them there may be bells that found nothing to do
        ("agent.probe", f"'run {run.public_id} step mine attempt 1: succeeded'"),
        ("agent.second", f"'run {run.public_id} step other attempt 1: succeeded'"),
    }
    until(lambda: wanted <= seen(), within=30, what="Flower saw both steps, each on its own queue")


def test_urgent_run_overtakes_200_waiting(
    cluster: Cluster, submit: Submit, ledger: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    cluster.relay()
    cluster.scheduler()
    cluster.worker(slots=1)
    blocker = submit(work("blocker", ledger=ledger, gate=gate))
    until(lambda: effects(ledger, kind="begin"), within=30, what="the only child is busy")
    waiting = submit(group(*(work(f"w{n}", ledger=ledger) for n in range(200))), goal="200 waiting")
    urgent = submit(work("urgent", ledger=ledger), goal="urgent", priority=0)
    gate.touch()
    cluster.wait_for(urgent)
    began = Step.objects.get(run=urgent).started_at
    assert not Step.objects.filter(run=waiting, started_at__lt=began).exists()
    assert effects(ledger)[:2] == ["blocker", "urgent"]
    cluster.wait_for(waiting, within=120)
    assert_sound(blocker, waiting, urgent)
    assert len(effects(ledger)) == 202


def test_sweep_rings_no_more_than_is_of_use(submit: Submit, worker: object) -> None:
    submit(group(*(work(f"s{n}") for n in range(50))))
    waiting = outbox.waiting_bells("agent.probe")
    assert waiting >= 50  # the commit rang for each
    assert outbox.ring_again() == 0
    assert outbox.waiting_bells("agent.probe") == waiting
