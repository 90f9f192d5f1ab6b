"""The hash by which GitHub's code scanning knows the line of an alert again: `primaryLocationLineHash`.

Method: that of GitHub's own upload action, so that an upload with the hash and one without it mean the same alert. Of
the file's UTF-16 units without blanks and tabs, with LF for each line end and 65535 behind the last, the 100 from the
line's first on (zeros behind the end) are the digits of a number to the base 37, modulo 2**64; `:n` tells the n-th
line of the file with that hash.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

BLOCK = 100  # units
MAX_FILE_BYTES = 4 << 20
_BASE, _MODULUS = 37, 1 << 64
_LF, _END = 10, 65_535
_SKIPPED = {ord(" "): None, ord("\t"): None}


def line_hashes(content: bytes, wanted: Collection[int]) -> dict[int, str]:
    """Give the hash of each wanted line of a file; none for lines that it does not have."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").translate(_SKIPPED)
    units = array("H", text.encode(f"utf-16-{'le' if sys.byteorder == 'little' else 'be'}"))
    units.append(_END)
    starts = [0, *(at + 1 for at, unit in enumerate(units) if unit == _LF)]
    seen: Counter[bytes] = Counter()
    found = {}
    for number, start in enumerate(starts, start=1):
        window = units[start : start + BLOCK]
        key = window.tobytes()
        seen[key] += 1
        if number in wanted:
            found[number] = f"{_number(window):x}:{seen[key]}"
    return found


def _number(window: array[int]) -> int:
    value: int = 0
    for unit in window:
        value = value * _BASE + unit
    padding: int = _BASE ** (BLOCK - len(window))
    return value * padding % _MODULUS


def of_places(root: Path, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Give the hashes of lines of a tree by (path, line). What is no readable file of the tree has none."""
    wanted: dict[str, set[int]] = {}
    for path, line in places:
        wanted.setdefault(path, set()).add(line)
    found: dict[tuple[str, int], str] = {}
    for path, lines in wanted.items():
        content = _content(root, path)
        if content is not None:
            found |= {(path, line): told for line, told in line_hashes(content, lines).items()}
    return found


def _content(root: Path, path: str) -> bytes | None:
    """The bytes of a file below the root that no link leads to; None for anything else."""
    whole = root / path
    try:
        if whole.is_symlink() or not whole.resolve().is_relative_to(root.resolve()) or not whole.is_file():
            return None
        return whole.read_bytes() if whole.stat().st_size <= MAX_FILE_BYTES else None
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
