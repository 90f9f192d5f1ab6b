"""The same code twice: all copies of at least so many tokens and lines among the files of a tree.

Method: a rolling hash over every window of `min_tokens` tokens (Rabin and Karp); windows at the beginning of a line
are remembered by their first place, every window is looked up, and a hit is compared token by token and stretched as
far as it goes. What was found is skipped, so the time grows with the tokens alone: about a second for 100,000 lines.
A copy of a copy is told with the first place.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from agents.inspector.measures.tokens import Lexed

_BASE = 1_000_003
_PRIME = (1 << 61) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Two places with the same tokens; `here` is the later one. Lines include both ends."""

    here: str
    here_first: int
    here_last: int
    there: str
    there_first: int
    there_last: int
    tokens: int

    @property
    def lines(self) -> int:
        return self.here_last - self.here_first + 1


def copies(files: Sequence[Lexed], *, min_tokens: int, min_lines: int) -> list[Copy]:
    """Find the copies, in the order of the files."""
    row = _Row(files)
    hashes = _hashes(row.tokens, min_tokens)
    first: dict[int, int] = {}
    found: list[Copy] = []
    at = 0
    while at < len(hashes):
        before = first.get(hashes[at])
        if before is not None and at - before >= min_tokens and row.same(before, at, min_tokens):
            length = row.stretch(before, at, min_tokens)
            copy = row.copy(before, at, length)
            if min(copy.lines, copy.there_last - copy.there_first + 1) >= min_lines:
                found.append(copy)
            at += length
            continue
        if row.begins_line(at):
            first.setdefault(hashes[at], at)
        at += 1
    return found


class _Row:
    """The tokens of all files in a row, a number of its own between two files."""

    def __init__(self, files: Sequence[Lexed]) -> None:
        self.tokens, self._lines = array("q"), array("L")
        self._files, self._starts = files, []
        for number, file in enumerate(files):
            self._starts.append(len(self.tokens))
            self.tokens.extend(file.tokens)
            self._lines.extend(file.lines)
            self.tokens.append(-1 - number)  # equal to nothing
            self._lines.append(0)

    def begins_line(self, at: int) -> bool:
        return at == 0 or self._lines[at] != self._lines[at - 1]

    def same(self, one: int, other: int, length: int) -> bool:
        return self.tokens[one : one + length] == self.tokens[other : other + length]

    def stretch(self, before: int, at: int, length: int) -> int:
        """How far both places go on alike, without overlapping."""
        tokens, end = self.tokens, len(self.tokens)
        while at + length < end and before + length < at and tokens[before + length] == tokens[at + length]:
            length += 1
        return length

    def copy(self, before: int, at: int, length: int) -> Copy:
        here, there = self._file(at), self._file(before)
        return Copy(
            here=here.path,
            here_first=self._lines[at],
            here_last=self._lines[at + length - 1],
            there=there.path,
            there_first=self._lines[before],
            there_last=self._lines[before + length - 1],
            tokens=length,
        )

    def _file(self, at: int) -> Lexed:
        return self._files[bisect_right(self._starts, at) - 1]


def _hashes(tokens: Sequence[int], width: int) -> array[int]:
    """The hash of every window of `width` tokens."""
    hashes = array("Q")
    gone = pow(_BASE, width, _PRIME)
    value = 0
    for at, token in enumerate(tokens):
        value = (value * _BASE + token) % _PRIME
        if at >= width:
            value = (value - tokens[at - width] * gone) % _PRIME
        if at >= width - 1:
            hashes.append(value)
    return hashes
