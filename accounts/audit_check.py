"""Checking the audit chain: is every row what it was, does each follow the one before, are all there that were?

The chain alone shows a changed row, a missing one in the middle, and a row that was put in. That rows are missing at
its end, or that it was rebuilt from some row on, shows against an anchor: a line `<number> <hash>` that was written
outside of the database when the chain was checked. Knows no requests.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from accounts.audit import GENESIS, Head, hash_of
from accounts.models import AuditRecord

CHUNK = 2000  # rows in memory


class AnchorUnreadable(Exception):
    """A line of the anchors' file is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found. `fault` is empty for a sound chain, else it names the first row that is not as it was."""

    rows: int
    head: Head
    fault: str = ""


def check(anchors: Mapping[int, str]) -> Verdict:
    """Walk the whole chain, by one snapshot, and compare it with the anchors."""
    head = Head(number=0, hash=GENESIS)
    for row in AuditRecord.objects.order_by("number").iterator(chunk_size=CHUNK):
        fault = _fault(row, head, anchors)
        if fault:
            return Verdict(rows=head.number, head=head, fault=fault)
        head = Head(number=row.number, hash=row.hash)
    beyond = [number for number in anchors if number > head.number]
    if beyond:
        fault = f"row {head.number + 1} is missing, with all after it: an anchor knows row {max(beyond)}"
        return Verdict(rows=head.number, head=head, fault=fault)
    return Verdict(rows=head.number, head=head)


def _fault(row: AuditRecord, before: Head, anchors: Mapping[int, str]) -> str:
    if row.number != before.number + 1:
        return f"row {before.number + 1} is missing: row {row.number} comes next"
    name = f"row {row.number} ({row.act}, {row.at:%Y-%m-%d %H:%M:%S} UTC)"
    if row.previous != before.hash:
        return f"{name} does not follow row {before.number}: it names another hash before it"
    if row.hash != hash_of(row):
        return f"{name} was changed: its content does not give its hash"
    if anchors.get(row.number, row.hash) != row.hash:
        return f"{name} is not the row that was anchored: the chain was rebuilt from here or before"
    return ""


def read_anchors(path: Path) -> dict[int, str]:
    """Give the anchors of a file, none if there is no file. Raises AnchorUnreadable."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return parse_anchors(lines)


def parse_anchors(lines: Iterable[str]) -> dict[int, str]:
    """Read lines of `<number> <hash>`. Raises AnchorUnreadable for another, and for two hashes of one number."""
    found: dict[int, str] = {}
    for line in filter(str.strip, lines):
        number, _, hash = line.strip().partition(" ")
        if not (number.isdecimal() and len(number) < 19 and len(hash) == 64):
            raise AnchorUnreadable(f"{line.strip()[:100]!r} is no anchor; write <number> <hash>")
        if found.setdefault(int(number), hash) != hash:
            raise AnchorUnreadable(f"there are two anchors of row {number} with different hashes")
    return found


def write_anchor(path: Path, head: Head) -> None:
    """Append the head to the file, and have it on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{head.number} {head.hash}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)
