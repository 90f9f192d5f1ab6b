"""System checks of what accounts needs from the environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from accounts import crypto


@register()
def master_keys_are_readable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Tell master keys that are set and cannot be used, before somebody needs them. None at all is no fault."""
    if not settings.MASTER_KEY_FILE and not settings.MASTER_KEY:
        return []
    try:
        crypto.master_keys()
    except crypto.MasterKeysUnusable as error:
        return [Error(str(error), hint="see docs/how_to/keep_credentials.md", id="wrench.E003")]
    return []
