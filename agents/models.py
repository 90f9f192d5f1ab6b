"""What the agents store: their configuration at run time, and findings."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from agents.findings import Confidence, Severity


class AgentConfig(models.Model):
    """A row overrides what an agent's class says, at run time. An empty field keeps the class's own value.

    Saving it writes the agent's `tasks.models.Queue` row, which is what the engine reads.
    """

    agent = models.CharField(max_length=60, unique=True, editable=False)
    enabled = models.BooleanField(default=True, help_text="Off: its steps wait, nothing is lost")
    priority = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(9)], help_text="0 is most urgent, 9 least"
    )
    concurrency_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="At most so many steps at once over all workers",
    )
    timeout_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Soft limit of every operation"
    )
    max_attempts = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(priority=None) | Q(priority__lte=9), name="agent_priority_is_0_to_9"
            ),
        ]

    def __str__(self) -> str:
        return self.agent


class Finding(models.Model):
    """A row is one claim of one step about the project, with the evidence that makes it checkable."""

    run = models.ForeignKey("tasks.Run", on_delete=models.CASCADE, related_name="findings")
    step = models.ForeignKey("tasks.Step", on_delete=models.CASCADE, related_name="findings")
    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="findings")
    agent = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64)
    rule = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    message = models.TextField()
    severity = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Severity])
    severity_weight = models.PositiveSmallIntegerField()
    confidence = models.CharField(max_length=10, choices=[(c.value, c.value) for c in Confidence])
    category = models.CharField(max_length=20)
    path = models.TextField()
    line = models.PositiveIntegerField()
    end_line = models.PositiveIntegerField()
    column = models.PositiveIntegerField(default=1)
    scope = models.TextField(blank=True)
    cwe = models.JSONField(default=list)
    in_test_code = models.BooleanField(default=False)
    evidence = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "fingerprint"], name="finding_once_per_step"),
        ]
        indexes = [
            # the findings of a run, worst first
            models.Index(fields=["run", "severity_weight", "path", "line"], name="finding_by_run"),
            # the history of one claim over the runs of a project
            models.Index(fields=["project", "fingerprint"], name="finding_by_identity"),
        ]

    def __str__(self) -> str:
        return f"{self.severity} {self.rule} {self.path}:{self.line}"
