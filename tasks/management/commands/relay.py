"""`manage.py relay`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from tasks import scheduler


class Command(BaseCommand):
    help = "Ring the bells that nobody rang (one relay leads, others stand by)."

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler.relay_forever()
