"""Lines that keep their names while others come and go above them.

The engine knows each line of a file by a number that is its name. In a first run names are the lines' numbers. In a
later run a line that was there before has the name that it had, and a new one has a name that no line had, so that an
edit leaves everything alone that it does not touch: tokens, labels and trails speak of names. Where something is told
to people, names become lines again.

Which lines were there before is seen by two bytes of a checksum each. Two lines may be taken for one: then the one
has the other's name, as it would if a line was changed in its place, which tokens of texts and values tell apart.
"""

from __future__ import annotations

import ast
import base64
import binascii
import zlib
from array import array
from collections.abc import Sequence

Run = tuple[int, int]  # the first name, and how many lines have it and those that follow
MOST_RUNS = 200  # of one file; then its lines are named anew
MOST_COMPARED = 4_000  # lines between what is the same above and below; more are taken to be new
NOWHERE = 0  # the name of what stands on no line


class Lines:
    """The names of one file's lines. `free` is the first that no line of it ever had."""

    __slots__ = ("_lines", "_names", "free", "hashes", "is_plain", "runs")

    def __init__(self, runs: Sequence[Run], free: int, hashes: array[int]) -> None:
        self.runs = tuple(runs)
        self.free = free
        self.hashes = hashes
        self.is_plain = len(self.runs) == 1 and self.runs[0][0] == 1  # names are numbers
        self._names: list[int] = []
        self._lines: dict[int, int] = {}

    def name(self, line: int) -> int:
        """The name of a line, counted from 1."""
        if self.is_plain:
            return line
        names = self._known()
        return names[line - 1] if 0 < line <= len(names) else NOWHERE

    def line(self, name: int) -> int:
        """The line of a name, 1 for what stands nowhere. Raises KeyError if the file has no such line."""
        if name == NOWHERE:
            return 1
        if self.is_plain:
            return name
        self._known()
        return self._lines[name]

    def between(self, first: int, last: int) -> str:
        """The names of the lines from one to another, as a token."""
        if self.is_plain:
            return f"{first}+{last - first}"
        parts: list[str] = []
        line = 1
        for start, count in self.runs:
            low, high = max(first, line), min(last, line + count - 1)
            if low <= high:
                parts.append(f"{start + low - line}+{high - low}")
            line += count
        return ",".join(parts)

    def rename(self, tree: ast.Module) -> None:
        """Give the nodes of a tree, whose lines are numbers, the lines' names."""
        if self.is_plain:
            return
        names = self._known()
        start, count = self.runs[0]
        same = count if start == 1 else 0  # of so many lines the names are numbers
        waiting: list[ast.AST] = list(tree.body)
        while waiting:
            fields = waiting.pop().__dict__
            line = fields.get("lineno")
            if line is not None:
                end = fields.get("end_lineno") or line
                if end <= same:
                    continue
                fields["lineno"], fields["end_lineno"] = names[line - 1], names[end - 1]
            for held in fields.values():
                if isinstance(held, ast.AST):
                    waiting.append(held)
                elif type(held) is list:
                    waiting += [one for one in held if isinstance(one, ast.AST)]

    def packed(self) -> list[object]:
        """The same as JSON can hold it."""
        return [self.runs, self.free, base64.b64encode(self.hashes.tobytes()).decode()]

    def _known(self) -> list[int]:
        if not self._names:
            self._names = [start + number for start, count in self.runs for number in range(count)]
            self._lines = {name: line for line, name in enumerate(self._names, start=1)}
        return self._names


def unpacked(told: Sequence[object]) -> Lines:
    """What `packed` gave. Raises ValueError or TypeError."""
    runs, free, hashes = told
    if not isinstance(runs, list) or not isinstance(free, int) or not isinstance(hashes, str):
        raise TypeError("lines are damaged")
    found = array("H")
    try:
        found.frombytes(base64.b64decode(hashes, validate=True))
    except binascii.Error as error:
        raise ValueError("lines are damaged") from error
    lines = Lines([(int(start), int(count)) for start, count in runs], free, found)
    if sum(count for _, count in lines.runs) != len(found) + 1:
        raise ValueError("lines are damaged")
    return lines


def first(source: bytes) -> Lines:
    """Name the lines of a file that nobody named before."""
    return _plain(_hashes(source))


def after(before: Lines, source: bytes) -> Lines:
    """Name the lines of a file that was changed."""
    hashes = _hashes(source)
    runs: list[Run] = []
    free = before.free
    at = 0
    names = [start + number for start, count in before.runs for number in range(count)]
    for old, new, count in _same(before.hashes, hashes):
        if new > at:
            _add(runs, free, new - at)
            free += new - at
        for name in names[old : old + count]:
            _add(runs, name, 1)
        at = new + count
    return Lines(runs, free, hashes) if len(runs) <= MOST_RUNS else _plain(hashes)


def _plain(hashes: array[int]) -> Lines:
    """A line more than there are, for what ends behind the last one."""
    return Lines([(1, len(hashes) + 1)], len(hashes) + 2, hashes)


def _hashes(source: bytes) -> array[int]:
    return array("H", [zlib.crc32(line) & 0xFFFF for line in source.splitlines()])


def _add(runs: list[Run], name: int, count: int) -> None:
    if runs and sum(runs[-1]) == name:
        runs[-1] = (runs[-1][0], runs[-1][1] + count)
    else:
        runs.append((name, count))


def _same(old: array[int], new: array[int]) -> list[tuple[int, int, int]]:
    """Where lines are the same: from which old one, from which new one, how many. The last is what ends the file."""
    least = min(len(old), len(new))
    above = 0
    while above < least and old[above] == new[above]:
        above += 1
    below = 0
    while below < least - above and old[-1 - below] == new[-1 - below]:
        below += 1
    found = [(0, 0, above)]
    olds, news = old[above : len(old) - below], new[above : len(new) - below]
    if len(olds) and len(news) and max(len(olds), len(news)) <= MOST_COMPARED:
        from difflib import SequenceMatcher  # only where a file was changed in two places

        for block in SequenceMatcher(None, olds, news).get_matching_blocks():
            found.append((above + block.a, above + block.b, block.size))
    found.append((len(old) - below, len(new) - below, below + 1))
    return [one for one in found if one[2]]
