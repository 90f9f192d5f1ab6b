"""Queues, the workers that serve them, and how much may run at once."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models import Q

from history.tracking import track


@track()
class Queue(models.Model):
    """A row is one agent's Celery queue with its rules. Written from the agent's configuration."""

    name = models.CharField(max_length=80, primary_key=True)
    agent = models.CharField(max_length=60, unique=True)
    enabled = models.BooleanField(default=True)
    priority = models.PositiveSmallIntegerField(default=5)
    concurrency_limit = models.PositiveIntegerField(null=True, blank=True)
    timeout_seconds = models.PositiveIntegerField(null=True, blank=True)
    max_attempts = models.PositiveSmallIntegerField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(priority__lte=9), name="queue_priority_is_0_to_9"),
        ]

    def __str__(self) -> str:
        return self.name


class WorkerSession(models.Model):
    """A row is one life of one worker process group; its lease covers every attempt that it runs."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    hostname = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    slots = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    stopping_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # the sweep: whose lease has run out? which slots serve a queue?
            models.Index(fields=["lease_until"], name="session_alive", condition=Q(stopped_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.hostname} ({self.pid})"


@track()
class LimitRule(models.Model):
    """A row says that at most so many steps that it covers may run at once.

    It covers the steps that fit each field that is set: project, agent, key. `each` counts every project, or every
    key, by itself: one row with each=project bounds all projects alike.
    """

    class Each(models.TextChoices):
        ALL = "all", "all together"
        PROJECT = "project", "each project by itself"
        KEY = "key", "each key by itself"

    name = models.CharField(max_length=80, unique=True)
    project = models.ForeignKey(
        "accounts.Project", null=True, blank=True, on_delete=models.CASCADE, related_name="limit_rules"
    )
    agent = models.CharField(max_length=60, blank=True, default="")
    key = models.CharField(max_length=120, blank=True, default="")
    each = models.CharField(max_length=10, choices=Each.choices, default=Each.ALL)
    most = models.PositiveIntegerField(help_text="so many steps may run at once; 0 holds all of them")
    enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.name}: at most {self.most}"
