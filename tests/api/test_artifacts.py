"""Artifacts over REST: listed, taken whole or in part, harmless to whoever looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import storages

from api.artifacts import BlobResponse, Part
from tasks import artifacts
from tasks.models import Artifact, Run
from tests.api.cast import Cast, api, submit_run

pytestmark = pytest.mark.usefixtures("planner")

CONTENT = bytes(range(256)) * 1000
SIZE = len(CONTENT)


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.ARTIFACTS_DIR = tmp_path
    storages._storages.clear()
    yield
    storages._storages.clear()


@pytest.fixture
def run(cast: Cast) -> Run:
    return submit_run(cast.project, steps=2)


def store(
    run: Run, name: str, content: bytes = CONTENT, *, media_type: str = "text/plain", step: int = 0
) -> Artifact:
    stored = artifacts.put(name, content, media_type=media_type)
    return Artifact.objects.create(
        run=run,
        step=run.steps.order_by("pk")[step],
        name=name,
        digest=stored.digest,
        size=stored.size,
        media_type=media_type,
        created_at=run.created_at,
    )


def path(run: Run, name: str = "") -> str:
    return f"/api/v1/runs/{run.public_id}/artifacts{name}"


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_list_has_the_newest_of_each_name(cast: Cast, run: Run) -> None:
    for name in ("c.txt", "a.txt", "b.txt"):
        store(run, name, name.encode())
    newer = store(run, "b.txt", b"newer", step=1)
    client, seen, page = api(cast.vera), [], {"next": path(run, "?limit=2")}
    while page["next"]:
        page = client.get(page["next"]).json()
        seen += page["results"]
    assert [(one["name"], one["step"]) for one in seen] == [("a.txt", "s0"), ("b.txt", "s1"), ("c.txt", "s0")]
    assert seen[1]["sha256"] == newer.digest
    assert seen == client.get(f"/api/v1/runs/{run.public_id}").json()["artifacts"]
    assert body(client.get(seen[1]["url"])) == b"newer"


@pytest.mark.parametrize(("person", "status"), [("vera", 200), ("charlie", 404), (None, 401)])
def test_artifacts_are_for_all_who_see_the_run(cast: Cast, run: Run, person: str | None, status: int) -> None:
    store(run, "a.txt")
    client = api(getattr(cast, person) if person else None)
    for name in ("", "/a.txt"):
        for method in (client.get, client.head):
            answer = method(path(run, name))
            assert answer.status_code == status
            body(answer)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=1000-70000", 1000, 70000),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=5-999999999999999999", 5, SIZE - 1),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-70000", SIZE - 70000, SIZE - 1),
        ("bytes=-999999999999999999", 0, SIZE - 1),
    ],
)
def test_part_is_sent_as_206(cast: Cast, run: Run, asked: str, first: int, last: int) -> None:
    store(run, "a.bin")
    answer = api(cast.vera).get(path(run, "/a.bin"), HTTP_RANGE=asked)
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer["Content-Length"] == str(last - first + 1)
    assert body(answer) == CONTENT[first : last + 1]


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
def test_part_that_is_not_there_is_416(cast: Cast, run: Run, asked: str) -> None:
    store(run, "a.bin")
    answer = api(cast.vera).get(path(run, "/a.bin"), HTTP_RANGE=asked)
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:wrenchai:problem:range-not-satisfiable"


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=", "bytes=-", "bytes=x-y", "bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=1-2x",
              "bytes=" + "9" * 5000 + "-", "bytes=١-٢", "bytes= 1-2"],
)  # fmt: skip
def test_range_that_is_none_is_not_heeded(cast: Cast, run: Run, asked: str) -> None:
    store(run, "a.bin")
    answer = api(cast.vera).get(path(run, "/a.bin"), HTTP_RANGE=asked)
    assert (answer.status_code, answer["Accept-Ranges"], body(answer) == CONTENT) == (200, "bytes", True)


def test_part_of_nothing_is_416(cast: Cast, run: Run) -> None:
    store(run, "empty", b"")
    assert api(cast.vera).get(path(run, "/empty"), HTTP_RANGE="bytes=0-").status_code == 416
    assert body(api(cast.vera).get(path(run, "/empty"))) == b""


def test_if_range_sends_the_part_only_of_the_same_bytes(cast: Cast, run: Run) -> None:
    row = store(run, "a.bin")
    client = api(cast.vera)
    for tag, status in ((f'"{row.digest}"', 206), ('"other"', 200), (f'W/"{row.digest}"', 200), ("x", 200)):
        answer = client.get(path(run, "/a.bin"), HTTP_RANGE="bytes=0-9", HTTP_IF_RANGE=tag)
        assert (answer.status_code, len(body(answer))) == (status, 10 if status == 206 else SIZE), tag


@pytest.mark.parametrize("tag", ['"{0}"', 'W/"{0}"', '"x", "{0}"', "*"])
def test_bytes_that_are_held_are_not_sent_again(cast: Cast, run: Run, tag: str) -> None:
    row = store(run, "a.bin")
    for headers in ({}, {"HTTP_RANGE": "bytes=0-1"}):
        answer = api(cast.vera).get(path(run, "/a.bin"), HTTP_IF_NONE_MATCH=tag.format(row.digest), **headers)
        assert (answer.status_code, answer["ETag"]) == (304, f'"{row.digest}"')


def test_head_tells_all_but_the_bytes(cast: Cast, run: Run) -> None:
    store(run, "a.svg", media_type="image/svg+xml")
    answer = api(cast.vera).head(path(run, "/a.svg"), HTTP_RANGE="bytes=0-1")
    got = api(cast.vera).get(path(run, "/a.svg"))
    assert (answer.status_code, answer.content, answer["Content-Length"]) == (200, b"", str(SIZE))
    own = {"RateLimit": "", "X-Request-ID": ""}  # each answer has its own
    assert {**answer.headers, **own} == {**got.headers, **own}
    assert answer["Content-Type"] == "application/octet-stream"
    assert body(got) == CONTENT


def test_bytes_are_read_in_chunks_and_the_file_closed(cast: Cast, run: Run) -> None:
    row = store(run, "a.bin")
    blob = artifacts.open_blob(row.digest)
    blob.seek(10)
    response = BlobResponse(Part(blob, 200_000))
    response.block_size = 64 * 1024

    async def sent() -> list[int]:
        return [len(chunk) async for chunk in response]

    assert asyncio.run(sent()) == [65536, 65536, 65536, 200_000 - 3 * 65536]
    response.close()
    assert blob.closed


def test_download_is_offered_to_be_saved(cast: Cast, run: Run) -> None:
    store(run, "a/b ü.txt", b"x")
    answer = api(cast.vera).get(path(run, "/a/b%20%C3%BC.txt?download"))
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''b%20%C3%BC.txt"
    assert body(answer) == b"x"
    assert api(cast.vera).get(path(run, "/a/b%20%C3%BC.txt?x=1")).status_code == 400


@pytest.mark.parametrize("name", ["/nope", "/%00", "/a" * 300, "/%ED%A0%80", "/..%2f..%2fetc/passwd"])
def test_unknown_artifact_is_not_found(cast: Cast, run: Run, name: str) -> None:
    answer = api(cast.vera).get(path(run, name))
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
