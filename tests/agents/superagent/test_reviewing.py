"""A goal about a change: nothing that it leads to is dropped without a word."""

from __future__ import annotations

import pytest

from agents.inspector.sides import COMPARABLE
from agents.superagent.reviewing import NO_BASE, reviewing, speaks_of_change, without_base
from agents.superagent.selection import select


@pytest.mark.parametrize("goal", ["review this change", "are the changes ok?", "review the pull request", ""])
def test_review_of_everything_compares_or_names_everything(goal, built_in):
    whole = {choice.key: choice.operation.title for choice in select("", built_in).chosen}
    review = reviewing(select(goal, built_in), built_in)
    assert set(review.operations) == set(COMPARABLE)
    assert [choice.key for choice in review.selection.chosen] == [
        "inspector.review_changes",
        "inspector.quality",
    ]
    done = {f"inspector.{name}" for name in review.operations} | {"inspector.quality"}
    named = {left.what for left in review.selection.left_out}
    assert {title for key, title in whole.items() if key not in done} == named
    assert "Report docstrings that are missing or no longer match the code" in named


def test_what_is_named_and_cannot_be_compared_is_done_on_the_head(built_in):
    review = reviewing(select("review the docstrings of this change", built_in), built_in)
    assert review.operations == ()
    (only,) = review.selection.chosen
    assert (only.key, only.head_only) == ("documentation.docstring_report", True)
    assert only.why.endswith("not compared with the base: of the whole head, old or new")


def test_only_what_the_goal_names_is_compared(built_in):
    review = reviewing(select("audit the licences of this change", built_in), built_in)
    assert review.operations == ("licences",)
    assert [choice.key for choice in review.selection.chosen] == ["inspector.review_changes"]


def test_without_a_base_a_review_says_so_and_looks_at_nothing_it_was_not_asked_for(built_in):
    nothing = without_base(select("review this change", built_in))
    assert nothing.chosen == []
    assert nothing.answer == f"Nothing was looked at: {NO_BASE}."
    some = without_base(select("find leaked secrets in this pull request", built_in))
    assert [choice.key for choice in some.chosen] == ["inspector.secret_scan"]
    assert some.left_out[0].what == "the change alone"
    assert NO_BASE in some.left_out[0].why


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("review this change", True),
        ("what does this branch make worse?", True),
        ("find bugs in PR 12", True),
        ("which problems are new compared with the base?", True),
        ("did my last commit leak a password?", True),
        ("inspect the code before I open a pull request", False),
        ("which functions are hard to change?", False),
        ("inspect this repository", False),
        ("review the main branch", False),
        ("find bugs without changing anything", False),
    ],
)
def test_goals_that_are_about_a_change(goal, expected):
    assert speaks_of_change(goal) is expected


def test_changelog_needs_no_base_to_speak_of_what_changed(built_in):
    selection = select("changelog since the last release", built_in)
    assert speaks_of_change("changelog since the last release") is True
    assert without_base(selection) == selection
    review = reviewing(selection, built_in)
    assert review.operations == ()
    assert [(one.key, one.head_only) for one in review.selection.chosen] == [
        ("documentation.changelog", False)
    ]
