"""The records of a run as they are written down: which root read what, and what it left.

The file is data: JSON, compressed, with a checksum. It is believed only if the same engine under the same Python and
with the same bounds wrote it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from agents.inspector.taint import VERSION, lines, sources
from agents.inspector.taint.ledger import Entry, Told, Witnessed

MOST_BYTES = 48 << 20  # of one run's records, unpacked
_FORM = 8
Stable = tuple[Any, ...]  # a place as it is written down
Name = tuple[str, str, int]  # of a function: file, qualified name, number among its namesakes
RootName = tuple[str, str, int, str]  # the same, and the class that it is called on if not its own


@dataclass(frozen=True, slots=True)
class Kept:
    """A hit of a root that was taken over."""

    kind: int
    path: str
    line: int
    column: int
    rank: tuple[bool, int, int]
    finding: dict[str, Any]
    place: tuple[str, int, int] | None  # of its source


@dataclass(slots=True)
class Record:
    """What one root read and left."""

    token: str
    identity: str  # of this record alone
    reads: list[int]  # numbers of facts
    names: list[str]  # of the summaries that it made
    made: list[str | Entry | None]  # their tokens; None if it could not be finished
    written: list[int]
    shapes: list[tuple[Name, int]]
    hits: list[Kept]
    suspected: list[tuple[Kept, Name]]
    told: list[Told]
    witnessed: dict[Witnessed, bool]
    stopped: int  # after how many steps its time was up; 0 if it was not


@dataclass(slots=True)
class Known:
    """The records of a run."""

    facts: list[tuple[Stable, str]] = field(default_factory=list)
    records: dict[RootName, Record] = field(default_factory=dict)
    files: dict[str, sources.Told] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)  # of summaries, by their tokens


@cache
def _code() -> str:
    """SHA-256 over this package: another engine reads and finds other things."""
    seen = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.suffix != ".pyc" and path.is_file():
            seen.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            seen.update(path.read_bytes())
    return seen.hexdigest()


def read(path: Path, bounds: object) -> Known | None:
    """The records of a file; None if there are none, or none to be believed."""
    try:
        packed = path.read_bytes()
        checksum, body = packed[:32], packed[32:]
        if hashlib.sha256(body).digest() != checksum:
            return None
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(body, MOST_BYTES)
        if not unpacking.eof:
            return None
        head, _, rest = text.partition(b"\n")
        told = json.loads(head)
        if told["header"] != _header(bounds):
            return None
        known = _known(told)
        known.contents = dict(line.split(" ", 1) for line in rest.decode().split("\n") if line)
        return known
    except (OSError, ValueError, KeyError, TypeError, IndexError, zlib.error, RecursionError):
        return None


def write(path: Path, known: Known, bounds: object) -> None:
    """Write the records; nothing if they are more than a later run would read."""
    contents = [f"{token} {content}" for token, content in known.contents.items()]  # without line breaks
    text = "\n".join([json.dumps(_told(known, bounds), separators=(",", ":")), *contents]).encode()
    if len(text) > MOST_BYTES:
        return
    body = zlib.compress(text, 1)
    waiting = path.with_name(f"{path.name}.{os.getpid()}")
    waiting.write_bytes(hashlib.sha256(body).digest() + body)
    waiting.replace(path)


def _header(bounds: object) -> list[Any]:
    return [_FORM, VERSION, _code(), sys.version, repr(bounds)]


def _told(known: Known, bounds: object) -> dict[str, Any]:
    return {
        "header": _header(bounds),
        "facts": known.facts,
        "files": [
            [path, one.digest, sorted(one.imports), sorted(one.rebound), one.yielding, one.bodies,
             one.lines.packed(), one.fields]
            for path, one in known.files.items()
        ],
        "roots": [
            [
                name, one.token, one.identity, one.reads, one.names,
                [made.token if isinstance(made, Entry) else made for made in one.made], one.written, one.shapes,
                [_written(hit) for hit in one.hits], [(_written(hit), by) for hit, by in one.suspected], one.told,
                list(one.witnessed.items()), one.stopped,
            ]
            for name, one in known.records.items()
        ],
    }  # fmt: skip


def _known(told: dict[str, Any]) -> Known:
    facts = [(tuple(place), str(token)) for place, token in told["facts"]]
    known = Known(facts)
    for path, digest, imports, rebound, yielding, bodies, named, fields in told["files"]:
        known.files[path] = sources.Told(
            digest, frozenset(imports), frozenset(rebound), None if yielding is None else tuple(yielding),
            tuple((line, column, start, end, yields) for line, column, start, end, yields in bodies),
            lines.unpacked(named), None if fields is None else tuple((name, kind) for name, kind in fields),
        )  # fmt: skip
    for (path, qualified, number, owner), token, identity, reads, names, made, written, shapes, *left in told[
        "roots"
    ]:
        hits, suspected, reasons, witnessed, stopped = left
        if len(names) != len(made) or not all(0 <= one < len(facts) for one in (*reads, *written)):
            raise ValueError("a record is damaged")
        known.records[(path, qualified, number, owner)] = Record(
            token, identity, reads, names, made, written, [(tuple(name), count) for name, count in shapes],
            [_hit(one) for one in hits], [(_hit(one), tuple(by)) for one, by in suspected],
            [(where, line, what, reason) for where, line, what, reason in reasons],
            {(bit, where, line, end): is_so for (bit, where, line, end), is_so in witnessed}, stopped,
        )  # fmt: skip
    return known


def _written(hit: Kept) -> list[Any]:
    return [hit.kind, hit.path, hit.line, hit.column, hit.rank, hit.finding, hit.place]


def _hit(told: list[Any]) -> Kept:
    kind, path, line, column, (is_local, weak, length), finding, place = told
    return Kept(
        kind, path, line, column, (is_local, weak, length), finding, None if place is None else tuple(place)
    )
