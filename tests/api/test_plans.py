"""Plans previewed over REST: for whom, in which words, and without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.models import Event, OutboxMessage, Run, Step
from tests.api.cast import TARGET, Cast, api

PLANS = "/api/v1/plans"


def body(**changes: Any) -> dict[str, Any]:
    return {"goal": "find security problems", "target": TARGET, "project": "shop", **changes}


def test_preview_tells_candidates_and_stores_nothing(cast: Cast) -> None:
    told = api(cast.vera).post(PLANS, body()).json()
    assert (told["goal"], told["target"]) == ("find security problems", TARGET["url"])
    assert (told["complete"], told["based_on"], told["estimated_seconds"]) == (False, None, None)
    assert "has not planned for it yet" in told["note"]
    certain = {step["key"]: step["certain"] for step in told["steps"]}
    assert certain.pop("super.plan")
    assert certain.pop("super.report")
    assert certain
    assert not any(certain.values())
    assert told["not_estimated"] == [step["key"] for step in told["steps"]]
    assert told["steps"][0] == {
        "key": "super.plan",
        "agent": "super",
        "operation": "plan",
        "title": "",
        "reason": "Understand the goal and plan the work",
        "after": [],
        "certain": True,
        "estimate": {"seconds": None, "steps": 0},
    }
    for model in (Run, Step, Event, OutboxMessage):
        assert not model._base_manager.exists(), model


def test_goal_that_leads_to_nothing_is_answered(cast: Cast) -> None:
    told = api(cast.vera).post(PLANS, body(goal="sing a song")).json()
    assert (told["complete"], [step["key"] for step in told["steps"]]) == (
        True,
        ["super.plan", "super.report"],
    )
    assert told["answer"]
    assert told["note"] == "The goal leads to no analysis, whatever the target is."


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("bob", 200), ("vera", 200), ("charlie", 400), (None, 401)]
)
def test_preview_is_for_all_who_see_the_project(cast: Cast, person: str | None, status: int) -> None:
    client = api(getattr(cast, person) if person else None)
    assert client.post(PLANS, body()).status_code == status


@pytest.mark.parametrize(
    "changes",
    [
        {"goal": ""}, {"goal": "x" * 4001}, {"goal": None}, {"target": {}}, {"target": "x"},
        {"target": {"kind": "git", "url": "file:///etc/passwd"}},
        {"target": {"kind": "git", "url": "https://a:hunter2secret@git.example.org/x.git"}},
        {"target": {"kind": "archive", "digest": "x"}}, {"project": "nope"}, {"project": "other"}, {"surprise": 1},
    ],
)  # fmt: skip
def test_unfit_body_is_refused_without_repeating_a_secret(cast: Cast, changes: dict[str, Any]) -> None:
    answer = api(cast.vera).post(PLANS, body(**changes))
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert b"hunter2secret" not in answer.content
