"""Axes of time: from when to when, and at which readable moments there is a mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

STEPS = (
    1, 2, 5, 10, 15, 30,
    60, 120, 300, 600, 900, 1_800,
    3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800, 2_592_000,
)  # fmt: skip
"""Seconds between two marks: what people count in."""
MOST_MARKS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark: `at` is its place in percent, `seconds` since the start."""

    at: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A stretch of time. Percents are texts, so that no language writes them with a comma."""

    start: datetime
    end: datetime

    def place(self, at: datetime) -> float:
        """Give where a moment lies, in percent; what lies outside, at the edge."""
        whole = (self.end - self.start).total_seconds()
        share = (at - self.start).total_seconds() / whole if whole > 0 else 0.0
        return 100 * min(1.0, max(0.0, share))

    def bar(self, start: datetime, end: datetime, *, least: float = 0.0) -> tuple[str, str]:
        """Give where a stretch begins and how long it is, at least `least` percent, and within the axis."""
        left, right = self.place(start), self.place(end)
        width = max(right - left, least)
        return percent(min(left, 100 - width)), percent(width)

    def marks(self) -> list[Mark]:
        """Give at most MOST_MARKS marks, the first one at the start."""
        whole = (self.end - self.start).total_seconds()
        between = next((step for step in STEPS if whole / step < MOST_MARKS), None)
        if between is None:
            between = int(whole // MOST_MARKS // STEPS[-1] + 1) * STEPS[-1]
        return [
            Mark(at=percent(self.place(self.start + timedelta(seconds=seconds))), seconds=seconds)
            for seconds in range(0, int(whole) + 1, between)
        ]


def percent(value: float) -> str:
    """Write a share for an attribute of SVG."""
    return f"{value:.3f}%"
