"""DATABASE_URL in Django's terms."""

from __future__ import annotations

import os
import socket

import pytest
from django.db import connection
from psycopg2.extensions import parse_dsn

from tasks import worker
from wrenchai_project import env


def read(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, object]:
    monkeypatch.setattr(env, "FAULTS", [])
    monkeypatch.setattr(env, "DECLARED", {})
    monkeypatch.setenv("DATABASE_URL", url)
    found = env.database("DATABASE_URL", None, "")
    assert env.FAULTS == []
    return found


def test_one_host(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, "postgresql://al%40ice:p%2Fw@db.example.org/shop?sslmode=require")
    assert found == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "al@ice",
        "PASSWORD": "p/w",
        "HOST": "db.example.org",
        "PORT": "5432",
        "OPTIONS": {"sslmode": "require"},
    }


def test_several_hosts_lead_to_the_one_that_takes_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, "postgresql://u:p@one,two:5433,[::1]:5434/shop")
    assert (found["HOST"], found["PORT"]) == ("one,two,::1", "5432,5433,5434")
    assert found["OPTIONS"] == {"target_session_attrs": "read-write"}


def test_several_hosts_by_their_role(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, "postgresql://one,two/shop?target_session_attrs=primary&connect_timeout=3")
    assert found["OPTIONS"] == {"target_session_attrs": "primary", "connect_timeout": "3"}
    assert (found["USER"], found["HOST"]) == ("", "one,two")


@pytest.mark.django_db
def test_host_that_is_gone_without_a_word_is_noticed() -> None:
    """By the kernel; nothing else ends a wait for an answer from a host without power."""
    connection.ensure_connection()
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as known:
        assert known.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert known.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        assert known.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


def test_heart_is_told_all_that_leads_to_the_server() -> None:
    given = connection.settings_dict
    kept = dict(given)
    given.update(
        HOST="one,two", PORT="1,2", OPTIONS=given["OPTIONS"] | {"target_session_attrs": "read-write"}
    )
    try:
        told = parse_dsn(worker._dsn())
    finally:
        given.update(kept)
    assert (told["host"], told["port"], told["target_session_attrs"]) == ("one,two", "1,2", "read-write")
    assert (told["keepalives_idle"], told["tcp_user_timeout"]) == ("30", "60000")
