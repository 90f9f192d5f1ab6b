"""Runs and their steps: what was accepted, and how far it is."""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import UUID

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from tasks.models.workers import WorkerSession
from tasks.states import (
    FINAL_RUN_STATES,
    FINAL_STEP_STATES,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    AttemptOutcome,
    EdgeCondition,
    RunState,
    StepState,
)


def new_public_id() -> UUID:
    """Make a UUID of version 7: sorted by time, unguessable. Source: RFC 9562, section 5.7."""
    value = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


def _choices(states: Any) -> list[tuple[str, str]]:
    return [(state.value, state.value.replace("_", " ")) for state in states]


def _moves(table: Any) -> list[tuple[str, str]]:
    return sorted((old.value, new.value) for old, news in table.items() for new in news)


# sorted, because a set's order changes from process to process and would look like a change to makemigrations
_FINAL_RUN = sorted(state.value for state in FINAL_RUN_STATES)
_FINAL_STEP = sorted(state.value for state in FINAL_STEP_STATES)


class FoundRuns(models.Manager["Run"]):
    """All runs but those that are being deleted: of these some rows are gone."""

    def get_queryset(self) -> models.QuerySet[Run]:
        return super().get_queryset().filter(hidden_at=None)


class Run(models.Model):
    """A row is one accepted request, until all its steps are final."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=new_public_id, editable=False)
    project = models.ForeignKey("accounts.Project", on_delete=models.PROTECT, related_name="runs")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    goal = models.TextField()
    request = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=_choices(RunState), default=RunState.ACCEPTED.value)
    priority = models.PositiveSmallIntegerField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    body_digest = models.CharField(max_length=64)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reruns"
    )
    last_seq = models.BigIntegerField(default=0)
    open_steps = models.PositiveIntegerField(default=0)
    step_count = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)
    created_day = models.DateField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.TextField(blank=True)
    hidden_at = models.DateTimeField(
        null=True, blank=True, editable=False
    )  # retention deletes it, row by row

    objects = FoundRuns()
    every = models.Manager["Run"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "idempotency_key"], name="run_idempotency_key_once"),
            models.CheckConstraint(
                condition=Q(priority=None) | Q(priority__lte=9), name="run_priority_is_0_to_9"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in RunState]), name="run_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_FINAL_RUN) | Q(finished_at__isnull=False),
                name="run_final_has_finished_at",
            ),
        ]
        indexes = [
            # the lists of runs, newest first
            models.Index(fields=["project", "-created_at"], name="run_by_project"),
            # the sweep: which runs are past their deadline?
            models.Index(
                fields=["deadline_at"],
                name="run_deadline",
                condition=~Q(state__in=_FINAL_RUN),
            ),
            # the lists of runs that are over, by when they ended
            models.Index(
                fields=["project", "-finished_at", "-id"],
                name="run_by_end",
                condition=Q(finished_at__isnull=False),
            ),
            # retention: which runs are being deleted?
            models.Index(fields=["id"], name="run_hidden", condition=Q(hidden_at__isnull=False)),
        ]
        triggers = [
            pgtrigger.FSM(name="run_state_moves", field="state", transitions=_moves(RUN_TRANSITIONS)),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.goal[:60]}"


class Step(models.Model):
    """A row is one unit of work of a run: an agent, its operation, its input, and how far it has come."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    project = models.ForeignKey(
        "accounts.Project", on_delete=models.PROTECT, related_name="+", db_index=False
    )  # the run's, here too: fair share between projects reads an index of steps alone
    key = models.CharField(max_length=120)
    agent = models.CharField(max_length=60)
    operation = models.CharField(max_length=60)
    queue = models.CharField(max_length=80)
    input = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=_choices(StepState), default=StepState.PENDING.value)
    priority = models.PositiveSmallIntegerField()
    available_at = models.DateTimeField()
    rank = models.DateTimeField()  # available_at + priority x 60 s: priority with ageing in one sorted column
    pending_deps = models.PositiveIntegerField(default=0)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    attempts_spent = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField()
    timeout_seconds = models.PositiveIntegerField()
    deadline_at = models.DateTimeField(null=True, blank=True)
    effect = models.CharField(max_length=12, default="read")
    limit_key = models.CharField(
        max_length=120, blank=True, default=""
    )  # LimitRule counts steps that share it
    held = models.BooleanField(default=False)  # its run is paused: kept out of the claim's index
    taken_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="taken_by", db_index=False
    )  # the step of an earlier run whose success this one stands for
    fence = models.UUIDField(null=True, blank=True)
    worker = models.ForeignKey(
        WorkerSession, null=True, blank=True, on_delete=models.SET_NULL, related_name="steps"
    )
    kill_at = models.DateTimeField(null=True, blank=True)  # hard limit of the running attempt
    lost_at = models.DateTimeField(null=True, blank=True)  # its child is known to be dead; recover takes it
    added_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="added", db_index=False
    )  # the step whose result, or call, added this one to the run
    progress = models.JSONField(null=True, blank=True)
    output = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    summary = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)  # of the first attempt
    served_at = models.DateTimeField(null=True, blank=True)  # when an attempt last began or ended
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="step_key_once_per_run"),
            models.CheckConstraint(condition=Q(priority__lte=9), name="step_priority_is_0_to_9"),
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in StepState]), name="step_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state=StepState.RUNNING.value, fence__isnull=False, worker__isnull=False)
                | (~Q(state=StepState.RUNNING.value) & Q(fence=None)),
                name="step_fence_while_running_only",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_FINAL_STEP) | Q(ended_at__isnull=False),
                name="step_final_has_ended_at",
            ),
        ]
        indexes = [
            # the claim: the heads of each (project, limit key) of a queue, best rank first
            models.Index(
                fields=["queue", "project", "limit_key", "rank", "id"],
                name="step_ready",
                condition=Q(state=StepState.READY.value, held=False),
            ),
            # the claim's fair share: when was this project last served by this queue?
            models.Index(
                fields=["queue", "project", "-served_at"],
                name="step_last_served",
                condition=Q(served_at__isnull=False),
            ),
            # heartbeat, recovery, limits: what runs, and by which worker? Only a running step has one (see above);
            # said so, the index serves the foreign key, too, when a session is deleted.
            models.Index(fields=["worker"], name="step_running", condition=Q(worker__isnull=False)),
            # the foreign keys, when a run is deleted: which steps stand for this one, or were added by it?
            models.Index(
                fields=["taken_from"], name="step_taken_from", condition=Q(taken_from__isnull=False)
            ),
            models.Index(fields=["added_by"], name="step_added_by", condition=Q(added_by__isnull=False)),
            # the sweep: which retries are due?
            models.Index(
                fields=["available_at"],
                name="step_due",
                condition=Q(state=StepState.WAITING_RETRY.value),
            ),
            # the sweep: which steps are past their own deadline?
            models.Index(
                fields=["deadline_at"],
                name="step_deadline",
                condition=Q(deadline_at__isnull=False) & ~Q(state__in=_FINAL_STEP),
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="step_state_moves", field="state", transitions=_moves(STEP_TRANSITIONS)),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"


class StepDependency(models.Model):
    """A row is an edge: `step` waits for `needs`, and may start if that ended as `condition` says."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="edges_in")
    needs = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="edges_out")
    condition = models.CharField(
        max_length=12, choices=_choices(EdgeCondition), default=EdgeCondition.SUCCEEDED.value
    )

    class Meta:
        verbose_name_plural = "step dependencies"
        constraints = [models.UniqueConstraint(fields=["needs", "step"], name="edge_once")]


class Attempt(models.Model):
    """A row is one try of a step by one worker child."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="attempts")
    ordinal = models.PositiveSmallIntegerField()
    fence = models.UUIDField(unique=True)
    worker = models.ForeignKey(WorkerSession, null=True, on_delete=models.SET_NULL, related_name="attempts")
    child_pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=_choices(AttemptOutcome), blank=True)
    error = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "ordinal"], name="attempt_ordinal_once")]

    def __str__(self) -> str:
        return f"attempt {self.ordinal} of step {self.step_id}"
