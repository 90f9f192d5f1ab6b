"""Requests that a project submits by the clock: made with a look at their next times, paused, fired, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Project
from agents.deletion import delete_schedule
from frontend.forms import ticket_of
from frontend.once import is_first, stamp
from frontend.project_settings import schedule_rows
from frontend.project_settings.frame import Desk, open_section, sentence
from frontend.project_settings.schedule_forms import ScheduleForm, form_of, read_times, written, zones
from frontend.views import error
from tasks import schedules
from tasks.models import Schedule, ScheduleFire
from tasks.times import TimesInvalid

ROUTE = "frontend:settings-schedule"
FIELDS = {"request": "target", "interval_seconds": "every"}
"""Where a fault of a field of the row stands in the form."""


@require_http_methods(["GET"])
@login_required
def listing(request: HttpRequest, project: str) -> HttpResponse:
    """Show the schedules of the project."""
    desk = open_section(request, project, "schedules")
    rows = schedule_rows.rows(of(desk.project).order_by("name", "pk"))
    return desk.show(
        "frontend/settings/schedules.html", {"rows": rows, "may_manage": desk.may("schedule.manage")}
    )


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Make a schedule. Its next times are shown before it is stored."""
    desk = open_section(request, project, "schedules")
    desk.demand("schedule.manage")
    if request.method != "POST":
        return _new_page(desk, ScheduleForm())
    form = ScheduleForm(request.POST)
    if request.POST.get("act") == "preview" or not form.is_valid():
        return _new_page(desk, form, status=200 if request.POST.get("act") == "preview" else 400)
    if not is_first(request, "schedule"):
        desk.refuse(_("This form was sent before; its schedule is in the list."))
        return desk.back()
    with desk.holding("schedule.manage") as held:
        row = Schedule(project=held, owner=desk.user)
        written(form, row)
        is_stored = _store(form, row, None)
    if not is_stored:
        return _new_page(desk, form, status=400)
    desk.say(_("The schedule is made."))
    return desk.back(ROUTE, row.public_id)


@require_POST
@login_required
def preview(request: HttpRequest, project: str) -> HttpResponse:
    """Show when a schedule with these times would fire, for the form's script."""
    open_section(request, project, "schedules")
    return render(request, "frontend/settings/times.html", {"times": read_times(request.POST)})


@require_http_methods(["GET", "POST"])
@login_required
def one(request: HttpRequest, project: str, schedule_id: UUID) -> HttpResponse:
    """Show a schedule with its next times and what became of the last; change, pause, fire, delete it."""
    desk = open_section(request, project, "schedules")
    row = of(desk.project).filter(public_id=schedule_id).first()
    if row is None:
        raise Http404
    if request.method != "POST":
        return _page(desk, row)
    acts = {
        "save": _save,
        "preview": _save,
        "pause": _switch,
        "resume": _switch,
        "fire": _fire,
        "delete": _delete,
    }
    act = acts.get(request.POST.get("act", ""))
    return error(request, 400) if act is None else act(desk, row)


def of(project: Project) -> QuerySet[Schedule]:
    """Give the schedules of a project, each with the `outcome` of its last time."""
    last = ScheduleFire.objects.filter(schedule=OuterRef("pk")).order_by("-fire_at")
    found = Schedule.objects.filter(project=project).annotate(outcome=Subquery(last.values("outcome")[:1]))
    return found.select_related("owner")


def seen(row: Schedule) -> str:
    """Give the stamp of what people edit of a schedule, not of what moves by itself."""
    return stamp(
        row.name,
        row.goal,
        row.request,
        row.cron,
        row.interval_seconds,
        row.time_zone,
        row.overlap,
        row.catch_up,
        row.catch_up_window_seconds,
        row.priority,
        row.starts_at,
        row.ends_at,
    )


def _save(desk: Desk, row: Schedule) -> HttpResponse:
    desk.demand("schedule.manage")
    form = ScheduleForm(desk.request.POST, kept=row)
    if desk.request.POST.get("act") == "preview":
        return _page(desk, row, form=form)
    if not form.is_valid():
        return _page(desk, row, form=form, status=400)
    with desk.holding("schedule.manage"):
        held = _held(row)
        if desk.request.POST.get("seen") != seen(held):
            form.add_error(
                None, _("Somebody changed this while you wrote. Save again to put yours in its place.")
            )
            return _page(desk, held, form=form, status=409)
        is_stored = _store(form, held, written(form, held))
    if not is_stored:
        return _page(desk, row, form=form, status=400)
    desk.say(_("Saved. New times count from now on."))
    return desk.back(ROUTE, row.public_id)


