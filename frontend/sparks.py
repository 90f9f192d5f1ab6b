"""Small lines that show a course: paths for `<svg class="spark" viewBox="0 0 100 20">`, made of plain numbers.

Pure. A line that is level stands in the middle, so that it does not look like nothing or like everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 100, 20
EDGE = 2  # above and below, so that the stroke is not cut


@dataclass(frozen=True, slots=True)
class Spark:
    """A course to be drawn. `line` is the path, `area` what lies under it; empty with fewer than two values."""

    line: str
    area: str
    first: float
    last: float

    @property
    def is_drawn(self) -> bool:
        return bool(self.line)


def spark(values: Sequence[float], *, least: float | None = None, most: float | None = None) -> Spark:
    """Lay out a course, oldest first, between `least` and `most` (of its own values, unless they are given)."""
    if len(values) < 2:
        known = values[0] if values else 0.0
        return Spark(line="", area="", first=known, last=known)
    low = min(values) if least is None else least
    high = max(values) if most is None else most
    across = WIDTH / (len(values) - 1)
    points = [f"{_short(n * across)},{_short(_up(value, low, high))}" for n, value in enumerate(values)]
    line = "M" + " L".join(points)
    return Spark(line=line, area=f"{line} L{WIDTH},{HEIGHT} L0,{HEIGHT} Z", first=values[0], last=values[-1])


def _up(value: float, low: float, high: float) -> float:
    if high <= low:
        return HEIGHT / 2
    return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / (high - low)


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
