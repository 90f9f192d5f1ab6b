"""The frame as a Django app: it brings the management commands and the system checks."""

from __future__ import annotations

from django.apps import AppConfig


class FrameConfig(AppConfig):
    name = "wrenchai_project"
    verbose_name = "WrenchAI"

    def ready(self) -> None:
        from wrenchai_project import celery, checks  # noqa: F401 - they register the checks, and Celery's application
