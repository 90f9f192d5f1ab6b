"""What the steps of a run have said.

GET /api/v1/runs/<id>/logs    ?after=<next of the answer before> &step= &level= &q= &limit= &format=json|text

In JSON a page at a time: ask again with `after` set to `next`, until `over`. As text/plain (by `format`, else by
Accept) all that there is now, a line each: when, step, attempt, level, text. Lines come from tools and repositories:
what would act on a terminal is taken out or shown by its number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents.reporting.visible import one_line
from api.bodies import StrictSerializer, valid
from api.describe import operation
from api.formats import preferred
from api.lookup import find_run
from api.shapes import Moment, moment
from api.steps import find_step
from tasks import logs
from tasks.logs import LEVELS, Line, Lines, Place
from tasks.models import Run

MAX_LINES = 5_000
MAX_SHOWN = 8_000  # characters of a line
PLAIN = "text/plain"


class LogLine(TypedDict):
    """A line that a step said."""

    at: Annotated[Moment, Field(description="when it was stored")]
    step: Annotated[str, Field(description="key of the step")]
    attempt: int
    level: Annotated[str, Field(json_schema_extra={"enum": list(LEVELS)})]
    text: Annotated[str, Field(description="without line end and control characters")]


class LogPage(TypedDict):
    """Lines of a run in the order in which they were told, and where to go on."""

    lines: list[LogLine]
    next: Annotated[str, Field(description="send it as `after` to get what follows", examples=["17"])]
    caught_up: Annotated[bool, Field(description="there was nothing more at that moment")]
    over: Annotated[bool, Field(description="there is nothing more, and the run is over: nothing will come")]


class LogFilter(StrictSerializer):
    """The query of the log."""

    after = serializers.RegexField(
        logs.PLACE, default="0", help_text="`next` of the page before; without it: the beginning"
    )
    step = serializers.CharField(required=False, max_length=120, help_text="key or ordinal of a step")
    level = serializers.ChoiceField(choices=LEVELS, default="debug", help_text="lines of this level or above")
    q = serializers.CharField(
        required=False, max_length=200, help_text="lines that have this text, letters of either case"
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_LINES, default=500, help_text="lines of a page"
    )
    format = serializers.ChoiceField(choices=["json", "text"], required=False, help_text="goes before Accept")


_LINE: LogLine = {
    "at": "2026-11-25T09:30:06Z",
    "step": "inspector.security",
    "attempt": 1,
    "level": "warning",
    "text": "setup.py cannot be parsed; it is left out",
}
_PAGE: LogPage = {"lines": [_LINE], "next": "9", "caught_up": True, "over": False}


class RunLogsView(APIView):
    """Read what the steps of a run have said."""

    required_action = "run.view"

    @operation(
        "runs_logs",
        query=LogFilter,
        returns=LogPage,
        example=_PAGE,
        errors={404: "There is no such run that you may see, or it has no such step."},
    )
    def get(self, request: Request, run_id: UUID) -> HttpResponseBase:
        """Read the log of a run, in pages that can be followed.

        Ask again with `after` set to `next` of the answer before; each line comes once. `caught_up` tells that there
        was nothing more, `over` that nothing will come. With `format=text` (or `Accept: text/plain`) the answer is
        plain text: all lines that there are now.
        """
        wanted = valid(LogFilter(data=request.query_params.dict()))
        run = find_run(request, self, run_id)
        step_pk = find_step(run, wanted["step"]).pk if "step" in wanted else None
        reader = _Reader(run, step_pk, wanted["level"], wanted.get("q", ""))
        after = logs.place_of(wanted["after"]) or Place()
        if wanted.get("format", _format_of(request)) == "text":
            return PlainLog(reader, after)
        return Response(log_page(reader.page(after, wanted["limit"])))


class _Reader:
    """Reads pages of one run's log, for one request."""

    def __init__(self, run: Run, step_pk: int | None, least: Any, text: str) -> None:
        self.run, self.step_pk, self.least, self.text = run, step_pk, least, text

    def page(self, after: Place, most: int) -> Lines:
        return logs.read(self.run, after, step_pk=self.step_pk, least=self.least, text=self.text, most=most)

    def texts(self, after: Place) -> Iterator[str]:
        """Give all pages as text, up to what was told when the run was read."""
        caught_up = False
        while not caught_up:
            page = self.page(after, MAX_LINES)
            after, caught_up = page.after, page.caught_up
            yield "".join(map(_plain, page.lines))


class PlainLog(StreamingHttpResponse):
    """A log as plain text, a page at a time; under ASGI, too, where Django would first read all of it."""

    def __init__(self, reader: _Reader, after: Place) -> None:
        super().__init__(reader.texts(after), content_type=f"{PLAIN}; charset=utf-8")
        self["X-Content-Type-Options"] = "nosniff"
        self["Cache-Control"] = "private, no-cache"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        texts = iter(self)
        while (text := await sync_to_async(lambda: next(texts, None))()) is not None:
            yield text


def log_page(page: Lines) -> LogPage:
    """A page of a log in JSON."""
    return {
        "lines": [_line(line) for line in page.lines],
        "next": str(page.after),
        "caught_up": page.caught_up,
        "over": page.over,
    }


def _line(line: Line) -> LogLine:
    return {
        "at": moment(line.at),
        "step": line.step,
        "attempt": line.attempt,
        "level": line.level,
        "text": shown(line.text),
    }


def _plain(line: Line) -> str:
    return f"{moment(line.at)} {line.step}#{line.attempt} {line.level}: {shown(line.text)}\n"


def shown(text: str) -> str:
    """Make a line safe to print: no terminal sequences, no controls, not endless."""
    rest = len(text) - MAX_SHOWN
    kept = one_line(text[:MAX_SHOWN])
    return f"{kept} … ({rest:,} characters more)" if rest > 0 else kept


def _format_of(request: Request) -> str:
    liked = preferred(request.headers.get("Accept", ""), ["application/json", PLAIN])
    return "text" if liked == PLAIN else "json"
