"""Operators see and override agents here; findings are read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from agents.catalog import current_registry, write_queue
from agents.models import AgentConfig, Finding
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
