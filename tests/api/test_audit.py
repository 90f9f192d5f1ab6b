"""The audit chain as requests write it, and as staff read it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import audit, audit_check, keys
from accounts.audit import Act
from accounts.models import AuditRecord, Membership, User
from accounts.roles import Role
from tasks import runs
from tasks.errors import ApprovalDecided
from tests.api.cast import PASSWORD, Cast, api, ask, browser, make_cast


@pytest.fixture
def staff(cast: Cast) -> User:
    return User.objects.create_user("staff", password=PASSWORD, is_staff=True)


def rows(*acts: str) -> list[tuple[str, str, str, str]]:
    found = AuditRecord.objects.filter(act__in=acts).order_by("number")
    return [(row.act, row.actor, row.way, row.subject) for row in found]


def test_signing_in_and_failing_to_is_recorded_by_both_doors(cast: Cast) -> None:
    client, mine = Client(), f"user:{cast.bob.pk}"
    for password in ("wrong", PASSWORD):
        client.post("/login/", {"username": "bob", "password": password}, REMOTE_ADDR="192.0.2.7")
        APIClient().post("/api/v1/token", {"username": "bob", "password": password})
    client.post("/logout/")
    assert rows("sign_in", "sign_in.failed", "sign_out") == [
        ("sign_in.failed", "", "session", ""),
        ("sign_in.failed", "", "session", ""),
        ("sign_in", "bob", "session", mine),
        ("sign_in", "bob", "token", mine),
        ("sign_out", "bob", "session", mine),
    ]
    failed = AuditRecord.objects.filter(act="sign_in.failed").earliest("number")
    assert (failed.details, failed.address) == ({"name": "bob"}, "192.0.2.7")
    assert PASSWORD not in str(list(AuditRecord.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_server_that_is_asynchronous_records_who_and_from_where() -> None:
    """The middleware is synchronous: its context must reach the view through the server's threads."""
    cast = make_cast()
    key = api(cast.bob).post("/api/v1/keys", {"name": "x", "scopes": ["key.manage"]}).json()

    async def ask_it() -> int:
        headers = {"Authorization": f"Bearer {key['key']}"}
        answer = await AsyncClient().delete(f"/api/v1/keys/{key['id']}", headers=headers)
        await sync_to_async(connections.close_all)()
        return int(answer.status_code)

    assert asyncio.run(ask_it()) == 204
    row = AuditRecord.objects.get(act="key.revoked")
    assert (row.actor, row.way, row.address) == ("bob", f"key:{key['id']}", "127.0.0.1")


def test_hostile_name_is_recorded_and_breaks_nothing(cast: Cast) -> None:
    for name in ("x" * 5000, "a\ud800b", "\x1b[31mred"):
        Client().post("/login/", {"username": name.encode("utf-8", "replace").decode(), "password": "x"})
    assert len(rows("sign_in.failed")) == 3
    assert audit_check.check({}).fault == ""


def test_keys_are_recorded_with_who_and_how(cast: Cast) -> None:
    order = {"name": "ci", "scopes": ["key.manage"], "projects": ["shop"]}
    made = api(cast.bob).post("/api/v1/keys", order).json()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made['key']}")
    again = client.post(f"/api/v1/keys/{made['id']}/rotate", {}).json()
    api(cast.bob).delete(f"/api/v1/keys/{again['id']}")
    assert rows("key.created", "key.rotated", "key.revoked") == [
        ("key.created", "bob", "token", f"key:{made['id']}"),
        ("key.rotated", "bob", f"key:{made['id']}", f"key:{made['id']}"),
        ("key.revoked", "bob", "token", f"key:{again['id']}"),
    ]
    stored = str(list(AuditRecord.objects.values()))
    assert made["key"].split("_")[2] not in stored
    assert again["key"].split("_")[2] not in stored


def test_role_changed_in_the_admin_names_the_administrator(cast: Cast) -> None:
    root = User.objects.create_user("root", is_superuser=True, is_staff=True)
    row = Membership.objects.get(user=cast.bob)
    form = {"user": row.user_id, "team": row.team_id, "role": int(Role.OWNER)}
    path = f"/admin/accounts/membership/{row.pk}/change/"
    assert browser(root).post(path, form).status_code == 302
    assert rows("role.changed") == [("role.changed", "root", "session", f"user:{cast.bob.pk}")]


