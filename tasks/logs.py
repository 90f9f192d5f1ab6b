"""What a run's steps have said, read in the order in which it was told.

    events   … 17 step.logged(chunk 3) … 21 step.logged(chunk 3 of another step) … 30 step.lost …
    lines      chunks 1-3 of its attempt   chunks 1-3 of that one                  what nobody told of before

Ids of chunks say nothing about their order: of two steps that write at once the later id may be committed first, and
a reader who went by ids would miss the other. Events are gapless, so a place in the log is a place among the events:
`step.logged` tells of the chunks since the last one of its attempt, and the end of an attempt of those that its
worker stored and did not come to tell of. Invariant: who reads on from the place that a page gave sees each line
once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from tasks.contract import LogLevel
from tasks.models import LogChunk, Run

LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")
TELLINGS_AT_ONCE = 200
CHUNKS_AT_ONCE = 50
MOST_CHARACTERS = 1024 * 1024  # that are looked at for a page, whatever is left out of it
PLACE = re.compile(r"\A(\d{1,18})(?:\.(\d{1,9})\.(\d{1,9}))?\Z", re.ASCII)
_BY_LETTER: Mapping[str, LogLevel] = {level[0]: level for level in LEVELS}

_ALL = 2**31 - 1  # no chunk has a greater number
_LOGGED, _STARTED = "step.logged", "step.started"
_ENDS = (
    "step.succeeded",
    "step.retry",
    "step.lost",
    "step.released",
    "step.suspended",
    "step.dead",
    "step.cancelled",
    "approval.asked",
)
# what tells of lines; an end only if its step has any
_TELLINGS = """
SELECT e.seq, e.kind, e.step_id, e.data->>'key', (e.data->>'attempt')::int, (e.data->>'chunk')::int
FROM tasks_event e
WHERE e.run_day = %(day)s AND e.run_id = %(run)s AND e.seq > %(seq)s
    AND (%(step)s::bigint IS NULL OR e.step_id = %(step)s)
    AND (e.kind = %(logged)s
         OR (e.kind = ANY (%(ends)s) AND EXISTS (SELECT FROM tasks_logchunk c WHERE c.step_id = e.step_id)))
ORDER BY e.seq LIMIT %(limit)s
"""
# up to where a step's lines were told before: what told of them last, or the start of the attempt
_BEFORE = """
SELECT e.kind, (e.data->>'attempt')::int, (e.data->>'chunk')::int FROM tasks_event e
WHERE e.run_day = %(day)s AND e.run_id = %(run)s AND e.seq < %(seq)s AND e.step_id = %(step)s
    AND e.kind = ANY (%(kinds)s)
