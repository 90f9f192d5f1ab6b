"""Redis behind a sentinel, with and without TLS: the primary dies, the replica takes over, every run ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.core.cache.backends.redis import RedisCache
from kombu import Connection
from kombu.exceptions import OperationalError

from tasks.plans import group
from tests.engine.cluster import Cluster, assert_sound, effects, until
from tests.engine.conftest import Submit, work
from tests.engine.test_broker import free_port, no_bells_from_here  # noqa: F401 - a fixture
from wrenchai_project import redis_client, sentinels
from wrenchai_project.servers import redis as embedded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.cluster, pytest.mark.timeout(120)]

PASSWORD = "p@ss/word"
GUARD = "gu:ard"


@dataclass
class Watched:
    """A primary, its replica, and the sentinel that watches them."""

    primary: subprocess.Popen[bytes]
    primary_port: int
    replica_port: int
    url: str
    tls: dict[str, Any]

    def primary_now(self) -> int:
        """The port of the server that the sentinel calls primary."""
        watched = sentinels.parse(self.url)
        assert watched is not None
        port = watched.hosts[-1][1]
        with redis.Redis(port=port, password=GUARD, decode_responses=True, **self.tls) as sentinel:
            return int(sentinel.sentinel_get_master_addr_by_name("wrench")[1])


def answers(port: int, password: str, **tls: Any) -> bool:
    try:
        with redis.Redis(port=port, password=password, **tls) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def server_with_tls() -> Path:
    """Find a redis-server that speaks TLS; the wheel's does not. Skips where there is none."""
    places = [Path(folder) / "redis-server" for folder in os.environ["PATH"].split(os.pathsep)]
    for binary in filter(Path.is_file, places):
        argv = [
            binary,
            "--port",
            "0",
            "--tls-port",
            "1",
            "--tls-cert-file",
            "/none",
        ]  # it ends at once either way
        said = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
        if "Bad directive" not in said.stdout + said.stderr:
            return binary
    pytest.skip("needs a redis-server with TLS in PATH, such as a distribution's package has")


def certify(folder: Path) -> dict[str, str]:
    """Make an authority, and one certificate for all who talk here."""
    named = folder / "names"
    named.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for line in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority",
        "req -newkey rsa:2048 -nodes -keyout own.key -out own.csr -subj /CN=wrench",
        "x509 -req -in own.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out own.crt -days 2 -extfile names",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, capture_output=True, check=True)
    return {
        "ssl_ca_certs": str(folder / "ca.crt"),
        "ssl_certfile": str(folder / "own.crt"),  # Redis asks its clients for one, too
        "ssl_keyfile": str(folder / "own.key"),
    }


@pytest.fixture(params=["plain", "tls"])
def watched(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    binary, files = embedded.find(), {}
    if request.param == "tls":
        binary, files = server_with_tls(), certify(tmp_path)
    tls: dict[str, Any] = {"ssl": True, **files} if files else {}
    primary, replica, sentinel = free_port(), free_port(), free_port()
    started: list[subprocess.Popen[bytes]] = []

    def listening(port: int) -> list[str]:
        if not files:
            return [f"port {port}"]
        return [
            *(
                "port 0",
                f"tls-port {port}",
                "tls-replication yes",
                f"tls-ca-cert-file {files['ssl_ca_certs']}",
            ),
            *(f"tls-cert-file {files['ssl_certfile']}", f"tls-key-file {files['ssl_keyfile']}"),
        ]

    def launch(name: str, port: int, lines: list[str], *options: str) -> subprocess.Popen[bytes]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "redis.conf").write_text(
            "\n".join([*listening(port), "bind 127.0.0.1", f'dir "{folder}"', *lines]) + "\n"
        )
        with (folder / "log").open("wb") as log:
            started.append(
                subprocess.Popen([binary, folder / "redis.conf", *options], stdout=log, stderr=log)
            )
        return started[-1]

    login = ['save ""', f'requirepass "{PASSWORD}"', f'masterauth "{PASSWORD}"']
    first = launch("primary", primary, login)
    launch("replica", replica, [*login, f"replicaof 127.0.0.1 {primary}"])
    until(
        lambda: answers(primary, PASSWORD, **tls) and answers(replica, PASSWORD, **tls),
        within=20,
        what="both answer",
    )
    with redis.Redis(port=primary, password=PASSWORD, **tls) as client:
        until(
            lambda: client.info("replication")["connected_slaves"] == 1, within=20, what="the replica follows"
        )
    launch(
        "sentinel",
        sentinel,
        [
            f'requirepass "{GUARD}"',
            f"sentinel monitor wrench 127.0.0.1 {primary} 1",
            f'sentinel auth-pass wrench "{PASSWORD}"',
            "sentinel down-after-milliseconds wrench 1000",
            "sentinel failover-timeout wrench 5000",
        ],
        "--sentinel",
    )
    until(lambda: answers(sentinel, GUARD, **tls), within=20, what="the sentinel answers")
    with redis.Redis(port=sentinel, password=GUARD, decode_responses=True, **tls) as client:
        until(lambda: client.sentinel_slaves("wrench"), within=30, what="the sentinel knows the replica")
    scheme = "rediss+sentinel" if files else "sentinel"
    url = f"{scheme}://:p%40ss%2Fword@127.0.0.1:{free_port()},127.0.0.1:{sentinel}/1?master=wrench"
    query = urlencode({"sentinel_password": GUARD, **files})
    yield Watched(first, primary, replica, f"{url}&{query}", tls)
    for process in started:
        process.kill()
        process.wait()


