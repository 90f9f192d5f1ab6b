"""What people fill in about schedules: what to do, on what, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agents.requests import MAX_GOAL, refuse_secret
from agents.workspace import parse_target
from agents.workspace.errors import WorkspaceError
from agents.workspace.targets import GitTarget, PathTarget, target_from_text
from frontend.fields import OneLine
from frontend.project_settings.schedule_rows import UNITS, NextTimes, times_told
from frontend.vocabulary import word
from tasks import schedules
from tasks.models import Schedule
from tasks.runs.moves import database_now
from tasks.times import LONGEST_INTERVAL_SECONDS

MOST_WINDOW_SECONDS = LONGEST_INTERVAL_SECONDS
FIRST_YEAR, LAST_YEAR = 1970, 2200
BY = (("cron", _("at set times")), ("interval", _("again and again")))
UNIT_NAMES = ((60, _("minutes")), (3_600, _("hours")), (86_400, _("days")), (1, _("seconds")))


class LocalTime(forms.CharField):
    """A date and a time on some clocks, as browsers send it; without a zone."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "autocomplete": "off"}, format="%Y-%m-%dT%H:%M:%S"
    )

    def clean(self, value: Any) -> datetime | None:
        text = str(super().clean(value))
        if not text:
            return None
        try:
            read = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValidationError(
                _("Write a date and a time, such as 2026-12-24 18:00."), code="invalid"
            ) from error
        if read.tzinfo is not None:
            raise ValidationError(_("Leave the zone out: the clocks are those of the schedule."), code="zone")
        if not FIRST_YEAR <= read.year <= LAST_YEAR:
            raise ValidationError(_("Choose a year from 1970 to 2200."), code="year")
        return read


