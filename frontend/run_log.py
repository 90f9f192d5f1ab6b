"""The log of a whole run: what all its steps said, in the order in which it was told.

/runs/<id>/log                   ?step= &level= &q= narrow it; ?at= around a line, ?before= ?after= page by page
/runs/<id>/log/lines             the same lines alone, for the page's script

A line's colour tells its step only beside the step's name. Places are those of `tasks.logs`, as in the API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from frontend.log_lines import LogRow, asked_for, told_rows
from frontend.views import find_run
from tasks import logs
from tasks.contract import LogLevel
from tasks.logs import Line, Place, place_of
from tasks.models import LogChunk, Run, Step

LINES_ALONE = "frontend/run_log_lines.html"
LINES = 500  # of a page
AROUND = 100  # lines before the one that is pointed at
COLOURS = 8  # of steps; the style sheet has as many
STEPS_OFFERED = 500
LEAST: tuple[tuple[LogLevel, str | Promise], ...] = (
    ("debug", _("All levels")),
    ("info", _("Without debug")),
    ("warning", _("Warnings and errors")),
    ("error", _("Errors")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrow:
    """Which lines are asked for. `key` is a step's, empty for all."""

    key: str = ""
    least: LogLevel = "debug"
    search: str = ""

    @property
    def query(self) -> str:
        """Write it as an address does, with an & at its end if there is anything."""
        named = (
            ("step", self.key),
            ("level", "" if self.least == "debug" else self.least),
            ("q", self.search),
        )
        given = urlencode([(name, value) for name, value in named if value])
        return f"{given}&" if given else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A part of a run's log. `older`, `newer` and `next` are places to read on from; the first two may be empty.

    `is_end`: nothing is newer now, and what comes belongs below. `keys` are the steps that have said something.
    """

    rows: list[LogRow]
    older: str
    newer: str
    next: str
    narrow: Narrow
    is_end: bool
    is_tail: bool
    keys: list[str]
    is_unordered: bool


@require_safe
@login_required
def log_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """What all steps of a run have said, the newest of it; the page's script goes on with it."""
    run = find_run(request, run_id)
    return render(request, "frontend/run_log.html", {**log_parts(run, request.GET), **_links(run)})


@require_safe
@login_required
def log_lines(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Lines of a run's log alone."""
    run = find_run(request, run_id)
    return render(request, LINES_ALONE, {**log_parts(run, request.GET, alone=True), **_links(run)})


def _links(run: Run) -> dict[str, Any]:
    at = reverse("frontend:run", args=[run.public_id])
    return {"steps_at": f"{at}/steps/", "lines_at": f"{at}/log/lines"}


def log_parts(run: Run, asked: QueryDict, *, alone: bool = False) -> dict[str, Any]:
    """Give what the templates of the log show, to whoever sees the run; or what lines `alone` need."""
    steps = list(Step.objects.filter(run=run).order_by("pk").values_list("pk", "key"))
    narrow = _narrow(asked, {key for _, key in steps})
    least = [{"name": name, "title": title} for name, title in LEAST]
    return {"run": run, "log": _log(run, narrow, asked, dict(steps), alone=alone), "levels": least}


def _narrow(asked: QueryDict, keys: set[str]) -> Narrow:
    """Read which lines are asked for; what is not there narrows nothing."""
    key, level = asked.get("step", ""), asked.get("level", "")
    least = next((name for name, _ in LEAST if name == level), LEAST[0][0])
    return Narrow(key=key if key in keys else "", least=least, search=asked_for(asked.get("q", "")))


def _log(run: Run, narrow: Narrow, asked: QueryDict, steps: dict[int, str], *, alone: bool) -> Log:
    step_pk = next((pk for pk, key in steps.items() if key == narrow.key), None)
    which: dict[str, Any] = {"step_pk": step_pk, "least": narrow.least, "text": narrow.search}
    at, before, after = (place_of(asked.get(name, "")) for name in ("at", "before", "after"))
    talking = [] if alone else _talking(run)
    if at is not None:
        log = _around(run, at, which)
    elif after is not None:
        log = _forth(run, after, which, most=LINES)
    else:
        log = _back(run, before, which) if before is not None else _at_end(run, which)
    numbers = {key: number % COLOURS for number, key in enumerate(steps.values())}
    start = run.started_at or run.created_at
    rows = told_rows(log.lines, _clock(start), colours=numbers, search=narrow.search)
    return Log(
        rows=rows,
        older=log.older,
        newer=log.newer,
        next=log.next,
        narrow=narrow,
        is_end=not log.newer,
        is_tail=at is None and before is None and after is None,
        keys=talking,
        is_unordered=bool(talking) and not rows and not log.older and not narrow.query,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    lines: list[Line]
    older: str
    newer: str
    next: str


def _at_end(run: Run, which: dict[str, Any]) -> _Read:
    end = Place(seq=run.last_seq)
    back = logs.read_back(run, end, most=LINES, **which)
    return _Read(lines=back.lines, older=str(back.before) if back.more else "", newer="", next=str(end))


def _back(run: Run, before: Place, which: dict[str, Any]) -> _Read:
    back = logs.read_back(run, before, most=LINES, **which)
    older = str(back.before) if back.more else ""
    return _Read(lines=back.lines, older=older, newer=str(before), next=str(before))


def _forth(run: Run, after: Place, which: dict[str, Any], *, most: int) -> _Read:
    page = logs.read(run, after, most=most, **which)
    newer = "" if page.caught_up else str(page.after)
    older = str(after) if after != Place() else ""
    return _Read(lines=page.lines, older=older, newer=newer, next=str(page.after))


def _around(run: Run, at: Place, which: dict[str, Any]) -> _Read:
    back = logs.read_back(run, at, most=AROUND, **which)
    forth = _forth(run, at, which, most=LINES - AROUND)
    older = str(back.before) if back.more else ""
    return replace(forth, lines=back.lines + forth.lines, older=older)


def _talking(run: Run) -> list[str]:
    said = Exists(LogChunk.objects.filter(step=OuterRef("pk")))
    return list(
        Step.objects.filter(said, run=run).order_by("pk").values_list("key", flat=True)[:STEPS_OFFERED]
    )


def _clock(start: datetime) -> Callable[[Line], float]:
    return lambda line: (line.at - start).total_seconds()
