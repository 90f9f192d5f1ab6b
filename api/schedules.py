"""Schedules: requests that are submitted again and again, by the clock.

GET    /api/v1/schedules             ?project= &enabled= &ordering= &limit= &cursor=
POST   /api/v1/schedules             {"project", "name", "cron" | "interval_seconds", "goal", "target", ...} -> 201
GET    /api/v1/schedules/<id>        with its ETag
PATCH  /api/v1/schedules/<id>        any of these but the project; If-Match is heeded
DELETE /api/v1/schedules/<id>        its runs stay

Its times and fires: `api.schedule_fires`. What can be stored is decided by `tasks.schedules.faults`, as in the admin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404
from django.urls import reverse
from pydantic import Field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access
from agents.deletion import delete_schedule
from agents.requests import MAX_GOAL
from api import etags
from api.bodies import OneLine, StrictSerializer, valid
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, page_of
from api.lookup import PROJECT, find_project
from api.shapes import Moment, Uuid, moment
from tasks import schedules
from tasks.models import Schedule, ScheduleFire
from tasks.times import LEAST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS

ENGINES_OWN = frozenset({"next_fire_at", "last_fire_at", "last_outcome"})
"""What moves by itself: the ETag is not of these."""


class ScheduleShape(TypedDict):
    """A schedule: what it submits and when."""

    id: Uuid
    project: Annotated[str, Field(description="team/slug")]
    name: str
    enabled: bool
    cron: Annotated[str | None, Field(description="minute hour day month weekday; null: it goes by interval")]
    interval_seconds: int | None
    time_zone: Annotated[
        str, Field(description="whose clocks the cron line means", examples=["Europe/Berlin"])
    ]
    starts_at: Moment | None
    ends_at: Moment | None
    goal: str
    target: Annotated[dict[str, Any], Field(description="what the runs work on, as in POST /runs")]
    priority: Annotated[
        int | None, Field(description="of the runs, 0 most urgent to 9; null: each agent's own")
    ]
    catch_up: Annotated[
        str,
        Field(
            description="of times that were missed: none, one for all of them, or each",
            json_schema_extra={"enum": Schedule.CatchUp.values},
        ),
    ]
    catch_up_window_seconds: Annotated[int, Field(description="what was missed longer ago is left out")]
    overlap: Annotated[
        str,
        Field(
            description="while the earlier run is not over: start beside it, leave out, wait, or cancel it",
            json_schema_extra={"enum": Schedule.Overlap.values},
        ),
    ]
    owner: Annotated[str | None, Field(description="username of who made it, whose runs they are")]
    created_at: Moment
    next_fire_at: Annotated[Moment | None, Field(description="if it is enabled; null: no time is left")]
    last_fire_at: Moment | None
    last_outcome: Annotated[
        str | None,
        Field(
            description="what became of the last time; null: none has come",
            json_schema_extra={"enum": [*ScheduleFire.Outcome.values, None]},
        ),
    ]


class NameInUse(APIException):
    """Another schedule of the project has this name."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "name-taken"


class Timing(StrictSerializer):
    """When something fires."""

    cron = serializers.CharField(
        max_length=120,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="five fields, or an interval",
    )
    interval_seconds = serializers.IntegerField(
        min_value=LEAST_INTERVAL_SECONDS,
        max_value=LONGEST_INTERVAL_SECONDS,
        required=False,
        allow_null=True,
        help_text="instead of a cron line; counted from starts_at, or from when the schedule was made",
    )
    time_zone = serializers.CharField(
        max_length=60, required=False, help_text="IANA name; UTC if you give none"
    )
    starts_at = serializers.DateTimeField(required=False, allow_null=True)
    ends_at = serializers.DateTimeField(required=False, allow_null=True)


class ScheduleChange(Timing):
    """The body that changes a schedule. What is left out stays as it is."""

    name = OneLine(max_length=80, required=False)
    enabled = serializers.BooleanField(required=False)
    goal = serializers.CharField(max_length=MAX_GOAL, required=False)
    target = serializers.DictField(required=False)
    priority = serializers.IntegerField(min_value=0, max_value=9, required=False, allow_null=True)
    catch_up = serializers.ChoiceField(choices=Schedule.CatchUp.values, required=False)
    catch_up_window_seconds = serializers.IntegerField(
        min_value=0, max_value=LONGEST_INTERVAL_SECONDS, required=False
    )
    overlap = serializers.ChoiceField(choices=Schedule.Overlap.values, required=False)


class ScheduleOrder(ScheduleChange):
    """The body that makes a schedule."""

    project = serializers.RegexField(PROJECT, help_text="slug, or team/slug where slugs repeat")
    name = OneLine(max_length=80)
    goal = serializers.CharField(max_length=MAX_GOAL)
    target = serializers.DictField()


