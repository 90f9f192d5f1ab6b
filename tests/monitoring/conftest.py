"""The cast of webhooks: a project whose hook leads to a receiver on this host, and a courier."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Project
from monitoring import webhooks
from monitoring.courier import Courier
from monitoring.models import WISHES, WebHook, WebHookDelivery
from monitoring.webhooks import Minted
from tests.api.cast import (  # noqa: F401 - fixtures
    Cast,
    _days,
    _fresh_counts,
    _plain_static,
    _quick_passwords,
    cast,
    planner,
    worker,
)
from tests.monitoring.receiver import Receiver, serving

Hook = Callable[..., Minted]


@pytest.fixture(autouse=True)
def _installation(settings: Any) -> None:
    """A master key, and receivers on this host allowed."""
    settings.MASTER_KEY_FILE = ""
    settings.MASTER_KEY = "a:" + base64.b64encode(b"a" * 32).decode()
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_HTTP = True
    settings.WEBHOOK_CA_FILE = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving() as running:
        yield running


@pytest.fixture
def courier() -> Courier:
    return Courier()


def make_hook(
    project: Project, url: str, *, events: tuple[str, ...] = WISHES, pinged: bool = False
) -> Minted:
    """A hook; its first ping is taken away unless it is wanted."""
    made = webhooks.create(project, url, events, by=None, now=timezone.now())
    if not pinged:
        WebHookDelivery.objects.filter(hook=made.hook).delete()
    return made


def hurry(hook: WebHook | None = None) -> None:
    """Let what waits be due now."""
    found = WebHookDelivery.objects.filter(state="waiting")
    (found if hook is None else found.filter(hook=hook)).update(next_at=timezone.now())
