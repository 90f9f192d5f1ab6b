"""Bodies on their way through the real server: bounded on the way in, in chunks on the way out."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tasks import artifacts
from tasks.models import Artifact
from tests.api.cast import make_cast, submit_run, token

if TYPE_CHECKING:
    from tests.e2e.conftest import Web

pytestmark = pytest.mark.usefixtures("planner")

MEGABYTE = 1024 * 1024


@pytest.fixture
def client(web: Web) -> Iterator[httpx.Client]:
    cast = make_cast()
    headers = {"Authorization": f"Bearer {token(cast.bob)}"}
    with httpx.Client(base_url=web.url, headers=headers, trust_env=False, timeout=30) as client:
        yield client


def test_body_that_announces_too_much_is_refused_unread(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/runs", content=b"x" * (2 * MEGABYTE), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:wrenchai:problem:body-too-large")


def test_body_that_grows_too_large_is_cut_off(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    headers = {"Content-Type": "application/json"}
    try:
        status = client.post("/api/v1/runs", content=endless(), headers=headers).status_code
    except httpx.TransportError:
        return  # the server hung up
    assert 400 <= status < 600
    assert client.get("/livez").status_code == 200


def test_upload_may_be_larger_than_other_bodies(client: httpx.Client) -> None:
    content = b"\x1f\x8b" + b"x" * (3 * MEGABYTE)
    headers = {"Content-Type": "application/octet-stream"}
    answer = client.post("/api/v1/uploads?name=a.tar.gz&project=shop", content=content, headers=headers)
    assert (answer.status_code, answer.json()["size"]) == (201, len(content))


@pytest.mark.parametrize("path", ["/api/v1/uploads?name=a.zip", "/runs/new"])
@pytest.mark.parametrize("length", ["Content-Length: 400000000", "Transfer-Encoding: chunked"])
def test_nobody_sends_a_large_body_before_they_signed_in(web: Web, length: str, path: str) -> None:
    """The answer comes before a single byte of the body: else it would lie on the disk until all is there."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as client:
        client.sendall(head.encode())
        answer = b""
        while b"not-authenticated" not in answer:
            received = client.recv(65_536)
            assert received, answer
            answer += received
    assert answer.startswith(b"HTTP/1.1 401")


def test_large_artifact_arrives_whole(client: httpx.Client) -> None:
    from accounts.models import Project

    run = submit_run(Project.objects.get(slug="shop"))
    content = hashlib.shake_256(b"seed").digest(5 * MEGABYTE + 7)
    stored = artifacts.put("big.bin", content, media_type="application/zip")
    Artifact.objects.create(
        run=run,
        step=run.steps.get(),
        name="big.bin",
        digest=stored.digest,
        size=stored.size,
        media_type="application/zip",
        created_at=run.created_at,
    )
    answer = client.get(f"/api/v1/runs/{run.public_id}/artifacts/big.bin")
    assert answer.headers["content-length"] == str(len(content))
    assert hashlib.sha256(answer.content).hexdigest() == stored.digest
