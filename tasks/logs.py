"""What a run's steps have said, read in the order in which it was told.

    events   … 17 step.logged(chunk 3) … 21 step.logged(chunk 3 of another step) … 30 step.lost …
    lines      chunks 1-3 of its attempt   chunks 1-3 of that one                  what nobody told of before

Ids of chunks say nothing about their order: of two steps that write at once the later id may be committed first, and
a reader who went by ids would miss the other. Events are gapless, so a place in the log is a place among the events:
`step.logged` tells of the chunks since the last one of its attempt, and the end of an attempt of those that its
worker stored and did not come to tell of. Invariant: who reads on from the place that a page gave, or back from it,
sees each line once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection

from tasks.contract import LogLevel
from tasks.models import Run

LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")
TELLINGS_AT_ONCE = 200
CHUNKS_AT_ONCE = 200
MOST_ROUNDS = 50  # of TELLINGS_AT_ONCE, that are gone through for a page of which nothing fits yet
MOST_CHARACTERS = 1024 * 1024  # that are looked at for a page, whatever is left out of it
COLOURS = re.compile("\x1b\\[[0-9;:]*m")  # they do not part words
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
WHERE e.run_day = %(day)s AND e.run_id = %(run)s AND e.seq > %(above)s AND e.seq <= %(upto)s
    AND (%(step)s::bigint IS NULL OR e.step_id = %(step)s)
    AND (e.kind = %(logged)s
         OR (e.kind = ANY (%(ends)s) AND EXISTS (SELECT FROM tasks_logchunk c WHERE c.step_id = e.step_id)))
ORDER BY e.seq {order} LIMIT %(limit)s
"""
# up to where the lines of steps were told before: what told of them last, or the attempt's start, is not far back
_BEFORE = """
SELECT w.step, e.kind, (e.data->>'attempt')::int, (e.data->>'chunk')::int
FROM unnest(%(steps)s::bigint[], %(seqs)s::bigint[]) AS w (step, seq)
CROSS JOIN LATERAL (
    SELECT b.kind, b.data FROM tasks_event b
    WHERE b.run_day = %(day)s AND b.run_id = %(run)s AND b.seq < w.seq AND b.step_id = w.step
        AND b.kind = ANY (%(kinds)s)
    ORDER BY b.seq DESC LIMIT 1
) e
"""
# `pattern` and `levels` leave out chunks of which no line can fit
_CHUNKS = """
SELECT w.number - 1, c.ordinal, c.at, c.text, c.levels
FROM unnest(%(steps)s::bigint[], %(attempts)s::int[], %(first)s::int[], %(last)s::int[])
    WITH ORDINALITY AS w (step, attempt, first, last, number)
JOIN tasks_logchunk c ON c.step_id = w.step AND c.attempt = w.attempt AND c.ordinal BETWEEN w.first AND w.last
WHERE (%(levels)s::text IS NULL OR c.levels ~ %(levels)s)
    AND (%(pattern)s::text IS NULL OR regexp_replace(c.text, E'\\x1b\\\\[[0-9;:]*m', '', 'g') ILIKE %(pattern)s)
ORDER BY w.number {order}, c.ordinal {order} LIMIT %(limit)s
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
    """A line as it was said. `at` is when it was stored, at most 250 ms later; `place` is just before it."""

    place: Place
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
class Earlier:
    """The last lines before a place, oldest first, and where to read further back. `more`: there may be others."""

    lines: list[Line]
    before: Place
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines: of one step, of a level or above, with a text in them in either case."""

    step_pk: int | None = None
    least: LogLevel = "debug"
    text: str = ""

    @property
    def is_rare(self) -> bool:
        """Tell whether whole chunks may be passed over."""
        return bool(self.text) or self.levels is not None

    @property
    def levels(self) -> str | None:
        """Give the pattern of letters that a chunk must have. None: any; lines without a letter are "info"."""
        rank = LEVELS.index(self.least)
        return f"[{''.join(level[0] for level in LEVELS[rank:])}]" if rank > LEVELS.index("info") else None

    @property
    def pattern(self) -> str | None:
        return like(self.text) if self.text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    seq: int
    kind: str
    step_pk: int
    key: str
    attempt: int | None
    chunk: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Want:
    """The chunks that a telling tells of."""

    telling: _Telling
    attempt: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    ordinal: int
    at: datetime
    texts: list[str]
    levels: str


