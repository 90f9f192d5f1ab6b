"""The sessions of the caller: seen and ended by token and by cookie, and never another's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts import devices, sessions
from accounts.models import DeviceSession, EndedBecause
from tests.api.cast import Cast, api, browser

PATH = "/api/v1/sessions"


def listed(client: Any) -> list[dict[str, Any]]:
    answer = client.get(PATH)
    assert answer.status_code == 200
    return list(answer.json()["results"])


def test_list_shows_own_living_sessions_and_marks_this(cast: Cast) -> None:
    client, web = api(cast.bob), browser(cast.bob)
    api(cast.alice)
    sessions.end(listed(api(cast.bob))[0]["id"], cast.bob.pk, EndedBecause.REVOKED)
    shown = listed(client)
    assert [(row["kind"], row["this"]) for row in shown] == [("browser", False), ("program", True)]
    assert [(row["kind"], row["this"]) for row in listed(web)] == [("browser", True), ("program", False)]
    assert set(shown[0]) == {
        "id",
        "kind",
        "this",
        "device",
        "user_agent",
        "ip",
        "created_at",
        "last_seen_at",
        "expires_at",
    }


def test_revoking_one_ends_it_at_its_next_request(cast: Cast) -> None:
    client, other = api(cast.bob), api(cast.bob)
    target = next(row["id"] for row in listed(other) if row["this"])
    assert client.post(f"{PATH}/{target}/revoke").json() == {"revoked": 1}
    assert other.get(PATH).status_code == 401
    assert client.post(f"{PATH}/{target}/revoke").status_code == 404
    assert len(listed(client)) == 1


def test_revoking_the_others_keeps_this(cast: Cast) -> None:
    client, others, alice = api(cast.bob), [api(cast.bob), browser(cast.bob)], api(cast.alice)
    assert client.post(f"{PATH}/revoke", {}).json() == {"revoked": 2}
    assert [other.get(PATH).status_code for other in others] == [401, 401]
    assert len(listed(client)) == len(listed(alice)) == 1


def test_signing_out_everywhere_ends_this_too(cast: Cast) -> None:
    clients = [api(cast.bob), api(cast.bob), browser(cast.bob)]
    assert clients[0].post(f"{PATH}/revoke", {"which": "all"}).json() == {"revoked": 3}
    assert [client.get(PATH).status_code for client in clients] == [401] * 3


def test_session_of_another_is_not_there(cast: Cast) -> None:
    alice = api(cast.alice)
    target = listed(alice)[0]["id"]
    answers = [api(cast.charlie).post(f"{PATH}/{one}/revoke") for one in (target, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len(listed(alice)) == 1


@pytest.mark.parametrize(
    "more", [{"user": 1}, {"which": "mine"}, {"which": None}, {"but": "x"}, {"revoked_at": None}]
)
def test_what_is_not_asked_for_is_refused(cast: Cast, more: dict[str, Any]) -> None:
    client = api(cast.bob)
    api(cast.bob)
    assert client.post(f"{PATH}/revoke", more).status_code == 400
    assert len(listed(client)) == 2


def test_strangers_get_nothing(cast: Cast) -> None:
    row = sessions.begin(cast.bob, "browser", sessions.Device(), lasts=sessions.REMEMBERED)
    for method, path in (
        ("get", PATH),
        ("post", f"{PATH}/revoke"),
        ("post", f"{PATH}/{row.public_id}/revoke"),
    ):
        assert getattr(APIClient(), method)(path).status_code == 401
    assert DeviceSession.objects.get().revoked_at is None


def test_cookie_alone_does_not_revoke(cast: Cast) -> None:
    """A form on a foreign page sends the cookie, but not the token that our own forms carry."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(cast.bob)
    answer = client.post(f"{PATH}/revoke", {"which": "all"})
    assert answer.status_code == 403
    assert len(listed(client)) == 1


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
            " Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile"
            " Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("python-httpx/0.28.1", "python-httpx"),
        (sessions.LOCAL_AGENT, sessions.LOCAL_AGENT),
        ("Mozilla/5.0 (compatible; Bot)", "Mozilla/5.0 (compatible; Bot)"),
        ("", "unknown device"),
        ("x" * 300, "x" * 60),
    ],
)
def test_device_is_named_as_people_would(agent: str, name: str) -> None:
    assert devices.name(agent) == name
