"""Runs over REST: submitted, listed, read, followed, cancelled; and who may."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tasks import artifacts
from tasks.models import Artifact, Event, Run, Step
from tests.api.cast import GOAL, TARGET, Cast, api, browser, submit_run

pytestmark = pytest.mark.usefixtures("planner")


def body(**changes: Any) -> dict[str, Any]:
    return {"goal": GOAL, "target": TARGET, "project": "shop", **changes}


def test_submit_stores_a_run_of_one_planning_step(cast: Cast) -> None:
    answer = api(cast.bob).post("/api/v1/runs", body(priority=2))
    run = Run.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {"id": str(run.public_id), "state": "accepted", "url": f"/runs/{run.public_id}"}
    assert answer["Location"] == f"/api/v1/runs/{run.public_id}"
    assert (run.owner, run.project, run.goal, run.priority) == (cast.bob, cast.project, GOAL, 2)
    step = Step.objects.get()
    assert (step.key, step.agent, step.operation) == ("super.plan", "super", "plan")
    assert step.input["goal"] == GOAL
    assert step.input["target"]["url"] == TARGET["url"]


def test_results_of_other_tools_ride_with_a_run(cast: Cast) -> None:
    given = [{"digest": "ab" * 32, "name": "semgrep.sarif"}]
    assert api(cast.bob).post("/api/v1/runs", body(sarif=given)).status_code == 201
    assert (Step.objects.get().input["sarif"], Run.objects.get().request["sarif"]) == (given, given)


@pytest.mark.parametrize(
    "sarif",
    [
        "a.sarif", {"digest": "ab" * 32}, [7], [{}], [{"digest": "ab" * 32}], [{"digest": "../../x", "name": "a"}],
        [{"digest": "ab" * 32, "name": "a\u202eb"}], [{"digest": "ab" * 32, "name": "a", "more": 1}],
        [{"digest": "ab" * 32, "name": "x" * 300}], [{"digest": "ab" * 32, "name": "a"}] * 21,
    ],
)  # fmt: skip
def test_results_in_another_form_are_refused(cast: Cast, sarif: Any) -> None:
    answer = api(cast.bob).post("/api/v1/runs", body(sarif=sarif))
    assert answer.status_code == 400, answer.content
    assert "sarif" in answer.content.decode()
    assert Run.objects.count() == 0


def test_submit_twice_with_one_key_makes_one_run(cast: Cast) -> None:
    client, key = api(cast.bob), {"HTTP_IDEMPOTENCY_KEY": "abc"}
    first = client.post("/api/v1/runs", body(), **key)
    second = client.post("/api/v1/runs", body(), **key)
    other = client.post("/api/v1/runs", body(goal="another"), **key)
    assert (first.status_code, second.status_code, other.status_code) == (201, 200, 422)
    assert first.json() == second.json()
    assert Run.objects.count() == 1
    assert other.json()["type"] == "urn:wrenchai:problem:idempotency-conflict"


@pytest.mark.parametrize(
    ("person", "method", "path", "status"),
    [
        ("vera", "post", "/api/v1/runs", 403),
        ("charlie", "post", "/api/v1/runs", 400),  # the project is not there for him
        ("vera", "get", "/api/v1/runs/{id}", 200),
        ("charlie", "get", "/api/v1/runs/{id}", 404),
        ("charlie", "get", "/api/v1/runs/{id}/events", 404),
        ("charlie", "post", "/api/v1/runs/{id}/cancel", 404),
        ("charlie", "get", "/api/v1/runs/{id}/artifacts/x", 404),
        ("vera", "post", "/api/v1/runs/{id}/cancel", 403),
        ("bob", "post", "/api/v1/runs/{id}/cancel", 200),
        (None, "get", "/api/v1/runs/{id}", 401),
        (None, "get", "/api/v1/agents", 401),
        ("charlie", "get", "/api/v1/agents", 200),
        ("charlie", "get", "/api/schema/", 200),
    ],
)
def test_each_role_gets_what_it_may(
    cast: Cast, person: str | None, method: str, path: str, status: int
) -> None:
    run = submit_run(cast.project)
    client = api(getattr(cast, person) if person else None)
    data = body() if path == "/api/v1/runs" else None
    answer = getattr(client, method)(path.format(id=run.public_id), data)
    assert answer.status_code == status, answer.content
    if status >= 400:
        assert answer["Content-Type"] == "application/problem+json"


def test_list_is_paged_filtered_and_only_of_own_projects(cast: Cast) -> None:
    mine = [submit_run(cast.project, goal=f"goal {n}") for n in range(5)]
    submit_run(cast.other)
    client = api(cast.vera)
    seen: list[str] = []
    path = "/api/v1/runs?limit=2&state=accepted&project=alice/shop"
    while path:
        page = client.get(path).json()
        seen += [run["id"] for run in page["results"]]
        path = page["next"]
    assert seen == [str(run.public_id) for run in reversed(mine)]
    assert client.get("/api/v1/runs?state=failed").json() == {"results": [], "next": None}
    assert client.get("/api/v1/runs?project=other").status_code == 400


def test_read_tells_steps_summary_and_artifacts(cast: Cast) -> None:
    run = submit_run(cast.project, cast.alice, steps=2)
    report = Step.objects.filter(run=run).last()
    output = {
        "answer": "Fine.",
        "findings": {"high": 1},
        "top": [{"title": "x"}],
        "not_analysed": [],
        "more": 1,
    }
    Step.objects.filter(pk=report.pk).update(operation="report", output=output)
    _store_artifact(run, "report.html", b"<p>hi</p>", "text/html")
    told = api(cast.vera).get(f"/api/v1/runs/{run.public_id}").json()
    assert [step["key"] for step in told["steps"]] == ["s0", "s1"]
    assert told["steps"][0]["after"] == []
    assert told["target"] == TARGET["url"]
    assert told["summary"] == {
        "answer": "Fine.",
        "findings": {"critical": 0, "high": 1, "medium": 0, "low": 0, "info": 0},
        "top": [{"title": "x"}],
        "not_analysed": [],
    }
    assert [(a["name"], a["size"], a["media_type"]) for a in told["artifacts"]] == [
        ("report.html", 9, "text/html")
    ]


def test_events_are_read_after_a_number(cast: Cast) -> None:
    run = submit_run(cast.project)
    path = f"/api/v1/runs/{run.public_id}/events"
    told = api(cast.vera).get(path).json()
    assert [event["seq"] for event in told["events"]] == list(range(1, told["head"] + 1))
    assert told["events"][0]["type"] == "run.accepted"
    assert api(cast.vera).get(f"{path}?after=1&limit=1").json()["events"] == told["events"][1:2]
    assert told["removed_up_to"] == 0


def test_events_that_were_removed_are_told(cast: Cast) -> None:
    run = submit_run(cast.project)
    path = f"/api/v1/runs/{run.public_id}/events"
    Event.objects.filter(run=run, seq=1).delete()
    assert api(cast.vera).get(path).json()["removed_up_to"] == 1
    assert api(cast.vera).get(f"{path}?after=1").json()["removed_up_to"] == 0
    Event.objects.filter(run=run).delete()
    assert api(cast.vera).get(path).json() == {
        "events": [],
        "head": run.last_seq,
        "removed_up_to": run.last_seq,
    }
    assert api(cast.vera).get(f"{path}?after={run.last_seq}").json()["removed_up_to"] == 0


def test_cancel_is_written_down_and_may_be_repeated(cast: Cast) -> None:
    run = submit_run(cast.project)
    client, path = api(cast.bob), f"/api/v1/runs/{run.public_id}/cancel"
    assert client.post(path, {"reason": "enough"}).json()["state"] == "cancelled"
    assert client.post(path).status_code == 200
    run.refresh_from_db()
    assert run.cancel_reason == "enough"


def test_artifact_html_cannot_act(cast: Cast) -> None:
    run = submit_run(cast.project)
    _store_artifact(run, "report.html", b"<script>alert(1)</script>", "text/html")
    answer = api(cast.vera).get(f"/api/v1/runs/{run.public_id}/artifacts/report.html")
    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == 'inline; filename="report.html"'


@pytest.mark.parametrize(
    "media_type", ["image/svg+xml", "text/xml", "application/zip", "text/javascript", "", "x"]
)
def test_artifact_of_an_active_or_unknown_type_is_a_download(cast: Cast, media_type: str) -> None:
    run = submit_run(cast.project)
    _store_artifact(run, 'a/b"; x=y ü.svg', b"<svg/>", media_type)
    told = api(cast.vera).get(f"/api/v1/runs/{run.public_id}").json()
    answer = api(cast.vera).get(told["artifacts"][0]["url"])
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment;")
    answer.close()


@pytest.mark.parametrize("name", ["a\r\nX: y", "..", "%2e%2e/x", "?", "#", " "])
def test_artifact_of_any_name_does_not_break_the_run(cast: Cast, name: str) -> None:
    run = submit_run(cast.project)
    _store_artifact(run, name, b"x", "text/plain")
    told = api(cast.vera).get(f"/api/v1/runs/{run.public_id}").json()
    assert [artifact["name"] for artifact in told["artifacts"]] == [name]
    assert browser(cast.vera).get(f"/runs/{run.public_id}").status_code == 200


def test_artifact_is_not_sent_again_and_not_found_when_missing(cast: Cast) -> None:
    run = submit_run(cast.project)
    row = _store_artifact(run, "a.txt", b"abc", "text/plain")
    client, path = api(cast.vera), f"/api/v1/runs/{run.public_id}/artifacts"
    assert client.get(f"{path}/a.txt", HTTP_IF_NONE_MATCH=f'"{row.digest}"').status_code == 304
    assert client.get(f"{path}/nope").status_code == 404
    assert client.get(f"{path}/%00").status_code == 404
    Artifact.objects.filter(pk=row.pk).update(digest="0" * 64)
    assert client.get(f"{path}/a.txt").status_code == 404


def test_project_named_in_two_teams_must_be_said_which(cast: Cast) -> None:
    cast.other.slug = "shop"
    cast.other.save()
    cast.alice.memberships.create(team=cast.other.team, role=40)
    answer = api(cast.alice).post("/api/v1/runs", body())
    assert answer.status_code == 400
    assert "alice/shop, charlie/shop" in answer.json()["errors"][0]["message"]
    assert api(cast.alice).post("/api/v1/runs", body(project="charlie/shop")).status_code == 201


def test_session_needs_the_csrf_token(cast: Cast) -> None:
    client = browser(cast.bob)
    assert client.get("/api/v1/runs").status_code == 200
    client.handler.enforce_csrf_checks = True
    assert client.post("/api/v1/runs", body(), content_type="application/json").status_code == 403
    assert not Run.objects.exists()


def test_unknown_run_is_not_found(cast: Cast) -> None:
    assert api(cast.alice).get(f"/api/v1/runs/{uuid4()}").status_code == 404


def _store_artifact(run: Run, name: str, content: bytes, media_type: str) -> Artifact:
    stored = artifacts.put(name, content, media_type=media_type)
    return Artifact.objects.create(
        run=run,
        step=run.steps.first(),
        name=name,
        digest=stored.digest,
        size=stored.size,
        media_type=media_type,
        created_at=run.created_at,
    )
