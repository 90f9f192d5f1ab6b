"""System checks: what `manage.py check` says of the environment, with a hint for each fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from wrenchai_project import env


@register()
def environment_is_readable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Tell every variable whose value cannot be used."""
    return [
        Error(f"{fault.name}: {fault.message}", hint=fault.hint, id="wrench.E001") for fault in env.FAULTS
    ]


@register()
def lease_outlasts_heartbeat(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A lease shorter than three heartbeats would be lost by one late beat."""
    if settings.LEASE_SECONDS >= 3 * settings.HEARTBEAT_SECONDS:
        return []
    return [
        Error(
            f"WRENCH_LEASE_SECONDS={settings.LEASE_SECONDS} is shorter than three heartbeats of"
            f" {settings.HEARTBEAT_SECONDS} s",
            hint="raise WRENCH_LEASE_SECONDS or lower WRENCH_HEARTBEAT_SECONDS",
            id="wrench.E002",
        )
    ]
