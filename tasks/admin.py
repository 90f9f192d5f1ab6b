"""Operators watch the engine here. Rows of history are read-only: states move through `runs` alone."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from tasks import limits, runs, timed_admin  # noqa: F401 - registers what goes by the clock
from tasks.history_admin import ReadOnlyAdmin
from tasks.models import (
    Artifact,
    Attempt,
    Event,
    LimitRule,
    LogChunk,
    OutboxMessage,
    Queue,
    Run,
    Step,
    StepDependency,
    Upload,
    WorkerSession,
)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "goal", "state", "project", "owner", "priority", "created_at", "finished_at")
    list_filter = ("state", "project", "created_day")
    search_fields = ("public_id", "goal", "idempotency_key", "failure")
    list_select_related = ("project", "owner")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("cancel_runs",)

    @admin.action(description="Cancel the chosen runs")
    def cancel_runs(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        for run in chosen:
            runs.cancel(run.public_id, by=str(request.user), reason="cancelled in the admin")
        self.message_user(request, f"Cancellation asked for {len(chosen)} run(s).", messages.SUCCESS)


@admin.register(Step)
class StepAdmin(ReadOnlyAdmin):
    list_display = (
        "key",
        "state",
        "agent",
        "operation",
        "priority",
        "attempts_made",
        "run",
        "available_at",
        "ended_at",
    )
    list_filter = ("state", "queue", "operation")
    search_fields = ("key", "run__public_id", "reason")
    list_select_related = ("run",)
    ordering = ("-id",)


@admin.register(StepDependency)
class StepDependencyAdmin(ReadOnlyAdmin):
    list_display = ("step", "needs", "condition")
    list_filter = ("condition",)
    search_fields = ("step__key", "needs__key")
    list_select_related = ("step", "needs")


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ("step", "ordinal", "outcome", "worker", "child_pid", "started_at", "ended_at")
    list_filter = ("outcome",)
    search_fields = ("step__key", "step__run__public_id", "fence")
    list_select_related = ("step", "worker")
    ordering = ("-started_at",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "seq", "kind", "at", "data")
    list_filter = ("kind",)
    search_fields = ("run__public_id", "kind")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(LogChunk)
class LogChunkAdmin(ReadOnlyAdmin):
    list_display = ("step", "attempt", "ordinal", "at", "text")
    search_fields = ("step__key", "text")
    list_select_related = ("step",)
    ordering = ("-id",)


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    list_display = ("name", "size", "media_type", "digest", "run", "created_at")
    list_filter = ("media_type",)
    search_fields = ("name", "digest", "run__public_id")
    list_select_related = ("run",)
    ordering = ("-created_at",)


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("name", "size", "project", "uploaded_by", "digest", "created_at")
    list_filter = ("project",)
    search_fields = ("name", "digest")
    list_select_related = ("project", "uploaded_by")
    ordering = ("-created_at",)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("id", "queue", "priority", "created_at")
    list_filter = ("queue",)
    search_fields = ("queue",)


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin):
    """What the engine reads; change it in the agent's configuration."""

    list_display = ("name", "agent", "enabled", "priority", "concurrency_limit", "paused_at")
    list_filter = ("enabled",)
    search_fields = ("name", "agent")


@admin.register(LimitRule)
class LimitRuleAdmin(admin.ModelAdmin[LimitRule]):
    """Written by operators; what is raised, disabled or deleted lets waiting steps go within seconds."""

    list_display = ("name", "project", "agent", "key", "each", "most", "running_now", "enabled")
    list_filter = ("enabled", "each")
    search_fields = ("name", "agent", "key")
    list_select_related = ("project",)

    @admin.display(description="running now")
    def running_now(self, rule: LimitRule) -> str:
        """All running steps that it covers; with `each`, those of the fullest project or key."""
        counts = limits.running(rule.pk)
        if rule.each == LimitRule.Each.ALL:
            return str(sum(counts))
        return f"{sum(counts)}, the fullest {max(counts, default=0)}"


@admin.register(WorkerSession)
class WorkerSessionAdmin(ReadOnlyAdmin):
    list_display = (
        "hostname",
        "pid",
        "queues",
        "slots",
        "started_at",
        "heartbeat_at",
        "lease_until",
        "stopped_at",
    )
    list_filter = ("stopped_at",)
    search_fields = ("hostname", "id")
    ordering = ("-heartbeat_at",)
