"""JSON read a value at a time: what is held at once is one value, however long the file is.

    with open(path, "rb") as file:
        stream = JsonStream(file)
        for key in stream.members():
            if key == "results":
                for _ in stream.items():
                    use(stream.value())
            else:
                stream.skip()

Each `members` or `items` step must be followed by one of value, skip, members, items. A skipped value is not checked
but for its brackets. Bounds: MAX_DEPTH, and `most` characters of a value that is kept.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

MAX_DEPTH = 100
CHUNK = 1 << 18  # bytes read at once
_BLANK = re.compile(r"[ \t\n\r]*")
_MARK = re.compile(r'["{}\[\]]')
# Whole texts, no brackets. No possessive quantifiers: Python 3.11.2, which is Debian 12's, matches them wrongly.
_FLAT = re.compile(r'[^"{}\[\]]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"{}\[\]]*)*', re.DOTALL)
_IN_TEXT = re.compile(r'["\\]')
_SCALAR = re.compile(r"[^\s,:\]}\[{\"]*")


class NotJson(ValueError):
    """The bytes are no JSON, or more of it at once than is read here; the text says what and where."""


class JsonStream:
    """A cursor over the JSON of a file that is open for bytes. Raises NotJson."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode
        self._text, self._at, self._before = "", 0, 0
        self._held = 0  # characters of the value that is being read
        self._is_over = False
        self._more()
        if self._text.startswith("\ufeff"):
            self._at = 1

    def members(self) -> Iterator[str]:
        """Go through an object: give each key, the cursor stands at its value."""
        self._take("{")
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            if self._peek() != '"':
                raise self._fault("a name in quotes was expected")
            key = self.value()
            self._take(":")
            yield key
            if self._next_of(",}") == "}":
                return

    def items(self) -> Iterator[int]:
        """Go through an array: give each place from 0, the cursor stands at its value."""
        self._take("[")
        if self._peek() == "]":
            self._at += 1
            return
        place = 0
        while True:
            yield place
            place += 1
            if self._next_of(",]") == "]":
                return

    def value(self, most: int = 1 << 22) -> Any:
        """Read the value at the cursor."""
        if self._peek() in _COMPOUND:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                pass  # it goes beyond what was read so far, or is wrong: the careful way tells
            else:
                if end - self._at <= most:
                    self._at = end
                    return found
        text = self._raw(most)
        try:
            return json.loads(text, parse_constant=_refuse, parse_int=_whole)
        except (ValueError, RecursionError) as error:
            raise self._fault(f"this is no JSON value: {error}") from None

    def skip(self) -> None:
        """Pass over the value at the cursor."""
        self._raw(0)

    def is_object(self) -> bool:
        """Tell whether the value at the cursor is an object."""
        return self._peek() == "{"

    def is_array(self) -> bool:
        """Tell whether the value at the cursor is an array."""
        return self._peek() == "["

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self._peek() != "":
            raise self._fault("something follows the value")

    def _raw(self, most: int) -> str:
        """Move behind the value; give its text if `most` allows any."""
        kept: list[str] = []
        first = self._peek()
        if first in "{[":
            self._nested(kept, most)
        elif first == '"':
            self._keep(kept, 1, most)
            self._rest_of_text(kept, most)
        else:
            self._scalar(kept, most)
        return "".join(kept)

    def _nested(self, kept: list[str], most: int) -> None:
        depth = 0
        while True:
            flat = _FLAT.match(self._text, self._at)
            assert flat is not None  # it matches nothing, too
            self._keep(kept, flat.end() - self._at, most)
            found = _MARK.match(self._text, self._at)
            if found is None:
                self._refill()
                continue
            self._keep(kept, 1, most)
            mark = found[0]
            if mark == '"':
                self._rest_of_text(kept, most)
                continue
            depth += 1 if mark in "{[" else -1
            if depth > MAX_DEPTH:
                raise self._fault(f"it is nested deeper than {MAX_DEPTH}")
            if depth == 0:
                return

    def _rest_of_text(self, kept: list[str], most: int) -> None:
        while True:
            found = _IN_TEXT.search(self._text, self._at)
            end = len(self._text) if found is None else found.end()
            self._keep(kept, end - self._at, most)
            if found is None:
                self._refill()
            elif found[0] == '"':
                return
            else:
                if self._at == len(self._text):
                    self._refill()
                self._keep(kept, 1, most)

    def _scalar(self, kept: list[str], most: int) -> None:
        length = 0
        while True:
            found = _SCALAR.match(self._text, self._at)
            assert found is not None  # it matches nothing, too
            length += found.end() - self._at
            self._keep(kept, found.end() - self._at, most)
            if self._at < len(self._text) or not self._more():
                break
        if not length:
            raise self._fault(
                "a value was expected" if self._at < len(self._text) else "the file ends too early"
            )

    def _keep(self, kept: list[str], count: int, most: int) -> None:
        if most:
            self._held += count
            if self._held > most:
                raise self._fault(f"a value is longer than {most:,} characters")
            kept.append(self._text[self._at : self._at + count])
        self._at += count

    def _take(self, mark: str) -> None:
        if self._peek() != mark:
            raise self._fault(f"{mark!r} was expected")
        self._at += 1

    def _next_of(self, marks: str) -> str:
        found = self._peek()
        if not found or found not in marks:
            raise self._fault(f"one of {' '.join(marks)} was expected")
        self._at += 1
        return found

    def _peek(self) -> str:
        """The next character that is not blank, or "" at the end."""
        self._held = 0
        while True:
            found = _BLANK.match(self._text, self._at)
            assert found is not None  # it matches nothing, too
            self._at = found.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _refill(self) -> None:
        if not self._more():
            raise self._fault("the file ends too early")

    def _more(self) -> bool:
        """Read on behind what is left; false at the end."""
        while not self._is_over:
            part = self._file.read(CHUNK)
            self._is_over = not part
            try:
                text = self._decode(part, not part)
            except UnicodeDecodeError as error:
                raise self._fault(f"it is not UTF-8: {error.reason}") from None
            if text:
                self._before += self._at
                self._text = self._text[self._at :] + text
                self._at = 0
                return True
        return False

    def _fault(self, told: str) -> NotJson:
        return NotJson(f"{told}, at character {self._before + self._at + 1:,}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is none of JSON's numbers")


def _whole(digits: str) -> int:
    return int(digits) if len(digits) < 20 else 0  # no line, column or index is so large


_COMPOUND = ("{", "[", '"')
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=_whole)