class ScheduleForm(forms.Form):
    """A schedule. `kept` is the row that is changed: what the form cannot show of its target stays."""

    name = OneLine(max_length=80, label=_("Name"))
    goal = OneLine(max_length=MAX_GOAL, label=_("What should be done?"))
    target = forms.CharField(
        max_length=4_096,
        label=_("Where?"),
        help_text=_("A git URL, or a folder on this server."),
        widget=forms.TextInput(
            attrs={"placeholder": "https://git.example.org/team/shop.git", "spellcheck": "false"}
        ),
    )
    ref = OneLine(
        max_length=250,
        required=False,
        label=_("Branch, tag or commit"),
        help_text=_("Empty: the default branch."),
    )
    by = forms.ChoiceField(choices=BY, initial="cron", label=_("When"))
    cron = OneLine(
        max_length=120,
        required=False,
        label=_("Cron line"),
        initial="30 2 * * 1-5",
        help_text=_("minute hour day month weekday; 30 2 * * 1-5 is 02:30 from Monday to Friday"),
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    every = forms.IntegerField(
        min_value=1, max_value=LONGEST_INTERVAL_SECONDS, required=False, label=_("Every"), initial=6
    )
    unit = forms.TypedChoiceField(choices=UNIT_NAMES, coerce=int, initial=3_600, label=_("Unit"))
    time_zone = OneLine(
        max_length=60,
        initial="UTC",
        label=_("Time zone"),
        help_text=_("Whose clocks the cron line means, such as Europe/Berlin."),
        widget=forms.TextInput(attrs={"list": "zones", "spellcheck": "false", "autocomplete": "off"}),
    )
    starts_at = LocalTime(required=False, label=_("Not before"), help_text=_("Empty: from now on."))
    ends_at = LocalTime(required=False, label=_("Not after"), help_text=_("Empty: it goes on for good."))
    priority = forms.TypedChoiceField(coerce=int, empty_value=None, required=False, label=_("Priority"))
    overlap = forms.ChoiceField(
        choices=Schedule.Overlap.choices,
        initial=Schedule.Overlap.SKIP,
        label=_("While the earlier run is not over"),
    )
    catch_up = forms.ChoiceField(
        choices=Schedule.CatchUp.choices, initial=Schedule.CatchUp.LAST, label=_("When times were missed")
    )
    window = forms.IntegerField(
        min_value=0,
        max_value=MOST_WINDOW_SECONDS,
        initial=1,
        label=_("Missed at most this long ago"),
        help_text=_("What was missed earlier is left out."),
    )
    window_unit = forms.TypedChoiceField(choices=UNIT_NAMES, coerce=int, initial=86_400, label=_("Unit"))

    def __init__(self, *args: Any, kept: Schedule | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept
        self.read: dict[str, Any] = {}
        priorities = [(str(one), str(one)) for one in range(1, 9)]
        self._choose(
            "priority",
            ("", _("each agent’s own")),
            ("0", _("0, most urgent")),
            *priorities,
            ("9", _("9, least")),
        )
        self._choose("overlap", *((value, word(label)) for value, label in Schedule.Overlap.choices))
        self._choose("catch_up", *((value, word(label)) for value, label in Schedule.CatchUp.choices))
        if kept is not None and _shown_target(kept) is None:  # an upload: there is no text that would name it
            del self.fields["target"], self.fields["ref"]

    def _choose(self, name: str, *choices: tuple[str, Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("by") == "interval" and not given.get("every"):
            self.add_error("every", _("Say how often."))
        if (given.get("every") or 0) * (given.get("unit") or 1) > LONGEST_INTERVAL_SECONDS:
            self.add_error("every", _("At most a year."))
        if given.get("by") == "cron" and not given.get("cron"):
            self.add_error("cron", _("Write a cron line, such as 30 2 * * 1-5."))
        if (given.get("window") or 0) * (given.get("window_unit") or 1) > MOST_WINDOW_SECONDS:
            self.add_error("window", _("At most a year."))
        if given.get("target"):
            self._read_target(given["target"], given.get("ref", ""))
        return given

    def timing(self) -> dict[str, Any]:
        """Give the chosen times as fields of a schedule. Its first and last moment are on the clocks of its zone."""
        given = self.cleaned_data
        by_interval = given["by"] == "interval"
        return {
            "cron": "" if by_interval else given["cron"],
            "interval_seconds": given["every"] * given["unit"] if by_interval else None,
            "time_zone": given["time_zone"],
            "starts_at": self._moment("starts_at"),
            "ends_at": self._moment("ends_at"),
        }

    def _moment(self, name: str) -> datetime | None:
        """Give a moment in UTC; what is kept of finer parts than the form shows stays."""
        naive: datetime | None = self.cleaned_data.get(name)
        zone = self.cleaned_data["time_zone"]
        if naive is None or zone not in available_timezones():
            return None  # the zone's own fault is told by itself
        kept: datetime | None = getattr(self.kept, name, None)
        if kept is not None and _local(kept, zone) == naive:
            return kept
        return naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def _read_target(self, text: str, ref: str) -> None:
        try:
            target: PathTarget | GitTarget = target_from_text(text)
            if ref and not isinstance(target, GitTarget):
                raise ValidationError({"ref": _("A folder has no branches; leave it empty.")})
            if isinstance(target, GitTarget):
                depth = _stored(self.kept).get("depth", target.depth)
                read = parse_target({**target.model_dump(mode="json"), "ref": ref or None, "depth": depth})
                refuse_secret(read)
                self.read = read.model_dump(mode="json")
            else:
                self.read = target.model_dump(mode="json")
        except WorkspaceError as fault:
            self.add_error("target", str(fault))
        except ValidationError as fault:
            self.add_error(None, fault)


def form_of(row: Schedule) -> ScheduleForm:
    """Give the form of a schedule that is there."""
    size = next(
        (one for one, _unit in UNITS if row.interval_seconds and row.interval_seconds % one == 0), 3_600
    )
    shown = _shown_target(row) or ("", "")
    window = row.catch_up_window_seconds
    window_size = next((one for one, _unit in UNITS if window and window % one == 0), 3_600)
    initial = {
        **{
            name: getattr(row, name)
            for name in ("name", "goal", "time_zone", "overlap", "catch_up", "priority")
        },
        "starts_at": _local(row.starts_at, row.time_zone),
        "ends_at": _local(row.ends_at, row.time_zone),
        "window": window // window_size,
        "window_unit": window_size,
        "target": shown[0],
        "ref": shown[1],
        "by": "cron" if row.cron else "interval",
        "cron": row.cron,
        "every": (row.interval_seconds or 0) // size or None,
        "unit": size,
    }
    return ScheduleForm(initial=initial, kept=row)


def written(form: ScheduleForm, row: Schedule) -> set[str]:
    """Write a form that is valid into a row. Returns the names of the fields that differ now."""
    given = form.cleaned_data
    changes: dict[str, Any] = {
        name: given[name] for name in ("name", "goal", "overlap", "catch_up", "priority")
    } | form.timing()
    changes["catch_up_window_seconds"] = given["window"] * given["window_unit"]
    if form.read:
        changes["request"] = {**(row.request if isinstance(row.request, dict) else {}), "target": form.read}
    changed = {name for name, value in changes.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, changes[name])
    return changed


def read_times(data: Mapping[str, Any]) -> NextTimes | None:
    """Tell when a schedule would fire by what is typed so far. None: nothing is."""
    if not data:
        return None
    form = ScheduleForm(data)
    form.is_valid()
    faults = [
        str(fault)
        for name in ("by", "cron", "every", "unit", "time_zone", "starts_at", "ends_at")
        for fault in form.errors.get(name, ())
    ]
    if faults:
        return NextTimes(fault=" ".join(faults))
    now = database_now()
    return times_told(schedules.times_of(Schedule(**form.timing(), created_at=timezone.now()), now=now), now)


def zones() -> list[str]:
    """Give the names of time zones that people choose from."""
    return sorted(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/"))
    )


def _local(at: datetime | None, zone: str) -> datetime | None:
    """Give a moment on the clocks of a zone, to the second. None: there is none, or no such zone."""
    if at is None or zone not in available_timezones():
        return None
    return at.astimezone(ZoneInfo(zone)).replace(microsecond=0, tzinfo=None)


def _stored(row: Schedule | None) -> Mapping[str, Any]:
    target = row.request.get("target") if row is not None and isinstance(row.request, dict) else None
    return target if isinstance(target, dict) else {}


def _shown_target(row: Schedule) -> tuple[str, str] | None:
    """Give the text and the ref that stand for a schedule's target. None: it is an upload."""
    target = _stored(row)
    if target.get("kind") == "archive":
        return None
    return str(target.get("url") or target.get("path") or ""), str(target.get("ref") or "")
