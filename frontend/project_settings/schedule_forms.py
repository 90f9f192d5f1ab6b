"""What people fill in about schedules: what to do, on what, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

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
from tasks import schedules
from tasks.models import Schedule
from tasks.runs.moves import database_now

LONGEST_SECONDS = 366 * 86_400
BY = (("cron", _("at set times")), ("interval", _("again and again")))
UNIT_NAMES = ((60, _("minutes")), (3_600, _("hours")), (86_400, _("days")), (1, _("seconds")))
SIZES = frozenset(size for size, _unit in UNITS)


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
        min_value=1, max_value=LONGEST_SECONDS, required=False, label=_("Every"), initial=6
    )
    unit = forms.TypedChoiceField(choices=UNIT_NAMES, coerce=int, initial=3_600, label=_("Unit"))
    time_zone = OneLine(
        max_length=60,
        initial="UTC",
        label=_("Time zone"),
        help_text=_("Whose clocks the cron line means, such as Europe/Berlin."),
        widget=forms.TextInput(attrs={"list": "zones", "spellcheck": "false", "autocomplete": "off"}),
    )
    overlap = forms.ChoiceField(
        choices=Schedule.Overlap.choices,
        initial=Schedule.Overlap.SKIP,
        label=_("While the earlier run is not over"),
    )
    catch_up = forms.ChoiceField(
        choices=Schedule.CatchUp.choices, initial=Schedule.CatchUp.LAST, label=_("When times were missed")
    )

    def __init__(self, *args: Any, kept: Schedule | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept
        self.read: dict[str, Any] = {}
        if kept is not None and _shown_target(kept) is None:  # an upload: there is no text that would name it
            del self.fields["target"], self.fields["ref"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("by") == "interval" and not given.get("every"):
            self.add_error("every", _("Say how often."))
        if (given.get("every") or 0) * (given.get("unit") or 1) > LONGEST_SECONDS:
            self.add_error("every", _("At most a year."))
        if given.get("by") == "cron" and not given.get("cron"):
            self.add_error("cron", _("Write a cron line, such as 30 2 * * 1-5."))
        if given.get("target"):
            self._read_target(given["target"], given.get("ref", ""))
        return given

    def timing(self) -> dict[str, Any]:
        """Give the chosen times as fields of a schedule."""
        given = self.cleaned_data
        if given["by"] == "interval":
            return {
                "cron": "",
                "interval_seconds": given["every"] * given["unit"],
                "time_zone": given["time_zone"],
            }
        return {"cron": given["cron"], "interval_seconds": None, "time_zone": given["time_zone"]}

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
    initial = {
        **{name: getattr(row, name) for name in ("name", "goal", "time_zone", "overlap", "catch_up")},
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
        name: given[name] for name in ("name", "goal", "overlap", "catch_up")
    } | form.timing()
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
        for name in ("by", "cron", "every", "unit", "time_zone")
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


def _stored(row: Schedule | None) -> Mapping[str, Any]:
    target = row.request.get("target") if row is not None and isinstance(row.request, dict) else None
    return target if isinstance(target, dict) else {}


def _shown_target(row: Schedule) -> tuple[str, str] | None:
    """Give the text and the ref that stand for a schedule's target. None: it is an upload."""
    target = _stored(row)
    if target.get("kind") == "archive":
        return None
    return str(target.get("url") or target.get("path") or ""), str(target.get("ref") or "")
