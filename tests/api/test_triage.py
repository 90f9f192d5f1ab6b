"""What people decide on findings: who may, what counts after it, what is kept of it, and many at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import InternalError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AuditRecord, Membership, User
from accounts.roles import Role
from agents.models import TrackedFinding, TriageAct
from tests.agents.found import claim, find
from tests.api.cast import Cast, api, browser, token
from tests.api.test_hostile import JSON

LIST = "/api/v1/findings"
DISMISS = {"act": "dismiss", "reason": "checked by the caller"}


def one(cast: Cast) -> str:
    """A finding of the cast's project."""
    find(cast.project, claim())
    return f"{LIST}/{TrackedFinding.objects.get(project=cast.project).public_id}"


def several(cast: Cast, count: int) -> list[str]:
    find(cast.project, *(claim(f"r{n}") for n in range(count)))
    rows = TrackedFinding.objects.filter(project=cast.project).order_by("rule")
    return [str(row.public_id) for row in rows]


def someone(cast: Cast, person: str) -> User | None:
    if person == "mara":
        mara = User.objects.create_user("mara")
        Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
        return mara
    return getattr(cast, person) if person else None


def let_pass(row: TrackedFinding) -> None:
    """Let the dismissal's time be over."""
    TrackedFinding.objects.filter(pk=row.pk).update(until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("person", "accept", "dismiss"),
    [
        ("alice", 200, 200),
        ("mara", 200, 200),
        ("bob", 200, 403),
        ("vera", 403, 403),
        ("charlie", 404, 404),
        ("", 401, 401),
    ],
)
def test_roles_decide(cast: Cast, person: str, accept: int, dismiss: int) -> None:
    path, client = one(cast), api(someone(cast, person))
    assert client.post(f"{path}/triage", DISMISS).status_code == dismiss
    assert client.post(f"{path}/triage", {"act": "accept"}).status_code == accept
    many = {"ids": [path.rsplit("/", 1)[1]]}
    assert client.post(f"{LIST}/triage", {**many, **DISMISS}).status_code == dismiss
    assert client.post(f"{LIST}/triage", {**many, "act": "accept"}).status_code == accept
    by = set(TriageAct.objects.values_list("by", flat=True))
    assert by == ({person} if accept == 200 else set())


