"""Colours of terminals as classes: the one place where escape sequences of a log get a meaning.

Of what acts on a terminal only SGR (colours, bold, faint, italic, underline) is understood; its 256 and true colours
are passed over, since they would fit neither light nor dark. All other sequences are dropped and every other
invisible character is shown by its number (`agents.reporting.visible`). Source: ECMA-48, section 8.3.117.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from agents.reporting.visible import visible

_SGR = re.compile("\x1b\\[([0-9;:]*)m")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ON = {1: "bold", 2: "faint", 3: "italic", 4: "underline"}
_OFF = {22: ("bold", "faint"), 23: ("italic",), 24: ("underline",)}
_FOLLOWED = {38, 48, 58}  # 5;n or 2;r;g;b follows


@dataclass(slots=True)
class Pen:
    """How what comes next looks; it outlives a line."""

    colour: str = ""
    marks: set[str] = field(default_factory=set)

    def classes(self) -> str:
        names = [f"a-{name}" for name in _ON.values() if name in self.marks]
        return " ".join([*names, f"a-{self.colour}"] if self.colour else names)

    def take(self, codes: str) -> None:
        """Follow the parameters of one sequence."""
        numbers = [int(one[:4]) if one.isdigit() else (0 if one == "" else -1) for one in codes.split(";")]
        at = 0
        while at < len(numbers):
            number = numbers[at]
            if number in _FOLLOWED:
                at += {5: 3, 2: 5}.get(numbers[at + 1] if at + 1 < len(numbers) else 0, 1)
                continue
            self._one(number)
            at += 1

    def _one(self, number: int) -> None:
        if number == 0:
            self.colour = ""
            self.marks.clear()
        elif number in _ON:
            self.marks.add(_ON[number])
        elif number in _OFF:
            self.marks.difference_update(_OFF[number])
        elif 30 <= number <= 37 or 90 <= number <= 97:
            self.colour = _COLOURS[number % 10]
        elif number == 39:
            self.colour = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line that looks the same. `found`: it is what was searched for."""

    text: str
    classes: str
    found: bool = False


def pieces(line: str, pen: Pen, wanted: re.Pattern[str] | None = None) -> list[Piece]:
    """Cut a line into pieces that are safe to show, beginning as the pen is; it is left as the line leaves it."""
    parts = _SGR.split(line.rstrip("\r"))
    found = []
    for at in range(0, len(parts), 2):
        if at:
            pen.take(parts[at - 1])
        text = visible(parts[at]).replace("\n", "<U+000A>")
        if text:
            found.append(Piece(text, pen.classes()))
    return found if wanted is None else _marked(found, wanted)


def _marked(found: list[Piece], wanted: re.Pattern[str]) -> list[Piece]:
    """Cut the pieces anew where what is searched for begins and ends; colours do not part it."""
    cuts = [match.span() for match in wanted.finditer("".join(piece.text for piece in found))]
    edges = sorted({edge for cut in cuts for edge in cut})
    marked, begin = [], 0
    for piece in found:
        end = begin + len(piece.text)
        bounds = [begin, *(edge for edge in edges if begin < edge < end), end]
        for left, right in pairwise(bounds):
            inside = any(start <= left and right <= stop for start, stop in cuts)
            marked.append(Piece(piece.text[left - begin : right - begin], piece.classes, inside))
        begin = end
    return marked