@pytest.mark.django_db(transaction=True)
def test_answer_of_a_person_is_recorded_once(worker: None) -> None:
    cast = make_cast()
    question = ask(cast.project, role="developer")
    path = f"/api/v1/approvals/{question.public_id}"
    assert api(cast.bob).post(path, {"decision": "approve"}).status_code == 200
    assert api(cast.bob).post(path, {"decision": "approve"}).status_code == 200
    with pytest.raises(ApprovalDecided):
        runs.decide(question.public_id, approved=False, by_user_id=cast.alice.pk, by="alice")
    assert rows("approval.decided") == [
        ("approval.decided", "bob", "token", f"approval:{question.public_id}")
    ]
    row = AuditRecord.objects.get(act="approval.decided")
    assert (row.project_id, row.details["decision"]) == (cast.project.pk, "approved")


def test_staff_read_and_others_do_not(cast: Cast, staff: User) -> None:
    for person in (cast.alice, cast.charlie):
        assert api(person).get("/api/v1/audit").status_code == 403
    assert api(None).get("/api/v1/audit").status_code == 401
    newest = api(staff).get("/api/v1/audit?limit=2").json()
    numbers = [row["number"] for row in newest["results"]]
    head = AuditRecord.objects.count()
    assert numbers == [head, head - 1]
    following = api(staff).get(newest["next"]).json()
    assert following["results"][0]["number"] == head - 2
    assert newest["results"][1]["previous"] == following["results"][0]["hash"]


def test_export_goes_on_after_a_number(cast: Cast, staff: User) -> None:
    page, seen = "/api/v1/audit?after=0&limit=3", []
    while page:
        told = api(staff).get(page).json()
        seen += [row["number"] for row in told["results"]]
        page = told["next"]
    assert seen == list(range(1, AuditRecord.objects.count() + 1))
    given = api(staff).get("/api/v1/audit?act=role.given&limit=100").json()["results"]
    assert {row["act"] for row in given} == {"role.given"}
    assert api(staff).get("/api/v1/audit?actor=nobody").json() == {"results": [], "next": None}


@pytest.mark.parametrize(
    "query", ["act=x", "after=-1", "cursor=x", "limit=0", "project=nope", "x=1", "actor=%00"]
)
def test_bad_query_is_400(cast: Cast, staff: User, query: str) -> None:
    assert api(staff).get(f"/api/v1/audit?{query}").status_code == 400


@pytest.mark.parametrize(
    ("scopes", "is_bound", "status"),
    [(["audit.view"], False, 200), (["audit.view"], True, 403), (["*.view"], False, 403)],
)
def test_key_of_staff_needs_the_scope_and_no_bounds(
    cast: Cast, staff: User, scopes: list[str], is_bound: bool, status: int
) -> None:
    now = timezone.now()
    minted = keys.create(
        staff,
        "export",
        scopes=scopes,
        projects=[cast.project] if is_bound else None,
        expires_at=now + timedelta(days=1),
        now=now,
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {minted.text}")
    assert client.get("/api/v1/audit").status_code == status


def test_maintainers_read_the_records_of_their_project_alone(cast: Cast) -> None:
    """Developers do not: the addresses that people came from are in them."""
    for project in (cast.project, cast.other):
        audit.record(Act.WEBHOOK_CREATED, project_id=project.pk, details={"host": project.slug})
    Membership.objects.filter(user=cast.alice).update(role=Role.MAINTAINER)
    path = "/api/v1/projects/alice/shop/audit"
    answer = api(cast.alice).get(f"{path}?act=webhook.created").json()
    assert [row["details"] for row in answer["results"]] == [{"host": "shop"}]
    first = api(cast.alice).get(f"{path}?limit=1&after=0").json()
    assert first["next"] is None or first["next"].startswith(f"{path}?limit=1&after=")
    answers = [api(user).get(path).status_code for user in (None, cast.charlie, cast.bob, cast.vera)]
    assert answers == [401, 404, 403, 403]
    assert api(cast.alice).get(f"{path}?project=other").status_code == 400


def test_admin_shows_and_changes_nothing(cast: Cast) -> None:
    root = User.objects.create_user("root", is_superuser=True, is_staff=True)
    row: Any = AuditRecord.objects.latest("number")
    client = browser(root)
    assert client.get("/admin/accounts/auditrecord/").status_code == 200
    assert client.get(f"/admin/accounts/auditrecord/{row.pk}/change/").status_code == 200
    assert client.get("/admin/accounts/auditrecord/add/").status_code == 403
    assert client.post(f"/admin/accounts/auditrecord/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/accounts/auditrecord/{row.pk}/change/", {"act": "x"}).status_code == 403
