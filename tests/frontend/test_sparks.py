"""The small lines that show a course."""

from __future__ import annotations

from frontend.sparks import Spark, spark


def test_course_runs_from_edge_to_edge_and_up_is_more() -> None:
    drawn = spark([0, 5, 10])
    assert drawn.line == "M0,18 L50,10 L100,2"
    assert drawn.area == "M0,18 L50,10 L100,2 L100,20 L0,20 Z"
    assert (drawn.first, drawn.last) == (0, 10)


def test_level_course_stands_in_the_middle() -> None:
    assert spark([3, 3]).line == "M0,10 L100,10"


def test_bounds_that_are_given_hold() -> None:
    assert spark([2, 4], least=0, most=4).line == "M0,10 L100,2"


def test_fewer_than_two_values_draw_nothing() -> None:
    assert spark([]) == Spark(line="", area="", first=0.0, last=0.0)
    assert not spark([7]).is_drawn
    assert spark([7]).last == 7
