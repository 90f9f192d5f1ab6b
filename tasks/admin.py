"""Operators watch the engine here. Rows of history are read-only: states move through `runs` alone."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, Count, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from history.admin import VersionedAdmin
from tasks import draining, limits, runs, timed_admin  # noqa: F401 - registers what goes by the clock
from tasks.errors import EngineError
from tasks.history_admin import ReadOnlyAdmin
from tasks.loads import Load, loads
from tasks.models import (
    Approval,
    Artifact,
    Attempt,
    Event,
    JournalEntry,
    LimitRule,
    LogChunk,
    OutboxMessage,
    Queue,
    Run,
    RunShare,
    Step,
    StepDependency,
    Upload,
    WorkerSession,
)
from tasks.states import StepState


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "goal", "state", "project", "owner", "priority", "created_at", "finished_at")
    list_filter = ("state", "project", "created_day")
    search_fields = ("public_id", "goal", "idempotency_key", "failure")
    list_select_related = ("project", "owner")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("pause_runs", "resume_runs", "retry_runs", "cancel_runs")

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Whoever may only look may not move anything."""
        return request.user.has_perm("tasks.change_run")

    @admin.action(description="Pause the chosen runs", permissions=["control"])
    def pause_runs(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        by = request.user.get_username()
        _each(request, chosen, "paused", lambda run: runs.pause(run.public_id, by=by, reason="in the admin"))

    @admin.action(description="Resume the chosen runs", permissions=["control"])
    def resume_runs(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        by = request.user.get_username()
        _each(request, chosen, "resumed", lambda run: runs.resume(run.public_id, by=by))

    @admin.action(description="Retry what failed in the chosen runs", permissions=["control"])
    def retry_runs(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        by, owner = request.user.get_username(), request.user.pk
        _each(request, chosen, "retried", lambda run: runs.retry(run.public_id, by=by, owner_id=owner))

    @admin.action(description="Cancel the chosen runs", permissions=["control"])
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
    actions = ("retry_dead",)

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Whoever may only look may not move anything."""
        return request.user.has_perm("tasks.change_run")

    @admin.action(description="Do again the runs of the chosen dead steps", permissions=["control"])
    def retry_dead(self, request: HttpRequest, chosen: QuerySet[Step]) -> None:
        """Each run is done again once, from what failed in it, however many of its steps are chosen."""
        dead = chosen.filter(state=StepState.DEAD.value)
        found = Run.objects.filter(pk__in=dead.order_by().values("run")).order_by("pk")
        if not found:
            messages.warning(request, "None of the chosen steps is dead; there is nothing to do again.")
        by, owner = request.user.get_username(), request.user.pk
        _each(request, found, "retried", lambda run: runs.retry(run.public_id, by=by, owner_id=owner))


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


@admin.register(RunShare)
class RunShareAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "run", "created_by", "created_at", "expires_at", "revoked_at")
    search_fields = ("public_id", "run__public_id", "note")
    list_select_related = ("run", "created_by")
    exclude = ("digest",)
    ordering = ("-created_at",)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("id", "queue", "priority", "created_at")
    list_filter = ("queue",)
    search_fields = ("queue",)


@admin.register(Queue)
class QueueAdmin(VersionedAdmin[Any], ReadOnlyAdmin):
    """What the engine reads; change it in the agent's configuration. Only a pause is made here."""

    list_display = (
        "name",
        "agent",
        "enabled",
        "is_open",
        "waiting",
        "oldest_wait",
        "running_now",
        "served_by",
        "paused_at",
        "priority",
        "concurrency_limit",
    )
    list_filter = ("enabled", ("paused_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "agent")
    actions = ("pause_queues", "resume_queues")

    class Media:
        js = ("js/admin-live.js",)  # the figures are read anew every few seconds

    def get_queryset(self, request: HttpRequest) -> QuerySet[Queue]:
        """Read the loads of all queues once for a page."""
        self._loads.set(loads())
        return super().get_queryset(request)

    _loads: ContextVar[dict[str, Load]] = ContextVar("queue_loads", default={})  # noqa: B039 - never changed

    def _load(self, queue: Queue) -> Load:
        return self._loads.get().get(queue.name, Load())

    @admin.display(description="waiting")
    def waiting(self, queue: Queue) -> str:
        load = self._load(queue)
        more = [f"{many} {word}" for many, word in ((load.held, "paused"), (load.delayed, "later")) if many]
        return str(load.depth) + (f" (+ {', '.join(more)})" if more else "")

    @admin.display(description="oldest waits")
    def oldest_wait(self, queue: Queue) -> str:
        wait = self._load(queue).oldest_wait
        return "-" if wait is None else f"{max(wait.total_seconds(), 0.0):.0f} s"

    @admin.display(description="running")
    def running_now(self, queue: Queue) -> int:
        return self._load(queue).running

    @admin.display(description="workers")
    def served_by(self, queue: Queue) -> str:
        load = self._load(queue)
        return f"{load.workers} ({load.slots} slots)"

    @admin.display(description="not paused", boolean=True)
    def is_open(self, queue: Queue) -> bool:
        return queue.paused_at is None

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Whoever may only look may not move anything."""
        return request.user.has_perm("tasks.change_queue")

    @admin.action(description="Pause the chosen queues", permissions=["control"])
    def pause_queues(self, request: HttpRequest, chosen: QuerySet[Queue]) -> None:
        by = request.user.get_username()
        _each(request, chosen, "paused", lambda queue: runs.pause_queue(queue.name, by=by))

    @admin.action(description="Resume the chosen queues", permissions=["control"])
    def resume_queues(self, request: HttpRequest, chosen: QuerySet[Queue]) -> None:
        by = request.user.get_username()
        _each(request, chosen, "resumed", lambda queue: runs.resume_queue(queue.name, by=by))


@admin.register(LimitRule)
class LimitRuleAdmin(VersionedAdmin[LimitRule]):
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
        "running_now",
        "heartbeat_at",
        "lease_until",
        "stopping_at",
        "stopped_at",
    )
    list_filter = (("stopped_at", admin.EmptyFieldListFilter), ("stopping_at", admin.EmptyFieldListFilter))
    search_fields = ("hostname", "id")
    ordering = ("-heartbeat_at",)
    actions = ("drain_workers",)

    @admin.display(description="steps now")
    def running_now(self, session: WorkerSession) -> int:
        return int(getattr(session, "running_total", 0))

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkerSession]:
        running = (
            Step.objects.filter(worker=OuterRef("pk")).order_by().values("worker").annotate(n=Count("pk"))
        )
        found: QuerySet[WorkerSession] = super().get_queryset(request)
        return found.annotate(running_total=Coalesce(Subquery(running.values("n")), 0))

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Whoever may hold a queue may drain a worker."""
        return request.user.has_perm("tasks.change_queue")

    @admin.action(description="Drain the chosen workers: they begin nothing new", permissions=["control"])
    def drain_workers(self, request: HttpRequest, chosen: QuerySet[WorkerSession]) -> None:
        by = request.user.get_username()
        _each(request, chosen, "drained", lambda session: draining.drain(session, by=by))


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("step", "kind", "name", "occurrence", "effect", "attempt", "started_at", "done_at")
    list_filter = ("kind", "effect", ("done_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "step__key", "step__run__public_id")
    list_select_related = ("step",)
    ordering = ("-id",)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Questions, open ones first. Who may answer is not for the engine to know: see frontend/admin.py."""

    list_display = ("question", "answer", "run", "step", "role", "asked_at", "expires_at", "decided_by")
    list_filter = (("decision", admin.EmptyFieldListFilter), "role")
    search_fields = ("question", "step__key", "run__public_id")
    list_select_related = ("run", "step", "decided_by")
    ordering = (Case(When(decision="", then=0), default=1).asc(), "-id")

    @admin.display(description="answer", ordering="decision")
    def answer(self, approval: Approval) -> str:
        return approval.decision or "open"


def _each(request: HttpRequest, chosen: QuerySet[Any], done: str, deed: Callable[[Any], object]) -> None:
    """Do it to each row by itself; tell how many went well and, of the others, why not."""
    went_well = 0
    for row in chosen:
        try:
            deed(row)
            went_well += 1
        except EngineError as error:
            messages.error(request, f"Not {done}: {error}.")
    if went_well:
        messages.success(request, f"{went_well} {done}.")
