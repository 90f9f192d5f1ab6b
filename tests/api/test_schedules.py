"""Schedules over the API: who may, what is refused before it is stored, and what the clock makes of the rest."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AuditRecord, Membership, User
from accounts.roles import Role
from tasks import runs, schedules
from tasks.models import Run, Schedule, ScheduleFire
from tasks.runs.moves import database_now
from tests.agents.test_tracking import at_once
from tests.api.cast import TARGET, Cast, api, browser, make_cast, token
from tests.api.test_hostile import JSON

pytestmark = pytest.mark.usefixtures("planner")

LIST = "/api/v1/schedules"
ORDER: dict[str, Any] = {
    "project": "alice/shop",
    "name": "nightly",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "goal": "Find security problems",
    "target": TARGET,
}


@pytest.fixture
def mara(cast: Cast) -> User:
    return maintainer(cast)


def maintainer(cast: Cast) -> User:
    person = User.objects.create_user("mara")
    Membership.objects.create(user=person, team=cast.project.team, role=Role.MAINTAINER)
    return person


def make(person: User, **changes: Any) -> str:
    answer = api(person).post(LIST, {**ORDER, **changes})
    assert answer.status_code == 201, answer.content
    return str(answer["Location"])


def test_schedule_is_made_read_listed_changed_and_deleted(cast: Cast, mara: User) -> None:
    client = api(mara)
    made = client.post(LIST, ORDER)
    row, told = Schedule.objects.get(), made.json()
    assert row.next_fire_at is not None
    assert (made.status_code, told) == (
        201,
        {
            "id": str(row.public_id),
            "project": "alice/shop",
            "name": "nightly",
            "enabled": True,
            "cron": "30 2 * * *",
            "interval_seconds": None,
            "time_zone": "Europe/Berlin",
            "starts_at": None,
            "ends_at": None,
            "goal": "Find security problems",
            "target": TARGET,
            "priority": None,
            "catch_up": "last",
            "catch_up_window_seconds": 86400,
            "overlap": "skip",
            "owner": "mara",
            "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
            "next_fire_at": row.next_fire_at.isoformat().replace("+00:00", "Z"),
            "last_fire_at": None,
            "last_outcome": None,
        },
    )
    assert client.get(made["Location"]).json() == told
    assert client.get(LIST).json() == {"results": [told], "next": None}
    changed = client.patch(made["Location"], {"interval_seconds": 60, "priority": 3, "overlap": "queue"})
    row.refresh_from_db()
    assert row.next_fire_at is not None
    assert (changed.status_code, changed.json()) == (
        200,
        {
            **told,
            "cron": None,
            "interval_seconds": 60,
            "priority": 3,
            "overlap": "queue",
            "next_fire_at": row.next_fire_at.isoformat().replace("+00:00", "Z"),
        },
    )
    assert row.next_fire_at <= timezone.now() + timedelta(seconds=60)
    assert client.delete(made["Location"]).status_code == 204
    assert client.get(made["Location"]).status_code == 404
    record = AuditRecord.objects.get(act="schedule.deleted")
    assert (record.actor, record.subject) == ("mara", f"schedule:{row.public_id}")
    assert record.details == {"name": "nightly", "goal": "Find security problems"}


@pytest.mark.parametrize(
    ("person", "look", "fire", "manage"),
    [
        ("alice", 200, 201, 200),
        ("mara", 200, 201, 200),
        ("bob", 200, 201, 403),
        ("vera", 200, 403, 403),
        ("charlie", 404, 404, 404),
        ("", 401, 401, 401),
    ],
)
def test_roles_decide(cast: Cast, mara: User, person: str, look: int, fire: int, manage: int) -> None:
    path = make(cast.alice)
    client = api(mara if person == "mara" else getattr(cast, person) if person else None)
    for part in ("", "/times", "/fires"):
        assert client.get(path + part).status_code == look
    assert client.post(f"{path}/fire", {}).status_code == fire
    assert client.patch(path, {"priority": 1}).status_code == manage
    made = client.post(LIST, {**ORDER, "name": "mine"}).status_code
    assert made == {200: 201, 403: 403, 404: 400, 401: 401}[manage]  # a project that is not seen: a bad field
    assert client.delete(path).status_code == {200: 204}.get(manage, manage)
    listed = client.get(LIST)
    if look == 404:
        assert listed.json()["results"] == []
        assert client.get(f"{LIST}?project=alice/shop").status_code == 400


def test_another_project_gets_no_schedule(cast: Cast) -> None:
    answer = api(cast.alice).post(LIST, {**ORDER, "project": "charlie/other"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "project")
    moved = api(cast.alice).patch(make(cast.alice), {"project": "charlie/other"})
    assert (moved.status_code, moved.json()["errors"][0]["field"]) == (400, "project")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"cron": "61 * * * *"}, {"cron"}),
        ({"cron": "0 0 31 2 *"}, {"cron"}),
        ({"cron": "0 0 \u00b2 * *"}, {"cron"}),
        ({"cron": ""}, {"cron"}),
        ({"cron": None}, {"cron"}),
        ({"cron": "* * * * *", "interval_seconds": 60}, {"cron"}),
        ({"cron": "* " * 100}, {"cron"}),
        ({"cron": ["* * * * *"]}, {"cron"}),
        ({"cron": None, "interval_seconds": 9}, {"interval_seconds"}),
        ({"cron": None, "interval_seconds": 10**40}, {"interval_seconds"}),
        ({"cron": None, "interval_seconds": 1e300}, {"interval_seconds"}),
        ({"time_zone": "Europe/Berln"}, {"time_zone"}),
        ({"time_zone": "../../etc/passwd"}, {"time_zone"}),
        ({"time_zone": ""}, {"time_zone"}),
        ({"starts_at": "9999-12-31T23:59:59Z"}, {"starts_at"}),
        ({"starts_at": "0001-01-01T00:00:00Z"}, {"starts_at"}),
        ({"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}, {"ends_at"}),
        ({"starts_at": "soon"}, {"starts_at"}),
        ({"goal": " "}, {"goal"}),
        ({"goal": "x" * 4001}, {"goal"}),
        ({"target": {}}, {"target"}),
        ({"target": {"kind": "git", "url": "https://user:secret@git.example.org/x.git"}}, {"target"}),
        ({"target": {"kind": "git", "url": "file:///etc/passwd"}}, {"target"}),
        ({"target": {"kind": "path", "path": "relative"}}, {"target"}),
        ({"target": "text"}, {"target"}),
        ({"target": {"target": TARGET}}, {"target"}),
        ({"name": ""}, {"name"}),
        ({"name": "a\u202eb"}, {"name"}),
        ({"name": "x" * 81}, {"name"}),
        ({"priority": 10}, {"priority"}),
        ({"catch_up": "some"}, {"catch_up"}),
        ({"overlap": None}, {"overlap"}),
        ({"enabled": None}, {"enabled"}),
        ({"catch_up_window_seconds": -1}, {"catch_up_window_seconds"}),
        ({"catch_up_window_seconds": 2**31}, {"catch_up_window_seconds"}),
        ({"next_fire_at": "2030-01-01T00:00:00Z"}, {"next_fire_at"}),
        ({"owner": "bob"}, {"owner"}),
        ({"cron": "61 * * * *", "time_zone": "Europe/Berln", "target": {}}, {"cron", "time_zone", "target"}),
    ],
)
def test_what_never_fires_is_refused_by_field(cast: Cast, changes: dict[str, Any], fields: set[str]) -> None:
    made = api(cast.alice).post(LIST, {**ORDER, **changes})
    assert (made.status_code, {fault["field"] for fault in made.json()["errors"]}) == (400, fields)
    assert "secret" not in made.content.decode().replace(ORDER["goal"], "")
    assert not Schedule.objects.exists()
    path = make(cast.alice)
    before = Schedule.objects.values().get()
    answer = api(cast.alice).patch(path, changes)
    assert answer.status_code == 400
    assert Schedule.objects.values().get() == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from([*ORDER, "interval_seconds", "starts_at", "ends_at", "count", "priority", "overlap"]),
        JSON,
    )
)
def test_no_json_makes_a_5xx(cast: Cast, changes: dict[str, object]) -> None:
    client = Client(raise_request_exception=False)
    bearer = f"Bearer {token(cast.alice)}"
    for path in (LIST, f"{LIST}/preview"):
        raw = json.dumps({**ORDER, **changes})
        answer = client.post(path, raw, content_type="application/json", HTTP_AUTHORIZATION=bearer)
        assert answer.status_code < 500, answer.content
    Schedule.objects.all().delete()


@pytest.mark.parametrize("field", ["cron", "time_zone", "name", "goal", "target"])
@pytest.mark.parametrize("value", ["\\u0000", "\\ud800"])
def test_text_that_cannot_be_stored_is_400(cast: Cast, field: str, value: str) -> None:
    client = Client(raise_request_exception=False)
    raw = json.dumps({**ORDER, field: "HERE"}).replace("HERE", value)
    answer = client.post(
        LIST, raw, content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {token(cast.alice)}"
    )
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_name_is_the_projects_own(cast: Cast) -> None:
    path = make(cast.alice)
    make(cast.charlie, project="charlie/other")
    again = api(cast.alice).post(LIST, ORDER)
    assert (again.status_code, again.json()["type"]) == (409, "urn:wrenchai:problem:name-taken")
    second = make(cast.alice, name="weekly")
    renamed = api(cast.alice).patch(second, {"name": "nightly"})
    assert (renamed.status_code, renamed.json()["type"]) == (409, "urn:wrenchai:problem:name-taken")
    assert api(cast.alice).patch(path, {"name": "nightly"}).status_code == 200


def test_nobody_overwrites_what_somebody_has_just_changed(cast: Cast, mara: User) -> None:
    path = make(cast.alice)
    tag = api(cast.alice).get(path)["ETag"]
    Schedule.objects.update(next_fire_at=timezone.now(), last_fire_at=timezone.now())
    assert api(cast.alice).get(path, headers={"If-None-Match": tag}).status_code == 200
    first = api(mara).patch(path, {"priority": 1}, headers={"If-Match": tag})
    assert first.status_code == 200  # that the clock went on is nobody's edit
    for refused in (
        api(cast.alice).patch(path, {"priority": 2}, headers={"If-Match": tag}),
        api(cast.alice).delete(path, headers={"If-Match": tag}),
    ):
        assert (refused.status_code, refused.json()["type"]) == (
            412,
            "urn:wrenchai:problem:changed-meanwhile",
        )
    assert api(cast.alice).delete(path, headers={"If-Match": first["ETag"]}).status_code == 204


def test_edit_of_no_time_leaves_the_next_one(cast: Cast) -> None:
    path = make(cast.alice)
    due = timezone.now() - timedelta(seconds=5)
    Schedule.objects.update(next_fire_at=due)
    api(cast.alice).patch(path, {"goal": "Look again", "cron": ORDER["cron"]})
    assert Schedule.objects.values_list("goal", "next_fire_at").get() == ("Look again", due)
    api(cast.alice).patch(path, {"cron": "31 2 * * *"})
    assert Schedule.objects.get().next_fire_at > timezone.now()


def test_schedule_that_became_unsound_can_be_switched_off_and_not_on(cast: Cast) -> None:
    path, client = make(cast.alice), api(cast.alice)
    Schedule.objects.update(cron="61 * * * *", request={"target": {"kind": "gone"}})
    assert client.patch(path, {"priority": 1}).status_code == 400
    off = client.patch(path, {"enabled": False})
    assert (off.status_code, off.json()["enabled"], off.json()["next_fire_at"]) == (200, False, None)
    on = client.patch(path, {"enabled": True})
    assert {fault["field"] for fault in on.json()["errors"]} == {"cron", "target"}
    mended = client.patch(path, {"enabled": True, "cron": "0 3 * * *", "target": TARGET})
    assert (mended.status_code, mended.json()["next_fire_at"] is not None) == (200, True)


def test_times_are_told_of_what_is_stored_and_of_what_is_not(cast: Cast) -> None:
    order = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "starts_at": "2026-12-30T12:00:00Z"}
    preview = api(cast.vera).post(f"{LIST}/preview", {**order, "count": 2})
    assert (preview.status_code, preview.json()) == (
        200,
        {
            "time_zone": "Europe/Berlin",
            "times": [
                {"at": "2026-12-31T01:30:00Z", "local": "2026-12-31T02:30:00+01:00"},
                {"at": "2027-01-01T01:30:00Z", "local": "2027-01-01T02:30:00+01:00"},
            ],
        },
    )
    path = make(cast.alice, **order, enabled=False, ends_at="2027-01-01T00:00:00Z")
    assert api(cast.vera).get(f"{path}/times?count=2").json()["times"] == preview.json()["times"][:1]
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"cron": "x"},
        {"interval_seconds": 1},
        {"cron": "* * * * *", "count": 51},
        {"cron": "* * * * *", "name": "n"},
        {"cron": "* * * * *", "starts_at": "9999-12-31T00:00:00Z"},
        {"cron": "* * * * *", "time_zone": "\u0661"},
    ],
)
def test_preview_of_what_has_no_times_names_why(cast: Cast, order: dict[str, Any]) -> None:
    answer = api(cast.charlie).post(f"{LIST}/preview", order)
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 1)


def test_fire_now_makes_a_run_and_overlap_leaves_the_next_out(cast: Cast) -> None:
    path, client = make(cast.alice, enabled=False), api(cast.bob)
    fired = client.post(f"{path}/fire", {})
    run = Run.objects.get()
    assert (fired.status_code, fired.json()["outcome"], fired.json()["note"]) == (
        201,
        "submitted",
        "fired by bob",
    )
    assert fired.json()["run"] == {
        "id": str(run.public_id),
        "state": "accepted",
        "url": f"/runs/{run.public_id}",
    }
    assert (run.owner, run.goal, run.request["target"]["url"]) == (cast.alice, ORDER["goal"], TARGET["url"])
    again = client.post(f"{path}/fire", {})
    assert (again.status_code, again.json()["outcome"], again.json()["run"]) == (201, "skipped", None)
    fires = client.get(f"{path}/fires").json()["results"]
    assert fires == [again.json(), fired.json()]
    assert client.get(f"{path}/fires?outcome=submitted").json()["results"] == [fired.json()]
    assert client.get(f"{path}/fires?outcome=missed&outcome=refused").json()["results"] == []
    one = client.get(f"{path}/fires?limit=1").json()
    assert client.get(one["next"]).json()["results"] == [fired.json()]
    told = client.get(path).json()
    assert (told["last_outcome"], told["last_fire_at"], told["next_fire_at"]) == (
        "skipped", again.json()["fire_at"], None,
    )  # fmt: skip
    api(cast.alice).delete(path)
    run.refresh_from_db()
    assert run.state == "accepted"


def test_clock_fires_what_the_api_has_stored(cast: Cast) -> None:
    start = database_now().replace(microsecond=0) - timedelta(seconds=5)
    path = make(cast.alice, cron=None, interval_seconds=10, starts_at=start.isoformat())
    Schedule.objects.update(next_fire_at=start)
    assert schedules.fire_due() == 1
    (fire,) = api(cast.vera).get(f"{path}/fires").json()["results"]
    assert (fire["outcome"], fire["run"]["id"]) == ("submitted", str(Run.objects.get().public_id))
    runs.cancel(Run.objects.get().public_id, by="bob")
    assert api(cast.vera).get(f"{path}/fires").json()["results"][0]["run"]["state"] == "cancelled"


@pytest.mark.parametrize("sign", [":", " "])
def test_nobody_takes_the_place_of_a_scheduled_run_by_its_idempotency_key(cast: Cast, sign: str) -> None:
    start = database_now().replace(microsecond=0) - timedelta(seconds=5)
    path = make(cast.alice, cron=None, interval_seconds=10, starts_at=start.isoformat())
    Schedule.objects.update(next_fire_at=start)
    key = sign.join(["schedule", str(Schedule.objects.get().pk), start.isoformat()])
    order = {"goal": "nothing", "target": TARGET, "project": "alice/shop"}
    taken = api(cast.bob).post("/api/v1/runs", order, headers={"Idempotency-Key": key})
    assert taken.status_code == (201 if sign == ":" else 400)
    assert schedules.fire_due() == 1
    (fire,) = api(cast.vera).get(f"{path}/fires").json()["results"]
    assert (fire["outcome"], fire["note"]) == ("submitted", "")
    assert Run.objects.get(public_id=fire["run"]["id"]).goal == ORDER["goal"]


@pytest.mark.parametrize("value", [1, 1.5, True])
def test_cursor_with_a_number_for_a_moment_is_refused(cast: Cast, value: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(["-created_at", value, 1]).encode()).decode().rstrip("=")
    assert api(cast.vera).get(LIST, {"cursor": cursor}).status_code == 400


def test_lists_are_filtered_and_paged(cast: Cast) -> None:
    for name in ("a", "b", "c"):
        make(cast.alice, name=name, enabled=name != "b")
    client = api(cast.vera)
    names = [
        one["name"] for one in client.get(f"{LIST}?enabled=true&ordering=name&project=shop").json()["results"]
    ]
    assert names == ["a", "c"]
    page = client.get(f"{LIST}?limit=2").json()
    assert [one["name"] for one in page["results"]] == ["c", "b"]
    assert [one["name"] for one in client.get(page["next"]).json()["results"]] == ["a"]


@pytest.mark.parametrize(
    "query", ["enabled=perhaps", "project=%00", "ordering=cron", "colour=red", "limit=0"]
)
def test_query_that_is_none_is_named(cast: Cast, query: str) -> None:
    answer = api(cast.vera).get(f"{LIST}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.split("=")[0])


@pytest.mark.parametrize("name", ["x", "%00", "6f1c2a54-0d0b-4c55-9d5e-0b8f2f6f7a10"])
def test_schedule_that_is_none_is_404(cast: Cast, name: str) -> None:
    client = Client(raise_request_exception=False)
    for part in ("", "/times", "/fires"):
        answer = client.get(f"{LIST}/{name}{part}", HTTP_AUTHORIZATION=f"Bearer {token(cast.vera)}")
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_admin_refuses_a_start_at_the_end_of_time(cast: Cast) -> None:
    root = User.objects.create_user("root", is_staff=True, is_superuser=True)
    form = {
        "name": "late", "project": cast.project.pk, "enabled": "on", "cron": "* * * * *", "time_zone": "UTC",
        "goal": "g", "request": json.dumps({"target": TARGET}), "catch_up": "last", "catch_up_window_seconds": 60,
        "overlap": "skip", "starts_at_0": "9999-12-31", "starts_at_1": "23:59:59",
    }  # fmt: skip
    page = browser(root).post("/admin/tasks/schedule/add/", form)
    assert page.status_code == 200
    assert "9999-12-31 lies outside of 1970 to 2200" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_edits_at_once_with_the_same_tag_are_one(planner: None) -> None:
    cast = make_cast()
    path = make(cast.alice)
    tag = api(cast.alice).get(path)["ETag"]
    clients = [api(cast.alice), api(cast.alice)]
    answers = at_once(
        *(
            lambda client=client, n=n: client.patch(path, {"priority": n}, headers={"If-Match": tag})
            for n, client in enumerate(clients)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


def test_rows_that_the_previous_release_stores_get_an_id(cast: Cast) -> None:
    make(cast.alice)
    names = [
        field.column for field in Schedule._meta.concrete_fields if field.column not in {"id", "public_id"}
    ]
    told = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO tasks_schedule ({told}) SELECT {told.replace(chr(34) + 'name' + chr(34), repr('copy'))}"
            " FROM tasks_schedule"
        )
    first, second = Schedule.objects.values_list("public_id", flat=True)
    assert first != second
    assert ScheduleFire.objects.count() == 0
    assert datetime.now(UTC) > Schedule.objects.latest("pk").created_at