class ScheduleFilter(ListQuery):
    """The query of the list."""

    orderings = {"created_at": "created_at", "name": "name"}

    project = serializers.RegexField(
        PROJECT, required=False, help_text="slug, or team/slug where slugs repeat"
    )
    enabled = serializers.BooleanField(required=False, help_text="only those that are switched on, or off")


SENDS: dict[str, Any] = {
    "project": "acme/shop",
    "name": "nightly",
    "cron": "30 2 * * 1-5",
    "time_zone": "Europe/Berlin",
    "goal": "Find security problems",
    "target": {"kind": "git", "url": "https://git.example.org/team/shop.git"},
    "overlap": "skip",
}
EXAMPLE: ScheduleShape = {
    "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a21",
    "project": "acme/shop",
    "name": "nightly",
    "enabled": True,
    "cron": "30 2 * * 1-5",
    "interval_seconds": None,
    "time_zone": "Europe/Berlin",
    "starts_at": None,
    "ends_at": None,
    "goal": "Find security problems",
    "target": {"kind": "git", "url": "https://git.example.org/team/shop.git"},
    "priority": None,
    "catch_up": "last",
    "catch_up_window_seconds": 86400,
    "overlap": "skip",
    "owner": "alice",
    "created_at": "2026-11-25T09:30:00Z",
    "next_fire_at": "2026-11-26T01:30:00Z",
    "last_fire_at": None,
    "last_outcome": None,
}
_TAKEN = "The project has a schedule of this name (name-taken)."


