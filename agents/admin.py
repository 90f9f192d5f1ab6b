"""Operators see and override agents here; findings are read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from agents.catalog import current_registry, write_queue
from agents.models import Advisory, AdvisorySource, AgentConfig, Finding, TrackedFinding, TriageAct
from history.admin import VersionedAdmin


@admin.register(AgentConfig)
class AgentConfigAdmin(VersionedAdmin[AgentConfig]):
    list_display = (
        "agent",
        "enabled",
        "effective_priority",
        "concurrency_limit",
        "timeout_seconds",
        "max_attempts",
        "operations",
    )
    list_filter = ("enabled",)
    search_fields = ("agent",)
    readonly_fields = ("agent", "operations", "updated_at")

    @admin.display(description="priority")
    def effective_priority(self, config: AgentConfig) -> str:
        agent = current_registry().agents.get(config.agent)
        if config.priority is not None:
            return str(config.priority)
        return f"{agent.priority} (its own)" if agent else "-"

    @admin.display
    def operations(self, config: AgentConfig) -> str:
        agent = current_registry().agents.get(config.agent)
        if agent is None:
            return "not installed"
        return ", ".join(agent.operations()) or "none yet"

    def save_model(self, request: HttpRequest, obj: AgentConfig, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        write_queue(obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # one row per registered agent, written after migrate

    def has_delete_permission(self, request: HttpRequest, obj: AgentConfig | None = None) -> bool:
        return False


@admin.register(Finding)
class FindingAdmin(admin.ModelAdmin[Finding]):
    list_display = ("severity", "rule", "title", "path", "line", "agent", "project", "created_at")
    list_filter = ("severity", "category", "agent", "project", "in_test_code")
    search_fields = ("rule", "title", "path", "fingerprint")
    list_select_related = ("project",)
    ordering = ("-created_at", "severity_weight")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Finding | None = None) -> bool:
        return False


class TriageActInline(admin.TabularInline[TriageAct, TrackedFinding]):
    """What people decided; added over the API, never changed."""

    model = TriageAct
    fields = readonly_fields = ("at", "verdict", "reason", "until", "by")
    ordering = ("-pk",)
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: TrackedFinding | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TrackedFinding | None = None) -> bool:
        return False


@admin.register(TrackedFinding)
class TrackedFindingAdmin(admin.ModelAdmin[TrackedFinding]):
    """Claims over the runs of projects, with what people decided on them."""

    list_display = (
        "severity",
        "status_at_present",
        "rule",
        "title",
        "path",
        "line",
        "project",
        "owner",
        "first_seen_at",
        "last_seen_at",
        "fixed_at",
    )
    list_filter = (
        "severity",
        "status",
        ("fixed_at", admin.EmptyFieldListFilter),
        "category",
        "agent",
        "project",
    )
    search_fields = ("rule", "title", "path", "owner", "fingerprint", "public_id")
    list_select_related = ("project",)
    ordering = ("-worst_rank", "-last_seen_at")
    inlines = (TriageActInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrackedFinding]:
        return TrackedFinding.objects.with_status()

    @admin.display(description="status now")
    def status_at_present(self, row: TrackedFinding) -> str:
        return row.status_now

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: TrackedFinding | None = None) -> bool:
        return False


class Imported:
    """Mixin: rows that `./wrench advisories import` writes, and nobody else."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AdvisorySource)
class AdvisorySourceAdmin(Imported, admin.ModelAdmin[AdvisorySource]):
    list_display = ("ecosystem", "records", "newest", "imported_at", "file", "digest")
    search_fields = ("ecosystem", "file", "digest")


@admin.register(Advisory)
class AdvisoryAdmin(Imported, admin.ModelAdmin[Advisory]):
    list_display = ("osv_id", "severity", "score", "summary", "modified")
    list_filter = ("severity",)
    search_fields = ("=osv_id",)
    show_full_result_count = False  # counting some hundred thousand for each page
    ordering = ("osv_id",)
