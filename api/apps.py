"""The API as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    verbose_name = "API"

    def ready(self) -> None:
        from api import audit, news, stream  # noqa: F401 - importing the first two connects their receivers

        stream.listen_for_lost_roles()
