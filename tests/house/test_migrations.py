"""The database is what the models and the tables of states say."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import Project, Team
from tasks.models import Run, Step, WorkerSession
from tasks.states import RUN_TRANSITIONS, STEP_TRANSITIONS, RunState, StepState

pytestmark = pytest.mark.django_db(transaction=True)


def test_models_need_no_new_migration() -> None:
    said = io.StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=said)
    assert said.getvalue().strip() == "No changes detected"


@pytest.fixture
def project() -> Project:
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


@pytest.fixture
def worker() -> WorkerSession:
    now = timezone.now()
    return WorkerSession.objects.create(
        hostname="test", pid=1, slots=1, started_at=now, heartbeat_at=now, lease_until=now
    )


def make_run(project: Project, state: RunState) -> Run:
    now = timezone.now()
    return Run.objects.create(
        project=project, goal="a goal", body_digest="0" * 64, state=state.value, created_day=now.date(),
        created_at=now, finished_at=now,
    )  # fmt: skip


def held(state: StepState, worker: WorkerSession) -> dict[str, Any]:
    """A running step has a fence and a worker, another one has no fence: the constraints want it."""
    running = state is StepState.RUNNING
    return {
        "state": state.value,
        "fence": uuid.uuid4() if running else None,
        "worker": worker if running else None,
    }


def is_let_through(row: Model, changes: Mapping[str, Any]) -> bool:
    try:
        with transaction.atomic():
            return bool(type(row)._default_manager.filter(pk=row.pk).update(**changes))
    except DatabaseError as error:
        if "Invalid transition" not in str(error):
            raise
        return False


def wanted(table: Mapping[Any, frozenset[Any]], states: type[StrEnum]) -> dict[tuple[str, str], bool]:
    """Every pair of states, and whether the table has the move. Staying is no move."""
    return {
        (old.value, new.value): new in table[old]  # type: ignore[attr-defined]  # mypy sees a str
        for old in states
        for new in states
        if old is not new
    }


def test_database_lets_a_run_move_as_the_table_says(project: Project) -> None:
    found = {
        (old.value, new.value): is_let_through(make_run(project, old), {"state": new.value})
        for old in RunState
        for new in RunState
        if old is not new
    }
    assert found == wanted(RUN_TRANSITIONS, RunState)


def test_database_lets_a_step_move_as_the_table_says(project: Project, worker: WorkerSession) -> None:
    run = make_run(project, RunState.RUNNING)
    now = timezone.now()

    def make(state: StepState) -> Step:
        return Step.objects.create(
            run=run, project=project, key=uuid.uuid4().hex, agent="a", operation="o", queue="agent.a", priority=5,
            available_at=now, rank=now, max_attempts=1, timeout_seconds=1, created_at=now, ended_at=now,
            **held(state, worker),
        )  # fmt: skip

    found = {
        (old.value, new.value): is_let_through(make(old), held(new, worker))
        for old in StepState
        for new in StepState
        if old is not new
    }
    assert found == wanted(STEP_TRANSITIONS, StepState)


def test_nothing_leaves_a_final_state() -> None:
    final = {
        state
        for table in (RUN_TRANSITIONS, STEP_TRANSITIONS)
        for state, following in table.items()
        if not following
    }
    assert {state.value for state in final} == {"succeeded", "failed", "cancelled", "skipped", "dead"}
