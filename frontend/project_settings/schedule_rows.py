"""Schedules as their pages show them: when, in words, next times in their zone, and what became of the last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.workspace import describe, parse_target
from agents.workspace.errors import WorkspaceError
from frontend.templatetags.wrench import said
from tasks import schedules
from tasks.models import Schedule, ScheduleFire
from tasks.runs.moves import database_now
from tasks.times import Times, TimesInvalid

SHOWN_TIMES = 5
PER_PAGE = 25
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A schedule: when it fires in words, on what, and how its last time ended ("": none has come)."""

    row: Schedule
    when: str
    target: str
    outcome: str
    window: str  # how long ago a time may have been missed and still fire


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTime:
    """A moment at which it fires: as people of its zone say it."""

    at: datetime
    local: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTimes:
    """The next ones, or what is wrong with the times."""

    times: tuple[NextTime, ...] = ()
    fault: str = ""
    zone: str = ""


def rows(found: Iterable[Schedule]) -> list[ScheduleRow]:
    """Show schedules. `outcome` is that of the query, where it brings one."""
    return [
        ScheduleRow(
            row=row,
            when=when(row),
            target=target_of(row),
            outcome=str(getattr(row, "outcome", None) or ""),
            window=lasting(row.catch_up_window_seconds),
        )
        for row in found
    ]


def when(row: Schedule) -> str:
    """Tell in a few words when a schedule fires."""
    if row.cron:
        return f"{row.cron} ({row.time_zone})"
    return every(row.interval_seconds or 0)


def every(seconds: int) -> str:
    """Write an interval in its largest whole unit."""
    size, unit = next((one for one in UNITS if seconds and seconds % one[0] == 0), UNITS[-1])
    number = seconds // size
    words = {
        "day": ngettext("every day", "every %(n)d days", number),
        "hour": ngettext("every hour", "every %(n)d hours", number),
        "minute": ngettext("every minute", "every %(n)d minutes", number),
        "second": ngettext("every second", "every %(n)d seconds", number),
    }
    return words[unit] % {"n": number} if "%" in words[unit] else words[unit]


def lasting(seconds: int) -> str:
    """Write a length of time in its largest whole unit."""
    size, unit = next((one for one in UNITS if seconds and seconds % one[0] == 0), UNITS[-1])
    number = seconds // size
    words = {
        "day": ngettext("%(n)d day", "%(n)d days", number),
        "hour": ngettext("%(n)d hour", "%(n)d hours", number),
        "minute": ngettext("%(n)d minute", "%(n)d minutes", number),
        "second": ngettext("%(n)d second", "%(n)d seconds", number),
    }
    return words[unit] % {"n": number}


def target_of(row: Schedule) -> str:
    """Name what a schedule works on, without any password; empty if that cannot be read."""
    try:
        return describe(parse_target(row.request.get("target") if isinstance(row.request, dict) else None))
    except WorkspaceError:
        return ""


def next_times(row: Schedule) -> NextTimes:
    """Tell when a schedule fires next, or would if it were on."""
    return times_told(schedules.times_of(row), database_now())


def times_told(times: Times, now: datetime) -> NextTimes:
    """Tell the next times in words, on the clocks of their zone."""
    try:
        times.check()
    except TimesInvalid as invalid:
        return NextTimes(fault="; ".join(invalid.faults.values()))
    zone = ZoneInfo(times.time_zone)
    found = times.upcoming(now, SHOWN_TIMES)
    form = "%A %d %B %Y, %H:%M:%S %Z"
    told = tuple(NextTime(at=at, local=said(at.astimezone(zone), form)) for at in found)
    return NextTimes(times=told, fault="" if told else _("no time is left"), zone=times.time_zone)


def fires(row: Schedule, page: str | None) -> Page[ScheduleFire]:
    """Give a page of the times that have come, newest first."""
    found = ScheduleFire.objects.filter(schedule=row).select_related("run").order_by("-fire_at")
    return Paginator(found, PER_PAGE).get_page(page)
