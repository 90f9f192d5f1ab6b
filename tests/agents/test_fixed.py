"""Claims keep what is known of them over renames and edits, and end when a complete look misses them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Project, Team, User
from agents import tracking, triage
from agents.findings import Coverage, Verdict
from agents.findings_store import records_of
from agents.models import Finding, FindingAlias, TrackedFinding
from tasks import runs
from tasks.contract import StepResult
from tasks.models import Step
from tests.agents.found import LINE, begin, claim, find, look, tracked

pytestmark = pytest.mark.django_db(transaction=True)

MAIN = {"kind": "git", "url": "https://git.example.org/shop.git", "ref": None, "depth": 1}
BRANCH = {**MAIN, "ref": "feature"}
OTHER = {**MAIN, "url": "https://git.example.org/other.git"}
FOR_A_MOVE_AND_AN_END = 5  # statements that a look without either has no need of


@pytest.fixture
def project() -> Project:
    team = Team.objects.create(name="Alice's team", slug="alice")
    return Project.objects.create(team=team, name="Shop", slug="shop")


def statuses() -> dict[str, str]:
    return {row.rule: row.status_now for row in TrackedFinding.objects.with_status()}


def dismiss(by: User) -> None:
    with transaction.atomic():
        rows = triage.lock(TrackedFinding.objects.values_list("pk", flat=True))
        triage.decide(rows, Verdict.DISMISS, reason="no", until=None, by=by)


def test_what_a_complete_look_misses_is_fixed_and_comes_back_reopened(project: Project) -> None:
    look(project, tracked("a"), tracked("b"))
    after = look(project, tracked("b"))
    row = TrackedFinding.objects.get(rule="a")
    assert (statuses(), row.fixed_run) == ({"a": "fixed", "b": "open"}, after.public_id)
    look(project, tracked("a"), tracked("b"))
    row.refresh_from_db()
    assert (statuses(), row.fixed_at, row.fixed_run) == ({"a": "reopened", "b": "open"}, None, None)


def test_partial_look_and_unseen_paths_fix_nothing(project: Project) -> None:
    look(project, tracked("a", path="x/a.py"), tracked("b", path="y.py"), tracked("c", path="z.py"))
    find(project, tracked("c", path="z.py"))
    assert statuses() == {"a": "open", "b": "open", "c": "open"}
    look(project, unseen=("x/", "y.py"))
    assert statuses() == {"a": "open", "b": "open", "c": "fixed"}


def test_look_at_another_repository_fixes_nothing_and_takes_nothing(project: Project) -> None:
    look(project, tracked("a"), target=MAIN)
    look(project, tracked("a", path="elsewhere.py"), target=OTHER)
    assert list(TrackedFinding.objects.order_by("path").values_list("path", "fixed_at")) == [
        ("elsewhere.py", None),
        ("shop/search.py", None),
    ]


def test_branch_does_not_fix_what_is_on_the_main_one(project: Project) -> None:
    look(project, tracked("a"), tracked("b"), target=MAIN)
    look(project, tracked("b"), target=BRANCH)
    look(project, target=BRANCH)
    assert statuses() == {"a": "open", "b": "open"}
    look(project, tracked("a"), target=MAIN)
    assert statuses() == {"a": "open", "b": "fixed"}


def test_what_was_only_on_a_branch_is_fixed_there(project: Project) -> None:
    look(project, target=MAIN)
    look(project, tracked("a"), target=BRANCH)
    look(project, target=MAIN)
    assert statuses() == {"a": "open"}
    look(project, target=BRANCH)
    assert statuses() == {"a": "fixed"}


def test_dismissal_and_first_seen_stick_to_a_renamed_file_and_an_edited_line(project: Project) -> None:
    first = look(project, tracked("a"))
    dismiss(User.objects.create_user("alice"))
    for changed in (
        {"path": "moved.py"},
        {"path": "moved.py", "text": LINE + ", 1"},
        {"path": "again.py", "text": LINE + ", 1"},
    ):
        run = look(project, tracked("a", **changed))
        row = TrackedFinding.objects.get()
        assert (row.first_run, row.last_run, row.status, row.path) == (
            first.public_id, run.public_id, "dismissed", changed["path"],
        )  # fmt: skip
        assert Finding.objects.get(run=run).fingerprint == row.fingerprint
    assert FindingAlias.objects.count() == 3


def test_rename_on_a_branch_is_remembered_after_the_merge(project: Project) -> None:
    look(project, tracked("a"), target=MAIN)
    dismiss(User.objects.create_user("alice"))
    look(project, tracked("a", path="moved.py"), target=BRANCH)
    look(project, tracked("a"), target=MAIN)
    look(project, tracked("a", path="moved.py"), target=MAIN)
    assert list(TrackedFinding.objects.values_list("path", "status", "fixed_at")) == [
        ("moved.py", "dismissed", None)
    ]


def test_copy_of_a_file_is_another_claim_also_when_it_was_an_alias(project: Project) -> None:
    look(project, tracked("a", path="x.py"))
    look(project, tracked("a", path="y.py"))
    look(project, tracked("a", path="x.py"), tracked("a", path="y.py"))
    assert sorted(TrackedFinding.objects.values_list("path", flat=True)) == ["x.py", "y.py"]


def test_file_that_was_not_analysed_lends_its_claims_to_nobody(project: Project) -> None:
    look(project, tracked("a", path="x.py"))
    look(project, tracked("a", path="y.py"), unseen=("x.py",))
    assert sorted(TrackedFinding.objects.values_list("path", flat=True)) == ["x.py", "y.py"]


def test_snapshot_with_things_left_out_fixes_nothing_in_them(project: Project) -> None:
    look(project, tracked("a", path="big/a.py"), tracked("b"))
    run, lease = begin(project)
    left = {"snapshot": {"skipped": [{"path": "big", "reason": "left out"}]}}
    now = timezone.now()
    Step.objects.create(
        run=run, project=project, key="super.plan", agent="super", operation="plan", queue="agent.super",
        priority=5, available_at=now, rank=now, max_attempts=1, timeout_seconds=1, created_at=now, output=left,
    )  # fmt: skip
    runs.settle(lease, StepResult(records=records_of((), Coverage())))
    assert statuses() == {"a": "open", "b": "fixed"}


def test_claims_are_settled_in_as_many_statements_however_many_are_kept(project: Project) -> None:
    many = [claim("many", path=f"src/f{n}.py", title="t", message="m") for n in range(2_000)]
    look(project, *many)
    with CaptureQueriesContext(connection) as few:
        look(project, *many)
    _multiply(project, 50)
    assert TrackedFinding.objects.count() == 100_000
    with CaptureQueriesContext(connection) as lots:
        look(project, *many[:-1], tracked("many", path="moved.py"))
    assert TrackedFinding.objects.filter(fixed_at__isnull=False).count() == 98_001
    assert len(lots) <= len(few) + FOR_A_MOVE_AND_AN_END


@pytest.mark.parametrize(("gone", "target"), [(0, OTHER), (1, MAIN), (1_500, MAIN)])
def test_each_claim_is_looked_at_once_though_the_database_knows_none_of_them_yet(
    project: Project, gone: int, target: dict[str, Any]
) -> None:
    many, others = (
        [claim("many", path=f"{folder}/f{n}.py", title="t", message="m") for n in range(1_500)]
        for folder in ("here", "there")
    )
    look(project, many[0], target=MAIN)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_finding, agents_trackedfinding")  # nothing is known of the next looks
    look(project, *many, target=MAIN)
    plans = []

    def explaining(execute: Any, sql: str, params: Any, is_many: bool, context: Any) -> Any:
        if sql in (tracking._GONE, tracking._UNSEEN_NOW):
            execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params, is_many, context)
            plans.append(context["cursor"].fetchone()[0][0]["Plan"])
        return execute(sql, params, is_many, context)

    with connection.execute_wrapper(explaining):
        look(project, *(many[gone:] if gone else []), *others, target=target)
    assert TrackedFinding.objects.filter(fixed_at=None).count() == 2 * len(many) - gone
    assert [_rows(plan) < 40 * len(many) for plan in plans] == [True, True]


def _rows(plan: dict[str, Any]) -> float:
    """How many rows a plan's nodes gave and threw away."""
    removed = sum(value for name, value in plan.items() if name.startswith("Rows Removed by"))
    own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return float(own) + sum(map(_rows, plan.get("Plans", ())))


def _multiply(project: Project, times: int) -> None:
    names = [
        f.column
        for f in TrackedFinding._meta.concrete_fields
        if f.name not in ("id", "public_id", "fingerprint") and not f.generated
    ]
    told = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO agents_trackedfinding (public_id, fingerprint, {told}) SELECT gen_random_uuid(),"
            f" encode(sha256((fingerprint || n)::bytea), 'hex'), {told} FROM agents_trackedfinding,"
            " generate_series(2, %s) n",
            [times],
        )
