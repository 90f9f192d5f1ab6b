"""Alive and ready."""

from __future__ import annotations

from typing import Any

from django.test import Client


def test_live_asks_nothing_of_any_server() -> None:
    assert Client().get("/livez").json() == {"status": "alive"}


def test_ready_when_both_servers_answer(db: None) -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["servers"]) == (200, {"postgresql": "ok", "redis": "ok"})


def test_not_ready_names_the_server_that_is_away(db: None, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["servers"]) == (
        503,
        {"postgresql": "ok", "redis": "unreachable"},
    )
