"""What live connections cost: `.venv/bin/python benchmarks/sockets.py [--json figures.json]`, prints a table.

    idle     memory of the web process with so many idle sockets, over the same process with none
    fan-out  so many subscribers of one run, so many events a second: each got once, and how long after the commit
    gaps     clients whose connection is cut every 50 to 300 ms while hints are dropped: gapless?

One uvicorn as `./wrench serve` starts it, on a loopback port, with a PostgreSQL and a Redis below
`.wrench/bench-sockets/` (WRENCH_BENCH_STATE_DIR names another place). Clients are processes of their own and speak
WebSocket by `websockets`' protocol without its tasks, so that two cores can hold thousands of them. Smaller:
`--idle 200 --subscribers 100 --seconds 5`; `--only fanout`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("WRENCH_BENCH_STATE_DIR") or ROOT / ".wrench" / "bench-sockets").absolute()
MEBIBYTE = 2**20
OPENING_AT_ONCE = 40
sys.path.insert(0, str(ROOT))

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--idle", type=int, default=2000, help="idle sockets")
    parser.add_argument("--subscribers", type=int, default=1000, help="subscribers of one run")
    parser.add_argument("--rate", type=float, default=2.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long events come")
    parser.add_argument("--cut", type=int, default=5, help="clients whose connections are cut")
    parser.add_argument("--drop", type=float, default=0.2, help="share of hints that are dropped")
    parser.add_argument("--only", default="idle,fanout,gaps")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    given = parser.parse_args()

    from wrenchai_project import servers

    STATE.mkdir(parents=True, exist_ok=True)
    found = servers.ensure(STATE, durable=True)
    try:
        os.environ |= {
            "WRENCH_STATE_DIR": str(STATE),
            "DATABASE_URL": found.database_url,
            "REDIS_URL": found.redis_url,
            "SECRET_KEY": "for the benchmark alone " * 3,
            "ALLOWED_HOSTS": "127.0.0.1",
            "WRENCH_MAX_SOCKETS_PER_USER": "100000",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "wrenchai_project.settings",
            "PYTHONPATH": str(ROOT),
        }
        import django

        django.setup()
        figures = measure(given)
    finally:
        servers.release(STATE)
    print(table(figures))
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(given: argparse.Namespace) -> Figures:
    """Measure what is wanted, each on a fresh web process."""
    world = World()
    figures: Figures = {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    parts: dict[str, Callable[[Web], Figures]] = {
        "idle": lambda web: idle(web, world, given.idle),
        "fanout": lambda web: fan_out(web, world, given.subscribers, given.rate, given.seconds),
        "gaps": lambda web: gaps(web, world, given.cut, given.drop, given.seconds),
    }
    for name in given.only.split(","):
        with Web(drop=given.drop if name == "gaps" else 0.0) as web:
            figures[name] = {**parts[name](web), "load": round(os.getloadavg()[0], 1)}
    return figures


class World:
    """Who and what there is in the database."""

    def __init__(self) -> None:
        from django.core.management import call_command

        from accounts import sessions, tokens
        from accounts.models import Membership, Project, RateRule, SessionKind, Team, User
        from tasks import partitions

        call_command("migrate", verbosity=0)
        RateRule.objects.all().delete()  # thousands of clients are one person here
        partitions.ensure(time_of_day().date())
        name = f"bench-{time.time_ns()}"
        team = Team.objects.create(name=name, slug=name)
        self.user = User.objects.create_user(name)
        Membership.objects.create(user=self.user, team=team, role=20)
        self.project = Project.objects.create(team=team, name=name, slug=name)
        session = sessions.begin(self.user, SessionKind.PROGRAM, sessions.Device(), lasts=day())
        made = tokens.access_token(session)
        made.set_exp(lifetime=day())
        self.token = str(made)

    def run(self) -> Any:
        """Store a run that no worker will touch."""
        from tasks.models import Run

        now = time_of_day()
        return Run.objects.create(
            project=self.project,
            owner=self.user,
            goal="bench",
            request={},
            created_day=now.date(),
            created_at=now,
        )

    def tell(self, run: Any, *, sent_at: float) -> int:
        """Append an event as the engine does, with its hint. Returns its number."""
        from django.db import transaction

        from tasks import events
        from tasks.changes import Change

        change = Change(run.pk)
        change.tell(
            events.StepProgress(key="s", attempt=1, done=1, total=1, message=f"{sent_at:.6f} {'x' * 100}")
        )
        with transaction.atomic():
            change.write()
        run.refresh_from_db(fields=["last_seq"])
        return int(run.last_seq)


class Web:
    """A web process; `drop` is the share of hints that it pretends not to have heard."""

    def __init__(self, *, drop: float) -> None:
        self.port = _free_port()
        self._drop = drop

    def __enter__(self) -> Web:
        from wrenchai_project import services

        argv = services.web(self.port).argv
        if self._drop:
            argv = [sys.executable, str(Path(__file__)), "--", *argv[3:]]
        self.process = subprocess.Popen(
            argv, cwd=ROOT, env={**os.environ, "BENCH_DROP": str(self._drop)}, stdout=subprocess.DEVNULL
        )
        until(lambda: _answers(self.port), 60, "the web process answers")
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    def memory(self) -> float:
        """MiB of the process that belong to nobody else."""
        return float(psutil.Process(self.process.pid).memory_full_info().uss) / MEBIBYTE

    def threads(self) -> int:
        return psutil.Process(self.process.pid).num_threads()


class Client(asyncio.Protocol):
    """A WebSocket client in one object: `hear` is called with each frame."""

    def __init__(self, port: int, token: str, hear: Callable[[Client, Figures], None]) -> None:
        uri = parse_uri(f"ws://127.0.0.1:{port}/api/v1/stream")
        self._inner = ClientProtocol(uri, subprotocols=["wrench.v1", f"bearer.{token}"])
        self._hear = hear
        self.closed = asyncio.get_running_loop().create_future()
        self.welcome = asyncio.get_running_loop().create_future()
        self.last = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._inner.send_request(self._inner.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._inner.receive_data(data)
        for event in self._inner.events_received():
            if getattr(event, "opcode", None) is Opcode.TEXT:
                frame = json.loads(bytes(event.data))
                if frame["op"] == "welcome" and not self.welcome.done():
                    self.welcome.set_result(None)
                self._hear(self, frame)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        for waiting in (self.closed, self.welcome):
            if not waiting.done():
                waiting.set_result(exc)

    def say(self, **frame: Any) -> None:
        self._inner.send_text(json.dumps(frame).encode())
        self._flush()

    def cut(self) -> None:
        """Break the connection without a word."""
        self.transport.abort()

    def _flush(self) -> None:
        for data in self._inner.data_to_send():
            if data:
                self.transport.write(data)


async def opened(
    web: Web, token: str, count: int, hear: Callable[[Client, Figures], None] = lambda *_: None
) -> list[Client]:
    """Open so many sockets, some at a time, and wait until each was welcomed."""
    turn = asyncio.Semaphore(OPENING_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def one() -> Client:
        async with turn:
            _, client = await loop.create_connection(
                lambda: Client(web.port, token, hear), "127.0.0.1", web.port
            )
            async with asyncio.timeout(30):
                await client.welcome
            assert not client.closed.done(), f"a socket was refused: {client._inner.close_code}"
            return client

    return list(await asyncio.gather(*(one() for _ in range(count))))


def idle(web: Web, world: World, count: int) -> Figures:
    """Weigh a process with idle sockets against itself with few."""

    async def scenario() -> Figures:
        warm = await opened(web, world.token, 20)  # what the first ones load is not the others'
        for client in warm:
            client.cut()
        await asyncio.sleep(2)
        empty, threads = web.memory(), web.threads()
        begun = time.monotonic()
        clients = await opened(web, world.token, count)
        took = time.monotonic() - begun
        await asyncio.sleep(5)
        full = web.memory()
        assert sum(client.closed.done() for client in clients) == 0
        figures = {
            "sockets": count,
            "mib_over_empty": round(full - empty, 1),
            "kib_each": round((full - empty) * 1024 / count, 1),
            "opened_per_second": round(count / took),
            "threads_more": web.threads() - threads,
        }
        for client in clients:
            client.cut()
        return figures

    return asyncio.run(scenario())


def fan_out(web: Web, world: World, count: int, rate: float, seconds: float) -> Figures:
    """Let many follow one run, and count what each gets."""
    run = world.run()
    total = int(rate * seconds)
    topic = f"run:{run.public_id}"
    seen: dict[Client, list[int]] = {}
    delays: list[float] = []
    caught_up = 0

    def hear(client: Client, frame: Figures) -> None:
        nonlocal caught_up
        if frame["op"] == "caught_up":
            caught_up += 1
        if frame["op"] == "event":
            delays.append(time.time() - float(frame["data"]["message"].split()[0]))
            seen.setdefault(client, []).append(frame["seq"])
            if frame["seq"] % 50 == 0:
                client.say(op="ack", topic=topic, seq=frame["seq"])

    async def scenario() -> None:
        clients = await opened(web, world.token, count, hear)
        for client in clients:
            client.say(op="subscribe", topic=topic, after=0)
        await _until(lambda: caught_up == count, 60, "all are caught up")
        loop = asyncio.get_running_loop()
        begun = time.monotonic()
        for n in range(total):
            await asyncio.sleep(max(0.0, begun + n / rate - time.monotonic()))
            await loop.run_in_executor(None, lambda: world.tell(run, sent_at=time.time()))
        done = f"{count} subscribers got {total} events each"
        await _until(lambda: sum(map(len, seen.values())) >= count * total, 60, done)
        await asyncio.sleep(1)  # for what comes twice

    asyncio.run(scenario())
    delays.sort()
    once = sum(got == list(range(1, total + 1)) for got in seen.values())
    return {
        "subscribers": count,
        "events": total,
        "got_each_once": once,
        "p50_ms": round(_share(delays, 0.5) * 1000),
        "p99_ms": round(_share(delays, 0.99) * 1000),
        "worst_ms": round(delays[-1] * 1000),
    }


@dataclass(slots=True)
class Torn:
    """Events that are written while clients are cut off again and again."""

    web: Web
    token: str
    topic: str
    chance: random.Random
    stop: threading.Event = field(default_factory=threading.Event)
    cuts: int = 0
    written: int = 0

    def write(self, world: World, run: Any) -> None:
        """Write an event every 20 ms until it stops."""
        while not self.stop.is_set():
            self.written = world.tell(run, sent_at=time.time())
            time.sleep(0.02)  # the pace of the events

    async def follow(self) -> list[int]:
        """Be one client: connect, hear, be cut off, until all was heard; give what was heard."""
        seen: list[int] = []

        def hear(client: Client, frame: Figures) -> None:
            if frame["op"] == "welcome":
                client.say(op="subscribe", topic=self.topic, after=len(seen))
            if frame["op"] == "event":
                seen.append(frame["seq"])
                client.say(op="ack", topic=self.topic, seq=frame["seq"])

        while not self.stop.is_set() or len(seen) < self.written:
            (client,) = await opened(self.web, self.token, 1, hear)
            patience = self.chance.uniform(0.05, 0.3) if not self.stop.is_set() else 10.0
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while len(seen) < self.written or not self.stop.is_set():
                        await asyncio.sleep(0.01)
            client.cut()
            self.cuts += 1
        return seen


def gaps(web: Web, world: World, count: int, drop: float, seconds: float) -> Figures:
    """Cut clients off again and again while events come and hints get lost."""
    run = world.run()
    torn = Torn(web, world.token, f"run:{run.public_id}", random.Random(7))

    async def scenario() -> list[list[int]]:
        writer = threading.Thread(target=torn.write, args=(world, run))
        writer.start()
        asyncio.get_running_loop().call_later(seconds, torn.stop.set)
        found = list(await asyncio.gather(*(torn.follow() for _ in range(count))))
        writer.join()
        return found

    found = asyncio.run(scenario())
    whole = list(range(1, torn.written + 1))
    return {
        "clients": count,
        "events": torn.written,
        "cuts": torn.cuts,
        "hints_dropped": drop,
        "gapless": sum(seen[: torn.written] == whole and len(seen) == torn.written for seen in found),
    }


def table(figures: Figures) -> str:
    """Write the figures down for people."""
    lines = [f"cores {figures['cores']}, load before {figures['load_before']}"]
    for name in ("idle", "fanout", "gaps"):
        if name in figures:
            told = ", ".join(f"{key} {value}" for key, value in figures[name].items())
            lines.append(f"{name:7} {told}")
    return "\n".join(lines)


def serve_deaf(arguments: list[str]) -> None:
    """Be the web process, and hear only a share of the hints."""
    import uvicorn

    from api.hub import Hub

    real = Hub.run_hint
    share = float(os.environ["BENCH_DROP"])
    chance = random.Random(3)

    def deaf(self: Hub, run_id: Any, head: int) -> None:
        if chance.random() >= share:
            real(self, run_id, head)

    Hub.run_hint = deaf
    uvicorn.main(arguments, standalone_mode=False)


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something to be true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.1)


async def _until(true: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.05)


def time_of_day() -> Any:
    from django.utils import timezone

    return timezone.now()


def day() -> Any:
    from datetime import timedelta

    return timedelta(days=1)


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _answers(port: int) -> bool:
    with suppress(OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--"]:
        import django

        django.setup()
        serve_deaf(sys.argv[2:])
    else:
        main()