ORDER BY e.seq DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place between two lines: behind all that events up to `seq` tell of; with `chunk`, in the middle.

    In the middle is behind all that events before `seq` tell of, the chunks before `chunk`, and `line` lines of it.
    """

    seq: int = 0
    chunk: int = 0
    line: int = 0

    def __str__(self) -> str:
        return f"{self.seq}.{self.chunk}.{self.line}" if self.chunk else str(self.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it was said. `at` is when it was stored, at most 250 ms later."""

    at: datetime
    step: str
    attempt: int
    level: LogLevel
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Some lines, and where to read on. `caught_up`: nothing more was there; `over`: nothing more will come."""

    lines: list[Line]
    after: Place
    caught_up: bool
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    seq: int
    kind: str
    step_pk: int
    key: str
    attempt: int | None
    chunk: int | None


@dataclass(slots=True)
class _Page:
    most: int
    least: int
    lines: list[Line] = field(default_factory=list)
    characters: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= self.most or self.characters >= MOST_CHARACTERS


def place_of(text: str) -> Place | None:
    """Read what `str(place)` gave. None: it is no place."""
    found = PLACE.match(text)
    if found is None:
        return None
    seq, chunk, line = (int(part or 0) for part in found.groups())
    return Place(seq=seq, chunk=chunk, line=line)


def read(
    run: Run, after: Place, *, step_pk: int | None = None, least: LogLevel = "debug", most: int = 500
) -> Lines:
    """Give the next lines of a run, at most `most`; of one step alone if it is named. `run` must be freshly read.

    A page may have fewer lines, or none, though more follow: `caught_up` tells.
    """
    page = _Page(most=most, least=LEVELS.index(least))
    tellings = _tellings(run, after.seq - 1 if after.chunk else after.seq, step_pk)
    told: dict[int, tuple[int, int]] = {}  # by step: attempt and chunk up to which it is told
    for telling in tellings:
        since = told.get(telling.step_pk) or _told_before(run, telling)
        attempt = telling.attempt if telling.attempt is not None else since[0]
        first = since[1] + 1 if since[0] == attempt else 1
        skip = 0
        if after.chunk and telling.seq == after.seq:
            first, skip = max(first, after.chunk), after.line
        stopped = _add(page, telling, attempt, first, skip)
        if stopped is not None:
            return Lines(lines=page.lines, after=stopped, caught_up=False, over=False)
        told[telling.step_pk] = (attempt, telling.chunk or _ALL)
        if page.is_full:
            return Lines(lines=page.lines, after=Place(seq=telling.seq), caught_up=False, over=False)
    if len(tellings) == TELLINGS_AT_ONCE:
        return Lines(lines=page.lines, after=Place(seq=tellings[-1].seq), caught_up=False, over=False)
    head = max(run.last_seq, after.seq, tellings[-1].seq if tellings else 0)
    return Lines(lines=page.lines, after=Place(seq=head), caught_up=True, over=run.finished_at is not None)


def _tellings(run: Run, seq: int, step_pk: int | None) -> list[_Telling]:
    values: dict[str, Any] = {
        "day": run.created_day,
        "run": run.pk,
        "seq": seq,
        "step": step_pk,
        "logged": _LOGGED,
        "ends": list(_ENDS),
        "limit": TELLINGS_AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TELLINGS, values)
        return [
            _Telling(seq=seq, kind=kind, step_pk=step, key=key, attempt=attempt, chunk=chunk)
            for seq, kind, step, key, attempt, chunk in cursor.fetchall()
        ]


def _told_before(run: Run, telling: _Telling) -> tuple[int, int]:
    """Give the attempt of a telling's step that was under way before it, and the last of its chunks then told."""
    values: dict[str, Any] = {
        "day": run.created_day,
        "run": run.pk,
        "seq": telling.seq,
        "step": telling.step_pk,
        "kinds": [_STARTED, _LOGGED, *_ENDS],
    }
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, values)
        row = cursor.fetchone()
    if row is None:
        return telling.attempt or 0, 0
    kind, attempt, chunk = row
    if kind in _ENDS:  # a waiting step that ends: no attempt has begun since
        return attempt or telling.attempt or 0, _ALL
    return attempt, chunk or 0


def _add(page: _Page, telling: _Telling, attempt: int, first: int, skip: int) -> Place | None:
    """Add the lines of a telling's chunks from `first` on, without `skip` of them. Returns where it had to stop."""
    for chunk in _chunks(telling, attempt, first):
        lines = chunk.text.split("\n")
        for number, text in enumerate(lines[skip:], start=skip):
            if page.is_full:
                return Place(seq=telling.seq, chunk=chunk.ordinal, line=number)
            level = _BY_LETTER.get(chunk.levels[number : number + 1], "info")
            page.characters += len(text) + 1
            if LEVELS.index(level) >= page.least:
                page.lines.append(
                    Line(at=chunk.at, step=telling.key, attempt=attempt, level=level, text=text)
                )
        skip = 0
    return None


def _chunks(telling: _Telling, attempt: int, first: int) -> Iterator[LogChunk]:
    rows = LogChunk.objects.filter(step_id=telling.step_pk, attempt=attempt)
    if telling.chunk is not None:
        rows = rows.filter(ordinal__lte=telling.chunk)
    while True:
        some = list(rows.filter(ordinal__gte=first).order_by("ordinal")[:CHUNKS_AT_ONCE])
        yield from some
        if len(some) < CHUNKS_AT_ONCE:
            return
        first = some[-1].ordinal + 1
