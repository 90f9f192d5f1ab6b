"""What the agents store: their configuration at run time, findings, and what people think of them."""

from __future__ import annotations

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.functions import Now
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from agents.advisories.models import Advisory, AdvisoryRange, AdvisorySource
from agents.findings import UNDO, Confidence, Severity, Status, Verdict
from agents.patches import Label
from agents.quality.records import RunQuality
from history.tracking import track
from tasks.models import new_public_id

__all__ = [
    "HAS_LONG_PATH",
    "HAS_SHORT_PATH",
    "IS_DISMISSED",
    "IS_EXPIRED",
    "Advisory",
    "AdvisoryRange",
    "AdvisorySource",
    "AgentConfig",
    "Finding",
    "FindingAlias",
    "Fix",
    "RunQuality",
    "Sweep",
    "SweepState",
    "TrackedFinding",
    "TrackedFindings",
    "TriageAct",
]

STORED = tuple(status for status in Status if status is not Status.FIXED)
SAID = (*(verdict.value for verdict in Verdict), UNDO)
SHORT_PATH = 1_000  # bytes: an entry of an index takes 2,704
_PATH_BYTES = Func(F("path"), function="octet_length", output_field=models.IntegerField())
HAS_SHORT_PATH = LessThanOrEqual(_PATH_BYTES, SHORT_PATH)
HAS_LONG_PATH = GreaterThan(_PATH_BYTES, SHORT_PATH)


@track(churn=("updated_at",), unrestorable="one row per registered agent, written after migrate")
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
    move_fingerprint = models.CharField(max_length=64, blank=True, default="", db_default="")
    line_text = models.TextField(blank=True, default="", db_default="")
    owner = models.TextField(blank=True, default="", db_default="")
    is_new = models.BooleanField(null=True, blank=True)  # null: compared with no base
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


