"""Runs paused, resumed, hurried and done again over REST: who may, when, and with which words it is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api.errors import REFUSED, handle
from tasks import errors, events, runs
from tasks.models import Run, Step
from tests.api.cast import Cast, api, probe, submit_steps, work_off

BODIES: dict[str, Any] = {"pause": {}, "resume": {}, "priority": {"priority": 3}, "rerun": {}}
PEOPLE = ("alice", "bob", "vera", "charlie", None)


def path(run: Run, order: str) -> str:
    return f"/api/v1/runs/{run.public_id}/{order}"


def states(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "state"))


def kinds(run: Run) -> list[str]:
    run.refresh_from_db()
    return [event.kind for event in events.since(run, 0)]


@pytest.fixture
def failed(cast: Cast, worker: None) -> Run:
    """Bob's run: `a` succeeded, `b` died, `c` was skipped."""
    steps = (probe("a"), probe("b", fail_times=9, after="a"), probe("c", after="b"))
    run = submit_steps(cast.project, *steps, owner=cast.bob)
    Step.objects.filter(run=run).update(max_attempts=1)
    work_off()
    run.refresh_from_db()
    assert (run.state, states(run)) == ("failed", {"a": "succeeded", "b": "dead", "c": "skipped"})
    return run


@pytest.mark.parametrize(
    ("order", "statuses"),
    [
        ("pause", (200, 200, 403, 404, 401)),
        ("resume", (200, 200, 403, 404, 401)),
        ("priority", (200, 403, 403, 404, 401)),
        ("rerun", (409, 409, 403, 404, 401)),  # it is not over
    ],
)
def test_each_role_gets_what_it_may(cast: Cast, order: str, statuses: tuple[int, ...]) -> None:
    run = submit_steps(cast.project, probe("a"))
    for person, status in zip(PEOPLE, statuses, strict=True):
        client = api(getattr(cast, person) if person else None)
        answer = client.post(path(run, order), BODIES[order])
        assert answer.status_code == status, (person, answer.content)
        if status >= 400:
            assert answer["Content-Type"] == "application/problem+json"
    assert Run.objects.count() == 1


def test_preview_is_for_all_who_see_the_run(cast: Cast, failed: Run) -> None:
    for person, status in zip(PEOPLE, (200, 200, 200, 404, 401), strict=True):
        client = api(getattr(cast, person) if person else None)
        assert client.get(path(failed, "rerun")).status_code == status, person


def test_pause_holds_and_resume_lets_go(cast: Cast, worker: None) -> None:
    run, client = submit_steps(cast.project, probe("a")), api(cast.bob)
    for _ in range(2):
        told = client.post(path(run, "pause"), {"reason": "a freeze"}).json()
        assert (told["state"], told["steps"][0]["state"]) == ("paused", "ready")
        assert told["paused_at"] is not None
    work_off()
    assert states(run) == {"a": "ready"}
    (line,) = client.get("/api/v1/runs?state=paused").json()["results"]
    assert line["paused_at"] == told["paused_at"]
    for _ in range(2):
        told = client.post(path(run, "resume")).json()
        assert (told["state"], told["paused_at"]) == ("running", None)
    work_off()
    assert states(run) == {"a": "succeeded"}
    assert [kinds(run).count(kind) for kind in ("run.paused", "run.resumed")] == [1, 1]
    paused = next(event for event in events.since(run, 0) if event.kind == "run.paused")
    assert paused.data == {"by": "bob", "reason": "a freeze"}