def _switch(desk: Desk, row: Schedule) -> HttpResponse:
    """Pause or resume. Times that passed while it was off are not made up."""
    desk.demand("schedule.manage")
    is_on = desk.request.POST["act"] == "resume"
    with desk.holding("schedule.manage"):
        held = _held(row)
        held.enabled = is_on
        faults = schedules.faults(held) if is_on else {}
        if not faults:
            schedules.store(held, changed={"enabled"})
    if faults:
        desk.refuse(_("It cannot fire: %(why)s") % {"why": "; ".join(faults.values())})
    else:
        desk.say(
            _("It is on; its times count from now on.") if is_on else _("It is paused: it does not fire.")
        )
    return desk.back(ROUTE, row.public_id)


def _fire(desk: Desk, row: Schedule) -> HttpResponse:
    desk.demand("schedule.fire")
    if not is_first(desk.request, "fire"):
        desk.refuse(_("It was fired by this form already."))
        return desk.back(ROUTE, row.public_id)
    with desk.holding("schedule.fire"):
        fire = schedules.fire_now(_held(row).pk, by=desk.user.get_username())
    if fire.outcome == ScheduleFire.Outcome.SUBMITTED:
        desk.say(_("Fired: its run is on its way."))
    else:
        desk.refuse(_("No run: %(why)s") % {"why": fire.note or fire.get_outcome_display()})
    return desk.back(ROUTE, row.public_id)


def _delete(desk: Desk, row: Schedule) -> HttpResponse:
    desk.demand("schedule.manage")
    with desk.holding("schedule.manage"):
        delete_schedule(_held(row))
    desk.say(_("%(name)s is deleted. The runs that it has started stay, and go on.") % {"name": row.name})
    return desk.back()


def _held(row: Schedule) -> Schedule:
    """Lock a schedule. Raises Http404 if it is gone."""
    held = Schedule.objects.select_for_update().filter(pk=row.pk).first()
    if held is None:
        raise Http404
    return held


def _store(form: ScheduleForm, row: Schedule, changed: set[str] | None) -> bool:
    """Store what has no faults, or say them in the form. Of one that is off only what was changed is judged."""
    judged = changed is None or row.enabled
    faults = {
        field: why for field, why in schedules.faults(row).items() if judged or field in (changed or ())
    }
    for field, why in faults.items():
        name = FIELDS.get(field, field)
        form.add_error(name if name in form.fields else None, sentence(why))
    if faults:
        return False
    try:
        with transaction.atomic():
            schedules.store(row, changed=changed)
    except TimesInvalid as invalid:
        form.add_error(None, sentence(invalid))
        return False
    except IntegrityError as taken:
        if "schedule_name_once_per_project" not in str(taken):
            raise
        form.add_error("name", _("The project has a schedule of this name; choose another."))
        return False
    return True


def _new_page(desk: Desk, form: ScheduleForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "times": read_times(form.data), "ticket": ticket_of(None), "zones": zones()}
    return desk.show("frontend/settings/schedule_new.html", context, status=status)


def _page(desk: Desk, row: Schedule, *, form: ScheduleForm | None = None, status: int = 200) -> HttpResponse:
    page = schedule_rows.fires(row, desk.request.GET.get("page"))
    context: dict[str, Any] = {
        "row": schedule_rows.rows([row])[0],
        "form": form or form_of(row),
        "seen": desk.request.POST.get("seen") if form is not None and status != 409 else seen(row),
        "next": schedule_rows.next_times(row),
        "times": read_times(form.data) if form is not None else None,
        "page": page,
        "zones": zones(),
        "ticket": ticket_of(None),
        "may_manage": desk.may("schedule.manage"),
        "may_fire": desk.may("schedule.fire"),
    }
    return desk.show("frontend/settings/schedule.html", context, status=status)
