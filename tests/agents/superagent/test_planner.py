"""Plans: fitness, chaining by needs and gives, inputs."""

from __future__ import annotations

import pytest

from agents.base import Agent, Schema, operation
from agents.registry import Registry
from agents.superagent.planner import draft, uncovered, whole
from agents.superagent.profile import Language, Profile
from agents.superagent.selection import Choice, offered, select
from agents.workspace import Snapshot
from tasks.plans import PlannedStep, ref, validate
from tasks.states import EdgeCondition

SNAPSHOT = Snapshot(digest="a" * 64, revision="r", description="shop", files=3, bytes=9)
PYTHON = Profile(files=3, lines=1204, languages=(Language(name="python", files=3, lines=1204),))


class OfSnapshot(Schema):
    snapshot: str


class OfCoverage(Schema):
    snapshot: dict[str, object]
    coverage: dict[str, object]
    verbose: bool = False


class OfWish(Schema):
    wish: str


class OfDatabase(Schema):
    snapshot: str
    database: str = ""


class Result(Schema):
    percent: float = 0


class Tester(Agent):
    name = "tester"
    title = "Tester"
    description = "Tests."

    @operation(
        OfSnapshot, Result, needs=("snapshot",), gives=("coverage",), requires=("tests:pytest", "tests:jest")
    )
    def coverage(self, input, context):
        """Measure how much of the code the tests reach."""

    @operation(OfCoverage, Result, needs=("snapshot", "coverage"), examples=("find untested code",))
    def gaps(self, input, context):
        """Find code that no tests reach."""

    @operation(
        OfDatabase,
        Result,
        needs=("snapshot",),
        gives=("documents",),
        requires=("language:python",),
        waived_by=("database",),
    )
    def draw(self, input, context):
        """Draw the tables of the code or of a database."""

    @operation(OfSnapshot, Result, needs=("snapshot",), effect="once")
    def publish(self, input, context):
        """Publish the repository."""

    @operation(OfWish, Result)
    def oracle(self, input, context):
        """Answer a wish."""


REGISTRY = Registry({"tester": Tester()})
OFFER = offered(REGISTRY)


def chosen(*names: str) -> list[Choice]:
    return [Choice(agent="tester", operation=OFFER[f"tester.{name}"][1], why="because") for name in names]


def drafted(*names: str, tests: tuple[str, ...] = ("pytest",)):
    profile = PYTHON.model_copy(update={"tests": tests})
    return draft(chosen(*names), OFFER, profile=profile, snapshot=SNAPSHOT, goal="g")


def test_what_an_operation_needs_is_planned_before_it():
    made = drafted("gaps")
    assert [(step.key, [edge.key for edge in step.after]) for step in made.steps] == [
        ("tester.coverage", []),
        ("tester.gaps", ["tester.coverage"]),
    ]
    assert made.steps[0].input == {"snapshot": "a" * 64}
    assert made.steps[1].input["coverage"] == ref("tester.coverage")
    assert made.steps[1].input["snapshot"]["digest"] == "a" * 64
    assert made.steps[0].reason == "3 files, 1,204 lines; Find code that no tests reach needs its coverage"


def test_an_operation_that_nothing_can_feed_is_left_out_and_named():
    made = drafted("gaps", "oracle", tests=())
    assert made.steps == []
    assert [(left.what, left.why) for left in made.left_out] == [
        ("Find code that no tests reach", "it needs 'coverage', which no operation gives here"),
        ("Answer a wish", "its input 'wish' cannot be known from the goal and the repository"),
    ]


def test_one_fact_of_a_kind_is_enough_and_none_is_told():
    assert [step.key for step in drafted("coverage", tests=("jest",)).steps] == ["tester.coverage"]
    assert [left.why for left in drafted("coverage", tests=("rspec",)).left_out] == [
        "the repository has no tests of the kind jest or pytest"
    ]


def test_the_report_waits_for_every_step_whatever_became_of_it():
    report = PlannedStep(key="super.report", agent="super", operation="report")
    plan = whole(drafted("gaps").steps, report)
    validate(plan)
    assert {(edge.key, edge.on) for edge in plan.steps[-1].after} == {
        ("tester.coverage", EdgeCondition.ALWAYS),
        ("tester.gaps", EdgeCondition.ALWAYS),
    }
    assert whole([], report).steps == (report,)


def test_languages_that_nobody_knows_are_named_with_their_size(built_in):
    profile = Profile(languages=(Language(name="python", files=1, lines=5), Language(name="go", files=2, lines=1500),
                                 Language(name="haskell", files=1, lines=70)))  # fmt: skip
    lint = select("find bugs", built_in).chosen
    assert [left.what for left in uncovered(profile, lint)] == ["1,500 lines of Go", "70 lines of Haskell"]
    everything = select("inspect this repository", built_in).chosen
    assert [left.what for left in uncovered(profile, everything)] == ["70 lines of Haskell"]


def test_a_wish_for_the_whole_brings_in_only_what_looks_and_leaves_no_trace():
    assert [choice.key for choice in select("inspect everything", REGISTRY).chosen] == [
        "tester.coverage",
        "tester.gaps",
    ]


def test_a_plugin_is_chosen_by_its_manual():
    assert [choice.key for choice in select("find code that nothing reaches untested", REGISTRY).chosen]


@pytest.mark.parametrize("registry", [Registry({})])
def test_an_installation_without_operations_says_so(registry):
    assert "No agent of this installation has an operation yet." in (
        select("find bugs", registry).answer or ""
    )


def test_input_that_stands_for_the_repository_waives_what_it_must_have():
    empty = Profile(files=1, lines=1)
    made = draft(chosen("draw"), OFFER, profile=empty, snapshot=SNAPSHOT, goal="g")
    assert (made.steps, made.unfit) == ([], {"tester.draw": "the repository has no Python"})
    made = draft(
        chosen("draw"), OFFER, profile=empty, snapshot=SNAPSHOT, goal="g", more={"database": ["shop"]}
    )
    assert [(step.input, step.reason) for step in made.steps] == [
        ({"snapshot": "a" * 64, "database": "shop"}, "database shop; because")
    ]