def test_message_is_heard_by_followers_and_operations(cast: Cast, worker: None) -> None:
    run, client = submit_steps(cast.project, probe("a", "listen")), api(cast.bob)
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first, again = (client.post(path(run, "messages"), {"text": "leave\n<b> out"}, **key) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    remark = {"by": "bob", "text": "leave\n<b> out", "id": first.json()["id"]}
    assert first.json() == {**remark, "run": str(run.public_id)}
    said = [event.data for event in events.since(run, 0) if event.kind == "run.message"]
    assert said == [remark]
    work_off()
    assert Step.objects.get(run=run).output["note"] == "bob: leave\n<b> out"
    for text in ("", " ", "x" * 4_001, "\0", None, [], {}):
        assert client.post(path(run, "messages"), {"text": text}, format="json").status_code == 400, text
    assert client.post(path(run, "messages"), {"text": "too late"}).json()["type"].endswith(":run-is-over")
    assert (
        client.post(path(run, "messages"), {"text": "leave\n<b> out"}, **key).status_code == 201
    )  # it was said


def test_priority_moves_what_waits(cast: Cast) -> None:
    run, client = submit_steps(cast.project, probe("a")), api(cast.alice)
    for _ in range(2):
        assert client.post(path(run, "priority"), {"priority": 0}).json()["priority"] == 0
    assert Step.objects.get(run=run).priority == 0
    assert kinds(run).count("run.priority_changed") == 1


def test_paused_run_can_be_cancelled(cast: Cast) -> None:
    run, client = submit_steps(cast.project, probe("a")), api(cast.bob)
    client.post(path(run, "pause"))
    assert client.post(path(run, "cancel")).json()["state"] == "cancelled"


@pytest.mark.parametrize("order", ["pause", "resume", "priority"])
def test_run_that_is_over_is_left_alone(cast: Cast, order: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    runs.cancel(run.public_id, by="bob")
    before = kinds(run)
    answer = api(cast.alice).post(path(run, order), BODIES[order])
    told = answer.json()
    assert (answer.status_code, told["type"]) == (409, "urn:wrenchai:problem:run-is-over")
    assert answer["Content-Type"] == "application/problem+json"
    assert f"run {run.public_id} is cancelled" in told["detail"]
    assert "do it again as a new run" in told["detail"]
    assert kinds(run) == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_rerun_of_what_is_not_over_says_what_to_do(cast: Cast, method: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    answer = getattr(api(cast.bob), method)(path(run, "rerun"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:run-not-over")
    assert "wait, or cancel it" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_rerun_of_what_went_well_asks_for_a_step(cast: Cast, worker: None, method: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    work_off()
    client = api(cast.bob)
    answer = getattr(client, method)(path(run, "rerun"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:nothing-to-retry")
    answer = getattr(client, method)(path(run, "rerun"), {"from": "nope"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:wrenchai:problem:step-not-found")
    assert getattr(client, method)(path(run, "rerun"), {"from": "a"}).status_code in {200, 201}


def test_rerun_does_what_its_preview_says_for_who_asked(cast: Cast, failed: Run) -> None:
    redone = [
        {"key": key, "agent": "probe", "operation": "work", "reason": "", "repeats_effect": False}
        for key in ("b", "c")
    ]
    preview = api(cast.vera).get(path(failed, "rerun")).json()
    assert preview == {"taken": ["a"], "redone": redone, "anew": []}
    answer = api(cast.alice).post(path(failed, "rerun"))
    told, again = answer.json(), Run.objects.exclude(pk=failed.pk).get()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/v1/runs/{again.public_id}")
    assert told == {
        "id": str(again.public_id),
        "state": "accepted",
        "url": f"/runs/{again.public_id}",
        "parent": str(failed.public_id),
        **preview,
    }
    assert (again.owner, again.parent) == (cast.alice, failed)
    whole = api(cast.vera).get(f"/api/v1/runs/{again.public_id}").json()
    assert (whole["parent"], whole["owner"]) == (str(failed.public_id), "alice")
    assert states(again) == {"a": "succeeded", "b": "ready", "c": "pending"}
    failed.refresh_from_db()
    assert failed.owner == cast.bob


def test_rerun_sent_twice_with_one_key_is_one_run(cast: Cast, failed: Run) -> None:
    client, key = api(cast.bob), {"HTTP_IDEMPOTENCY_KEY": "abc"}
    first = client.post(path(failed, "rerun"), **key)
    second = client.post(path(failed, "rerun"), {}, **key)
    third = client.post(path(failed, "rerun"), {"from": "a"}, **key)
    assert (first.status_code, second.status_code, third.status_code) == (201, 200, 422)
    assert first.json() == second.json()
    assert third.json()["type"] == "urn:wrenchai:problem:idempotency-conflict"
    assert client.post(path(failed, "rerun"), HTTP_IDEMPOTENCY_KEY="a b").status_code == 400
    assert Run.objects.count() == 2


def test_rerun_key_of_a_submitted_run_is_refused(cast: Cast, failed: Run) -> None:
    Run.objects.create(
        project=cast.project,
        goal="x",
        body_digest="0" * 64,
        idempotency_key="abc",
        created_at=failed.created_at,
        created_day=failed.created_day,
    )
    answer = api(cast.bob).post(path(failed, "rerun"), HTTP_IDEMPOTENCY_KEY="abc")
    assert (answer.status_code, Run.objects.count()) == (422, 2)


@pytest.mark.parametrize(
    ("order", "body", "told"),
    [
        ("pause", {"why": "x"}, "why: there is no such field; the fields are reason"),
        ("pause", {"reason": "x" * 501}, "no more than 500 characters"),
        ("pause", {"reason": ["x"]}, "Not a valid string"),
        ("pause", {"reason": None}, "may not be null"),
        ("pause", {"reason": "a\0b"}, "NUL"),
        ("pause", ["x"], "Expected a dictionary"),
        ("pause", "x", "Expected a dictionary"),
        ("resume", {"reason": "x"}, "there is no such field"),
        ("priority", {}, "priority: This field is required"),
        ("priority", {"priority": None}, "may not be null"),
        ("priority", {"priority": 10}, "less than or equal to 9"),
        ("priority", {"priority": -1}, "greater than or equal to 0"),
        ("priority", {"priority": 1.5}, "A valid integer is required"),
        ("priority", {"priority": True}, "A valid integer is required"),
        ("priority", {"priority": 10**30}, "less than or equal to 9"),
        ("rerun", {"from": ""}, "from: This field may not be blank"),
        ("rerun", {"from": 5.5 * 10**9, "to": 1}, "to: there is no such field; the fields are from"),
        ("rerun", {"from": {"a": 1}}, "from: Not a valid string"),
        ("rerun", {"from": "x" * 121}, "no more than 120 characters"),
        ("rerun", {"from": "a\0b"}, "NUL"),
    ],
)
def test_bad_body_is_refused_with_a_sentence(cast: Cast, order: str, body: Any, told: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    answer = api(cast.alice).post(path(run, order), body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert told in answer.json()["detail"]
    run.refresh_from_db()
    assert (run.state, run.priority, Run.objects.count()) == ("accepted", None, 1)


@pytest.mark.parametrize("query", ["from=%00", "from=", "from=" + "x" * 121, "nope=1"])
def test_bad_query_of_a_preview_is_refused(cast: Cast, query: str) -> None:
    run = submit_steps(cast.project, probe("a"))
    assert api(cast.bob).get(f"{path(run, 'rerun')}?{query}").status_code == 400


@pytest.mark.parametrize("order", sorted(BODIES))
def test_unknown_run_is_not_found(cast: Cast, order: str) -> None:
    assert api(cast.alice).post(f"/api/v1/runs/{uuid4()}/{order}", BODIES[order]).status_code == 404
    assert api(cast.alice).post(f"/api/v1/runs/x/{order}", BODIES[order]).status_code == 404


def test_rerun_of_an_operation_that_is_gone_is_told(cast: Cast) -> None:
    run = submit_steps(cast.project, probe("a"))
    runs.cancel(run.public_id, by="bob")
    Step.objects.filter(run=run).update(agent="gone")
    answer = api(cast.bob).post(path(run, "rerun"))
    assert (answer.status_code, Run.objects.count()) == (400, 1)
    assert "gone" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.RunIsOver, 409, "urn:wrenchai:problem:run-is-over"),
        (errors.RunNotOver, 409, "urn:wrenchai:problem:run-not-over"),
        (errors.NothingToRetry, 409, "urn:wrenchai:problem:nothing-to-retry"),
        (errors.ApprovalDecided, 409, "urn:wrenchai:problem:approval-decided"),
        (errors.ControlRefused, 409, "urn:wrenchai:problem:state-conflict"),
        (errors.RunNotFound, 404, "about:blank"),  # deleted between the look and the deed
        (errors.ApprovalNotFound, 404, "about:blank"),
        (errors.StepNotFound, 404, "urn:wrenchai:problem:step-not-found"),
    ],
)
def test_each_refusal_has_its_type(error: type[Exception], status: int, kind: str) -> None:
    answer = handle(error("what to do"), {})
    assert answer is not None
    assert (answer.status_code, answer.data["type"], answer.data["detail"]) == (status, kind, "what to do")


def test_each_refusal_of_the_engine_is_in_the_table() -> None:
    assert set(REFUSED) == {errors.ControlRefused, *errors.ControlRefused.__subclasses__()}


def test_orders_are_described_for_programs(cast: Cast) -> None:
    paths = api(cast.vera).get("/api/schema/").json()["paths"]
    preview = paths["/api/v1/runs/{run_id}/rerun"]["get"]
    assert "from" in [parameter["name"] for parameter in preview["parameters"]]
    for where in (
        "runs/{run_id}/pause",
        "runs/{run_id}/resume",
        "runs/{run_id}/priority",
        "runs/{run_id}/rerun",
    ):
        assert paths[f"/api/v1/{where}"]["post"]["description"]
    assert set(paths["/api/v1/approvals/{approval_id}"]) == {"get", "post"}
