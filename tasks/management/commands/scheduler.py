"""`manage.py scheduler`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from tasks import scheduler


class Command(BaseCommand):
    help = "Move what is due: retries, lost attempts, deadlines (one scheduler leads, others stand by)."

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler.schedule_forever()
