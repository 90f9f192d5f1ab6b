"""WebHook, WebHookSecret, WebHookDelivery: whom a project tells of its runs, and what was told.

`monitoring.webhooks` writes what people want, `monitoring.witness` what the engine's events make due, and
`monitoring.courier` what became of it.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from accounts.envelope import holds
from accounts.models import DataKey, Project, User
from accounts.models.credentials import SealedField
from history.tracking import track
from tasks.models.work import new_public_id


class HookEvent(StrEnum):
    """What a webhook may be told: kinds of the engine's events, and the ping that a person sends."""

    RUN_ACCEPTED = "run.accepted"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_DECIDED = "approval.decided"
    PING = "ping"


WISHES = tuple(event.value for event in HookEvent if event is not HookEvent.PING)
"""What a webhook can subscribe to. A ping comes to each."""


class DeliveryState(StrEnum):
    """waiting -> delivered | failed. Nothing leaves the latter two; a replay is another delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@track(
    cut=("url",),
    churn=("failures", "failing_since"),
    unrestorable="its secret went with it: a webhook is made anew",
)
class WebHook(models.Model):
    """A row is an address that a project's events are sent to."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(
        max_length=2000
    )  # may hold a token of the receiver's: shown to its maintainers only
    events = models.JSONField(default=list)  # of WISHES
    description = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)
    inactive_reason = models.CharField(max_length=300, blank=True)  # empty: a person switched it off
    failures = models.PositiveIntegerField(default=0)  # attempts that failed since the last success
    failing_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="webhooks"
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"webhook to {self.host}"

    @property
    def host(self) -> str:
        """Name the receiver without what may be secret in its URL."""
        return urlsplit(self.url).hostname or ""


@holds
class WebHookSecret(models.Model):
    """A row is a secret that signs a webhook's deliveries. After a rotation there are two for a while."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    hook = models.ForeignKey(WebHook, on_delete=models.CASCADE, related_name="secrets")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    value = SealedField()
    data_key = models.ForeignKey(DataKey, on_delete=models.RESTRICT, editable=False, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)  # null: the current one

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hook"], condition=Q(expires_at=None), name="webhook_one_current_secret"
            )
        ]

    def __str__(self) -> str:
        return f"secret {self.public_id}"

    @property
    def identity(self) -> str:
        """What the sealed value is bound to: its row, its field and its project."""
        return f"monitoring_webhooksecret|{self.public_id}|value|{self.project_id}"


class WebHookDelivery(models.Model):
    """A row is one event for one webhook: what is sent, until when it is tried, and what was answered."""

    public_id = models.UUIDField(unique=True, default=new_public_id, editable=False)
    hook = models.ForeignKey(WebHook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40, choices=[(one.value, one.value) for one in HookEvent])
    run = models.ForeignKey(
        "tasks.Run", null=True, blank=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    seq = models.BigIntegerField(null=True, blank=True)  # the event's number in its run
    replay_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    is_replay = models.BooleanField(default=False)  # stays when the original is gone
    payload = models.JSONField()
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in DeliveryState],
        default=DeliveryState.WAITING.value,
    )
    attempts = models.PositiveSmallIntegerField(default=0)  # begun
    next_at = models.DateTimeField(null=True, blank=True)  # while one is under way: when it counts as lost
    claim = models.UUIDField(null=True, blank=True)  # of the attempt under way; demanded when it is recorded
    log = models.JSONField(default=list)  # an entry per attempt, as `monitoring.courier` writes it
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "web hook deliveries"
        indexes = [
            # the courier: what is due at this hook, the oldest first?
            models.Index(
                fields=["hook", "next_at"],
                name="webhook_due",
                condition=Q(state=DeliveryState.WAITING.value),
            ),
            # the courier: how many of this hook are under way?
            models.Index(fields=["hook"], name="webhook_under_way", condition=Q(claim__isnull=False)),
            # the scheduler: is anything due at all?
            models.Index(
                fields=["next_at"],
                name="webhook_due_anywhere",
                condition=Q(state=DeliveryState.WAITING.value),
            ),
            # the API: this hook's deliveries, the newest first
            models.Index(fields=["hook", "-id"], name="webhook_log"),
            # retention: which are over, and old?
            models.Index(
                fields=["created_at"],
                name="webhook_over",
                condition=~Q(state=DeliveryState.WAITING.value),
            ),
            # the foreign keys, when a run or a delivery is deleted
            models.Index(fields=["run"], name="webhook_of_run", condition=Q(run__isnull=False)),
            models.Index(fields=["replay_of"], name="webhook_replays", condition=Q(replay_of__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["hook", "run", "seq"],
                condition=Q(is_replay=False),
                name="webhook_event_once_per_hook",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in DeliveryState]), name="webhook_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.WAITING.value, next_at__isnull=False, ended_at=None)
                | (
                    ~Q(state=DeliveryState.WAITING.value)
                    & Q(next_at=None, claim=None, ended_at__isnull=False)
                ),
                name="webhook_waits_for_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.state})"
