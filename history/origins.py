"""Who writes, and by which way: what each version is stamped with.

A request brings a function that tells who it is, asked when something is written: a program is recognized by its
view only. Outside of requests it is the process: a command, a worker, the web's own threads. It follows a request
through threads and tasks, as context variables do. Knows no model: `manage.py` names a process before Django is up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from wrenchai_project import request_ids

Note = str | int
"""What a version can be noted with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who writes, and by which way."""

    through: str  # rest, admin, page, socket, worker, web, process, or "command <name>"
    by: str = ""  # user name as it was; empty: nobody signed in
    by_id: int | None = None
    key: str = ""  # public id of the API key that the person came with


_asked: ContextVar[Callable[[], Origin] | None] = ContextVar("history_origin", default=None)
_noted: ContextVar[dict[str, Note] | None] = ContextVar("history_note", default=None)
_process = Origin(through="process")


def name_process(through: str) -> None:
    """Say what this process is, for all that it writes outside of requests."""
    global _process
    _process = Origin(through=through)


def name_command(arguments: list[str]) -> None:
    """Say that this process is the command of these arguments of `manage.py`."""
    if len(arguments) > 1 and not arguments[1].startswith("-"):
        name_process(f"command {arguments[1]}")


@contextmanager
def during(asked: Callable[[], Origin]) -> Iterator[None]:
    """Stamp what is written with what `asked` tells then."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


@contextmanager
def noting(**note: Note) -> Iterator[None]:
    """Add a note to the versions that are made meanwhile."""
    token = _noted.set({**(_noted.get() or {}), **note})
    try:
        yield
    finally:
        _noted.reset(token)


def stamp() -> dict[str, object]:
    """Give what a version that is made now is stamped with: JSON without what is empty."""
    asked = _asked.get()
    origin = _process if asked is None else asked()
    told: dict[str, object] = {
        "through": origin.through,
        "by": _storable(origin.by),
        "by_id": origin.by_id,
        "key": origin.key,
        "request": request_ids.current(),
        "note": _noted.get(),
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def _storable(text: str) -> str:
    """Take out what PostgreSQL's jsonb cannot store."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
