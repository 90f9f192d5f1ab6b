"""Old deliveries for the daily round of pruning."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from monitoring.models import DeliveryState, WebHookDelivery

ROWS_AT_ONCE = 5_000


def due_deliveries() -> tuple[QuerySet[Any], int]:
    """Give the deliveries that are over for long, and how many of them may go at once."""
    limit = Now() - timedelta(days=settings.WEBHOOK_KEEP_DAYS)
    over = WebHookDelivery.objects.exclude(state=DeliveryState.WAITING.value)
    return over.filter(created_at__lt=limit), ROWS_AT_ONCE
