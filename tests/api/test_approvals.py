"""Questions of steps over REST: who sees them, who answers, and what happens when two do, or nobody."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Membership, User
from accounts.roles import Role
from tasks import events, runs
from tasks.models import Approval, Run, Step
from tests.api.cast import Cast, api, ask, work_off
from wrenchai_client.progress import waits
from wrenchai_client.server import _run_view

pytestmark = pytest.mark.usefixtures("worker")

YES = {"decision": "approve", "comment": "as agreed"}


def path(approval: Approval) -> str:
    return f"/api/v1/approvals/{approval.public_id}"


def states(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "state"))


def answers(run: Run) -> list[dict[str, Any]]:
    run.refresh_from_db()
    return [event.data for event in events.since(run, 0) if event.kind == "approval.decided"]


def test_question_is_seen_answered_and_the_run_goes_on(cast: Cast) -> None:
    question = ask(cast.project)
    client = api(cast.alice)
    (told,) = client.get("/api/v1/approvals").json()["results"]
    assert told == {
        "id": str(question.public_id),
        "run": str(question.run.public_id),
        "url": f"/runs/{question.run.public_id}#part-approvals",
        "step": "a",
        "question": "Deploy to production?",
        "details": {},
        "role": "maintainer",
        "users": [],
        "asked_at": question.asked_at.isoformat().replace("+00:00", "Z"),
        "expires_at": None,
        "decision": None,
        "decided_at": None,
        "decided_by": None,
        "comment": "",
        "may_decide": True,
    }
    assert client.get(path(question)).json() == told
    answer = client.post(path(question), YES)
    assert answer.status_code == 200
    after = answer.json()
    assert after == {
        **told,
        "decision": "approved",
        "decided_at": after["decided_at"],
        "decided_by": "alice",
        "comment": "as agreed",
        "may_decide": False,
    }
    work_off()
    assert states(question.run) == {"a": "succeeded", "b": "succeeded"}
    assert Step.objects.get(run=question.run, key="a").output["note"] == "approved by alice: as agreed"
    assert client.get("/api/v1/approvals").json() == {"results": [], "next": None}
    assert client.get("/api/v1/approvals?state=decided").json()["results"] == [after]


def test_rejection_reaches_the_step(cast: Cast) -> None:
    question = ask(cast.project)
    assert api(cast.alice).post(path(question), {"decision": "reject"}).json()["decision"] == "rejected"
    work_off()
    assert states(question.run) == {"a": "dead", "b": "skipped"}


def test_waiting_run_is_told_in_the_list_and_in_the_run(cast: Cast) -> None:
    question = ask(cast.project)
    client = api(cast.vera)
    (line,) = client.get("/api/v1/runs").json()["results"]
    whole = client.get(f"/api/v1/runs/{question.run.public_id}").json()
    assert (line["state"], line["open_approvals"], whole["open_approvals"]) == ("running", 1, 1)
    assert [(step["key"], step["state"]) for step in whole["steps"]] == [
        ("a", "waiting_approval"),
        ("b", "pending"),
    ]
    assert [(one["id"], one["step"]) for one in whole["approvals"]] == [(str(question.public_id), "a")]
    runs.cancel(question.run.public_id, by="bob")
    (line,) = client.get("/api/v1/runs").json()["results"]
    assert line["open_approvals"] == 0


def test_terminal_says_what_the_run_waits_for(cast: Cast) -> None:
    run = ask(cast.project).run
    runs.pause(run.public_id, by="bob")
    told = api(cast.vera).get(f"/api/v1/runs/{run.public_id}").json()
    page = f"http://x/runs/{run.public_id}"
    assert waits(_run_view(told, "http://x")) == [
        f"The run is paused: nothing new begins until it is resumed at {page}",
        "Step a waits for a decision: Deploy to production?  Answer (by a maintainer or above)"
        f" at {page}#part-approvals",
    ]


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        ("viewer", (200, 200, 200, 404, 401)),
        ("developer", (200, 200, 403, 404, 401)),
        ("maintainer", (200, 403, 403, 404, 401)),
        ("owner", (200, 403, 403, 404, 401)),
        ("emperor", (403, 403, 403, 404, 401)),  # there is no such role: nobody may
        ("", (403, 403, 403, 404, 401)),
    ],
)
def test_question_is_for_its_role_and_above(cast: Cast, role: str, statuses: tuple[int, ...]) -> None:
    for person, status in zip(("alice", "bob", "vera", "charlie", None), statuses, strict=True):
        question = ask(cast.project, role=role)
        client = api(getattr(cast, person) if person else None)
        answer = client.post(path(question), YES)
        assert answer.status_code == status, (person, answer.content)
        question.refresh_from_db()
        assert bool(question.decision) == (status == 200)
        if status == 403:
            assert f"role {role} or above" in answer.json()["detail"]
            assert client.get(path(question)).json()["may_decide"] is False


def test_question_that_names_people_is_for_them_alone(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(email="Bob@Example.org")
    User.objects.filter(pk=cast.charlie.pk).update(email="charlie@example.org")
    Membership.objects.filter(user=cast.bob).update(role=Role.MAINTAINER)
    root = User.objects.create_user("root", "root@example.org", is_superuser=True, is_staff=True)
    named = ["bob@example.ORG", "charlie@example.org", ""]
    question = ask(cast.project, users=named)
    for person in (cast.alice, root):  # above the role, and not named; alice has no address, as "" has none
        answer = api(person).post(path(question), YES)
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith("only bob@example.ORG")
    assert api(cast.charlie).post(path(question), YES).status_code == 404  # named, and a stranger
    assert api(cast.bob).post(path(question), YES).status_code == 200


def test_named_person_needs_the_role_too(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(email="bob@example.org")
    question = ask(cast.project, users=["bob@example.org"])
    assert api(cast.bob).post(path(question), YES).status_code == 403


def test_same_answer_twice_is_one_and_another_is_refused(cast: Cast) -> None:
    root = User.objects.create_user("root", is_superuser=True)
    question = ask(cast.project)
    assert [api(cast.alice).post(path(question), YES).status_code for _ in range(2)] == [200, 200]
    for person, body in ((cast.alice, {"decision": "reject"}), (root, YES)):
        answer = api(person).post(path(question), body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:approval-decided")
        assert answer["Content-Type"] == "application/problem+json"
        assert "is approved already (by alice at " in answer.json()["detail"]
    assert [fact["by"] for fact in answers(question.run)] == ["alice"]


def test_two_people_at_once_give_one_answer(cast: Cast) -> None:
    people = [User.objects.create_user(f"root{n}", is_superuser=True) for n in range(4)]
    question = ask(cast.project)
    together = threading.Barrier(len(people))

    def decide(n: int) -> int:
        try:
            together.wait(10)
            body = {"decision": "approve" if n % 2 else "reject"}
            return int(api(people[n]).post(path(question), body).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(people)) as pool:
        statuses = sorted(pool.map(decide, range(len(people))))
    assert statuses == [200, 409, 409, 409]
    assert len(answers(question.run)) == 1


@pytest.mark.parametrize("swept", [False, True])
def test_answer_after_its_time_does_not_count(cast: Cast, swept: bool) -> None:
    question = ask(cast.project, seconds=60)
    assert api(cast.alice).get(path(question)).json()["expires_at"] is not None
    Approval.objects.filter(pk=question.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    if swept:
        assert runs.expire_approvals() == 1
    answer = api(cast.alice).post(path(question), YES)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:approval-decided")
    assert "has expired" in answer.json()["detail"]
    runs.expire_approvals()
    work_off()
    assert states(question.run)["a"] == "dead"


def test_question_of_a_cancelled_run_is_withdrawn(cast: Cast) -> None:
    question = ask(cast.project)
    runs.cancel(question.run.public_id, by="bob")
    answer = api(cast.alice).post(path(question), YES)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:approval-decided")
    assert "was withdrawn" in answer.json()["detail"]
    assert api(cast.alice).get(path(question)).json()["decision"] == "withdrawn"
    assert states(question.run) == {"a": "cancelled", "b": "cancelled"}


def test_answer_to_a_paused_run_waits_with_it(cast: Cast) -> None:
    question = ask(cast.project)
    runs.pause(question.run.public_id, by="bob")
    assert api(cast.alice).post(path(question), YES).status_code == 200
    work_off()
    assert states(question.run) == {"a": "ready", "b": "pending"}
    runs.resume(question.run.public_id, by="bob")
    work_off()
    assert states(question.run) == {"a": "succeeded", "b": "succeeded"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "decision: This field is required"),
        ({"decision": ""}, "is not a valid choice"),
        ({"decision": "approved"}, "is not a valid choice"),
        ({"decision": True}, "is not a valid choice"),
        ({"decision": ["approve"]}, "is not a valid choice"),
        ({"decision": None}, "may not be null"),
        ({"decision": "approve", "coment": "x"}, "there is no such field; the fields are decision, comment"),
        ({"decision": "approve", "comment": "x" * 2001}, "no more than 2000 characters"),
        ({"decision": "approve", "comment": {"a": 1}}, "Not a valid string"),
        ({"decision": "approve", "comment": "a\0b"}, "NUL"),
        ([YES], "Expected a dictionary"),
        ("approve", "Expected a dictionary"),
    ],
)
def test_bad_answer_is_refused_with_a_sentence(cast: Cast, body: Any, told: str) -> None:
    question = ask(cast.project)
    answer = api(cast.alice).post(path(question), body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert told in answer.json()["detail"]
    assert answers(question.run) == []


def test_list_is_paged_filtered_and_only_of_own_projects(cast: Cast) -> None:
    mine = [ask(cast.project, f"number {n}") for n in range(3)]
    ask(cast.other)
    client, seen = api(cast.vera), []
    following = "/api/v1/approvals?limit=2"
    while following:
        page = client.get(following).json()
        seen += [one["question"] for one in page["results"]]
        following = page["next"]
    assert seen == ["number 0", "number 1", "number 2"]
    (one,) = client.get(f"/api/v1/approvals?run={mine[1].run.public_id}").json()["results"]
    assert (one["question"], one["may_decide"]) == ("number 1", False)
    api(cast.alice).post(path(mine[0]), YES)
    counts = {
        state: len(client.get(f"/api/v1/approvals?state={state}").json()["results"])
        for state in ("open", "decided", "all")
    }
    assert counts == {"open": 2, "decided": 1, "all": 3}


@pytest.mark.parametrize(
    "query",
    [
        "run=x",
        "run=%00",
        "state=nope",
        "limit=0",
        "limit=201",
        "cursor=x",
        "cursor=6f1c2a54-0d0b-4c55-9d5e-0b8f2f6f7a10",
        "a=b",
    ],
)
def test_bad_query_is_refused(cast: Cast, query: str) -> None:
    answer = api(cast.vera).get(f"/api/v1/approvals?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_unknown_question_is_not_found(cast: Cast) -> None:
    for name in (uuid4(), "x", "%00"):
        assert api(cast.alice).post(f"/api/v1/approvals/{name}", YES).status_code == 404
        assert api(cast.alice).get(f"/api/v1/approvals/{name}").status_code == 404
