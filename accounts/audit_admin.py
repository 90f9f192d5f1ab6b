"""The audit chain in Django's admin: looked at, never touched."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import AuditRecord


@admin.register(AuditRecord)
class AuditRecordAdmin(admin.ModelAdmin[AuditRecord]):
    list_display = ("number", "at", "act", "actor", "way", "address", "subject", "project_id", "details")
    list_filter = ("act",)
    search_fields = ("actor", "subject", "address")
    date_hierarchy = "at"
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        return False
