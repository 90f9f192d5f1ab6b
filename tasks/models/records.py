"""What steps leave behind: events, logs, artifacts; uploads; and the promises to ring."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from tasks.models.work import Run, Step


class Event(models.Model):
    """A row is an immutable fact of a run, numbered gaplessly by `seq` from 1.

    Lies in partitions by the run's creation day; the database's key is (run_day, run, seq). `id` is there for
    the admin only: it says nothing about order.
    """

    id = models.BigAutoField(primary_key=True)
    run_day = models.DateField()
    run = models.ForeignKey(Run, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events")
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=60)
    step = models.ForeignKey(
        Step, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events"
    )
    data = models.JSONField(default=dict)

    class Meta:
        # made by SQL in the first migration: PARTITION BY RANGE (run_day)
        constraints = [
            models.UniqueConstraint(fields=["run_day", "run", "seq"], name="event_seq_once_per_run")
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class LogChunk(models.Model):
    """A row is some lines of an attempt's log, of about 8 KiB."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="log_chunks")
    attempt = models.PositiveSmallIntegerField()
    ordinal = models.PositiveIntegerField()
    at = models.DateTimeField()
    text = models.TextField()
    levels = models.TextField(
        default="", db_default="", blank=True
    )  # a letter per line, the first of its level's name; what has none is "info"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "attempt", "ordinal"], name="log_chunk_ordinal_once")
        ]


class Artifact(models.Model):
    """A row says that a step produced these bytes under this name. The bytes lie in the store by digest."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=120)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "name"], name="artifact_name_once_per_step")]
        indexes = [
            # may this run read these bytes? are they still wanted?
            models.Index(fields=["digest"], name="artifact_by_digest"),
        ]

    def __str__(self) -> str:
        return self.name


class Upload(models.Model):
    """A row says that somebody gave these bytes to a project, as the target of a run to come."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="uploads")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    size = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="upload_once_per_project")]

    def __str__(self) -> str:
        return self.name


class OutboxMessage(models.Model):
    """A row is a promise to ring a queue's bell, written in the transaction of its cause."""

    id = models.BigAutoField(primary_key=True)
    queue = models.CharField(max_length=80)
    priority = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.queue} at {self.priority}"
