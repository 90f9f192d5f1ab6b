"""Webhooks in Django's admin: operators see which fail, and why. URLs and secrets are for maintainers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from history.admin import VersionedAdmin
from monitoring.models import WebHook, WebHookDelivery
from tasks.history_admin import ReadOnlyAdmin


@admin.register(WebHook)
class WebHookAdmin(VersionedAdmin[Any], ReadOnlyAdmin):
    list_display = ("host", "project", "active", "failures", "failing_since", "inactive_reason", "created_by")
    list_filter = ("active", "project__team")
    search_fields = ("description", "project__name", "project__slug")
    list_select_related = ("project", "created_by")
    exclude = ("url",)
    readonly_fields = ("host",)


@admin.register(WebHookDelivery)
class WebHookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "event", "hook", "run", "state", "attempts", "next_at", "ended_at")
    list_filter = ("state", "event", "is_replay")
    search_fields = ("=public_id", "=run__public_id", "=hook__public_id")
    list_select_related = ("hook", "run")
    show_full_result_count = False
    exclude = ("claim",)