def test_acts_follow_one_another_and_are_all_kept(cast: Cast) -> None:
    path, client = one(cast), api(cast.alice)
    until = (timezone.now() + timedelta(days=30)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    for order, status in (
        ({**DISMISS, "until": until}, "dismissed"),
        ({"act": "reopen", "reason": "the caller changed"}, "reopened"),
        ({"act": "accept"}, "accepted"),
        (DISMISS, "dismissed"),
    ):
        answer = client.post(f"{path}/triage", order)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert answer.json()["until"] == order.get("until")
        assert answer.json() == client.get(path).json()
        assert answer["ETag"] == client.get(path)["ETag"]
    told = client.get(path).json()["triage"]
    assert [(act["act"], act["reason"], act["until"], act["by"]) for act in told] == [
        ("dismiss", DISMISS["reason"], None, "alice"),
        ("accept", "", None, "alice"),
        ("reopen", "the caller changed", None, "alice"),
        ("dismiss", DISMISS["reason"], until, "alice"),
    ]


def test_decision_holds_in_later_runs(cast: Cast) -> None:
    path = one(cast)
    api(cast.alice).post(f"{path}/triage", DISMISS)
    run = find(cast.project, claim(line=99, end_line=99))
    listed = api(cast.vera).get(LIST, {"run": str(run.public_id)}).json()["results"]
    assert [(row["status"], row["line"]) for row in listed] == [("dismissed", 99)]


def test_dismissal_that_is_over_is_reopened_for_every_reader(cast: Cast) -> None:
    path, client = one(cast), api(cast.alice)
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    client.post(f"{path}/triage", {**DISMISS, "until": soon})
    tag = client.get(path)["ETag"]
    assert len(client.get(f"{LIST}?status=dismissed").json()["results"]) == 1
    assert client.get(f"{LIST}?status=reopened").json()["results"] == []
    let_pass(TrackedFinding.objects.get())
    assert client.get(f"{LIST}?status=dismissed").json()["results"] == []
    listed = client.get(f"{LIST}?status=reopened&status=open").json()["results"]
    assert [(row["status"], row["until"]) for row in listed] == [("reopened", None)]
    assert client.get(path).json()["status"] == "reopened"
    assert client.get(path)["ETag"] != tag
    assert client.post(f"{path}/triage", {"act": "reopen"}).json()["status"] == "reopened"
    assert client.post(f"{path}/triage", {"act": "accept"}).json()["status"] == "accepted"


def test_same_again_by_the_same_person_adds_nothing(cast: Cast) -> None:
    path = one(cast)
    for person in (cast.alice, cast.alice, someone(cast, "mara")):
        assert api(person).post(f"{path}/triage", DISMISS).status_code == 200
    assert list(TriageAct.objects.order_by("pk").values_list("by", flat=True)) == ["alice", "mara"]


def test_what_nobody_judged_cannot_be_reopened(cast: Cast) -> None:
    answer = api(cast.bob).post(f"{one(cast)}/triage", {"act": "reopen"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:triage-conflict")
    assert not TriageAct.objects.exists()


def test_nobody_judges_what_has_changed_meanwhile(cast: Cast) -> None:
    path, client = one(cast), api(cast.alice)
    tag = client.get(path)["ETag"]
    api(cast.bob).post(f"{path}/triage", {"act": "accept"})
    refused = client.post(f"{path}/triage", DISMISS, headers={"If-Match": tag})
    assert (refused.status_code, refused.json()["type"]) == (412, "urn:wrenchai:problem:changed-meanwhile")
    assert client.get(path).json()["status"] == "accepted"
    again = client.post(f"{path}/triage", DISMISS, headers={"If-Match": client.get(path)["ETag"]})
    assert (again.status_code, again.json()["status"]) == (200, "dismissed")


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({}, "act"),
        ({"act": "close"}, "act"),
        ({"act": ["dismiss"]}, "act"),
        ({"act": "dismiss"}, "reason"),
        ({"act": "dismiss", "reason": " "}, "reason"),
        ({"act": "dismiss", "reason": {"x": 1}}, "reason"),
        ({"act": "dismiss", "reason": "x" * 2001}, "reason"),
        ({**DISMISS, "until": "yesterday"}, "until"),
        ({**DISMISS, "until": "2020-01-01T00:00:00Z"}, "until"),
        ({**DISMISS, "until": "9999-12-31T23:59:59-23:59"}, "until"),
        ({**DISMISS, "until": "0001-01-01T00:00:00+23:59"}, "until"),
        ({**DISMISS, "until": 1e300}, "until"),
        ({"act": "accept", "until": "2030-01-01T00:00:00Z"}, "until"),
        ({"act": "accept", "status": "open"}, "status"),
        ({"act": "accept", "by": "bob"}, "by"),
    ],
)
def test_bad_order_is_named(cast: Cast, order: dict[str, Any], field: str) -> None:
    path = one(cast)
    answer = api(cast.alice).post(f"{path}/triage", order)
    assert (answer.status_code, [fault["field"] for fault in answer.json()["errors"]]) == (400, [field])
    assert not TriageAct.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b'"x"',
        b'{"act": "accept", "reason": "\\u0000"}',
        b'{"act": "accept", "reason": "\\ud800"}',
        b"{",
    ],
)
def test_body_that_is_none_is_400(cast: Cast, raw: bytes) -> None:
    client = Client(raise_request_exception=False)
    for path in (f"{one(cast)}/triage", f"{LIST}/triage"):
        answer = client.post(
            path, raw, content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {token(cast.alice)}"
        )
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), (
            answer.content
        )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(["ids", "act", "reason", "until"]), JSON))
def test_no_json_makes_a_5xx(cast: Cast, changes: dict[str, object]) -> None:
    if not TrackedFinding.objects.exists():
        find(cast.project, claim())
    finding = TrackedFinding.objects.get().public_id
    client, bearer = Client(raise_request_exception=False), f"Bearer {token(cast.alice)}"
    one = {**DISMISS, **changes}
    for path, body in ((f"{LIST}/triage", {"ids": [str(finding)], **one}), (f"{LIST}/{finding}/triage", one)):
        answer = client.post(
            path, json.dumps(body), content_type="application/json", HTTP_AUTHORIZATION=bearer
        )
        assert answer.status_code < 500, answer.content


