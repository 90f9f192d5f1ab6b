"""What is read of a run's findings: a claim that two steps make is one claim."""

from __future__ import annotations

import pytest

from accounts.models import Project, Team
from agents.findings import Evidence, Severity
from agents.findings_store import count_dismissed, findings_of_run
from agents.models import TrackedFinding
from agents.quality.store import counted
from tasks import runs
from tasks.models import Run
from tests.agents.found import begin, claim, found, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


def evidence(tool: str, message: str) -> Evidence:
    return Evidence(kind="tool_trace", tool=tool, tool_version="1", rule="r", message=message)


FIRST = claim(
    severity=Severity.LOW, message="as the first step tells it",
    evidence=(evidence("griffe", "first"), evidence("pydoclint", "first")),
)  # fmt: skip
SECOND = claim(
    severity=Severity.MEDIUM, message="as the second step tells it",
    evidence=(evidence("griffe", "second"), evidence("ruff", "second")),
)  # fmt: skip


def two_steps(project: Project, *, reverse: bool = False) -> Run:
    run, lease = begin(project, then="more")
    first, second = (SECOND, FIRST) if reverse else (FIRST, SECOND)
    runs.settle(lease, found(first))
    runs.settle(start(), found(second))
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("reverse", [False, True])
def test_claim_of_two_steps_is_told_once_with_the_tools_of_both(project: Project, reverse: bool) -> None:
    run = two_steps(project, reverse=reverse)
    ((_, told),) = findings_of_run(run.public_id)
    assert (told.severity, told.message) == (Severity.MEDIUM, "as the second step tells it")
    assert [(one.tool, one.message) for one in told.evidence] == [
        ("griffe", "second"),
        ("ruff", "second"),
        ("pydoclint", "first"),
    ]
    assert [one.finding for one in counted(run.public_id, {})] == [told]


def test_dismissed_claim_of_two_steps_is_counted_once(project: Project) -> None:
    run = two_steps(project)
    TrackedFinding.objects.update(status="dismissed")
    assert (findings_of_run(run.public_id), count_dismissed(run.public_id)) == ([], 1)
