"""A web process that is told to end: who follows is told first, and goes on elsewhere by its cursor.

A real uvicorn, as `./wrench serve` starts it, on a loopback port.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.api.cast import Cast, add_events, submit_run, token
from tests.engine.cluster import until
from tests.house.checkout import ROOT
from wrenchai_project import services

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]


@contextmanager
def web() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Serve the test's own database."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    environment = {
        **os.environ,
        "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "wrenchai_project.settings",
    }
    process = subprocess.Popen(services.web(port).argv, cwd=ROOT, env=environment)
    try:
        until(lambda: services.answers(f"http://127.0.0.1:{port}/readyz"), within=60, what="the web answers")
        yield port, process
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def following(port: int, raw: str, topic: str, after: int) -> Iterator[ClientConnection]:
    url, protocols = f"ws://127.0.0.1:{port}/api/v1/stream", ["wrench.v1", f"bearer.{raw}"]
    with connect(url, subprotocols=protocols, proxy=None) as client:  # type: ignore[arg-type]  # plain words
        client.send(json.dumps({"op": "subscribe", "topic": topic, "after": after}))
        yield client


def seqs(client: ClientConnection, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        frame = json.loads(client.recv(timeout=10))
        if frame["op"] == "event":
            found.append(frame["seq"])
    return found


def test_clients_are_told_before_the_process_ends_and_go_on_by_cursor(people: Cast) -> None:
    run = submit_run(people.project)
    head = add_events(run, 5)
    raw, topic = token(people.bob), f"run:{run.public_id}"
    with web() as (port, process), following(port, raw, topic, 0) as client:
        assert seqs(client, head) == list(range(1, head + 1))
        url = f"http://127.0.0.1:{port}/api/v1/runs/{run.public_id}/stream?after={head}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {raw}"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10) as stream:
            assert stream.readline() == b"retry: 2000\n"
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            last = [line for line in stream.read().decode().splitlines() if line.startswith("data: ")][-1]
            assert json.loads(last.removeprefix("data: "))["code"] == 1012
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        process.wait(10)
        assert time.monotonic() - begun < 3  # nobody had to be waited for
    after = add_events(run, 3)
    with web() as (port, _), following(port, raw, topic, head) as client:
        assert seqs(client, 3) == list(range(head + 1, after + 1))
