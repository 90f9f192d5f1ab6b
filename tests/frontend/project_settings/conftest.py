"""The cast, for this folder's tests."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.api.cast import (  # noqa: F401 - fixtures
    _days,
    _fresh_counts,
    _plain_static,
    _quick_passwords,
    cast,
    planner,
    steady_rules,
)


@pytest.fixture(autouse=True)
def _master_key(settings: Any) -> None:
    """What seals credentials and secrets of webhooks."""
    settings.MASTER_KEY_FILE = ""
    settings.MASTER_KEY = "a:" + base64.b64encode(b"a" * 32).decode()
