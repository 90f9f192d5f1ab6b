"""Shared links by the API: who makes them, what they tell, and that they do what those of the page do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import AuditRecord
from tasks import sharing
from tasks.models import Run, RunShare
from tests.api.cast import Cast, api, submit_run

pytestmark = pytest.mark.usefixtures("planner")


@pytest.fixture
def run(cast: Cast) -> Run:
    return submit_run(cast.project)


def place(run: Run, what: str = "") -> str:
    return f"/api/v1/runs/{run.public_id}/shares{what}"


def test_link_is_made_shown_once_listed_and_ended(cast: Cast, run: Run) -> None:
    bob = api(cast.bob)
    answer = bob.post(place(run), {"expires_in_days": 2, "note": "for Ada", "logs": True, "files": False})
    made = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    address = made.pop("address")
    assert address.startswith(f"{settings.BASE_URL}/shared/")
    row = RunShare.objects.get()
    assert row.expires_at - row.created_at == timedelta(days=2)
    assert made == {
        "id": str(row.public_id),
        "note": "for Ada",
        "logs": True,
        "files": False,
        "created_by": "bob",
        "created_at": made["created_at"],
        "expires_at": made["expires_at"],
    }
    assert bob.get(place(run)).json() == {"results": [made], "next": None}
    path = urlsplit(address).path
    assert [Client().get(path + what).status_code for what in ("", "/log")] == [200, 200]
    for _ in range(2):
        assert api(cast.alice).delete(place(run, f"/{row.public_id}")).status_code == 204
    assert Client().get(path).status_code == 410
    assert bob.get(place(run)).json()["results"] == []
    acts = AuditRecord.objects.filter(act__startswith="share.").order_by("pk").values_list("act", "actor")
    assert list(acts) == [("share.created", "bob"), ("share.revoked", "alice")]


def test_without_a_word_it_shows_the_report_for_a_week(cast: Cast, run: Run) -> None:
    made = api(cast.bob).post(place(run), {}).json()
    assert (made["note"], made["logs"], made["files"]) == ("", False, True)
    row = RunShare.objects.get()
    assert row.expires_at - row.created_at == timedelta(days=7)


def test_same_key_gives_the_same_link_and_address(cast: Cast, run: Run) -> None:
    bob = api(cast.bob)
    first, last = (bob.post(place(run), {}, HTTP_IDEMPOTENCY_KEY="k").json() for _ in range(2))
    assert (first["id"], first["address"]) == (last["id"], last["address"])
    status = Client().get(urlsplit(last["address"]).path).status_code
    assert (status, RunShare.objects.count()) == (200, 1)
    others = api(cast.alice).post(place(run), {}, HTTP_IDEMPOTENCY_KEY="k").json()
    assert others["id"] != first["id"]
    assert others["address"] != first["address"]


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 201), ("bob", 201), ("vera", 403), ("charlie", 404)]
)
def test_links_are_for_developers_and_above(cast: Cast, run: Run, person: str, status: int) -> None:
    client = api(getattr(cast, person))
    assert client.post(place(run), {}).status_code == status
    assert client.get(place(run)).status_code == {201: 200}.get(status, status)
    missing = client.delete(place(run, f"/{UUID(int=0)}")).status_code
    assert missing == {201: 404}.get(status, status)


def test_link_of_another_run_is_not_ended_here(cast: Cast, run: Run) -> None:
    api(cast.bob).post(place(run), {})
    row, other = RunShare.objects.get(), submit_run(cast.project)
    assert api(cast.bob).delete(place(other, f"/{row.public_id}")).status_code == 404
    row.refresh_from_db()
    assert row.is_open(timezone.now())


@pytest.mark.parametrize(
    "body",
    [
        {"expires_in_days": 0},
        {"expires_in_days": 91},
        {"expires_in_days": "1e309"},
        {"note": "a\0b"},
        {"note": "x" * 81},
        {"note": "a\u202eb"},
        {"logs": "perhaps"},
        {"files": None},
        {"days": 7},
        [],
    ],
)
def test_what_makes_no_sense_is_refused(cast: Cast, run: Run, body: Any) -> None:
    answer = api(cast.bob).post(place(run), body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not RunShare.objects.exists()


def test_links_of_a_run_are_bounded(cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MOST_OPEN", 1)
    assert [api(cast.bob).post(place(run), {}).status_code for _ in range(2)] == [201, 409]
