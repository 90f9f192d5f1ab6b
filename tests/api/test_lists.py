"""Pages by cursor: each row once, whatever comes or goes meanwhile; and cursors that somebody has made up."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.api.cast import Cast, api, submit_run

pytestmark = pytest.mark.usefixtures("planner")

LIST = "/api/v1/runs"


def goals(page: dict[str, Any]) -> list[str]:
    return [run["goal"] for run in page["results"]]


def made_up(*place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


@pytest.mark.parametrize("ordering", ["created_at", "-created_at"])
def test_rows_that_come_meanwhile_make_none_appear_twice(cast: Cast, ordering: str) -> None:
    for n in range(5):
        submit_run(cast.project, goal=str(n))
    client = api(cast.vera)
    page = client.get(f"{LIST}?limit=2&ordering={ordering}").json()
    seen = goals(page)
    while page["next"]:
        submit_run(cast.project, goal="new")
        page = client.get(page["next"]).json()
        seen += goals(page)
    old = [goal for goal in seen if goal != "new"]
    assert old == sorted("01234", reverse=ordering.startswith("-"))


@pytest.mark.parametrize(
    "cursor",
    [
        "0",
        "é",
        "%00",
        "a" * 2_001,
        made_up(),
        made_up("-created_at", 1),
        made_up("-created_at", None, None),
        made_up("-created_at", "x", "x"),
        made_up("-created_at", "\x00", "\x00"),
        made_up("-created_at", [1], 1),
        made_up("-created_at", 1e400, 1e400),
        made_up("created_at", 1, 1),
        made_up("-priority", 1, 1),
        base64.urlsafe_b64encode(b"[" * 1000).decode(),
    ],
)
def test_cursor_that_is_none_is_refused(cast: Cast, cursor: str) -> None:
    answer = api(cast.vera).get(LIST, {"cursor": cursor})
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_cursor_beyond_all_rows_gives_an_empty_page(cast: Cast) -> None:
    submit_run(cast.project)
    for key in (0, -(10**40)):
        answer = api(cast.vera).get(LIST, {"cursor": made_up("-created_at", key, key)})
        assert (answer.status_code, answer.json()) == (200, {"results": [], "next": None})


def test_cursor_gives_no_right(cast: Cast) -> None:
    for n in range(3):
        submit_run(cast.project, goal=str(n))
    following = api(cast.vera).get(f"{LIST}?limit=1").json()["next"]
    assert goals(api(cast.charlie).get(following).json()) == []


def test_unknown_filters_and_orders_are_named(cast: Cast) -> None:
    answer = api(cast.vera).get(f"{LIST}?colour=red&ordering=goal")
    assert answer.status_code == 400
    assert {fault["field"] for fault in answer.json()["errors"]} >= {"colour"}
