"""What the code view shows: plain values. Refuses to know HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from agents import tracking
from agents.heat import Heat, Mark
from agents.quality.model import Hotspot
from agents.reporting.visible import one_line
from agents.workspace.limits import human_bytes
from agents.workspace.reading import Folder
from frontend import source
from frontend.finding_rows import SEVERITY_WORDS

SHOWN = 1_000  # lines on a page
NAMES = 500  # of a folder on a page; some have a hundred thousand
LEVELS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """A folder on the way, with its address; "" for where we are."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A folder or a file. `url` is "" for a name that no address can hold. `level`: 0 for cold to LEVELS."""

    name: str
    url: str
    is_folder: bool
    size: str
    findings: int
    worst: str
    worst_word: str
    level: int
    commits: int | None
    complexity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The names of a folder that are shown, of `count`, and the queries of the pages before and after; "": none."""

    rows: tuple[Row, ...]
    count: int
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The lines that are shown, and where the windows before and after begin; 0: there is none."""

    first: int
    last: int
    line: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLine:
    """A line with what was found in it, the worst first."""

    number: int
    html: SafeString
    is_asked: bool
    marks: tuple[MarkRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRow:
    """A finding beside its line."""

    id: UUID
    line: int
    severity: str
    severity_word: str
    title: str
    rule: str


def address(project: str, path: str, run: UUID | None, line: int = 0) -> str:
    """Give the address of a path in the code view; "" for a name that none can hold."""
    try:
        told = quote(path, safe="/")
    except UnicodeEncodeError:
        return ""
    if any(not char.isprintable() for char in path) or any(part in {".", ".."} for part in path.split("/")):
        return ""
    query = "&".join([*([f"run={run}"] if run else []), *([f"line={line}"] if line else [])])
    base = reverse("frontend:code", args=[project]) + (f"/{told}" if told else "")
    return base + (f"?{query}" if query else "") + (f"#L{line}" if line else "")


def crumbs(project: str, path: str, run: UUID | None) -> list[Crumb]:
    """Give the way from the root to a path."""
    told, parts = [], path.split("/") if path else []
    for place, part in enumerate(parts, start=1):
        url = address(project, "/".join(parts[:place]), run) if place < len(parts) else ""
        told.append(Crumb(name=one_line(part), url=url))
    return told


def listed(
    project: str,
    prefix: str,
    folder: Folder,
    heat: Mapping[str, Heat],
    spots: Mapping[str, Hotspot],
    run: UUID | None,
    asked: str,
) -> Listed:
    """Give what lies in a folder, folders first: the page of it that begins at the asked name, counted from 1."""
    names = {*folder.folders, *(entry.name for entry in folder.files)}
    most = max((one.findings for name, one in heat.items() if name in names), default=0)
    count = len(folder.folders) + len(folder.files)
    begin = (_number(asked, count) or 1) - 1
    end = begin + NAMES
    told = [
        _row(project, f"{prefix}{name}", heat.get(name, Heat()), most, run, is_folder=True)
        for name in folder.folders[begin:end]
    ]
    past = len(folder.folders)
    for entry in folder.files[max(begin - past, 0) : max(end - past, 0)]:
        size = "" if entry.link is not None else human_bytes(entry.size)
        known = heat.get(entry.name, Heat())
        told.append(_row(project, entry.path, known, most, run, size=size, spot=spots.get(entry.path)))
    here = f"run={run}&" if run else ""
    return Listed(
        rows=tuple(told),
        count=count,
        before=f"?{here}from={max(begin - NAMES, 0) + 1}" if begin else "",
        after=f"?{here}from={end + 1}" if end < count else "",
    )


def window(asked: str, count: int) -> Window:
    """Give the window that holds the asked line; the first one for what is no line of the file."""
    line = _number(asked, count)
    first = (max(line, 1) - 1) // SHOWN * SHOWN + 1
    last = min(first + SHOWN - 1, count)
    return Window(
        first=first, last=last, line=line, before=max(first - SHOWN, 0), after=last + 1 if last < count else 0
    )


def _number(asked: str, most: int) -> int:
    """Read a number from 1 to `most`; 0 for what is none."""
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    return number if number <= most else 0


def listing(texts: Sequence[str], path: str, shown: Window, marks: Sequence[Mark]) -> list[CodeLine]:
    """Give the lines of a window with their findings."""
    beside: dict[int, list[MarkRow]] = {}
    for one in mark_rows(marks):
        beside.setdefault(one.line, []).append(one)
    return [
        CodeLine(
            number=line.number,
            html=line.html,
            is_asked=line.number == shown.line,
            marks=tuple(beside.get(line.number, ())),
        )
        for line in source.coloured(list(texts), path, first=shown.first)
    ]


def mark_rows(marks: Sequence[Mark]) -> list[MarkRow]:
    """Give findings for people."""
    return [
        MarkRow(
            id=one.id,
            line=one.line,
            severity=one.severity,
            severity_word=str(SEVERITY_WORDS[one.severity]),
            title=one_line(one.title),
            rule=one_line(one.rule),
        )
        for one in marks
    ]


def _row(
    project: str,
    path: str,
    heat: Heat,
    most: int,
    run: UUID | None,
    *,
    is_folder: bool = False,
    size: str = "",
    spot: Hotspot | None = None,
) -> Row:
    worst = tracking.severity_of(heat.worst).value if heat.findings else ""
    return Row(
        name=one_line(path.rpartition("/")[2].encode("utf-8", "backslashreplace").decode()),
        url=address(project, path, run),
        is_folder=is_folder,
        size=size,
        findings=heat.findings,
        worst=worst,
        worst_word=str(SEVERITY_WORDS[worst]) if worst else "",
        level=-(-heat.findings * LEVELS // most) if most else 0,
        commits=spot.commits if spot else None,
        complexity=spot.complexity if spot else None,
    )
