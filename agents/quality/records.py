"""What is stored of a run's quality, so that trends can be read and later runs be compared.

`agents.models` imports this: Django looks for models there.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from agents.quality.model import GateState, Rating

_LETTERS = [(one.value, one.value) for one in Rating]


class RunQuality(models.Model):
    """A row is what one run said of its project's quality when it ended. It outlives the run; rows never change."""

    run = models.UUIDField(unique=True)
    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="qualities")
    at = models.DateTimeField()
    revision = models.CharField(max_length=100)
    snapshot = models.CharField(max_length=64, blank=True)
    is_default_branch = models.BooleanField()
    operations = models.JSONField()  # those that ended whole
    gate = models.CharField(max_length=12, choices=[(one.value, one.value) for one in GateState])
    security = models.CharField(max_length=1, choices=_LETTERS, null=True)
    reliability = models.CharField(max_length=1, choices=_LETTERS, null=True)
    maintainability = models.CharField(max_length=1, choices=_LETTERS, null=True)
    debt_minutes = models.PositiveBigIntegerField()
    debt_percent = models.FloatField(null=True)
    code_lines = models.PositiveBigIntegerField(null=True)
    duplicated_percent = models.FloatField(null=True)
    whole = models.JSONField()  # `agents.quality.model.Quality`

    class Meta:
        verbose_name = "quality of a run"
        verbose_name_plural = "qualities of runs"
        constraints = [
            models.CheckConstraint(
                condition=Q(gate__in=[one.value for one in GateState]), name="quality_gate_is_known"
            ),
        ]
        indexes = [
            # the latest of a project, its history, and what a run is compared with
            models.Index(fields=["project", "at", "id"], name="quality_by_project"),
        ]

    def __str__(self) -> str:
        return f"{self.gate} at {self.revision}"
