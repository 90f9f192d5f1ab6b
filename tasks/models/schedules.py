"""What starts by the clock. Edited over the API and in the admin."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q

from history.tracking import track
from tasks.models.work import Run, new_public_id


@track(churn=("next_fire_at", "last_fire_at"), masked=("request",))
class Schedule(models.Model):
    """A row is a request that is submitted again and again, by cron or every so many seconds."""

    class CatchUp(models.TextChoices):
        NONE = "none", "skip what was missed"
        LAST = "last", "fire once for all that was missed"
        ALL = "all", "fire each time that was missed, oldest first, within the window"

    class Overlap(models.TextChoices):
        ALLOW = "allow", "start beside the earlier run"
        SKIP = "skip", "leave this time out"
        QUEUE = "queue", "start when the earlier run is over; at most one waits"
        CANCEL = "cancel", "cancel the earlier run, then start"

    public_id = models.UUIDField(
        unique=True,
        default=new_public_id,
        db_default=RandomUUID(),  # for what the previous release stores beside this one
        editable=False,
    )
    name = models.CharField(max_length=80)
    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="schedules")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    enabled = models.BooleanField(default=True)
    cron = models.CharField(
        max_length=120, blank=True, help_text="five fields: minute hour day month weekday"
    )
    interval_seconds = models.PositiveIntegerField(null=True, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC", help_text="IANA name, such as Europe/Berlin")
    goal = models.TextField()
    request = models.JSONField(default=dict, blank=True)
    priority = models.PositiveSmallIntegerField(null=True, blank=True)
    catch_up = models.CharField(max_length=6, choices=CatchUp.choices, default=CatchUp.LAST)
    catch_up_window_seconds = models.PositiveIntegerField(default=86_400)
    overlap = models.CharField(max_length=6, choices=Overlap.choices, default=Overlap.SKIP)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    next_fire_at = models.DateTimeField(null=True, blank=True)
    last_fire_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="schedule_name_once_per_project"),
            models.CheckConstraint(
                condition=(Q(cron="") & Q(interval_seconds__gte=1))
                | (~Q(cron="") & Q(interval_seconds=None)),
                name="schedule_cron_or_interval",
            ),
            models.CheckConstraint(
                condition=Q(priority=None) | Q(priority__lte=9), name="schedule_priority_is_0_to_9"
            ),
        ]
        indexes = [
            # the sweep: what is due?
            models.Index(fields=["next_fire_at"], name="schedule_due", condition=Q(enabled=True)),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleFire(models.Model):
    """A row says that a schedule's time has come and what became of it. Unique: two schedulers are harmless."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "waits for the earlier run"
        SUBMITTED = "submitted"
        SKIPPED = "skipped", "skipped: the earlier run was not over"
        MISSED = "missed", "missed: nobody was there to fire"
        REFUSED = "refused", "refused: the request cannot be accepted"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="fires")
    fire_at = models.DateTimeField()
    fired_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    run = models.OneToOneField(Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="fired_by")
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "fire_at"], name="schedule_fires_once_per_time")
        ]

    def __str__(self) -> str:
        return f"{self.fire_at:%Y-%m-%d %H:%M:%S} {self.outcome}"
