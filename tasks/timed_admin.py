"""What goes by the clock in Django's admin: schedules, and how long what is over is kept.

Edited with checks that say what to do; looked at with next times, last fires and reports of what was deleted.
"""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from history.admin import VersionedAdmin
from tasks import schedules
from tasks.history_admin import ReadOnlyAdmin
from tasks.models import PruneReport, RetentionPolicy, Schedule, ScheduleFire
from tasks.runs.moves import database_now
from tasks.times import TimesInvalid

SHOWN_TIMES = 5
SHOWN_FIRES = 20


class ScheduleForm(forms.ModelForm[Schedule]):
    """Refuses what could never fire or never be accepted, field by field."""

    class Meta:
        model = Schedule
        exclude = ("next_fire_at", "last_fire_at")
        help_texts: ClassVar[dict[str, str]] = {
            "interval_seconds": "instead of a cron line: so many seconds from one time to the next, at least 10",
            "request": 'what to work on: {"target": {"kind": "git", "url": "https://git.example.org/team/shop.git"}}',
            "catch_up": "what to do about times at which nothing was there to fire, or the schedule came late",
            "catch_up_window_seconds": "what was missed longer ago is left out in any case",
            "priority": "0 is most urgent, 9 least; empty: each agent's own",
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.errors:
            return given
        for field, message in schedules.faults(
            Schedule(created_at=self.instance.created_at, **given)
        ).items():
            self.add_error(field, message)
        return given


@admin.register(Schedule)
class ScheduleAdmin(VersionedAdmin[Schedule]):
    """Edit schedules. What is changed counts from now on: times that passed while it was off are not made up."""

    form = ScheduleForm
    list_display = (
        "name",
        "project",
        "enabled",
        "when",
        "time_zone",
        "next_fire_at",
        "last_outcome",
        "overlap",
    )
    list_filter = ("enabled", "overlap", "project")
    search_fields = ("name", "goal")
    list_select_related = ("project",)
    autocomplete_fields = ("project", "owner")
    readonly_fields = ("next_times", "last_fires")
    actions = ("fire_now",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        last = ScheduleFire.objects.filter(schedule=OuterRef("pk")).order_by("-fire_at")
        return super().get_queryset(request).annotate(outcome=Subquery(last.values("outcome")[:1]))

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        schedules.store(obj, changed=form.changed_data if change else None)

    @admin.display(description="when")
    def when(self, schedule: Schedule) -> str:
        return schedule.cron or f"every {schedule.interval_seconds} s"

    @admin.display(description="last outcome")
    def last_outcome(self, schedule: Schedule) -> str:
        return str(getattr(schedule, "outcome", None) or "-")

    @admin.display(description="next times")
    def next_times(self, schedule: Schedule) -> str | SafeString:
        """The next five, on the clocks of its time zone and in UTC."""
        if schedule._state.adding:
            return "shown when it is stored"
        try:
            times = schedules.times_of(schedule)
            times.check()
        except TimesInvalid as error:
            return str(error)
        zone = ZoneInfo(schedule.time_zone)
        rows = [
            (f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}", f"{moment:%H:%M:%S} UTC")
            for moment in times.upcoming(database_now(), SHOWN_TIMES)
        ]
        told = format_html_join(SafeString("<br>"), "{} ({})", rows) or "no time is left"
        return told if schedule.enabled else format_html("switched off; it would fire at<br>{}", told)

    @admin.display(description="last fires")
    def last_fires(self, schedule: Schedule) -> str | SafeString:
        if schedule._state.adding:
            return "-"
        fires = schedule.fires.select_related("run").order_by("-fire_at")[:SHOWN_FIRES]
        rows = [
            (f"{fire.fire_at:%Y-%m-%d %H:%M:%S} UTC", fire.get_outcome_display(), run_link(fire), fire.note)
            for fire in fires
        ]
        return format_html_join(SafeString("<br>"), "{} {} {} {}", rows) or "none yet"

    @admin.action(description="Fire the chosen schedules now", permissions=["change"])
    def fire_now(self, request: HttpRequest, chosen: QuerySet[Schedule]) -> None:
        for schedule in chosen:
            fire = schedules.fire_now(schedule.pk, by=request.user.get_username())
            level = messages.WARNING if fire.outcome == ScheduleFire.Outcome.REFUSED else messages.SUCCESS
            told = format_html(
                "{}: {} {} {}", schedule.name, fire.get_outcome_display(), run_link(fire), fire.note
            )
            self.message_user(request, told, level)


@admin.register(ScheduleFire)
class ScheduleFireAdmin(ReadOnlyAdmin):
    list_display = ("schedule", "fire_at", "outcome", "run_page", "fired_at", "note")
    list_filter = ("outcome", "schedule")
    search_fields = ("schedule__name", "note", "run__public_id")
    list_select_related = ("schedule", "run")
    date_hierarchy = "fire_at"
    ordering = ("-fire_at",)

    @admin.display(description="run")
    def run_page(self, fire: ScheduleFire) -> str | SafeString:
        return run_link(fire) or "-"


def run_link(fire: ScheduleFire) -> str | SafeString:
    """Link to the run of a fire, in the admin. Empty if there is none."""
    if fire.run is None:
        return ""
    page = reverse("admin:tasks_run_change", args=[fire.run.pk])
    return format_html('<a href="{}">{}: {}</a>', page, fire.run.public_id, fire.run.state)


class RetentionForm(forms.ModelForm[RetentionPolicy]):
    """Refuses what would delete at once, or keep a part of a run longer than the run."""

    class Meta:
        model = RetentionPolicy
        exclude = ()
        help_texts: ClassVar[dict[str, str]] = {
            "project": "empty: the default for every project without a row of its own",
            "keep_runs_days": "counted from a run's end; then it goes with everything that belongs to it",
            "keep_events_days": "events and logs; not longer than the run",
            "keep_artifacts_days": "files that runs made, and uploads; not longer than the run",
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        runs_days = given.get("keep_runs_days")
        for field in ("keep_runs_days", "keep_events_days", "keep_artifacts_days"):
            days = given.get(field)
            if days is not None and days < 1:
                self.add_error(field, f"{days} days would delete what has just ended; the least is 1")
            elif days is not None and runs_days is not None and days > runs_days:
                self.add_error(
                    field,
                    f"{days} days is longer than the run itself is kept ({runs_days});"
                    " keep runs longer, or this as long as they",
                )
        return given


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(VersionedAdmin[RetentionPolicy]):
    """Without any row nothing of any project is deleted. A change counts from the next round on."""

    form = RetentionForm
    list_display = ("__str__", "keep_runs_days", "keep_events_days", "keep_artifacts_days")
    list_filter = ("project",)
    search_fields = ("project__name", "project__slug")
    list_select_related = ("project",)
    autocomplete_fields = ("project",)


@admin.register(PruneReport)
class PruneReportAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "ended_at", "counts", "error")
    list_filter = ("started_at",)
    search_fields = ("error",)
    ordering = ("-started_at",)
