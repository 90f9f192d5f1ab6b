"""The cast, for this folder's tests."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accounts.models import User
from history import origins
from tests.api.cast import _days, _fresh_counts, _plain_static, _quick_passwords, cast, planner  # noqa: F401 - fixtures
from tests.api.websocket import closed_connections  # noqa: F401 - fixtures


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="a long enough password")


@pytest.fixture(autouse=True)
def _plain_process() -> Iterator[None]:
    """No test has named this process: another file's imports of the web may have."""
    was = origins._process
    origins.name_process("process")
    yield
    origins._process = was


@pytest.fixture(autouse=True)
def _master_key(settings: Settings) -> None:
    settings.MASTER_KEY = "m1:" + base64.b64encode(b"k" * 32).decode()
