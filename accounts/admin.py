"""Accounts in Django's admin."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts import (
    audit_admin,  # noqa: F401 - registers the record of security acts
    credential_admin,  # noqa: F401 - registers the credentials
    key_admin,  # noqa: F401 - registers the API keys
    rates_admin,  # noqa: F401 - registers the rate rules
    sessions,
)
from accounts.models import DeviceSession, EndedBecause, Membership, Project, ProjectMembership, Team, User
from history.admin import VersionedAdmin


class MembershipInline(admin.TabularInline[Membership, Team]):
    model = Membership
    autocomplete_fields = ["user", "team"]
    extra = 0


class ProjectMembershipInline(admin.TabularInline[ProjectMembership, Project]):
    model = ProjectMembership
    autocomplete_fields = ["user", "project"]
    extra = 0


@admin.register(User)
class UserAdmin(VersionedAdmin[User], DjangoUserAdmin[User]):
    list_display = ["username", "email", "is_active", "is_staff", "is_superuser", "last_login", "date_joined"]
    list_filter = ["is_active", "is_staff", "is_superuser", "memberships__role", "teams"]
    search_fields = ["username", "email", "first_name", "last_name"]
    date_hierarchy = "date_joined"
    inlines = [MembershipInline, ProjectMembershipInline]


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(VersionedAdmin[Group], DjangoGroupAdmin):
    """Django's own, with versions."""


@admin.register(Team)
class TeamAdmin(VersionedAdmin[Team]):
    list_display = ["name", "slug", "member_count", "project_count", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                member_total=Count("memberships", distinct=True),
                project_total=Count("projects", distinct=True),
            )
        )

    @admin.display(description="members", ordering="member_total")
    def member_count(self, team: Team) -> int:
        return int(getattr(team, "member_total", 0))

    @admin.display(description="projects", ordering="project_total")
    def project_count(self, team: Team) -> int:
        return int(getattr(team, "project_total", 0))


@admin.register(Membership)
class MembershipAdmin(VersionedAdmin[Membership]):
    list_display = ["user", "team", "role", "created_at"]
    list_filter = ["role", "team"]
    search_fields = ["user__username", "user__email", "team__name", "team__slug"]
    autocomplete_fields = ["user", "team"]
    list_select_related = ["user", "team"]


@admin.register(Project)
class ProjectAdmin(VersionedAdmin[Project]):
    list_display = ["name", "slug", "team", "created_at"]
    list_filter = ["team"]
    search_fields = ["name", "slug", "description", "team__name"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["team"]
    list_select_related = ["team"]
    inlines = [ProjectMembershipInline]


@admin.register(ProjectMembership)
class ProjectMembershipAdmin(VersionedAdmin[ProjectMembership]):
    list_display = ["user", "project", "role", "created_at"]
    list_filter = ["role", "project__team"]
    search_fields = ["user__username", "user__email", "project__name", "project__slug"]
    autocomplete_fields = ["user", "project"]
    list_select_related = ["user", "project"]


@admin.register(DeviceSession)
class DeviceSessionAdmin(admin.ModelAdmin[DeviceSession]):
    """To look at, and to revoke. Sessions begin by signing in."""

    list_display = [
        "user",
        "kind",
        "ip",
        "user_agent",
        "created_at",
        "last_seen_at",
        "revoked_at",
        "revoked_because",
    ]
    list_filter = ["kind", "revoked_because"]
    search_fields = ["user__username", "user__email", "ip", "user_agent", "public_id"]
    date_hierarchy = "created_at"
    list_select_related = ["user"]
    actions = ["revoke"]

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[DeviceSession]) -> None:
        ended = sum(sessions.end(row.public_id, row.user_id, EndedBecause.ADMIN) for row in queryset)
        self.message_user(request, f"Revoked: {ended}. What was over before stays as it is.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change people may sign them out."""
        return request.user.has_perm("accounts.change_user")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DeviceSession | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DeviceSession | None = None) -> bool:
        """They go with their person, by whoever may delete people; not by themselves, on their own pages."""
        at = request.resolver_match
        is_own_page = at is not None and (at.url_name or "").startswith("accounts_devicesession_")
        return not is_own_page and request.user.has_perm("accounts.delete_user")
