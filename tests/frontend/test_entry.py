"""The link that signs in once: what opens, what does not, what is kept and recorded."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client

from accounts import entries
from accounts.models import AuditRecord, DeviceSession, EntryLink, User
from tasks import runs
from tasks.models import Run
from tests.api.cast import Cast, browser, submit_run


def acts() -> list[tuple[str, str]]:
    return list(
        AuditRecord.objects.filter(act__contains="entry").order_by("number").values_list("act", "actor")
    )


def test_link_signs_in_once_and_its_making_and_use_are_recorded(cast: Cast) -> None:
    path = f"/enter/{entries.make(cast.alice, leads_to='/teams')}"
    client = Client()
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, "/teams")
    assert (answer["Referrer-Policy"], "no-store" in answer["Cache-Control"]) == ("no-referrer", True)
    assert client.get("/teams").context["user"] == cast.alice
    assert DeviceSession.objects.filter(user=cast.alice, kind="browser").count() == 1
    assert acts() == [("entry_link.made", ""), ("entry_link.used", "alice")]
    second = Client().get(path)
    assert (second.status_code, "This link is over" in second.content.decode()) == (410, True)
    assert client.get(path)["Location"] == "/teams"  # who is signed in by it may go back to it


def test_token_is_stored_as_a_hash_only(cast: Cast) -> None:
    token = entries.make(cast.alice)
    row = EntryLink.objects.values().get()
    assert token not in str(row)
    assert len(row["digest"]) == 64


def test_link_opens_nothing_when_its_time_is_over(cast: Cast) -> None:
    token = entries.make(cast.alice, lasts=timedelta(seconds=-1))
    assert Client().get(f"/enter/{token}").status_code == 410


def test_only_the_newest_link_opens(cast: Cast) -> None:
    old, new = entries.make(cast.alice), entries.make(cast.alice)
    assert Client().get(f"/enter/{old}").status_code == 410
    assert Client().get(f"/enter/{new}").status_code == 302


def test_link_of_a_closed_account_opens_nothing(cast: Cast) -> None:
    token = entries.make(cast.alice)
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert Client().get(f"/enter/{token}").status_code == 410


def test_browser_that_looks_ahead_does_not_spend_it(cast: Cast) -> None:
    path = f"/enter/{entries.make(cast.alice)}"
    assert Client().get(path, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 503
    assert Client().head(path).status_code == 405
    assert Client().post(path).status_code == 405
    assert Client().get(path).status_code == 302


@pytest.mark.parametrize(
    "told",
    [
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"X-Purpose": "preview"},
        {"Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "empty"},
    ],
    ids=str,
)
def test_only_a_page_that_somebody_goes_to_spends_it(cast: Cast, told: dict[str, str]) -> None:
    path = f"/enter/{entries.make(cast.alice)}"
    assert Client().get(path, headers=told).status_code == 503
    assert Client().get(path, headers={"Sec-Fetch-Dest": "document"}).status_code == 302


def test_link_ends_with_the_password_that_it_stood_in_for(cast: Cast) -> None:
    token = entries.make(cast.alice)
    cast.alice.set_password("another long password")
    cast.alice.save()
    assert Client().get(f"/enter/{token}").status_code == 410


def test_link_takes_over_from_somebody_else_who_is_signed_in(cast: Cast) -> None:
    client = browser(cast.bob)
    assert client.get(f"/enter/{entries.make(cast.alice)}").status_code == 302
    assert client.get("/").context["user"] == cast.alice


@pytest.mark.parametrize("token", ["x", "x" * 5000, "a%00b", "%F0%9F%92%A9"])
def test_nonsense_is_over_too(cast: Cast, token: str) -> None:
    assert Client().get(f"/enter/{token}").status_code == 410


def test_guesses_are_counted_by_address(cast: Cast, one_window: None) -> None:
    answers = [Client().get("/enter/nonsense").status_code for _ in range(31)]
    assert (answers[29], answers[30]) == (410, 429)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_open_it_at_once_one_is_in(transactional_db: None) -> None:
    user = User.objects.create_user("admin")
    path, told = f"/enter/{entries.make(user)}", []

    def go() -> None:
        told.append(Client().get(path).status_code)
        connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [302, 410, 410, 410]


@pytest.mark.usefixtures("planner")
def test_first_run_invites_to_the_next_when_it_is_over(cast: Cast) -> None:
    run = submit_run(cast.project)
    Run.objects.filter(pk=run.pk).update(idempotency_key="first-run")
    path = f"/runs/{run.public_id}"
    assert "Now your repository." not in browser(cast.bob).get(path).content.decode()
    runs.cancel(run.public_id, by="bob")
    assert "Now your repository." in browser(cast.bob).get(path).content.decode()
    assert "Now your repository." not in browser(cast.vera).get(path).content.decode()
    other = submit_run(cast.project)
    runs.cancel(other.public_id, by="bob")
    assert "Now your repository." not in browser(cast.bob).get(f"/runs/{other.public_id}").content.decode()