def test_many_are_judged_at_once(cast: Cast) -> None:
    ids = several(cast, 5)
    answer = api(cast.alice).post(f"{LIST}/triage", {"ids": [*ids, ids[0]], **DISMISS})
    assert answer.status_code == 200
    assert answer.json()["changed"] == 5
    assert [(row["rule"], row["status"]) for row in answer.json()["results"]] == [
        (f"r{n}", "dismissed") for n in range(5)
    ]
    assert api(cast.alice).post(f"{LIST}/triage", {"ids": ids, **DISMISS}).json()["changed"] == 0
    assert TriageAct.objects.count() == 5


def test_many_are_judged_all_or_none_and_each_fault_is_named(cast: Cast) -> None:
    ids = several(cast, 3)
    find(cast.other, claim())
    foreign, nobody = str(TrackedFinding.objects.get(project=cast.other).public_id), str(uuid4())
    api(cast.alice).post(f"{LIST}/{ids[0]}/triage", {"act": "accept"})
    answer = api(cast.alice).post(
        f"{LIST}/triage", {"ids": [ids[0], foreign, ids[1], nobody], "act": "reopen"}
    )
    told = answer.json()
    assert (answer.status_code, told["type"]) == (404, "urn:wrenchai:problem:triage-refused")
    assert [(fault["field"], fault["message"].split(":")[0]) for fault in told["errors"]] == [
        ("ids.1", f"there is no finding {foreign} that you may see"),
        ("ids.2", "nobody has accepted or dismissed it"),
        ("ids.3", f"there is no finding {nobody} that you may see"),
    ]
    assert told["detail"] == "3 of 4 cannot be judged so; nothing was changed"
    assert TriageAct.objects.count() == 1
    assert TrackedFinding.objects.exclude(status="open").count() == 1
    only_open = api(cast.alice).post(f"{LIST}/triage", {"ids": ids, "act": "reopen"})
    assert only_open.status_code == 409


@pytest.mark.parametrize(
    "ids",
    [None, [], "x", ["x"], [None], [{}], [str(uuid4()) for _ in range(501)], {"0": "x"}, [1e308], [10**40]],
)
def test_ids_that_are_none_are_named(cast: Cast, ids: object) -> None:
    answer = api(cast.alice).post(
        f"{LIST}/triage", json.dumps({"ids": ids, **DISMISS}), content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].split(".")[0] == "ids"


def test_most_at_once(cast: Cast) -> None:
    ids = several(cast, 500)
    assert api(cast.alice).post(f"{LIST}/triage", {"ids": ids, **DISMISS}).json()["changed"] == 500


def test_dismissals_are_in_the_audit_chain(cast: Cast) -> None:
    ids = several(cast, 2)
    client = api(cast.alice)
    client.post(f"{LIST}/triage", {"ids": ids, **DISMISS})
    client.post(f"{LIST}/{ids[0]}/triage", {"act": "accept"})
    record = AuditRecord.objects.get(act__startswith="finding")
    assert (record.act, record.actor, record.project_id, record.subject) == (
        "finding.dismissed", "alice", cast.project.pk, "findings:2",
    )  # fmt: skip
    assert record.details == {"findings": ids, "reason": DISMISS["reason"], "until": None}


def test_history_cannot_be_rewritten(cast: Cast) -> None:
    api(cast.alice).post(f"{one(cast)}/triage", DISMISS)
    with pytest.raises(InternalError, match="Cannot update"), transaction.atomic():
        TriageAct.objects.update(by="bob")


def test_history_outlives_the_person(cast: Cast) -> None:
    path = one(cast)
    mara = someone(cast, "mara")
    assert mara is not None
    api(mara).post(f"{path}/triage", DISMISS)
    mara.delete()
    assert api(cast.vera).get(path).json()["triage"][0]["by"] == "mara"


def test_admin_shows_claims_and_decisions_and_changes_none(cast: Cast) -> None:
    path = one(cast)
    api(cast.alice).post(f"{path}/triage", {**DISMISS, "reason": "<b>checked</b>"})
    row = TrackedFinding.objects.get()
    let_pass(row)
    root = browser(User.objects.create_user("root", is_staff=True, is_superuser=True))
    listed = root.get("/admin/agents/trackedfinding/?q=sql").content.decode()
    assert "sql-injection" in listed
    assert "reopened" in listed
    page = f"/admin/agents/trackedfinding/{row.pk}/change/"
    assert "&lt;b&gt;checked&lt;/b&gt;" in root.get(page).content.decode()
    assert root.post(page, {"status": "open"}).status_code == 403
    assert root.get("/admin/agents/trackedfinding/add/").status_code == 403
    row.refresh_from_db()
    assert row.status == "dismissed"
