"""Thirty goals in two wordings, and the rules of reading one by one."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.registry import Registry
from agents.superagent.goals import understand
from agents.superagent.selection import DOCUMENTS, SARIF, offered, select

GOALS = tomllib.loads(Path(__file__).with_name("goals.toml").read_text())["goal"]
JOINTS = ["not", "no", "except", "only", "everything", "but", "bugs", "and", ",", ".", "secrets"]
WORDINGS = [
    pytest.param(goal, goal[wording], id=f"{goal['id']}-{wording}")
    for goal in GOALS
    for wording in ("a", "b")
]


def test_there_are_thirty_goals_and_nine_of_them_are_negated_or_outside():
    assert len(GOALS) == 30
    assert len([goal for goal in GOALS if goal["kind"] != "served"]) == 9


def whole(registry: Registry, without: Sequence[str] = ()) -> list[str]:
    """All operations that look at a repository and leave no trace."""
    found = [
        one
        for _, one in offered(registry).values()
        if one.needs
        and not one.needs & {"base", SARIF}
        and one.effect != "once"
        and DOCUMENTS not in one.gives
    ]
    return [one.name for one in found if one.name not in without]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("find dead code", ["dead_code"]),
        ("I suspect a lot of functions that nobody calls any more", ["dead_code"]),
        ("check the Dockerfile and our shell scripts", ["infrastructure"]),
        ("is the YAML correct?", ["infrastructure"]),
        ("find circular imports", ["structure"]),
        ("which modules depend on each other?", ["structure"]),
        ("fix what you can", ["fix"]),
        ("Please propose patches.", ["fix"]),
        ("suggest fixes for the security findings", ["security_scan", "secret_scan", "fix"]),
        ("mend what can be mended in src/", ["fix"]),
        ("fix the bugs", ["lint"]),
    ],
)
def test_goals_of_a_few_words_lead_to_one_operation(words, expected, built_in):
    assert [choice.operation.name for choice in select(words, built_in).chosen] == expected


@pytest.mark.parametrize(("goal", "words"), WORDINGS)
def test_a_goal_leads_to_the_expected_operations(goal: dict[str, Any], words: str, built_in):
    selection = select(words, built_in)
    chosen = sorted(choice.operation.name for choice in selection.chosen)
    wanted = whole(built_in, goal.get("without", ())) if goal.get("expect") == "whole" else goal.get("expect")
    assert chosen in [sorted(names) for names in goal.get("expect-any", [wanted])]
    assert all(choice.why for choice in selection.chosen)
    told = " ".join(left.why for left in selection.left_out)
    for agent in goal.get("unavailable", []):
        assert f"the {agent} agent is not available in this installation yet" in told
    if not chosen:
        assert "What the agents can do: find bugs" in (selection.answer or "")


@pytest.mark.parametrize(
    ("goal", "wanted", "refused"),
    [
        ("make sure there are no passwords in the repository", {"secrets"}, set()),
        ("make sure you do not scan for passwords", set(), {"secrets"}),
        ("we do not want secrets in git", {"secrets"}, set()),
        ("don't forget the bugs", {"lint"}, set()),
        ("not only bugs but also complexity", {"lint", "complexity"}, set()),
        ("nothing but bugs", {"lint"}, set()),
        ("everything but bugs", set(), {"lint"}),
        ("find bugs without running the code", {"lint"}, set()),
        ("find bugs without secrets, complexity and docs", {"lint"}, {"secrets", "complexity", "docs"}),
        ("skip the secrets and find bugs", {"lint"}, {"secrets"}),
        ("complexity can wait", set(), {"complexity"}),
        ("leave the passwords out", set(), {"secrets"}),
        ("check the tests for passwords", {"secrets"}, set()),
        ("passwords in the documentation", {"secrets"}, set()),
        ("write a report about bugs", {"lint"}, set()),
        ("write a bug tracker", set(), set()),
    ],
)
def test_negation_and_place_are_read(goal, wanted, refused):
    found = understand(goal)
    assert (set(found.topics), set(found.refused)) == (wanted, refused)


@pytest.mark.parametrize(
    ("goal", "chosen"),
    [
        ("write missing docstrings", ["docstring_patch"]),
        ("please add docstrings to the public functions", ["docstring_patch"]),
        ("fill in the docstrings", ["docstring_patch"]),
        ("find bugs and write missing docstrings", ["docstring_patch", "lint"]),
        ("find missing docstrings", ["docstring_report"]),
        ("which functions have no docstring?", ["docstring_report"]),
        ("fix what you can", ["fix"]),
    ],
)
def test_docstrings_are_written_only_where_somebody_asks_for_it(goal, chosen, built_in):
    selection = select(goal, built_in)
    assert sorted(choice.operation.name for choice in selection.chosen) == chosen
    assert selection.left_out == []  # what is written is no deed that nobody does


@pytest.mark.parametrize(
    "goal",
    [
        "generate documentation",
        "please write the documentation of this project",
        "create docs for our backend",
    ],
)
def test_order_to_write_documentation_leads_to_all_that_writes_pages(goal, built_in):
    selection = select(goal, built_in)
    written = ["api_reference", "architecture_map", "data_model", "http_api"]
    assert sorted(choice.operation.name for choice in selection.chosen) == written
    assert selection.left_out == []


@pytest.mark.parametrize(
    ("goal", "chosen"),
    [
        ("changelog since v1.2", ["changelog"]),
        ("write the release notes", ["changelog"]),
        ("what changed between v1.1 and v1.2?", ["changelog"]),
        ("which breaking API changes are there since the last release?", ["changelog"]),
        ("find bugs and write a changelog", ["changelog", "lint"]),
        ("write a changelog and find bugs", ["changelog", "lint"]),
        ("write the changelog and the API reference", ["api_reference", "changelog"]),
        ("draw the data model and the architecture map", ["architecture_map", "data_model"]),
        ("write the changelog and then check the dependencies", ["changelog", "dependencies"]),
        ("check the changelog for broken links", ["readme_check"]),
    ],
)
def test_changelog_is_reached_in_plain_words(goal, chosen, built_in):
    selection = select(goal, built_in)
    assert sorted(choice.operation.name for choice in selection.chosen) == chosen
    assert selection.left_out == []


@pytest.mark.parametrize(
    ("goal", "chosen"),
    [
        ("audit the dependencies", ["dependencies"]),
        ("do we use libraries with known CVEs?", ["dependencies"]),
        ("make an SBOM", ["dependencies"]),
        ("write a software bill of materials", ["dependencies"]),
        ("are my dependencies vulnerable?", ["dependencies", "security_scan"]),
        ("check the licenses of our packages", ["licences"]),
        ("licences of dependencies", ["dependencies", "licences"]),
        ("find bugs but skip the dependencies", ["lint"]),
    ],
)
def test_dependencies_are_reached_in_plain_words(goal, chosen, built_in):
    assert sorted(choice.operation.name for choice in select(goal, built_in).chosen) == chosen


@pytest.mark.parametrize("goal", ["", "   ", "\n"])
def test_no_goal_is_the_wish_to_see_what_there_is(goal, built_in):
    assert sorted(choice.operation.name for choice in select(goal, built_in).chosen) == sorted(
        whole(built_in)
    )


def test_the_part_of_a_goal_that_nobody_does_is_named(built_in):
    selection = select("find bugs and deploy it to production", built_in)
    assert [choice.key for choice in selection.chosen] == ["inspector.lint"]
    assert [(left.what, left.why) for left in selection.left_out] == [
        ("deploy it to production", "no agent of this installation does that: they look at code and report")
    ]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300) | st.lists(st.sampled_from(JOINTS)).map(" ".join))
def test_no_text_causes_an_error(built_in, text):
    selection = select(text, built_in)
    assert bool(selection.chosen) != bool(selection.answer)


def test_a_very_long_goal_is_read_quickly(built_in):
    select("not everything but bugs, and (no) secrets in the tests for " * 500, built_in)