class SchedulesView(APIView):
    """Runs that begin by the clock."""

    required_action = {"GET": "schedule.view", "POST": "schedule.manage"}

    @operation(
        "schedules_list",
        query=ScheduleFilter,
        returns=Page[ScheduleShape],
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """List the schedules of the projects that you may see, newest first."""
        wanted = valid(ScheduleFilter(data=request.query_params.dict()))
        found = _told().filter(project__in=access.projects_for(request.user, "schedule.view"))
        if "project" in wanted:
            found = found.filter(project=find_project(request, wanted["project"]))
        if "enabled" in wanted:
            found = found.filter(enabled=wanted["enabled"])
        page = page_of(request, ScheduleFilter, found, wanted)
        return Response({"results": [schedule_shape(row) for row in page.rows], "next": page.next})

    @operation(
        "schedules_create",
        body=ScheduleOrder,
        sends=SENDS,
        returns=ScheduleShape,
        example=EXAMPLE,
        status=201,
        errors={409: _TAKEN},
    )
    def post(self, request: Request) -> Response:
        """Make a schedule. What could never fire, or never be accepted as a run, is refused field by field."""
        order = valid(ScheduleOrder(data=request.data))
        project = find_project(request, order.pop("project"))
        self.check_object_permissions(request, project)
        schedule = Schedule(project=project, owner=person(request))
        _fill(schedule, order)
        _store(schedule, None)
        location = reverse("api:schedule", args=[schedule.public_id])
        return _answer(request, schedule.public_id, status=201, headers={"Location": location})


class ScheduleView(APIView):
    """A schedule."""

    required_action = {"GET": "schedule.view", "PATCH": "schedule.manage", "DELETE": "schedule.manage"}

    @operation("schedules_read", returns=ScheduleShape, example=EXAMPLE)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        """Read a schedule. Its ETag is of what people edit, not of its next and last times."""
        return _answer(request, find_schedule(request, self, schedule_id).public_id)

    @operation(
        "schedules_edit",
        body=ScheduleChange,
        sends={"cron": "0 4 * * *", "enabled": True},
        returns=ScheduleShape,
        example=EXAMPLE,
        errors={409: _TAKEN},
        editable=True,
    )
    def patch(self, request: Request, schedule_id: UUID) -> Response:
        """Change a schedule. A cron line takes the place of an interval, and the other way round. New times count
        from now on: those that passed while it was off are not made up.
        """
        change = valid(ScheduleChange(data=request.data))
        with transaction.atomic():
            schedule = held_schedule(request, self, schedule_id)
            etags.demand(request, edited_part(schedule))
            _store(schedule, _fill(schedule, change))
        return _answer(request, schedule_id)

    @operation("schedules_delete", returns=None, status=204, editable=True)
    def delete(self, request: Request, schedule_id: UUID) -> Response:
        """Delete a schedule with the record of its fires. Runs that it has submitted stay, and go on."""
        with transaction.atomic():
            schedule = held_schedule(request, self, schedule_id)
            etags.demand(request, edited_part(schedule))
            delete_schedule(schedule)
        return Response(status=204)


def find_schedule(request: Request, view: APIView, schedule_id: UUID) -> Schedule:
    """Give a schedule that the caller may use for the view's action. Raises Http404, PermissionDenied."""
    return _permitted(request, view, _told().filter(public_id=schedule_id).first(), schedule_id)


def held_schedule(request: Request, view: APIView, schedule_id: UUID) -> Schedule:
    """Give the same, locked until the transaction ends."""
    rows = _told().select_for_update(of=("self",))
    return _permitted(request, view, rows.filter(public_id=schedule_id).first(), schedule_id)


def schedule_shape(row: Schedule) -> ScheduleShape:
    """A schedule in JSON. `outcome` must be there: see `_told`."""
    outcome: str | None = row.outcome  # type: ignore[attr-defined]  # annotated
    return {
        "id": str(row.public_id),
        "project": f"{row.project.team.slug}/{row.project.slug}",
        "name": row.name,
        "enabled": row.enabled,
        "cron": row.cron or None,
        "interval_seconds": row.interval_seconds,
        "time_zone": row.time_zone,
        "starts_at": moment(row.starts_at),
        "ends_at": moment(row.ends_at),
        "goal": row.goal,
        "target": row.request.get("target") or {} if isinstance(row.request, dict) else {},
        "priority": row.priority,
        "catch_up": row.catch_up,
        "catch_up_window_seconds": row.catch_up_window_seconds,
        "overlap": row.overlap,
        "owner": row.owner.get_username() if row.owner else None,
        "created_at": moment(row.created_at),
        "next_fire_at": moment(row.next_fire_at) if row.enabled else None,
        "last_fire_at": moment(row.last_fire_at),
        "last_outcome": outcome,
    }


def edited_part(row: Schedule) -> Mapping[str, Any]:
    """Give what people edit of a schedule, for its tag."""
    return {name: value for name, value in schedule_shape(row).items() if name not in ENGINES_OWN}


def timing_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read a body's times into fields of a schedule: one way takes the place of the other."""
    changes = dict(given)
    if "cron" in changes:
        changes["cron"] = changes["cron"] or ""
    if changes.get("cron") and "interval_seconds" not in changes:
        changes["interval_seconds"] = None
    if changes.get("interval_seconds") is not None and "cron" not in changes:
        changes["cron"] = ""
    return changes


def refuse(faults: Mapping[str, str]) -> None:
    """Raise ValidationError by the API's names of what is wrong, if anything is."""
    if faults:
        names = {"request": "target"}
        raise serializers.ValidationError(
            {names.get(field, field): [message] for field, message in faults.items()}
        )


def _told() -> QuerySet[Schedule]:
    last = ScheduleFire.objects.filter(schedule=OuterRef("pk")).order_by("-fire_at")
    found = Schedule.objects.annotate(outcome=Subquery(last.values("outcome")[:1]))
    return found.select_related("project__team", "owner")


def _permitted(request: Request, view: APIView, row: Schedule | None, schedule_id: UUID) -> Schedule:
    if row is None or not access.may(request.user, "schedule.view", row.project):
        raise Http404(f"there is no schedule {schedule_id}")
    view.check_object_permissions(request, row.project)
    return row


def _fill(schedule: Schedule, given: Mapping[str, Any]) -> set[str]:
    """Write a body into a schedule that is not stored yet. Returns the names of the fields that differ now."""
    changes = timing_of(given)
    if "target" in changes:
        changes["request"] = {"target": changes.pop("target")}
    changed = {name for name, value in changes.items() if getattr(schedule, name) != value}
    for name in changed:
        setattr(schedule, name, changes[name])
    return changed


def _store(schedule: Schedule, changed: set[str] | None) -> None:
    """Store what has no faults. Raises ValidationError naming each of them, NameInUse.

    What was sound once and is so no more (an agent is gone) is no reason to refuse that it is switched off or named
    otherwise: of a schedule that is off, only what was changed is judged.
    """
    faults = schedules.faults(schedule)
    judged = changed is None or schedule.enabled
    refuse({field: why for field, why in faults.items() if judged or field in (changed or ())})
    try:
        with transaction.atomic():
            schedules.store(schedule, changed=changed)
    except IntegrityError as error:
        if "schedule_name_once_per_project" not in str(error):
            raise
        raise NameInUse(
            f"the project has a schedule named {schedule.name!r} already; choose another name"
        ) from error


def _answer(
    request: Request, schedule_id: UUID, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    row = _told().filter(public_id=schedule_id).first()
    if row is None:
        raise Http404(f"there is no schedule {schedule_id}")
    return etags.answer(request, schedule_shape(row), of=edited_part(row), status=status, headers=headers)