@dataclass(slots=True)
class _Page:
    most: int
    wanted: Wanted
    lines: list[Line] = field(default_factory=list)
    characters: int = 0
    least: int = field(init=False)
    pattern: re.Pattern[str] | None = field(init=False)

    def __post_init__(self) -> None:
        self.least = LEVELS.index(self.wanted.least)
        self.pattern = re.compile(re.escape(self.wanted.text), re.IGNORECASE) if self.wanted.text else None

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= self.most or self.characters >= MOST_CHARACTERS

    @property
    def is_enough(self) -> bool:
        """Tell whether to give what there is; where little fits, it is looked for further."""
        return self.is_full or not self.wanted.is_rare

    def add(self, want: _Want, chunk: _Chunk, numbers: Iterable[int]) -> int | None:
        """Add these lines of a chunk. Returns the number of the one that has no place, if any."""
        for number in numbers:
            if self.is_full:
                return number
            text = chunk.texts[number]
            level = _BY_LETTER.get(chunk.levels[number : number + 1], "info")
            self.characters += len(text) + 1
            if LEVELS.index(level) >= self.least and (
                self.pattern is None or self.pattern.search(COLOURS.sub("", text))
            ):
                place = Place(seq=want.telling.seq, chunk=chunk.ordinal, line=number)
                self.lines.append(
                    Line(
                        place=place,
                        at=chunk.at,
                        step=want.telling.key,
                        attempt=want.attempt,
                        level=level,
                        text=text,
                    )
                )
        return None


def place_of(text: str) -> Place | None:
    """Read what `str(place)` gave. None: it is no place."""
    found = PLACE.match(text)
    if found is None:
        return None
    seq, chunk, line = (int(part or 0) for part in found.groups())
    return Place(seq=seq, chunk=chunk, line=line)


def like(text: str) -> str:
    """Give the pattern of ILIKE for whatever has this text in it."""
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def read(
    run: Run,
    after: Place,
    *,
    step_pk: int | None = None,
    least: LogLevel = "debug",
    text: str = "",
    most: int = 500,
) -> Lines:
    """Give the next lines of a run, at most `most`: of one step alone if it is named, with `text` in them if given.

    `run` must be freshly read. A page may have fewer lines, or none, though more follow: `caught_up` tells.
    """
    wanted = Wanted(step_pk=step_pk, least=least, text=text)
    page = _Page(most=most, wanted=wanted)
    for _ in range(MOST_ROUNDS):
        tellings = _tellings(run, wanted, above=after.seq - 1 if after.chunk else after.seq)
        stopped = _fill(page, _wants(run, tellings, after), after)
        if stopped is None and len(tellings) == TELLINGS_AT_ONCE:
            stopped = Place(seq=tellings[-1].seq)
        if stopped is None:
            head = max(run.last_seq, after.seq, tellings[-1].seq if tellings else 0)
            over = run.finished_at is not None
            return Lines(lines=page.lines, after=Place(seq=head), caught_up=True, over=over)
        after = stopped
        if page.is_enough:
            break
    return Lines(lines=page.lines, after=after, caught_up=False, over=False)


def read_back(
    run: Run,
    before: Place,
    *,
    step_pk: int | None = None,
    least: LogLevel = "debug",
    text: str = "",
    most: int = 500,
) -> Earlier:
    """Give the last lines before a place, as `read` gives the next. Those of all: before Place(seq=run.last_seq)."""
    wanted = Wanted(step_pk=step_pk, least=least, text=text)
    page = _Page(most=most, wanted=wanted)
    for _ in range(MOST_ROUNDS):
        tellings = _tellings(run, wanted, upto=before.seq)
        stopped = _fill_back(page, _wants(run, tellings, Place()), before)
        if stopped is None and len(tellings) == TELLINGS_AT_ONCE:
            stopped = Place(seq=tellings[0].seq - 1)
        if stopped is None:
            return Earlier(lines=page.lines[::-1], before=Place(), more=False)
        before = stopped
        if page.is_enough:
            break
    return Earlier(lines=page.lines[::-1], before=before, more=True)


