"""How long what is over is kept, what was deleted, and by whom."""

from __future__ import annotations

import uuid

from django.db import models

from history.tracking import track


@track()
class RetentionPolicy(models.Model):
    """A row says how long a project's finished runs are kept; the row without a project is everybody's default."""

    project = models.OneToOneField(
        "accounts.Project", null=True, blank=True, on_delete=models.CASCADE, related_name="retention_policy"
    )
    keep_runs_days = models.PositiveIntegerField(default=365)
    keep_events_days = models.PositiveIntegerField(default=90)
    keep_artifacts_days = models.PositiveIntegerField(default=90)

    class Meta:
        verbose_name_plural = "retention policies"
        constraints = [
            # NULL as a value: at most one default
            models.UniqueConstraint(fields=["project"], name="one_default_policy", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return f"retention of {self.project or 'everybody'}"


class PruneReport(models.Model):
    """A row is one round of pruning: how many of what were deleted, and how many bytes that freed."""

    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"pruned at {self.started_at:%Y-%m-%d %H:%M}"


class Installation(models.Model):
    """A row, the only one, names this installation, so that a folder of artifacts can say whose it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_only = models.BooleanField(default=True, unique=True, editable=False)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(is_only=True), name="installation_is_only_one")
        ]

    def __str__(self) -> str:
        return str(self.pk)
