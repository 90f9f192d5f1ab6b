"""Schedules on the pages: made with a look at their times, paused, fired, changed and deleted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditRecord, Project
from tasks import schedules
from tasks.models import Run, Schedule, ScheduleFire
from tests.api.cast import Cast, api, browser
from tests.frontend.project_settings.counting import queries

PAGE = "/projects/alice/shop/settings/schedules"
URL = "https://git.example.org/team/shop.git"
ORDER = {
    "name": "nightly",
    "goal": "Find security problems",
    "target": URL,
    "by": "cron",
    "cron": "30 2 * * 1-5",
    "every": "6",
    "unit": "3600",
    "time_zone": "Europe/Berlin",
    "overlap": "skip",
    "catch_up": "last",
    "window": "1",
    "window_unit": "86400",
    "act": "make",
}

pytestmark = pytest.mark.usefixtures("planner")


def add(project: Project, name: str = "nightly", **given: Any) -> Schedule:
    request = {"target": {"kind": "git", "url": URL, "ref": "main", "depth": 7}}
    row = Schedule(project=project, name=name, goal="Look", request=request, **{"cron": "0 4 * * *", **given})
    schedules.store(row)
    return row


def seen(client: Client, path: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', client.get(path).content.decode())
    assert found is not None
    return found[1]


def test_schedule_is_made_and_shown_with_its_next_times(cast: Cast) -> None:
    answer = browser(cast.alice).post(f"{PAGE}/new", ORDER, follow=True)
    row = Schedule.objects.get()
    assert (row.owner, row.cron, row.interval_seconds, row.time_zone) == (
        cast.alice,
        "30 2 * * 1-5",
        None,
        "Europe/Berlin",
    )
    assert row.request == {"target": {"kind": "git", "url": URL, "ref": None, "depth": 1}}
    shown = answer.content.decode()
    assert ("The schedule is made." in shown, len(re.findall(r"02:30:00 CES?T", shown))) == (True, 5)


def test_first_and_last_moment_are_on_the_clocks_of_the_zone(cast: Cast) -> None:
    more = {
        "starts_at": "2030-07-01T12:00",
        "ends_at": "2030-07-03T02:30",
        "priority": "0",
        "catch_up": "all",
        "window": "90",
        "window_unit": "60",
    }
    client = browser(cast.alice)
    shown = client.post(f"{PAGE}/preview", {**ORDER, **more}).content.decode()
    assert re.findall(r"<li>(\S+ \d\d July) 2030, (\S+ \S+)", shown) == [
        ("Tuesday 02 July", "02:30:00 CEST"),
        ("Wednesday 03 July", "02:30:00 CEST"),
    ]
    client.post(f"{PAGE}/new", {**ORDER, **more})
    row = Schedule.objects.get()
    assert (row.starts_at, row.ends_at, row.priority, row.catch_up, row.catch_up_window_seconds) == (
        datetime(2030, 7, 1, 10, tzinfo=UTC),
        datetime(2030, 7, 3, 0, 30, tzinfo=UTC),
        0,
        "all",
        5_400,
    )
    told = client.get(f"{PAGE}/{row.public_id}").content.decode()
    assert (
        'value="2030-07-01T12:00:00"' in told,
        'value="90"' in told,
        "at most 90 minutes ago" in told,
    ) == (
        True,
        True,
        True,
    )


def test_what_the_form_shows_coarsely_stays_as_it_was(cast: Cast) -> None:
    start = datetime(2030, 7, 1, 10, 0, 7, 123456, tzinfo=UTC)
    row = add(cast.project, starts_at=start, time_zone="Europe/Berlin", cron="30 2 * * 1-5")
    client, path = browser(cast.alice), f"{PAGE}/{row.public_id}"
    body = {**ORDER, "act": "save", "starts_at": "2030-07-01T12:00:07", "seen": seen(client, path)}
    assert client.post(path, body).status_code == 302
    row.refresh_from_db()
    assert (row.starts_at, row.goal) == (start, ORDER["goal"])


def test_form_and_api_refuse_the_same_times(cast: Cast) -> None:
    wrong = {"cron": "61 2 * * *", "time_zone": "Europe/Berln"}
    told = api(cast.alice).post("/api/v1/schedules/preview", wrong).json()["errors"]
    shown = browser(cast.alice).post(f"{PAGE}/new", {**ORDER, **wrong}).content.decode()
    texts = [unescape(text).lower() for text in re.findall(r'class="fault" role="alert">([^<]+)<', shown)]
    assert len(told) == 2
    assert [any(one["message"].rstrip(".").lower() in text for text in texts) for one in told] == [True, True]


def test_interval_takes_the_place_of_a_cron_line(cast: Cast) -> None:
    browser(cast.alice).post(f"{PAGE}/new", {**ORDER, "by": "interval"})
    row = Schedule.objects.get()
    assert (row.cron, row.interval_seconds) == ("", 21_600)
    assert "every 6 hours" in browser(cast.vera).get(PAGE).content.decode()


def test_form_that_is_sent_twice_makes_one(cast: Cast) -> None:
    client = browser(cast.alice)
    body = {**ORDER, "ticket": str(uuid4())}
    client.post(f"{PAGE}/new", body)
    told = client.post(f"{PAGE}/new", {**body, "name": "other"}, follow=True).content.decode()
    assert ("This form was sent before" in told, Schedule.objects.count()) == (True, 1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"cron": "61 2 * * *"}, "is no minute in"),
        ({"cron": ""}, "Write a cron line"),
        ({"by": "interval", "every": ""}, "Say how often."),
        ({"by": "interval", "every": "31622400", "unit": "86400"}, "At most a year."),
        ({"by": "interval", "every": "1", "unit": "1"}, "1 s is too often"),
        ({"time_zone": "Europe/Berln"}, "did you mean"),
        ({"target": "https://user:secret@git.example.org/x"}, "holds a user name or password"),
        ({"target": "ftp://x"}, "git is used over https and ssh"),
        ({"target": "/srv/shop", "ref": "main"}, "A folder has no branches"),
        ({"ref": "--upload-pack=x"}, "a ref is the name of a branch"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"every": "9" * 30}, "less than or equal to"),
        ({"overlap": "x"}, "Select a valid choice"),
        ({"priority": "10"}, "Select a valid choice"),
        ({"window": "-1"}, "greater than or equal to 0"),
        ({"window": "367"}, "At most a year."),
        ({"starts_at": "tomorrow"}, "Write a date and a time"),
        ({"starts_at": "2030-01-01T10:00+02:00"}, "Leave the zone out"),
        ({"ends_at": "0001-01-01T00:00"}, "Choose a year from 1970 to 2200."),
        ({"starts_at": "2030-02-01T00:00", "ends_at": "2030-01-01T00:00"}, "lies before the start"),
    ],
)
def test_fault_is_told_beside_its_field(cast: Cast, body: dict[str, str], told: str) -> None:
    answer = browser(cast.alice).post(f"{PAGE}/new", {**ORDER, **body})
    shown = answer.content.decode()
    assert (answer.status_code, told in shown, 'class="fault" role="alert"' in shown) == (400, True, True)
    assert not Schedule.objects.exists()


def test_times_are_shown_before_anything_is_stored(cast: Cast) -> None:
    client = browser(cast.alice)
    shown = client.post(f"{PAGE}/preview", {**ORDER, "goal": ""}).content.decode()
    assert shown.count("<li>") == 5
    whole = client.post(f"{PAGE}/new", {**ORDER, "name": "", "act": "preview"})
    assert (whole.status_code, whole.content.decode().count("<li>"), Schedule.objects.count()) == (200, 5, 0)
    for odd in ({}, {"by": "x"}, {"by": "cron", "cron": "\0"}, {"by": "interval", "every": "-1"}):
        assert client.post(f"{PAGE}/preview", odd).status_code == 200


def test_name_that_is_taken_is_told(cast: Cast) -> None:
    add(cast.project)
    answer = browser(cast.alice).post(f"{PAGE}/new", ORDER)
    assert (answer.status_code, "has a schedule of this name" in answer.content.decode()) == (400, True)


def test_change_keeps_what_the_form_does_not_show(cast: Cast) -> None:
    row, client = add(cast.project), browser(cast.alice)
    path = f"{PAGE}/{row.public_id}"
    body = {**ORDER, "ref": "next", "act": "save", "seen": seen(client, path)}
    assert "Saved." in client.post(path, body, follow=True).content.decode()
    row.refresh_from_db()
    assert row.request == {"target": {"kind": "git", "url": URL, "ref": "next", "depth": 7}}
    assert (row.cron, row.goal) == ("30 2 * * 1-5", "Find security problems")
    assert client.post(path, body).status_code == 409


def test_upload_stays_the_target(cast: Cast) -> None:
    target = {"kind": "archive", "digest": "a" * 64, "name": "shop.zip"}
    row, client = add(cast.project), browser(cast.alice)
    Schedule.objects.update(request={"target": target})
    path = f"{PAGE}/{row.public_id}"
    assert "It works on an upload" in client.get(path).content.decode()
    client.post(path, {**ORDER, "act": "save", "seen": seen(client, path)})
    row.refresh_from_db()
    assert (row.request, row.name, row.cron) == ({"target": target}, "nightly", "30 2 * * 1-5")


def test_schedule_is_paused_and_resumed(cast: Cast) -> None:
    row, client = add(cast.project), browser(cast.alice)
    path = f"{PAGE}/{row.public_id}"
    for act, told, is_on in (("pause", "It is paused", False), ("resume", "It is on", True)):
        assert told in client.post(path, {"act": act}, follow=True).content.decode()
        row.refresh_from_db()
        assert row.enabled == is_on
    Schedule.objects.update(enabled=False, time_zone="Nowhere/Town")
    assert "It cannot fire" in client.post(path, {"act": "resume"}, follow=True).content.decode()
    assert not Schedule.objects.get().enabled


def test_developer_fires_and_changes_nothing_else(cast: Cast) -> None:
    row, client = add(cast.project), browser(cast.bob)
    path = f"{PAGE}/{row.public_id}"
    body = {"act": "fire", "ticket": str(uuid4())}
    assert "Fired: its run is on its way." in client.post(path, body, follow=True).content.decode()
    assert "It was fired by this form already." in client.post(path, body, follow=True).content.decode()
    assert (Run.objects.count(), ScheduleFire.objects.get().note) == (1, "fired by bob")
    told = client.post(path, {"act": "fire"}, follow=True).content.decode()
    assert f"run {Run.objects.get().public_id} is accepted" in told
    for act in ("save", "pause", "resume", "delete", "preview"):
        assert client.post(path, {**ORDER, "act": act}).status_code == 403
    assert client.get(f"{PAGE}/new").status_code == 403
    assert client.post(path, {"act": "explode"}).status_code == 400


def test_viewer_looks_and_fires_nothing(cast: Cast) -> None:
    row, client = add(cast.project), browser(cast.vera)
    shown = client.get(f"{PAGE}/{row.public_id}").content.decode()
    assert ("Fire now" in shown, "Pause" in shown, "Change it" in shown) == (False, False, False)
    assert client.post(f"{PAGE}/{row.public_id}", {"act": "fire"}).status_code == 403
    assert not Run.objects.exists()


def test_schedule_is_deleted_on_the_record(cast: Cast) -> None:
    row, client = add(cast.project), browser(cast.alice)
    path = f"{PAGE}/{row.public_id}"
    assert "nightly is deleted." in client.post(path, {"act": "delete"}, follow=True).content.decode()
    record = AuditRecord.objects.get(act="schedule.deleted")
    assert (record.actor, record.subject, record.project_id) == (
        "alice",
        f"schedule:{row.public_id}",
        cast.project.pk,
    )
    assert client.post(path, {"act": "delete"}).status_code == 404


def test_schedule_of_another_project_is_not_there(cast: Cast) -> None:
    row, client = add(cast.other), browser(cast.alice)
    assert client.get(f"{PAGE}/{row.public_id}").status_code == 404
    assert client.post(f"{PAGE}/{row.public_id}", {"act": "delete"}).status_code == 404
    assert Schedule.objects.count() == 1


def test_queries_do_not_grow_with_rows(cast: Cast, steady_rules: None) -> None:
    row, client = add(cast.project), browser(cast.alice)
    paths = (PAGE, f"{PAGE}/{row.public_id}")
    schedules.fire_now(row.pk, by="alice")
    few = [queries(client, path) for path in paths]
    for n in range(10):
        add(cast.project, f"n{n}")
        schedules.fire_now(row.pk, by="alice")
    assert ([queries(client, path) for path in paths], max(few) <= 15) == (few, True)
