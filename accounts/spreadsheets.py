"""Rows as CSV (RFC 4180), of which no cell acts in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"
_ACTING: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula, or for the end of the cell (OWASP, CSV injection)."""


def lines(rows: Iterable[Iterable[object]]) -> str:
    """Write rows; None is an empty cell, and a text that would act begins with an apostrophe."""
    out = io.StringIO()
    csv.writer(out).writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value).replace("\0", "")
    return f"'{text}" if text.startswith(_ACTING) else text
