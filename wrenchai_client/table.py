"""Rows for people: a table on a terminal, lines with tabs where a program reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wrenchai_client.progress import COLOURS
from wrenchai_client.text import clean

BARS = " ▁▂▃▄▅▆▇█"
SEVERE = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}


def show(columns: Sequence[str], rows: Sequence[Sequence[object]], *, nothing: str) -> None:
    """Print rows. `nothing` is said to people where there are none."""
    console = Console()
    if not console.is_terminal:
        for row in rows:
            print("\t".join(clean(cell) for cell in row))
        return
    if not rows:
        print(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(
            column, overflow="fold" if column in {"id", "what"} else "ellipsis", no_wrap=column == "id"
        )
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    console.print(table)


def spark(values: Sequence[int]) -> str:
    """Draw numbers as a line of bars, none for zero."""
    most = max(values, default=0)
    return "".join(
        BARS[0] if not value else BARS[max(1, round(value / most * (len(BARS) - 1)))] for value in values
    )


def dump(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON value."""
    json.dump(content, sys.stdout, indent=2, ensure_ascii=True)
    print()


def ago(moment: str | None) -> str:
    """Say how long ago an ISO 8601 time was: `5 min ago`; empty for none."""
    if not moment:
        return ""
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):
        return clean(moment)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def _cell(cell: object) -> Text:
    text = clean(cell)
    return Text(text, style=COLOURS.get(text) or SEVERE.get(text) or "")