class Fix(models.Model):
    """A row is one fix that a step offers for a finding, with what was seen of it. Nobody applies it but people."""

    run = models.ForeignKey("tasks.Run", on_delete=models.CASCADE, related_name="fixes")
    step = models.ForeignKey("tasks.Step", on_delete=models.CASCADE, related_name="fixes")
    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="fixes")
    agent = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64)  # of the finding
    rule = models.CharField(max_length=120)
    severity = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Severity])
    path = models.TextField()
    line = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    mend = models.CharField(max_length=60)
    note = models.TextField(blank=True)
    label = models.CharField(max_length=12, choices=[(one.value, one.value) for one in Label])
    diff = models.TextField()
    rungs = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "fixes"
        constraints = [
            models.UniqueConstraint(fields=["step", "fingerprint", "mend"], name="fix_once_per_step"),
        ]
        indexes = [
            # the fixes of a run, in the order of their making: worst first
            models.Index(fields=["run", "id"], name="fix_by_run"),
            # the fixes of one claim over the runs of a project
            models.Index(fields=["project", "fingerprint"], name="fix_by_identity"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.mend} {self.path}:{self.line}"


class TrackedFindings(models.QuerySet["TrackedFinding"]):
    """Claims with `status_now`: one that is gone is fixed, and a dismissal whose time is over counts as reopened,
    whether or not anybody looked.
    """

    def with_status(self) -> TrackedFindings:
        return self.annotate(  # type: ignore[no-redef]  # the class declares it, for its readers
            status_now=Case(
                When(fixed_at__isnull=False, then=Value(Status.FIXED.value)),
                When(IS_EXPIRED, then=Value(Status.REOPENED.value)),
                default=F("status"),
                output_field=models.CharField(),
            )
        )

    def in_status(self, *wanted: Status) -> TrackedFindings:
        """Keep those that have one of these statuses now. By the stored column, so that an index can help."""
        found = Q(status__in=[status.value for status in wanted if status is not Status.DISMISSED])
        if Status.DISMISSED in wanted:
            found |= IS_DISMISSED
        if Status.REOPENED in wanted:
            found |= IS_EXPIRED
        found &= Q(fixed_at=None)
        if Status.FIXED in wanted:
            found |= Q(fixed_at__isnull=False)
        return self.filter(found)


class TrackedFinding(models.Model):
    """A row is one claim about a project over all its runs: what was last said of it, and what people think of it.

    It outlives the runs that made the claim, so they are told by their public ids, not by foreign keys.
    """

    public_id = models.UUIDField(unique=True, default=new_public_id, editable=False)
    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="tracked_findings")
    fingerprint = models.CharField(max_length=64)
    first_run = models.UUIDField()
    first_seen_at = models.DateTimeField()
    last_run = models.UUIDField()
    last_seen_at = models.DateTimeField()
    status = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in STORED], default=Status.OPEN.value
    )  # what people think of it; kept while it is fixed
    until = models.DateTimeField(null=True, blank=True)  # when a dismissal ends; null: it does not
    agent = models.CharField(max_length=60)
    rule = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    message = models.TextField()
    severity = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Severity])
    severity_rank = models.PositiveSmallIntegerField()  # 4 for critical to 0 for info
    confidence = models.CharField(max_length=10, choices=[(c.value, c.value) for c in Confidence])
    worst_rank = models.GeneratedField(  # by it lists are worst first: how severe it is, then how sure
        expression=F("severity_rank") * 3
        + Case(
            When(confidence=Confidence.HIGH.value, then=2),
            When(confidence=Confidence.MEDIUM.value, then=1),
            default=0,
        ),
        output_field=models.PositiveSmallIntegerField(),
        db_persist=True,
    )
    category = models.CharField(max_length=20)
    path = models.TextField()
    line = models.PositiveIntegerField()
    end_line = models.PositiveIntegerField()
    scope = models.TextField(blank=True, default="", db_default="")
    move_fingerprint = models.CharField(max_length=64, blank=True, default="", db_default="")
    line_text = models.TextField(blank=True, default="", db_default="")
    owner = models.TextField(blank=True, default="", db_default="")
    # "target operation" of each place where it is: agents.tracking
    sightings = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    fixed_at = models.DateTimeField(null=True, blank=True)  # when a run that looked did not see it any more
    fixed_run = models.UUIDField(null=True, blank=True)

    objects = TrackedFindings.as_manager()
    status_now: str  # of rows that were asked for with_status

    class Meta:
        verbose_name = "tracked finding"
        constraints = [
            models.UniqueConstraint(fields=["project", "fingerprint"], name="tracked_once_per_project"),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in STORED]), name="tracked_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(status=Status.DISMISSED.value), name="tracked_only_dismissal_ends"
            ),
            models.CheckConstraint(
                condition=Q(fixed_at=None, fixed_run=None)
                | Q(fixed_at__isnull=False, fixed_run__isnull=False),
                name="tracked_fixed_by_a_run",
            ),
        ]
        indexes = [
            # the lists of a project's findings, worst first; newest first
            models.Index(fields=["project", "worst_rank", "id"], name="tracked_by_worst"),
            models.Index(fields=["project", "last_seen_at", "id"], name="tracked_by_last_seen"),
            # how many were found and fixed a day, of which severity?
            # (Keys, not `include`: equal ones are stored once, and come in the order in which they are counted.)
            models.Index(
                fields=["project", "first_seen_at", "severity_rank"], name="tracked_by_first_seen_rank"
            ),
            models.Index(fields=["project", "fixed_at", "severity_rank"], name="tracked_by_fixed_rank"),
            # how many are there now, of which severity?
            models.Index(
                fields=["project", "severity_rank", "status", "until"],
                name="tracked_unfixed_by_rank",
                condition=Q(fixed_at=None),
            ),
            # how many are there now below a folder? By path, and those apart whose path is too long for an index
            models.Index(
                fields=["project", "path", "severity_rank", "status", "until"],
                name="tracked_unfixed_by_path",
                condition=Q(HAS_SHORT_PATH, fixed_at=None),
            ),
            models.Index(
                fields=["project"],
                name="tracked_unfixed_long_path",
                condition=Q(HAS_LONG_PATH, fixed_at=None),
            ),
            # which lines of a file may hold secrets? Not by path: one may be longer than an index takes
            models.Index(fields=["project"], name="tracked_secrets", condition=Q(category="secret")),
            # which are not to be counted?
            models.Index(
                fields=["project", "fingerprint"],
                name="tracked_dismissed",
                condition=Q(status=Status.DISMISSED.value),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.severity} {self.rule} {self.path}:{self.line}"


class FindingAlias(models.Model):
    """A row says under which fingerprint a claim is tracked whose file moved or whose line was edited."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="finding_aliases")
    fingerprint = models.CharField(max_length=64)
    known_as = models.CharField(max_length=64)

    class Meta:
        verbose_name = "finding alias"
        verbose_name_plural = "finding aliases"
        constraints = [
            models.UniqueConstraint(fields=["project", "fingerprint"], name="alias_once_per_project"),
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint[:12]} is {self.known_as[:12]}"


class TriageAct(models.Model):
    """A row is what one person once decided on a tracked finding. Rows are added, never changed.

    The person is told by name, as it was: the row outlives them.
    """

    finding = models.ForeignKey(TrackedFinding, on_delete=models.CASCADE, related_name="acts")
    verdict = models.CharField(max_length=10, choices=[(v, v) for v in SAID])
    reason = models.TextField(blank=True)
    until = models.DateTimeField(null=True, blank=True)
    by = models.CharField(max_length=150)
    by_user = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    sweep = models.BigIntegerField(null=True, blank=True)  # the key of the Sweep that it belongs to
    was = models.CharField(
        max_length=10, blank=True, default="", db_default=""
    )  # the status before; "": not known
    was_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "triage act"
        indexes = [
            # what did a sweep judge?
            models.Index(
                fields=["sweep", "id"], name="triage_act_of_sweep", condition=Q(sweep__isnull=False)
            ),
        ]
        triggers = [pgtrigger.Protect(name="triage_is_append_only", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.by}"


class SweepState(models.TextChoices):
    """How far a sweep is. From the last two it does not come back."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Sweep(models.Model):
    """A row is one act on all findings that match: what was said, of what, and how far it has come (agents.sweeps).

    `seen` is what the person had seen (agents.sights). The person is told by name, as it was: the row outlives them.
    """

    public_id = models.UUIDField(unique=True, default=new_public_id, editable=False)
    ticket = models.CharField(max_length=64)  # of what was seen: the same form sent twice is one sweep
    verdict = models.CharField(max_length=10, choices=[(v, v) for v in SAID])
    reason = models.TextField(blank=True)
    until = models.DateTimeField(null=True, blank=True)
    by = models.CharField(max_length=150)
    by_user = models.BigIntegerField()
    seen = models.JSONField()
    projects = models.JSONField()  # keys of those whose findings it judges
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="undone_by"
    )
    state = models.CharField(max_length=10, choices=SweepState.choices, default=SweepState.RUNNING)
    expected = models.PositiveIntegerField()  # so many were seen
    judged = models.PositiveIntegerField(default=0)
    after = models.BigIntegerField(default=0)  # the key up to which all was looked at
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["by_user", "ticket"], name="sweep_once_per_ticket"),
            models.CheckConstraint(
                condition=Q(state=SweepState.RUNNING, ended_at=None)
                | (~Q(state=SweepState.RUNNING) & Q(ended_at__isnull=False)),
                name="sweep_ends_once",
            ),
        ]
        indexes = [
            # which are still to be done?
            models.Index(fields=["id"], name="sweep_running", condition=Q(state=SweepState.RUNNING)),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.judged} of {self.expected} by {self.by}"


IS_DISMISSED = Q(status=Status.DISMISSED.value) & (Q(until=None) | Q(until__gt=Now()))
IS_EXPIRED = Q(status=Status.DISMISSED.value, until__lte=Now())
