"""Webhooks over REST: who may, what is answered, that the secret is shown once, and hostile input."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import AuditRecord, DataKey, Membership, User
from accounts.roles import Role
from monitoring import sending
from monitoring.courier import claim, record
from monitoring.models import WebHook, WebHookDelivery, WebHookSecret
from tests.api.cast import Cast, api, submit_run

PATH = "/api/v1/projects/alice/shop/webhooks"
URL = "https://chat.example.org/hooks/canary-5b1e?token=canary-77"
ORDER: dict[str, Any] = {
    "url": URL,
    "events": ["run.finished", "approval.asked"],
    "description": "the channel",
}


@pytest.fixture(autouse=True)
def _master(settings: Any) -> None:
    settings.MASTER_KEY_FILE = ""
    settings.MASTER_KEY = "a:" + base64.b64encode(b"a" * 32).decode()
    settings.WEBHOOK_NETWORKS, settings.WEBHOOK_HTTP = [], False


def make(cast: Cast, **changes: Any) -> dict[str, Any]:
    answer = api(cast.alice).post(PATH, {**ORDER, **changes})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_hook_is_made_pinged_listed_changed_and_deleted(cast: Cast) -> None:
    client = api(cast.alice)
    made = client.post(PATH, ORDER)
    told = made.json()
    secret = told.pop("secret")
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    assert secret.startswith("whsec_")
    assert told == {
        "id": told["id"],
        "url": URL,
        "events": ["approval.asked", "run.finished"],
        "description": "the channel",
        "active": True,
        "inactive_reason": "",
        "failing_since": None,
        "old_secret_until": None,
        "created_at": told["created_at"],
        "created_by": "alice",
    }
    ping = client.get(f"{made['Location']}/deliveries").json()["results"]
    assert [(one["event"], one["state"], one["attempts"]) for one in ping] == [("ping", "waiting", 0)]
    assert client.get(PATH).json() == {"results": [told], "next": None}
    read = client.get(made["Location"])
    assert read.json() == told
    changed = client.patch(made["Location"], {"events": ["run.started"]}, HTTP_IF_MATCH=read["ETag"])
    assert (changed.status_code, changed.json()) == (200, {**told, "events": ["run.started"]})
    stale = client.patch(made["Location"], {"description": ""}, HTTP_IF_MATCH=read["ETag"])
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:wrenchai:problem:changed-meanwhile")
    assert client.delete(made["Location"], HTTP_IF_MATCH=read["ETag"]).status_code == 412
    assert client.delete(made["Location"]).status_code == 204
    assert client.get(made["Location"]).status_code == 404
    assert (WebHookDelivery.objects.count(), WebHookSecret.objects.count()) == (0, 0)


def test_acts_are_recorded_without_url_and_secret(cast: Cast) -> None:
    told = make(cast)
    path = f"{PATH}/{told['id']}"
    client = api(cast.alice)
    rotated = client.post(f"{path}/secret", {"overlap_seconds": 60}).json()
    client.patch(path, {"active": False})
    client.delete(path)
    rows = AuditRecord.objects.filter(act__startswith="webhook.").order_by("number")
    subject = f"webhook:{told['id']}"
    host = {"host": "chat.example.org"}
    assert [(row.act, row.actor, row.subject, row.details) for row in rows] == [
        ("webhook.created", "alice", subject, {**host, "events": ["approval.asked", "run.finished"]}),
        ("webhook.secret_rotated", "alice", subject, {**host, "overlap_seconds": 60}),
        (
            "webhook.changed",
            "alice",
            subject,
            {**host, "events": ["approval.asked", "run.finished"], "active": False},
        ),
        ("webhook.deleted", "alice", subject, host),
    ]
    everything = "".join(str(row.details) + row.subject for row in AuditRecord.objects.all())
    assert not any(word in everything for word in ("canary", told["secret"], rotated["secret"]))


ROUTES = [
    ("get", "", 200),
    ("post", "", 201),
    ("get", "/{hook}", 200),
    ("patch", "/{hook}", 200),
    ("post", "/{hook}/ping", 202),
    ("post", "/{hook}/secret", 201),
    ("get", "/{hook}/deliveries", 200),
    ("get", "/{hook}/deliveries/{delivery}", 200),
    ("post", "/{hook}/deliveries/{delivery}/replay", 202),
    ("delete", "/{hook}", 204),
]


def do(client: Any, method: str, path: str) -> int:
    body = ORDER if (method, path) == ("post", PATH) else {}
    return int((client.get(path) if method == "get" else getattr(client, method)(path, body)).status_code)


@pytest.mark.parametrize(("method", "tail", "good"), ROUTES)
def test_maintainers_manage_and_others_may_not_even_look(
    cast: Cast, method: str, tail: str, good: int
) -> None:
    mara = User.objects.create_user("mara")
    Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
    told = make(cast)
    WebHookDelivery.objects.update(state="failed", next_at=None, ended_at=timezone.now())
    path = PATH + tail.format(hook=told["id"], delivery=WebHookDelivery.objects.get().public_id)
    for person, code in ((cast.bob, 403), (cast.vera, 403), (cast.charlie, 404)):
        assert do(api(person), method, path) == code
    assert do(api(None), method, path) == 401
    assert do(api(mara), method, path) == good


@pytest.mark.parametrize(("method", "tail", "good"), [route for route in ROUTES if route[1]])
def test_hook_of_another_project_is_not_there(cast: Cast, method: str, tail: str, good: int) -> None:
    make(cast)
    theirs = api(cast.charlie).post("/api/v1/projects/charlie/other/webhooks", ORDER).json()
    delivery = WebHookDelivery.objects.get(hook__public_id=theirs["id"]).public_id
    for hook in (theirs["id"], uuid4()):
        assert do(api(cast.alice), method, PATH + tail.format(hook=hook, delivery=delivery)) == 404
    mine = WebHook.objects.get(project=cast.project).public_id
    if "{delivery}" in tail:
        assert do(api(cast.alice), method, PATH + tail.format(hook=mine, delivery=delivery)) == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "chat.example.org"}, "url"),
        ({"url": "http://chat.example.org/"}, "url"),
        ({"url": "ftp://chat.example.org/"}, "url"),
        ({"url": "https://user:canary@chat.example.org/"}, "url"),
        ({"url": "https://@chat.example.org/"}, "url"),
        ({"url": "https://chat.example.org/#canary"}, "url"),
        ({"url": "https://chat.example.org:0/"}, "url"),
        ({"url": "https://chat.example.org:99999/"}, "url"),
        ({"url": "https://chat.example.org:x/"}, "url"),
        ({"url": "https:///path"}, "url"),
        ({"url": "https://ex ample.org/"}, "url"),
        ({"url": "https://bücher.example/"}, "url"),
        ({"url": "https://a/\r\nX-Evil: 1"}, "url"),
        ({"url": "https://a/\u0000"}, None),
        ({"url": "https://[::1/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://127.1/"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://0x7f000001/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://100.64.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "https://[::1]/"}, "url"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "url"),
        ({"url": "https://[64:ff9b::7f00:1]/"}, "url"),
        ({"url": "https://[fe80::1]/"}, "url"),
        ({"url": "https://[fd00:ec2::254]/"}, "url"),
        ({"url": "https://224.0.0.1/"}, "url"),
        ({"url": "https://chat.example.org/" + "a" * 2_000}, "url"),
        ({"url": 5}, None),
        ({"url": ["https://a/"]}, "url"),
        ({"events": []}, "events"),
        ({"events": ["run.exploded"]}, "events.0"),
        ({"events": ["ping"]}, "events.0"),
        ({"events": "run.finished"}, "events"),
        ({"events": ["run.finished"] * 6}, "events"),
        ({"events": [None]}, "events.0"),
        ({"description": "a\nb"}, "description"),
        ({"description": "a" * 201}, "description"),
        ({"active": "perhaps"}, "active"),
        ({"active": None}, "active"),
        ({"secret": "mine"}, "secret"),
        ({"project": "other"}, "project"),
    ],
)
def test_bad_field_is_named(cast: Cast, changes: dict[str, Any], field: str | None) -> None:
    told = make(cast)
    for answer in (
        api(cast.alice).post(PATH, {**ORDER, **changes}),
        api(cast.alice).patch(f"{PATH}/{told['id']}", changes),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert field is None or {error["field"] for error in answer.json()["errors"]} == {field}
        assert "canary" not in answer.content.decode()
    assert WebHook.objects.get().url == URL


def test_http_is_taken_where_an_operator_allows_it(cast: Cast, settings: Any) -> None:
    settings.WEBHOOK_HTTP, settings.WEBHOOK_NETWORKS = True, ["10.0.0.0/8"]
    assert make(cast, url="http://10.1.2.3:8080/x")["url"] == "http://10.1.2.3:8080/x"
    assert api(cast.alice).post(PATH, {**ORDER, "url": "http://192.168.0.1/"}).status_code == 400


def test_project_has_at_most_twenty(cast: Cast) -> None:
    for _ in range(20):
        make(cast)
    answer = api(cast.alice).post(PATH, ORDER)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:too-many")
    page = api(cast.alice).get(f"{PATH}?limit=15").json()
    rest = api(cast.alice).get(page["next"]).json()
    assert (len(page["results"]), len(rest["results"]), rest["next"]) == (15, 5, None)


def test_rotation_shows_a_new_secret_once(cast: Cast) -> None:
    told = make(cast)
    path = f"{PATH}/{told['id']}"
    answer = api(cast.alice).post(f"{path}/secret", {})
    rotated = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert rotated["secret"] not in ("", told["secret"])
    assert rotated["old_secret_until"] is not None
    read = api(cast.alice).get(path).json()
    assert read == {name: value for name, value in rotated.items() if name != "secret"}
    at_once = api(cast.alice).post(f"{path}/secret", {"overlap_seconds": 0}).json()
    assert at_once["old_secret_until"] is None
    for bad in (-1, 10**9, 10**30, "1e309", None, 1.5):
        assert api(cast.alice).post(f"{path}/secret", {"overlap_seconds": bad}).status_code == 400


def test_secret_is_sealed_and_survives_a_rotation_of_keys(cast: Cast) -> None:
    from accounts import credentials, envelope

    told = make(cast)
    row = WebHookSecret.objects.get()
    assert told["secret"] not in row.value
    before = DataKey.objects.get().pk
    assert credentials.rotate(renew=True, now=timezone.now()).resealed == 1
    row = WebHookSecret.objects.get()
    assert (envelope.take(row), DataKey.objects.get().pk != before) == (told["secret"], True)


def test_installation_without_a_master_key_says_so(cast: Cast, settings: Any) -> None:
    settings.MASTER_KEY = ""
    answer = api(cast.alice).post(PATH, ORDER)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:wrenchai:problem:master-key-unusable")
    assert not WebHook.objects.exists()


def test_switched_off_hook_is_told_nothing_and_gives_up_what_waits(cast: Cast, planner: None) -> None:
    told = make(cast, events=["run.accepted"])
    path = f"{PATH}/{told['id']}"
    submit_run(cast.project)
    assert api(cast.alice).patch(path, {"active": False}).json()["active"] is False
    submit_run(cast.project)
    assert list(WebHookDelivery.objects.values_list("state", flat=True)) == ["failed", "failed"]
    WebHook.objects.update(failures=5, failing_since=timezone.now(), inactive_reason="because")
    again = api(cast.alice).patch(path, {"active": True}).json()
    assert (again["active"], again["inactive_reason"], again["failing_since"]) == (True, "", None)
    submit_run(cast.project)
    assert WebHookDelivery.objects.filter(state="waiting").count() == 1


def test_delivery_shows_request_and_attempts(cast: Cast, planner: None) -> None:
    told = make(cast, events=["run.accepted"])
    path = f"{PATH}/{told['id']}/deliveries"
    run = submit_run(cast.project)
    parcels = claim(10, failing=False)
    for parcel in parcels:
        record(parcel, sending.Answer(status=500, milliseconds=12, excerpt="oops", error="answered 500"))
    line = api(cast.alice).get(f"{path}?event=run.accepted").json()["results"][0]
    assert (line["run"], line["seq"], line["state"], line["status"]) == (
        str(run.public_id),
        1,
        "waiting",
        500,
    )
    whole = api(cast.alice).get(f"{path}/{line['id']}").json()
    row = WebHookDelivery.objects.get(public_id=line["id"])
    assert whole == {
        **line,
        "request": {
            "headers": {
                "Content-Type": "application/json",
                "X-Wrench-Event": "run.accepted",
                "X-Wrench-Delivery": line["id"],
            },
            "body": row.payload,
        },
        "log": [
            {
                "number": 1,
                "at": row.log[0]["at"],
                "status": 500,
                "duration_ms": 12,
                "response": "oops",
                "error": "answered 500",
            }
        ],
    }
    assert told["secret"] not in str(whole)


def test_deliveries_are_filtered_and_paged(cast: Cast, planner: None) -> None:
    told = make(cast, events=["run.accepted"])
    path = f"{PATH}/{told['id']}/deliveries"
    for _ in range(3):
        submit_run(cast.project)
    client = api(cast.alice)
    ids = [one["id"] for one in client.get(path).json()["results"]]
    first = client.get(f"{path}?limit=3").json()
    rest = client.get(first["next"]).json()
    assert [one["id"] for one in first["results"] + rest["results"]] == ids
    assert len(client.get(f"{path}?event=ping").json()["results"]) == 1
    assert client.get(f"{path}?state=delivered").json()["results"] == []
    for bad in ("state=lost", "event=run.exploded", "cursor=0", "limit=0", "ordering=id", "colour=red"):
        assert client.get(f"{path}?{bad}").status_code == 400


def test_replay_is_a_new_delivery_of_the_same_event(cast: Cast, planner: None) -> None:
    told = make(cast, events=["run.accepted"])
    path = f"{PATH}/{told['id']}/deliveries"
    submit_run(cast.project)
    first = WebHookDelivery.objects.get(event="run.accepted")
    waiting = api(cast.alice).post(f"{path}/{first.public_id}/replay", {})
    assert (waiting.status_code, waiting.json()["type"]) == (409, "urn:wrenchai:problem:delivery-conflict")
    for parcel in claim(10, failing=False):
        record(parcel, sending.Answer(status=200))
    answers = [api(cast.alice).post(f"{path}/{first.public_id}/replay", {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    for answer in answers:
        assert answer.json()["replay_of"] == str(first.public_id)
        row = WebHookDelivery.objects.get(public_id=answer.json()["id"])
        assert (row.payload, row.state, row.is_replay) == (first.payload, "waiting", True)
        assert api(cast.alice).get(answer["Location"]).json()["id"] == answer.json()["id"]
    first.delete()
    assert WebHookDelivery.objects.filter(is_replay=True, replay_of=None).count() == 2


def test_ping_goes_to_a_hook_that_is_off(cast: Cast) -> None:
    told = make(cast, active=False)
    WebHookDelivery.objects.all().delete()
    answer = api(cast.alice).post(f"{PATH}/{told['id']}/ping", {})
    assert (answer.status_code, answer.json()["event"]) == (202, "ping")
    assert [parcel.url for parcel in claim(10, failing=True)] == [URL]
    assert api(cast.alice).post(f"{PATH}/{told['id']}/ping", {"x": 1}).status_code == 400


def test_hostile_bodies_and_paths_are_no_faults_of_ours(cast: Cast) -> None:
    told = make(cast)
    client = api(cast.alice)
    for body in (b"", b"null", b"[]", b"[" * 10_000, b'{"url": "\xff"}', b'{"url": "\\ud800"}', b"1e309"):
        for method, path in (
            ("post", PATH),
            ("patch", f"{PATH}/{told['id']}"),
            ("post", f"{PATH}/{told['id']}/ping"),
        ):
            answer = getattr(client, method)(path, data=body, content_type="application/json")
            assert answer.status_code in {400, 202, 200}, (method, path, body)
            assert answer.status_code == 400 or body == b""
    for tail in ("%00", "x", "../..", "0" * 36):
        assert client.get(f"{PATH}/{tail}").status_code == 404


def test_expired_old_secret_is_no_longer_told(cast: Cast) -> None:
    told = make(cast)
    api(cast.alice).post(f"{PATH}/{told['id']}/secret", {"overlap_seconds": 60})
    past = timezone.now() - timedelta(seconds=1)
    WebHookSecret.objects.exclude(expires_at=None).update(expires_at=past)
    assert api(cast.alice).get(f"{PATH}/{told['id']}").json()["old_secret_until"] is None
