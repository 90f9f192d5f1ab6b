"""When schedules fire, and what became of it.

POST /api/v1/schedules/preview       {"cron" | "interval_seconds", "time_zone"?, ..., "count"?}: of one to be made
GET  /api/v1/schedules/<id>/times    ?count=: the next times
GET  /api/v1/schedules/<id>/fires    newest first, with their runs; ?outcome= &limit= &cursor=
POST /api/v1/schedules/<id>/fire     {}: now, switched on or off, as its overlap policy allows -> 201
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api.bodies import StrictSerializer, valid
from api.control import EmptyOrder
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, ManyOf, asked, page_of
from api.schedules import Timing, find_schedule, held_schedule, refuse, timing_of
from api.shapes import Moment, Uuid, moment
from tasks import schedules
from tasks.models import Schedule, ScheduleFire
from tasks.runs.moves import database_now
from tasks.states import RunState
from tasks.times import TimesInvalid

MOST_TIMES = 50


class Time(TypedDict):
    """A moment at which a schedule fires."""

    at: Moment
    local: Annotated[
        str, Field(description="on the clocks of its time zone", examples=["2026-11-26T02:30:00+01:00"])
    ]


class Times(TypedDict):
    """The next times of a schedule."""

    time_zone: str
    times: Annotated[list[Time], Field(description="fewer than you asked for if there are no more")]


class FiredRun(TypedDict):
    """The run of a fire."""

    id: Uuid
    state: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in RunState]})]
    url: Annotated[str, Field(description="path of the page for people")]


class FireShape(TypedDict):
    """A time of a schedule that has come, and what became of it."""

    fire_at: Annotated[Moment, Field(description="the time; the last one of several that were missed")]
    fired_at: Annotated[Moment, Field(description="when it was looked at")]
    outcome: Annotated[str, Field(json_schema_extra={"enum": ScheduleFire.Outcome.values})]
    note: Annotated[str, Field(description="why; who fired it by hand; empty: it went as planned")]
    run: Annotated[FiredRun | None, Field(description="null: there is none, or retention has removed it")]


class Count(StrictSerializer):
    """How many times."""

    count = serializers.IntegerField(
        min_value=1, max_value=MOST_TIMES, default=10, help_text="how many, at most"
    )


class PreviewOrder(Count, Timing):
    """The body that asks when a schedule would fire."""


class FireFilter(ListQuery):
    """The query of the fires."""

    orderings = {"fire_at": "fire_at"}

    outcome = ManyOf(
        choices=ScheduleFire.Outcome.values,
        required=False,
        help_text="what became of them; several: any of them",
    )


_TIMES: Times = {
    "time_zone": "Europe/Berlin",
    "times": [
        {"at": "2026-11-26T01:30:00Z", "local": "2026-11-26T02:30:00+01:00"},
        {"at": "2026-11-27T01:30:00Z", "local": "2026-11-27T02:30:00+01:00"},
    ],
}
_RUN_ID = "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"
_FIRE: FireShape = {
    "fire_at": "2026-11-26T01:30:00Z",
    "fired_at": "2026-11-26T01:30:00.412Z",
    "outcome": "submitted",
    "note": "",
    "run": {"id": _RUN_ID, "state": "succeeded", "url": f"/runs/{_RUN_ID}"},
}


class SchedulePreviewView(APIView):
    """When a schedule would fire."""

    required_action = "schedule.preview"

    @operation(
        "schedules_preview",
        body=PreviewOrder,
        sends={"cron": "30 2 * * 1-5", "time_zone": "Europe/Berlin", "count": 2},
        returns=Times,
        example=_TIMES,
    )
    def post(self, request: Request) -> Response:
        """Say when a schedule with these times would fire next. Stores nothing."""
        order = valid(PreviewOrder(data=request.data))
        count = order.pop("count")
        return Response(_times(Schedule(**timing_of(order)), count))


class ScheduleTimesView(APIView):
    """The next times of a schedule."""

    required_action = "schedule.view"

    @operation("schedules_times", query=Count, returns=Times, example=_TIMES)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        """Say when a schedule fires next, or would if it were switched on."""
        wanted = valid(Count(data=request.query_params.dict()))
        return Response(_times(find_schedule(request, self, schedule_id), wanted["count"]))


class ScheduleFiresView(APIView):
    """What became of a schedule's times."""

    required_action = "schedule.view"

    @operation(
        "schedules_fires",
        query=FireFilter,
        returns=Page[FireShape],
        example={"results": [_FIRE], "next": None},
    )
    def get(self, request: Request, schedule_id: UUID) -> Response:
        """List the times of a schedule that have come, newest first, each with its run if there is one."""
        wanted = valid(FireFilter(data=asked(request, FireFilter)))
        schedule = find_schedule(request, self, schedule_id)
        found = ScheduleFire.objects.filter(schedule=schedule).select_related("run")
        if "outcome" in wanted:
            found = found.filter(outcome__in=wanted["outcome"])
        page = page_of(request, FireFilter, found, wanted)
        return Response({"results": [_fire(row) for row in page.rows], "next": page.next})


class ScheduleFireView(APIView):
    """Firing by hand."""

    required_action = "schedule.fire"

    @operation(
        "schedules_fire",
        body=EmptyOrder,
        sends={},
        returns=FireShape,
        example={**_FIRE, "note": "fired by alice"},
        status=201,
    )
    def post(self, request: Request, schedule_id: UUID) -> Response:
        """Fire a schedule now, switched on or off; its times stay as they are. Its overlap policy holds: `outcome`
        and `note` say whether there is a run.
        """
        valid(EmptyOrder(data=request.data))
        with transaction.atomic():
            schedule = held_schedule(request, self, schedule_id)
            fire = schedules.fire_now(schedule.pk, by=person(request).get_username())
            told = _fire(ScheduleFire.objects.select_related("run").get(pk=fire.pk))
        return Response(told, status=201)


def _times(schedule: Schedule, count: int) -> Times:
    """Give the next times. Raises ValidationError for what has none."""
    now = database_now()
    times = schedules.times_of(schedule, now=now)
    try:
        times.check()
    except TimesInvalid as error:
        refuse(error.faults)
    zone = ZoneInfo(schedule.time_zone)
    return {
        "time_zone": schedule.time_zone,
        "times": [
            {"at": moment(at), "local": at.astimezone(zone).isoformat()} for at in times.upcoming(now, count)
        ],
    }


def _fire(row: ScheduleFire) -> FireShape:
    run: Any = row.run
    return {
        "fire_at": moment(row.fire_at),
        "fired_at": moment(row.fired_at),
        "outcome": row.outcome,
        "note": row.note,
        "run": None
        if run is None
        else {"id": str(run.public_id), "state": run.state, "url": f"/runs/{run.public_id}"},
    }
