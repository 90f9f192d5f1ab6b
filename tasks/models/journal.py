"""What an operation that suspends, or whose worker dies, must not do twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from tasks.models.work import Run, Step, new_public_id


class JournalEntry(models.Model):
    """A row says that a step did, or began to do, something that a later attempt must not repeat blindly.

    The key is (step, name, occurrence): the third `once("send", ...)` of an attempt meets the third row "send".
    `digest` is the input's; another digest at the same place is JournalDiverged.
    """

    class Kind(models.TextChoices):
        ONCE = "once"
        CALL = "call"
        APPROVAL = "approval"

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="journal")
    name = models.CharField(max_length=120)
    occurrence = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    effect = models.CharField(max_length=12, default="read")
    digest = models.CharField(max_length=64)
    attempt = models.PositiveSmallIntegerField()  # the one that began it
    child = models.OneToOneField(
        Step, null=True, blank=True, on_delete=models.SET_NULL, related_name="called_by"
    )  # of a call
    value = models.JSONField(null=True, blank=True)
    started_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [
            models.UniqueConstraint(fields=["step", "name", "occurrence"], name="journal_entry_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.occurrence}"


class Approval(models.Model):
    """A row is a question to people that a step waits for, and the answer."""

    class Decision(models.TextChoices):
        APPROVED = "approved"
        REJECTED = "rejected"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"  # its step ended without an answer: cancelled, or past a deadline

    public_id = models.UUIDField(unique=True, default=new_public_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="approvals")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="approvals")
    entry = models.OneToOneField(JournalEntry, on_delete=models.CASCADE, related_name="approval")
    question = models.TextField()
    details = models.JSONField(default=dict)
    role = models.CharField(max_length=20)  # the least role on the project that may decide
    users = models.JSONField(default=list)  # beyond the role: only these (e-mail addresses), if any are named
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    comment = models.TextField(blank=True)

    class Meta:
        indexes = [
            # the list of what waits for people; the sweep: which questions have expired?
            models.Index(fields=["expires_at"], name="approval_open", condition=models.Q(decision="")),
        ]

    def __str__(self) -> str:
        return f"{self.question[:60]}: {self.decision or 'open'}"
