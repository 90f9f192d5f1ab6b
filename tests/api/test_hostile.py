"""Whatever is sent, the answer is a problem of 4xx that says what is wrong, never a 5xx."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from rest_framework.exceptions import ParseError

from api.formats import MAX_DEPTH, loads
from tasks.models import Run
from tests.api.cast import TARGET, Cast, token

pytestmark = pytest.mark.usefixtures("planner")

GOOD = {"goal": "x", "target": TARGET, "project": "shop"}


def send(
    cast: Cast, raw: bytes, content_type: str = "application/json", **headers: str
) -> tuple[int, dict[str, object]]:
    headers.setdefault("HTTP_AUTHORIZATION", f"Bearer {token(cast.bob)}")
    client = Client(raise_request_exception=False)
    answer = client.generic("POST", "/api/v1/runs", raw, content_type, **headers)
    assert answer["Content-Type"].startswith("application/problem+json") or answer.status_code < 300
    return answer.status_code, json.loads(answer.content)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"\xff\xfe", 400),
        (b'{"goal": NaN}', 400),
        (b'{"goal": 1e309}', 400),
        (b'{"goal": ' + b"9" * 5000 + b"}", 400),
        (b'{"goal": "a\\u0000b", "target": {}}', 400),
        (b'{"goal": "\\ud800", "target": {}}', 400),
        (b'{"\\udfff": 1}', 400),
        (b"[" * 100_000, 400),
        (b"[" * 70 + b"]" * 70, 400),
        (b'{"a":' * 70 + b"1" + b"}" * 70, 400),
        (b'{"goal": "' + b"x" * (1024 * 1024) + b'"}', 413),
        (json.dumps({**GOOD, "goal": ""}).encode(), 400),
        (json.dumps({**GOOD, "goal": "x" * 4001}).encode(), 400),
        (json.dumps({**GOOD, "goal": ["x"]}).encode(), 400),
        (json.dumps({**GOOD, "project": "no such"}).encode(), 400),
        (json.dumps({**GOOD, "project": "nope"}).encode(), 400),
        (json.dumps({**GOOD, "priority": 10}).encode(), 400),
        (json.dumps({**GOOD, "priority": -1}).encode(), 400),
        (json.dumps({**GOOD, "priority": "high"}).encode(), 400),
        (json.dumps({**GOOD, "surprise": 1}).encode(), 400),
        (json.dumps({**GOOD, "target": "text"}).encode(), 400),
        (json.dumps({**GOOD, "target": {}}).encode(), 400),
        (json.dumps({**GOOD, "target": {"kind": "git", "url": "file:///etc/passwd"}}).encode(), 400),
        (json.dumps({**GOOD, "target": {"kind": "git", "url": "--upload-pack=x"}}).encode(), 400),
        (json.dumps({**GOOD, "target": {"kind": "path", "path": "relative"}}).encode(), 400),
    ],
)
def test_bad_body_is_refused_with_a_sentence(cast: Cast, raw: bytes, status: int) -> None:
    got, told = send(cast, raw)
    assert got == status, told
    assert told["status"] == status
    assert isinstance(told["detail"], str)
    assert len(told["detail"]) > 5
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "x"]
)
def test_other_content_type_is_refused(cast: Cast, kind: str) -> None:
    assert send(cast, json.dumps(GOOD).encode(), kind)[0] == 415


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "\x01", "ü"])
def test_bad_idempotency_key_is_refused(cast: Cast, key: str) -> None:
    assert send(cast, json.dumps(GOOD).encode(), HTTP_IDEMPOTENCY_KEY=key)[0] == 400


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Bearer a b", "Bearer \xff", "Bearer a.b.c", "Basic eDp5", ""]
)
def test_bad_authorization_is_401(cast: Cast, header: str) -> None:
    assert send(cast, json.dumps(GOOD).encode(), HTTP_AUTHORIZATION=header)[0] == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/not-a-uuid",
        "/api/v1/runs/%00",
        "/api/v1/nope",
        "/api/v1/runs?state=%00",
        "/api/v1/runs?state=nope",
        "/api/v1/runs?project=%00",
        "/api/v1/runs?project=a/b/c",
        "/api/v1/runs?cursor=x",
        "/api/v1/runs?cursor=018f0000-0000-7000-8000-000000000000",
        "/api/v1/runs?limit=0",
        "/api/v1/runs?limit=1e9",
        "/api/v1/runs?limit=" + "9" * 5000,
        "/api/v1/runs/018f0000-0000-7000-8000-000000000000/events?after=" + "9" * 30,
        "/api/v1/runs/018f0000-0000-7000-8000-000000000000/events?after=-1",
    ],
)
def test_bad_path_or_query_is_a_problem(cast: Cast, path: str) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get(path, HTTP_AUTHORIZATION=f"Bearer {token(cast.alice)}")
    assert answer.status_code in {400, 404}
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_are_refused(cast: Cast, method: str) -> None:
    client = Client(raise_request_exception=False)
    answer = getattr(client, method)("/api/v1/runs", HTTP_AUTHORIZATION=f"Bearer {token(cast.alice)}")
    assert answer.status_code in {403, 405}


JSON: SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(["goal", "target", "project", "priority"]), JSON))
def test_no_json_makes_a_5xx(cast: Cast, changes: dict[str, object]) -> None:
    status, _ = send(cast, json.dumps({**GOOD, **changes}).encode())
    assert status < 500


@given(raw=st.binary(max_size=200) | st.text(max_size=200))
def test_loads_gives_storable_json_or_a_parse_error(raw: bytes | str) -> None:
    try:
        value = loads(raw)
    except ParseError:
        return
    assert "\\u0000" not in json.dumps(value, allow_nan=False)


def test_loads_takes_the_greatest_depth() -> None:
    assert loads("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
