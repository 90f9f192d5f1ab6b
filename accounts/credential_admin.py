"""Credentials in Django's admin: that there are some, and their end. Values are put in by the API alone."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Credential
from history.admin import VersionedAdmin


@admin.register(Credential)
class CredentialAdmin(VersionedAdmin[Credential]):
    list_display = ("name", "kind", "project", "created_by", "created_at", "replaced_at", "last_used_at")
    list_filter = ("kind", "project__team")
    search_fields = ("name", "description", "project__name", "project__slug")
    list_select_related = ("project", "created_by")
    exclude = ("value", "data_key")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Credential | None = None) -> bool:
        return False