def _tellings(run: Run, wanted: Wanted, *, above: int = 0, upto: int | None = None) -> list[_Telling]:
    """Give the first tellings above a number, or the last up to one; in their order."""
    values: dict[str, Any] = {
        "day": run.created_day,
        "run": run.pk,
        "above": above,
        "upto": 2**63 - 1 if upto is None else upto,
        "step": wanted.step_pk,
        "logged": _LOGGED,
        "ends": list(_ENDS),
        "limit": TELLINGS_AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TELLINGS.format(order="ASC" if upto is None else "DESC"), values)
        rows = cursor.fetchall()
    return [
        _Telling(seq=seq, kind=kind, step_pk=step, key=key, attempt=attempt, chunk=chunk)
        for seq, kind, step, key, attempt, chunk in (rows if upto is None else reversed(rows))
    ]


def _wants(run: Run, tellings: list[_Telling], after: Place) -> list[_Want]:
    """Tell which chunks each telling tells of, leaving out those that tell of none."""
    told = _told_before(run, tellings)
    wants = []
    for telling in tellings:
        since, chunk = told.get(telling.step_pk, (0, 0))
        attempt = since if telling.attempt is None else telling.attempt
        first = chunk + 1 if since == attempt else 1
        if after.chunk and telling.seq == after.seq:
            first = max(first, after.chunk)
        last = telling.chunk or _ALL
        told[telling.step_pk] = (attempt, last)
        if first <= last and first <= _ALL:
            wants.append(_Want(telling=telling, attempt=attempt, first=first, last=last))
    return wants


def _told_before(run: Run, tellings: list[_Telling]) -> dict[int, tuple[int, int]]:
    """Give, by step, the attempt before its first telling, and the last chunk of it that was told then."""
    firsts = {telling.step_pk: telling for telling in reversed(tellings)}
    values: dict[str, Any] = {
        "day": run.created_day,
        "run": run.pk,
        "steps": list(firsts),
        "seqs": [telling.seq for telling in firsts.values()],
        "kinds": [_STARTED, _LOGGED, *_ENDS],
    }
    if not firsts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, values)
        rows = cursor.fetchall()
    return {
        # after an end without a start only another end comes, that of a step that waited: all is told
        step: (attempt or firsts[step].attempt or 0, _ALL) if kind in _ENDS else (attempt, chunk or 0)
        for step, kind, attempt, chunk in rows
    }


def _fill(page: _Page, wants: list[_Want], after: Place) -> Place | None:
    """Add the lines of the wanted chunks to a page. Returns where it had to stop, if it had to."""
    found = _chunks(wants, page.wanted)
    for want, chunk in found:
        seq = want.telling.seq
        skip = after.line if (seq, chunk.ordinal) == (after.seq, after.chunk) else 0
        stopped = page.add(want, chunk, range(skip, len(chunk.texts)))
        if stopped is not None:
            return Place(seq=seq, chunk=chunk.ordinal, line=stopped)
    if len(found) == CHUNKS_AT_ONCE:
        return Place(seq=seq, chunk=chunk.ordinal + 1)
    return None


def _fill_back(page: _Page, wants: list[_Want], before: Place) -> Place | None:
    """Do the same from the last chunk to the first. What is told of after `before` is left out."""
    if before.chunk and wants and wants[-1].telling.seq == before.seq:
        last = before.chunk if before.line else before.chunk - 1
        wants[-1] = replace(wants[-1], last=min(wants[-1].last, last))
    found = _chunks(wants, page.wanted, back=True)
    for want, chunk in found:
        seq, count = want.telling.seq, len(chunk.texts)
        if (seq, chunk.ordinal) == (before.seq, before.chunk):
            count = min(count, before.line)
        stopped = page.add(want, chunk, range(count - 1, -1, -1))
        if stopped is not None:
            return Place(seq=seq, chunk=chunk.ordinal, line=stopped + 1)
    if len(found) == CHUNKS_AT_ONCE:
        return Place(seq=seq, chunk=chunk.ordinal)
    return None


def _chunks(wants: list[_Want], wanted: Wanted, *, back: bool = False) -> list[tuple[_Want, _Chunk]]:
    """Give the wanted chunks of which lines may fit, at most CHUNKS_AT_ONCE."""
    if not wants:
        return []
    values: dict[str, Any] = {
        "steps": [want.telling.step_pk for want in wants],
        "attempts": [want.attempt for want in wants],
        "first": [want.first for want in wants],
        "last": [want.last for want in wants],
        "levels": wanted.levels,
        "pattern": wanted.pattern,
        "limit": CHUNKS_AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CHUNKS.format(order="DESC" if back else "ASC"), values)
        rows = cursor.fetchall()
    return [
        (wants[number], _Chunk(ordinal, at, text.split("\n"), levels))
        for number, ordinal, at, text, levels in rows
    ]
