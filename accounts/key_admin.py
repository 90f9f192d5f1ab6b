"""API keys in Django's admin: looked at and revoked. The key itself is nowhere."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from history.admin import VersionedAdmin


@admin.register(ApiKey)
class ApiKeyAdmin(VersionedAdmin[ApiKey]):
    list_display = ("name", "prefix", "owner", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("is_bound", "projects", "pepper")
    search_fields = ("name", "prefix", "owner__username", "owner__email")
    list_select_related = ("owner",)
    date_hierarchy = "created_at"
    exclude = ("digest",)
    actions = ("revoke_keys",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may only look may not revoke."""
        return request.user.has_perm("accounts.change_apikey")

    @admin.action(description="Revoke the chosen keys at once", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        now = timezone.now()
        done = sum(keys.revoke(key, now=now) for key in chosen)
        self.message_user(request, f"{done} key(s) revoked.", messages.SUCCESS)
