"""A patch: the changed files of a tree, and the unified diff that `git apply` and `patch -p1` take.

Works on bytes, so that line ends, byte order marks, encodings and a missing last line end stay what they were.
Invariant: a path is relative, below the tree's root, and no part of it is `..` or `.git`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

CONTEXT = 3  # lines around a change, as git does
_NO_END = b"\\ No newline at end of file\n"
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


class PatchInvalid(ValueError):
    """A patch cannot be made, or cannot be read: its message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file before and after. `before` is None for a new file."""

    path: str
    before: bytes | None
    after: bytes

    def __post_init__(self) -> None:
        check_path(self.path)
        if b"\0" in (self.before or b"") or b"\0" in self.after:
            raise PatchInvalid(f"{self.path!r} is binary: a unified diff cannot hold it")


@dataclass(frozen=True, slots=True)
class Patch:
    """Changes of a tree, each file once, sorted by path; files that stay as they are are left out."""

    changes: tuple[Change, ...]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> Patch:
        """Make a patch. Raises PatchInvalid if a file is named twice."""
        kept = sorted((c for c in changes if c.before != c.after), key=lambda change: change.path)
        paths = [change.path for change in kept]
        if len(set(paths)) < len(paths):
            raise PatchInvalid("a file is changed twice in one patch; make one change of it")
        return cls(tuple(kept))

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it changes."""
        return tuple(change.path for change in self.changes)

    @property
    def diff(self) -> bytes:
        """The unified diff, in git's form. Empty if nothing changes."""
        return b"".join(b"".join(_file(change)) for change in self.changes)

    @property
    def text(self) -> str:
        """The diff for showing and storing. Bytes that are no UTF-8 are replaced: to apply it, take `diff`."""
        return self.diff.decode("utf-8", "replace")


def check_path(path: str) -> None:
    """Let pass a path below the root of a tree. Raises PatchInvalid."""
    parts = path.split("/")
    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PatchInvalid(f"{path!r} is no UTF-8 name") from error
    if not path or path.startswith("/") or "\0" in path or PurePosixPath(path).as_posix() != path:
        raise PatchInvalid(f"{path!r} is no plain relative path")
    if ".." in parts or ".git" in (part.lower() for part in parts):
        raise PatchInvalid(f"{path!r} leads out of the tree, or into the version control's own files")


def lines_of(content: bytes) -> list[bytes]:
    """Cut into lines at LF alone, as git does; each keeps its end."""
    lines = content.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines [first, last) of a file, counted from 0, become `text`."""

    first: int
    last: int
    text: bytes


def edits(before: list[bytes], after: list[bytes]) -> list[Edit]:
    """What makes the lines `after` of the lines `before`, in order and apart from each other."""
    return [Edit(a, b, b"".join(after[c:d])) for a, b, c, d in _blocks(before, after)]


def edited(content: bytes, changes: Iterable[Edit]) -> bytes:
    """Make edits of one text; they must be in order and must not overlap."""
    lines, made, at = lines_of(content), [], 0
    for edit in changes:
        made += [*lines[at : edit.first], edit.text]
        at = edit.last
    return b"".join([*made, *lines[at:]])


def _file(change: Change) -> Iterator[bytes]:
    old, new = _quoted("a/" + change.path), _quoted("b/" + change.path)
    yield b"diff --git %s %s\n" % (old, new)
    before, after = lines_of(change.before or b""), lines_of(change.after)
    if change.before is None:
        yield b"new file mode 100644\n"
        old = b"/dev/null"
        if not after:
            return
    yield b"--- %s%s\n" % (old, _end_of_name(old))
    yield b"+++ %s%s\n" % (new, _end_of_name(new))
    for shown, blocks in _hunks(before, after):
        yield from _hunk(before, after, shown, blocks)


_Block = tuple[int, int, int, int]  # lines of before (from, to), lines of after (from, to)


def _hunks(before: list[bytes], after: list[bytes]) -> Iterator[tuple[_Block, list[_Block]]]:
    """Give (the lines that a hunk shows, the blocks that differ in it)."""
    waiting: list[_Block] = []
    for block in _blocks(before, after):
        if waiting and block[0] - waiting[-1][1] > 2 * CONTEXT:
            yield _around(waiting, len(before)), waiting
            waiting = []
        waiting.append(block)
    if waiting:
        yield _around(waiting, len(before)), waiting


def _around(blocks: list[_Block], total: int) -> _Block:
    lead = min(CONTEXT, blocks[0][0])
    tail = min(CONTEXT, total - blocks[-1][1])
    return blocks[0][0] - lead, blocks[-1][1] + tail, blocks[0][2] - lead, blocks[-1][3] + tail


def _blocks(before: list[bytes], after: list[bytes]) -> list[_Block]:
    """What differs. Common ends are taken off first: a huge file with a small change costs little."""
    start, shorter = 0, min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    codes = difflib.SequenceMatcher(None, old, new).get_opcodes()
    return [(a + start, b + start, c + start, d + start) for tag, a, b, c, d in codes if tag != "equal"]


def _hunk(before: list[bytes], after: list[bytes], shown: _Block, blocks: list[_Block]) -> Iterator[bytes]:
    yield b"@@ -%s +%s @@\n" % (_range(shown[0], shown[1]), _range(shown[2], shown[3]))
    at = shown[0]
    for old_from, old_to, new_from, new_to in blocks:
        yield from _marked(b" ", before[at:old_from])
        yield from _marked(b"-", before[old_from:old_to])
        yield from _marked(b"+", after[new_from:new_to])
        at = old_to
    yield from _marked(b" ", before[at : shown[1]])


def _marked(mark: bytes, lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line if line.endswith(b"\n") else mark + line + b"\n" + _NO_END


def _range(first: int, last: int) -> bytes:
    count = last - first
    start = first + 1 if count else first
    return b"%d" % start if count == 1 else b"%d,%d" % (start, count)


def _quoted(name: str) -> bytes:
    """A name as git writes it: between quotes with escapes where it has any character that is not plain."""
    raw = name.encode("utf-8")
    if all(32 <= byte < 127 and byte not in (34, 92) for byte in raw):
        return raw
    return ('"' + "".join(_escaped(byte) for byte in raw) + '"').encode("ascii")


def _escaped(byte: int) -> str:
    if byte in _ESCAPES:
        return "\\" + _ESCAPES[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _end_of_name(name: bytes) -> bytes:
    """A tab ends a name that holds blanks: else `patch` takes what follows the blank for a date."""
    return b"\t" if b" " in name and not name.startswith(b'"') else b""
