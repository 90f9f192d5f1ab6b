"""What opens a door stands in no log, and in no table: tokens, tickets, passwords, cookies."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from accounts.models import DeviceSession, RefreshToken
from tests.api.cast import PASSWORD, Cast

WRONG = "the wrong password of a person"


def test_doors_tell_no_secret_to_the_log_or_the_database(
    cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets: list[str] = [PASSWORD, WRONG]
    with capture_logs() as told:
        program = APIClient()
        program.post("/api/v1/token", {"username": "bob", "password": WRONG})
        first = program.post("/api/v1/token", {"username": "bob", "password": PASSWORD}).json()
        second = program.post("/api/v1/token/refresh", {"refresh_token": first["refresh_token"]}).json()
        third = program.post("/api/v1/token/refresh", {"refresh_token": second["refresh_token"]}).json()
        program.credentials(HTTP_AUTHORIZATION=f"Bearer {third['access_token']}")
        ticket = program.post("/api/v1/stream/ticket").json()["ticket"]
        assert (
            program.post("/api/v1/token/refresh", {"refresh_token": first["refresh_token"]}).status_code
            == 400
        )
        assert program.get("/api/v1/runs").status_code == 401
        program.post("/api/v1/token/revoke", {"token": third["refresh_token"]})
        browser = Client()
        browser.post("/login/", {"username": "bob", "password": WRONG})
        browser.post("/login/", {"username": "bob", "password": PASSWORD})
        cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
        browser.post("/logout/")
    for pair in (first, second, third):
        secrets += [pair["access_token"], pair["refresh_token"], pair["access_token"].rsplit(".")[2]]
    log = caplog.text + repr(told)
    assert "session_begun" in log
    assert "refresh_replayed" in log
    assert [secret for secret in [*secrets, ticket, cookie] if secret in log] == []
    tables: list[Any] = [
        *RefreshToken.objects.values(),
        *DeviceSession.objects.values(),
        *Session.objects.values(),
    ]
    assert [secret for secret in [*secrets, ticket] if secret in repr(tables)] == []
