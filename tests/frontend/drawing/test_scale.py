"""Axes of time: readable marks, and bars that stay within."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from frontend.drawing.scale import MOST_MARKS, Axis

START = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


def axis(seconds: float) -> Axis:
    return Axis(start=START, end=START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "marks"),
    [
        (1, [0, 1]),
        (9, [0, 2, 4, 6, 8]),
        (100, [0, 30, 60, 90]),
        (3_000, [0, 600, 1_200, 1_800, 2_400, 3_000]),
        (90_000, [0, 21_600, 43_200, 64_800, 86_400]),
    ],
)
def test_marks_are_what_people_count_in(seconds: float, marks: list[int]) -> None:
    assert [mark.seconds for mark in axis(seconds).marks()] == marks


def test_marks_are_few_however_long_it_takes() -> None:
    for exponent in range(9):
        marks = axis(10**exponent).marks()
        assert 2 <= len(marks) <= MOST_MARKS
        assert (marks[0].at, marks[0].seconds) == ("0.000%", 0)


def test_bars_are_shares_and_stay_within() -> None:
    at = [START + timedelta(seconds=seconds) for seconds in (-5, 0, 25, 50, 100, 200)]
    whole = axis(100)
    assert whole.bar(at[2], at[3]) == ("25.000%", "25.000%")
    assert whole.bar(at[0], at[5]) == ("0.000%", "100.000%")
    assert whole.bar(at[4], at[4], least=2) == ("98.000%", "2.000%")
    assert Axis(start=START, end=START).place(at[3]) == 0
