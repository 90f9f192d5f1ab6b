"""Lines of logs as the pages show them: pieces with classes, cut to a bearable length, with a place of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from frontend.ansi import Pen, Piece, pieces
from tasks.logs import Line
from tasks.step_log import Said

MAX_SHOWN = 8_000  # characters of a line, as in the API
MAX_SEARCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """A line. `spot` is its place in its step's log, or in its run's; `at` seconds since `start`.

    `step` and the number of its `colour` are there where lines of several steps stand together.
    """

    spot: str
    attempt: int
    level: str
    at: str
    pieces: list[Piece]
    rest: int  # characters that are not shown
    step: str = ""
    colour: int = 0


def pattern_of(text: str) -> re.Pattern[str] | None:
    """Make the pattern that marks what was searched for; None for nothing."""
    return re.compile(re.escape(text), re.IGNORECASE) if text else None


def asked_for(text: str) -> str:
    """Read a search as somebody typed it: without controls, not endless."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:MAX_SEARCH]


def said_rows(
    said: Iterable[Said],
    clock: Callable[[Said], float],
    *,
    search: str = "",
) -> list[LogRow]:
    """Make the rows of lines of one step."""
    pens: dict[int, Pen] = {}
    wanted = pattern_of(search)
    rows = []
    for line in said:
        pen = Pen() if search else pens.setdefault(line.spot.attempt, Pen())
        rows.append(
            LogRow(
                spot=str(line.spot),
                attempt=line.spot.attempt,
                level=line.level,
                at=since(clock(line)),
                pieces=pieces(line.text[:MAX_SHOWN], pen, wanted),
                rest=max(0, len(line.text) - MAX_SHOWN),
            )
        )
    return rows


def told_rows(
    told: Iterable[Line], clock: Callable[[Line], float], *, colours: dict[str, int], search: str = ""
) -> list[LogRow]:
    """Make the rows of lines of a run; `colours` has the number of each step's colour."""
    pens: dict[tuple[str, int], Pen] = {}
    wanted = pattern_of(search)
    return [
        LogRow(
            spot=str(line.place),
            step=line.step,
            attempt=line.attempt,
            level=line.level,
            at=since(clock(line)),
            pieces=pieces(
                line.text[:MAX_SHOWN],
                Pen() if search else pens.setdefault((line.step, line.attempt), Pen()),
                wanted,
            ),
            rest=max(0, len(line.text) - MAX_SHOWN),
            colour=colours.get(line.step, 0),
        )
        for line in told
    ]


def since(seconds: float) -> str:
    """Write a time since the start, to a tenth: 0.4, 1:02.5, 1:00:00.0."""
    tenths = max(0, int(seconds * 10))
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    if hours:
        return f"{hours}:{minutes:02}:{rest / 10:04.1f}"
    return f"{minutes}:{rest / 10:04.1f}" if minutes else f"{rest / 10:.1f}"
