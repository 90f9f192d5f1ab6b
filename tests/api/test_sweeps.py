"""Judging all that match over REST: what is counted, bound to what was seen, told, cancelled and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditRecord
from agents import sights, sweeps
from agents.findings import Severity
from agents.models import Sweep, TrackedFinding
from tests.agents.found import claim, find
from tests.api.cast import Cast, api

pytestmark = pytest.mark.django_db(transaction=True)

MATCHING = "/api/v1/findings/matching"
SWEEPS = "/api/v1/findings/sweeps"
LOW = [claim(f"low-{n}", severity=Severity.LOW) for n in range(4)]
DISMISS = {"act": "dismiss", "reason": "generated code"}


def seen(client: Any, **query: Any) -> dict[str, Any]:
    answer = client.get(MATCHING, query)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_what_matches_is_counted_judged_and_taken_back(cast: Cast) -> None:
    find(cast.project, *LOW, claim("sql"))
    client = api(cast.alice)
    looked = seen(client, project="alice/shop", severity="low")
    assert looked["count"] == 4
    answer = client.post(SWEEPS, {**DISMISS, "seen": looked["seen"]})
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert {name: told[name] for name in ("state", "act", "reason", "expected", "judged", "undoes", "undone_by")} == {
        "state": "done", "act": "dismiss", "reason": "generated code", "expected": 4, "judged": 4, "undoes": None,
        "undone_by": None,
    }  # fmt: skip
    assert client.post(SWEEPS, {**DISMISS, "seen": looked["seen"]}).json()["id"] == told["id"]
    path = f"{SWEEPS}/{told['id']}"
    assert client.get(path).json() == told
    assert client.post(f"{path}/cancel").json() == told  # it is over
    undone = client.post(f"{path}/undo")
    assert (undone.status_code, undone.json()["judged"], undone.json()["undoes"]) == (201, 4, told["id"])
    assert client.get(path).json()["undone_by"] == undone.json()["id"]
    problem = client.post(f"{SWEEPS}/{undone.json()['id']}/undo")
    assert (problem.status_code, problem.json()["type"]) == (409, "urn:wrenchai:problem:sweep-conflict")
    assert set(TrackedFinding.objects.values_list("status", flat=True)) == {"open"}
    acts = list(AuditRecord.objects.filter(subject__startswith="findings:").values_list("act", "subject"))
    assert sorted(acts) == [("finding.dismissed", "findings:4"), ("findings.swept", "findings:4")]


def test_without_filters_all_projects_in_which_one_judges_are_counted(cast: Cast) -> None:
    find(cast.project, *LOW)
    find(cast.other, claim("foreign"))
    assert seen(api(cast.bob))["count"] == 4
    assert seen(api(cast.charlie))["count"] == 1
    assert seen(api(cast.bob), status="dismissed")["count"] == 0


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"seen": "x"}, 400),
        ({"seen": "\0"}, 400),
        ({"seen": 7}, 400),
        ({"seen": None}, 400),
        ({"reason": ""}, 400),
        ({"act": "undo"}, 400),
        ({"until": "1999-01-01T00:00:00Z"}, 400),
        ({"ids": []}, 400),
    ],
)
def test_faults_are_told(cast: Cast, changes: dict[str, Any], status: int) -> None:
    find(cast.project, *LOW)
    client = api(cast.alice)
    answer = client.post(SWEEPS, {**DISMISS, "seen": seen(client)["seen"], **changes}, format="json")
    assert answer.status_code == status, answer.content
    assert not Sweep.objects.exists()


def test_who_may_what(cast: Cast) -> None:
    find(cast.project, *LOW)
    alice = api(cast.alice)
    looked = seen(alice, project="alice/shop")["seen"]
    assert api(cast.vera).get(MATCHING, {"project": "alice/shop"}).status_code == 403
    assert api(cast.charlie).get(MATCHING, {"project": "alice/shop"}).status_code == 400  # no such project
    assert api(None).get(MATCHING).status_code == 401
    for person, act, status in (
        (cast.vera, "accept", 403), (cast.charlie, "accept", 404), (cast.bob, "dismiss", 403), (None, "accept", 401),
    ):  # fmt: skip
        answer = api(person).post(SWEEPS, {"act": act, "reason": "so", "seen": looked})
        assert answer.status_code == status, (person, answer.content)
    assert not Sweep.objects.exists()
    sweep = alice.post(SWEEPS, {"act": "accept", "seen": looked}).json()["id"]
    for person in (cast.bob, cast.charlie):
        assert api(person).get(f"{SWEEPS}/{sweep}").status_code == 404
        assert api(person).post(f"{SWEEPS}/{sweep}/undo").status_code == 404
        assert api(person).post(f"{SWEEPS}/{sweep}/cancel").status_code == 404


def test_too_many_are_refused(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    find(cast.project, *LOW)
    client = api(cast.alice)
    looked = seen(client)["seen"]
    monkeypatch.setattr(sights, "MOST", 3)
    answer = client.post(SWEEPS, {"act": "accept", "seen": looked})
    told = "at most 3 findings are judged at once, and 4 match; narrow it down"
    assert (answer.status_code, answer.json()["errors"]) == (400, [{"field": "seen", "message": told}])


def test_running_one_is_cancelled(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 1)
    monkeypatch.setattr(sweeps, "WORK_SECONDS", 0.0)
    find(cast.project, *LOW)
    client = api(cast.alice)
    told = client.post(SWEEPS, {"act": "accept", "seen": seen(client)["seen"]}).json()
    assert (told["state"], told["judged"], told["ended_at"]) == ("running", 1, None)
    assert client.post(f"{SWEEPS}/{told['id']}/undo").status_code == 409
    cancelled = client.post(f"{SWEEPS}/{told['id']}/cancel").json()
    assert (cancelled["state"], cancelled["judged"]) == ("cancelled", 1)
    undone = client.post(f"{SWEEPS}/{told['id']}/undo").json()
    assert (undone["expected"], undone["judged"]) == (1, 1)


def test_one_is_told_after_one_of_its_projects_is_gone(cast: Cast) -> None:
    find(cast.project, *LOW)
    client = api(cast.alice)
    told = client.post(SWEEPS, {**DISMISS, "seen": seen(client, project="alice/shop")["seen"]}).json()
    sweep = Sweep.objects.get()
    Sweep.objects.update(projects=[*sweep.projects, max(sweep.projects) + 1_000])
    assert client.get(f"{SWEEPS}/{told['id']}").json() == told
