"""System checks of what monitoring needs from the environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from monitoring import sending


@register()
def authorities_are_readable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Tell a file of authorities that no webhook could be sent with."""
    try:
        sending.trust()
    except OSError as error:
        told = f"WRENCH_WEBHOOK_CA_FILE={settings.WEBHOOK_CA_FILE} cannot be used: {error.strerror or error}"
        return [Error(told, hint="name a file with certificates in PEM, or none", id="wrench.E004")]
    return []
