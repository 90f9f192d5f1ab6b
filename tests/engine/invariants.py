"""Reads `invariants.sql`: what is true of the engine's rows, whatever happened.

    broken()              what is broken now, while work goes on
    broken(at_rest=True)  also what must be true when nothing is left to do

Knows nothing of the engine but its tables, so the model's tests and the chaos harness judge by the same sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.db import connection
from django.db.backends.utils import CursorWrapper

FILE = Path(__file__).with_suffix(".sql")
MOST_ROWS = 20  # of one invariant: more do not help to understand it
_HEAD = re.compile(r"^-- name: (\w+)\n-- holds: (always|at rest)\n((?:-- .*\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """One statement of the file: it gives the rows that break the sentence."""

    name: str
    sentence: str
    at_rest: bool
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """An invariant that does not hold, with rows that break it, as text."""

    invariant: Invariant
    rows: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.invariant.name}: {self.invariant.sentence}\n    " + "\n    ".join(self.rows)


@cache
def invariants() -> tuple[Invariant, ...]:
    """Give all invariants in the order of the file."""
    text = FILE.read_text()
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return tuple(
        Invariant(
            name=head[1],
            sentence=" ".join(line.removeprefix("-- ") for line in head[3].splitlines()),
            at_rest=head[2] == "at rest",
            sql=text[head.end() : end].strip().removesuffix(";"),
        )
        for head, end in zip(heads, ends, strict=True)
    )


def broken(*, at_rest: bool = False) -> list[Broken]:
    """Give what does not hold now. One round trip while all is well."""
    wanted = [one for one in invariants() if at_rest or not one.at_rest]
    with connection.cursor() as cursor:
        cursor.execute(_all_at_once(wanted))
        names = {row[0] for row in cursor.fetchall()}
        return [_look(cursor, one) for one in wanted if one.name in names]


def _all_at_once(wanted: Sequence[Invariant]) -> str:
    """Ask of each whether a row breaks it, in one statement and so of one snapshot."""
    return " UNION ALL ".join(
        f"SELECT '{one.name}' WHERE EXISTS (SELECT FROM ({one.sql}) broken)" for one in wanted
    )


def _look(cursor: CursorWrapper, one: Invariant) -> Broken:
    cursor.execute(f"SELECT broken::text FROM ({one.sql}) broken LIMIT {MOST_ROWS}")
    rows = tuple(row[0] for row in cursor.fetchall())
    return Broken(invariant=one, rows=rows or ("(seen, and gone when looked at again: a passing state)",))
