"""People, teams and projects as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import (  # noqa: F401 - importing connects them
            audit_signals,
            checks,
            credentials,
            keys,
            members,
            sessions,
            signals,
        )
