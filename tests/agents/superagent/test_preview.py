"""What a preview promises is what the run does; what nobody can know without a look at the target is said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.models import Project, Team
from agents import previews, requests
from agents.previews import preview
from agents.workspace import parse_target
from tasks import estimates
from tasks.estimates import Estimate
from tasks.models import Run, Step, StepDependency
from tasks.plans import After, Plan, PlannedStep
from tests.agents.superagent.test_run import SHOP, project, run_of  # noqa: F401 - a fixture

GOAL = "find security problems"


def wanted(goal: str = GOAL, path: Path = SHOP) -> requests.Request:
    return requests.Request(goal=goal, target=parse_target({"kind": "path", "path": str(path)}))


def shape(made: previews.Preview) -> list[tuple[str, str, str, str, frozenset[str]]]:
    return [
        (step.key, step.agent, step.operation, step.reason, frozenset(edge.key for edge in step.after))
        for step in made.plan
    ]


def stored(run: Run) -> list[tuple[str, str, str, str, frozenset[str]]]:
    rows = Step.objects.filter(run=run).order_by("pk")
    return [
        (
            row.key,
            row.agent,
            row.operation,
            row.reason,
            frozenset(StepDependency.objects.filter(step=row).values_list("needs__key", flat=True)),
        )
        for row in rows
    ]


def test_preview_of_a_target_that_was_planned_for_is_what_the_run_does(project: Project) -> None:  # noqa: F811 - the fixture
    first = run_of(project, "what should we fix before the release?")
    before = (Run.objects.count(), Step.objects.count())
    made = preview(wanted(), project_id=project.pk)
    assert (Run.objects.count(), Step.objects.count()) == before, "nothing is stored"
    second = run_of(project, GOAL)
    expected = [
        (key, agent, operation, reason, after or (frozenset({"super.plan"}) - {key}))
        for key, agent, operation, reason, after in stored(second)
    ]
    assert sorted(shape(made)) == sorted(expected)
    assert made.basis is not None
    assert (made.complete, made.candidates, made.basis.run, made.basis.exact) == (
        True,
        frozenset(),
        first.public_id,
        False,
    )
    assert made.seconds is not None
    assert made.seconds >= max(one.seconds or 0 for one in made.estimates.values())
    assert {one.steps for one in made.estimates.values()} == {1}
    assert all(title for key, title in made.titles.items())


def test_target_that_was_never_looked_at_gives_candidates(project: Project) -> None:  # noqa: F811 - the fixture
    made = preview(wanted(), project_id=project.pk)
    assert (made.complete, made.basis, made.seconds) == (False, None, None)
    keys = [step.key for step in made.plan]
    assert keys[0] == "super.plan"
    assert keys[-1] == "super.report"
    assert made.candidates == frozenset(keys[1:-1])
    assert made.candidates == {step.key for step in made.plan if step.agent == "inspector"}
    reasons = [step.reason for step in made.plan if step.key in made.candidates]
    assert any(reason.endswith("; only if the repository has Python") for reason in reasons), reasons
    assert {one.seconds for one in made.estimates.values()} == {None}


def test_goal_that_leads_to_nothing_needs_no_look_at_the_target(project: Project) -> None:  # noqa: F811 - the fixture
    made = preview(wanted("write me a poem"), project_id=project.pk)
    assert (made.complete, [step.key for step in made.plan]) == (True, ["super.plan", "super.report"])
    assert made.answer
    run = run_of(project, "write me a poem")
    plan = Step.objects.get(run=run, key="super.plan")
    assert plan.output is not None
    assert plan.output["answer"] == made.answer


def test_what_another_project_found_out_is_not_used(project: Project) -> None:  # noqa: F811 - the fixture
    run_of(project, GOAL)
    team = Team.objects.create(name="Charlie's team", slug="charlie")
    other = Project.objects.create(team=team, name="Other", slug="other")
    made = preview(wanted(), project_id=other.pk)
    assert (made.basis, made.complete) == (None, False)
    assert {one.steps for one in made.estimates.values()} == {0}
    elsewhere = preview(wanted(path=SHOP.parent), project_id=project.pk)
    assert (elsewhere.basis, elsewhere.complete) == (None, False)


def test_output_of_another_shape_is_no_basis(project: Project) -> None:  # noqa: F811 - the fixture
    run_of(project, GOAL)
    Step.objects.filter(key="super.plan").update(output={"snapshot": {"what": "is this"}})
    assert preview(wanted(), project_id=project.pk).basis is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [({"a": 2.0, "b": 3.0, "c": 10.0, "d": 1.0}, 13.0), ({"a": 2.0, "b": None, "c": 1.0, "d": 1.0}, None)],
)
def test_plan_takes_its_longest_way(seconds: dict[str, float | None], expected: float | None) -> None:
    steps = (
        PlannedStep(key="a", agent="x", operation="a"),
        PlannedStep(key="b", agent="x", operation="b", after=(After(key="a"),)),
        PlannedStep(key="c", agent="x", operation="c", after=(After(key="a"),)),
        PlannedStep(key="d", agent="x", operation="d", after=(After(key="b"), After(key="c"))),
    )
    kinds = {("x", name): Estimate(seconds=value, steps=1) for name, value in seconds.items()}
    assert estimates.of_plan(Plan(steps), kinds) == expected