def test_all_runs_end_through_a_failover(
    watched: Watched,
    no_bells_from_here: None,  # noqa: F811 - the fixture
    project: object,
    submit: Submit,
    ledger: Path,
    tmp_path: Path,
) -> None:
    """One of the two sentinels in the URL is dead all the time."""
    with Cluster(tmp_path, redis_url=watched.url) as cluster:
        cluster.relay()
        cluster.scheduler()
        cluster.worker(slots=2)
        run = submit(group(*(work(f"s{n}", ledger=ledger, seconds=0.1) for n in range(40))))
        until(lambda: len(effects(ledger)) > 5, within=40, what="the work has begun")
        watched.primary.kill()
        later = submit(*(work(f"t{n}", ledger=ledger) for n in range(5)), goal="in the failover")
        until(lambda: watched.primary_now() == watched.replica_port, within=30, what="the replica took over")
        cluster.wait_for(run, within=60)
        cluster.wait_for(later, within=30)
        assert_sound(run, later)
        assert sorted(effects(ledger)) == sorted([f"s{n}" for n in range(40)] + [f"t{n}" for n in range(5)])
        for name in cluster.processes:
            assert PASSWORD not in cluster.log(name)
            assert "p%40ss%2Fword" not in cluster.log(name)


def test_cache_sockets_and_counts_find_the_primary_before_and_after(watched: Watched) -> None:
    found = sentinels.parse(watched.url)
    assert found is not None
    cache = RedisCache(
        [watched.url], {"OPTIONS": {"pool_class": "wrenchai_project.redis_client.SentinelPool"}}
    )

    async def hint() -> object:
        layer = RedisPubSubChannelLayer(hosts=[found.channels_host()])
        try:
            channel = await layer.new_channel()
            await layer.group_add("run.x", channel)
            await layer.group_send("run.x", {"type": "run.hint"})
            return await asyncio.wait_for(layer.receive(channel), 5)
        finally:
            asked = [shard._redis.connection_pool.sentinel_manager for shard in layer._shards if shard._redis]
            await layer.flush()
            for sentinel in (each for manager in asked for each in manager.sentinels):
                await sentinel.aclose()  # the layer leaves them to the garbage collector

    def all_work() -> bool:
        try:
            client = redis_client.client(watched.url, timeout_seconds=2)
            client.set("a", "1")
            cache.set("b", "2")
            return client.get("a") == b"1" and cache.get("b") == "2" and asyncio.run(hint()) is not None
        except redis.RedisError:
            return False

    assert all_work()
    watched.primary.kill()
    until(all_work, within=40, what="all work with the new primary")
    assert watched.primary_now() == watched.replica_port


@pytest.mark.parametrize("watched", ["tls"], indirect=True)
def test_certificate_of_an_unknown_authority_is_refused(watched: Watched) -> None:
    found = sentinels.parse(watched.url)
    assert found is not None
    trusting_others = replace(
        found, tls_files=tuple(one for one in found.tls_files if one[0] != "ssl_ca_certs")
    )
    sentinel = redis.Redis(port=found.hosts[-1][1], **trusting_others.sentinel_login())
    with sentinel, pytest.raises(redis.ConnectionError, match="certificate verify failed"):
        sentinel.ping()
    direct = f"redis://127.0.0.1:{watched.primary_port}/0"
    broker = Connection(direct, ssl=trusting_others.celery_tls(), connect_timeout=5)
    with broker, pytest.raises(OperationalError, match="certificate verify failed"):
        broker.ensure_connection(max_retries=1)
