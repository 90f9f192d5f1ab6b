"""The log of one step, read from either end, and searched.

    chunks of a step   1.1  1.2  1.3  2.1  2.2        attempt.ordinal, as one worker after the other wrote them
    a spot             2.1.14                         line 14 of chunk 1 of attempt 2

A step has one writer at a time, so within it the order of chunks is that of their numbers; `logs` tells the order
among several steps. Invariant: who reads on from the last spot that a page gave, or back from the first, sees each
line once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q

from tasks.contract import LogLevel
from tasks.logs import COLOURS, LEVELS, like
from tasks.models import LogChunk

MOST_CHARACTERS = 1024 * 1024  # of a page
CHUNKS_AT_ONCE = 100
MOST_MATCHED_CHUNKS = 500  # that a search reads; one has a line at least that fits
_SPOT = re.compile(r"\A(\d{1,5})\.(\d{1,9})\.(\d{1,9})\Z", re.ASCII)
_BY_LETTER: Mapping[str, LogLevel] = {level[0]: level for level in LEVELS}

# colours do not part words
_MATCHING = """
SELECT c.attempt, c.ordinal, c.at, c.text, c.levels
FROM tasks_logchunk c
WHERE c.step_id = %(step)s AND regexp_replace(c.text, E'\\x1b\\\\[[0-9;:]*m', '', 'g') ILIKE %(pattern)s
ORDER BY c.attempt, c.ordinal LIMIT %(limit)s
"""


class Spot(NamedTuple):
    """A line of a step's log. Spots compare as the lines follow each other; a chunk's first line is 0."""

    attempt: int
    chunk: int
    line: int

    def __str__(self) -> str:
        return f"{self.attempt}.{self.chunk}.{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line as it was said. `at` is when it was stored, at most 250 ms later."""

    step_pk: int
    spot: Spot
    at: datetime
    level: LogLevel
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some lines in their order. `more`: there are others in the direction in which was read."""

    lines: list[Said]
    more: bool


def spot_of(text: str) -> Spot | None:
    """Read what `str(spot)` gave. None: it is no spot."""
    found = _SPOT.match(text)
    return None if found is None else Spot(*map(int, found.groups()))


def before(step_pk: int, spot: Spot | None = None, *, most: int = 500) -> Part:
    """Give the last lines before a spot, or the very last ones. At most `most`."""
    return _read(step_pk, spot, most, back=True)


def after(step_pk: int, spot: Spot | None = None, *, most: int = 500) -> Part:
    """Give the first lines after a spot, or the very first ones. At most `most`."""
    return _read(step_pk, spot, most, back=False)


def search(step_pk: int, text: str, *, most: int = 500) -> Part:
    """Give the lines that have `text` in them, letters of either case, in their order."""
    values: dict[str, Any] = {"step": step_pk, "pattern": like(text), "limit": MOST_MATCHED_CHUNKS}
    wanted = re.compile(re.escape(text), re.IGNORECASE)
    found: list[Said] = []
    with connection.cursor() as cursor:
        cursor.execute(_MATCHING, values)
        rows = cursor.fetchall()
    for attempt, ordinal, at, stored, levels in rows:
        for line in _lines(step_pk, Spot(attempt, ordinal, 0), at, stored, levels):
            if wanted.search(COLOURS.sub("", line.text)):
                if len(found) == most:
                    return Part(lines=found, more=True)
                found.append(line)
    return Part(lines=found, more=len(rows) == MOST_MATCHED_CHUNKS)


def _read(step_pk: int, spot: Spot | None, most: int, *, back: bool) -> Part:
    found: list[Said] = []
    characters = 0
    for chunk in _chunks(step_pk, spot, back=back):
        lines = _lines(step_pk, Spot(chunk.attempt, chunk.ordinal, 0), chunk.at, chunk.text, chunk.levels)
        for line in reversed(lines) if back else lines:
            if spot is not None and (line.spot >= spot if back else line.spot <= spot):
                continue
            if len(found) == most or characters > MOST_CHARACTERS:
                return Part(lines=found[::-1] if back else found, more=True)
            found.append(line)
            characters += len(line.text)
    return Part(lines=found[::-1] if back else found, more=False)


def _chunks(step_pk: int, spot: Spot | None, *, back: bool) -> Iterator[LogChunk]:
    """Give the chunks from that of the spot on, a batch at a time."""
    order = ("-attempt", "-ordinal") if back else ("attempt", "ordinal")
    way, place, inclusive = "lt" if back else "gt", spot, "e"
    while True:
        found = LogChunk.objects.filter(step_id=step_pk).order_by(*order)
        if place is not None:
            here = Q(attempt=place.attempt, **{f"ordinal__{way}{inclusive}": place.chunk})
            found = found.filter(here | Q(**{f"attempt__{way}": place.attempt}))
        batch = list(found[:CHUNKS_AT_ONCE])
        yield from batch
        if len(batch) < CHUNKS_AT_ONCE:
            return
        place, inclusive = Spot(batch[-1].attempt, batch[-1].ordinal, 0), ""


def _lines(step_pk: int, first: Spot, at: datetime, text: str, levels: str) -> list[Said]:
    return [
        Said(
            step_pk=step_pk,
            spot=Spot(first.attempt, first.chunk, number),
            at=at,
            level=_BY_LETTER.get(levels[number : number + 1], "info"),
            text=line,
        )
        for number, line in enumerate(text.split("\n"))
    ]
