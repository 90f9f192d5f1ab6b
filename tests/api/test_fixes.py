"""Fixes of a run: who sees them, what they tell, and that a finding tells its own."""

from __future__ import annotations

from typing import Any

import pytest

from agents.findings import Severity
from agents.fixes_store import MARK
from agents.models import Fix, TrackedFinding
from agents.patches import FixData, Label, Outcome, Rung, RungResult
from tasks import runs
from tasks.contract import StepResult
from tasks.models import Run
from tests.agents.found import begin, claim
from tests.api.cast import Cast, api

SQL, WEAK = claim(), claim("weak-hash", path="shop/login.py", severity=Severity.MEDIUM)


def fix(finding: Any, label: Label = Label.REANALYSED, **changed: Any) -> FixData:
    given: dict[str, Any] = {"mend": "ruff", "title": "Mend it", "note": "", "diff": "--- a\n", **changed}
    rungs = (RungResult(rung=Rung.APPLIES, outcome=Outcome.PASSED, reason="it does"),)
    return FixData(
        fingerprint=finding.fingerprint, rule=finding.rule, severity=finding.severity, path=finding.path,
        line=finding.line, label=label, rungs=rungs, **given,
    )  # fmt: skip


def offer(cast: Cast, *fixes: FixData) -> Run:
    """A run that has found SQL and WEAK and offers these."""
    run, lease = begin(cast.project)
    records = [one.model_dump(mode="json") for one in (SQL, WEAK)]
    records += [{MARK: one.model_dump(mode="json")} for one in fixes]
    runs.settle(lease, StepResult(records=tuple(records)))
    return run


def test_fixes_of_a_run_are_listed_in_the_order_of_their_making(cast: Cast) -> None:
    run = offer(cast, fix(SQL), fix(WEAK, Label.REJECTED))
    page = api(cast.vera).get(f"/api/v1/runs/{run.public_id}/fixes").json()
    at = Fix.objects.order_by("pk")[0].created_at.isoformat().replace("+00:00", "Z")
    assert page["next"] is None
    assert page["results"][0] == {
        "run": str(run.public_id),
        "fingerprint": SQL.fingerprint,
        "rule": "sql-injection",
        "path": "shop/search.py",
        "line": 12,
        "title": "Mend it",
        "mend": "ruff",
        "note": "",
        "label": "re-analysed",
        "diff": "--- a\n",
        "rungs": [{"rung": "applies", "outcome": "passed", "reason": "it does"}],
        "at": at,
    }
    assert [one["label"] for one in page["results"]] == ["re-analysed", "rejected"]


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("?label=rejected", ["weak-hash"]),
        ("?label=re-analysed,rejected", ["sql-injection", "weak-hash"]),
        ("?label=parses%20only", []),
        ("?rule=weak-hash", ["weak-hash"]),
        ("?path=shop/search.py", ["sql-injection"]),
        ("?limit=1", ["sql-injection"]),
    ],
)
def test_fixes_are_filtered(cast: Cast, query: str, rules: list[str]) -> None:
    run = offer(cast, fix(SQL), fix(WEAK, Label.REJECTED))
    page = api(cast.vera).get(f"/api/v1/runs/{run.public_id}/fixes{query}").json()
    assert [one["rule"] for one in page["results"]] == rules
    if page["next"]:
        assert [one["rule"] for one in api(cast.vera).get(page["next"]).json()["results"]] == ["weak-hash"]


@pytest.mark.parametrize(
    "query", ["?label=good", "?limit=0", "?path=a%00b", "?rule=%00", "?cursor=x", "?unknown=1"]
)
def test_a_query_that_makes_no_sense_is_refused(cast: Cast, query: str) -> None:
    run = offer(cast)
    assert api(cast.vera).get(f"/api/v1/runs/{run.public_id}/fixes{query}").status_code == 400


def test_who_does_not_see_the_run_does_not_see_its_fixes(cast: Cast) -> None:
    run = offer(cast, fix(SQL))
    assert api(cast.charlie).get(f"/api/v1/runs/{run.public_id}/fixes").status_code == 404


def test_a_finding_tells_its_fixes(cast: Cast) -> None:
    run = offer(cast, fix(SQL), fix(WEAK))
    row = TrackedFinding.objects.get(rule="sql-injection")
    told = api(cast.vera).get(f"/api/v1/findings/{row.public_id}").json()
    assert [(one["run"], one["fingerprint"]) for one in told["fixes"]] == [
        (str(run.public_id), SQL.fingerprint)
    ]


def test_a_step_that_offers_the_same_twice_keeps_one(cast: Cast) -> None:
    offer(cast, fix(SQL), fix(SQL, title="again"))
    assert [row.title for row in Fix.objects.all()] == ["again"]
