"""Findings over the runs of a project: what the list and the page of one tell, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agents.findings import Confidence, Severity
from agents.models import TrackedFinding
from api.findings import FindingFilter
from tests.agents.found import LINE, claim, find
from tests.api.cast import Cast, api, token

LIST = "/api/v1/findings"

SQL = claim()
WEAK = claim("weak-hash", path="shop/users/login.py", severity=Severity.MEDIUM, owner="@a/login @bob")
LONG = claim("too-complex", path="shop/cart.py", severity=Severity.LOW, category="maintainability")
KEY = claim("secret", path="deploy/prod.env", severity=Severity.CRITICAL)


def rules(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["rule"] for one in answer.json()["results"]]


def test_list_is_worst_first_and_tells_what_is_known(cast: Cast) -> None:
    run = find(cast.project, LONG, SQL, KEY)
    page = api(cast.vera).get(LIST).json()
    assert [one["severity"] for one in page["results"]] == ["critical", "high", "low"]
    row = TrackedFinding.objects.get(rule="sql-injection")
    at = row.last_seen_at.isoformat().replace("+00:00", "Z")
    assert page["results"][1] == {
        "id": str(row.public_id),
        "project": "alice/shop",
        "status": "open",
        "until": None,
        "severity": "high",
        "confidence": "medium",
        "category": "security",
        "rule": "sql-injection",
        "title": "sql-injection here",
        "message": "sql-injection in shop/search.py",
        "agent": "probe",
        "path": "shop/search.py",
        "line": 12,
        "end_line": 12,
        "fingerprint": SQL.fingerprint,
        "new": True,
        "first_run": str(run.public_id),
        "first_seen_at": at,
        "last_run": str(run.public_id),
        "last_seen_at": at,
        "fixed_at": None,
        "fixed_run": None,
        "owner": "",
    }


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("severity=high&severity=low", ["sql-injection", "too-complex"]),
        ("min_severity=high", ["secret", "sql-injection"]),
        ("agent=probe&rule=secret", ["secret"]),
        ("agent=inspector", []),
        ("rule=secret,weak-hash", ["secret", "weak-hash"]),
        ("path=shop/", ["sql-injection", "weak-hash", "too-complex"]),
        ("path=shop/*.py", ["sql-injection", "too-complex"]),
        ("path=shop/**.py", ["sql-injection", "weak-hash", "too-complex"]),
        ("path=**/login.p%3F", ["weak-hash"]),
        ("path=shop.search.py", []),
        ("path=sho[p]/*", []),
        ("owner=@bob", ["weak-hash"]),
        ("owner=@bo", []),
        ("status=fixed", []),
        ("q=HASH", ["weak-hash"]),
        ("q=100%25", []),
        ("status=open", ["secret", "sql-injection", "weak-hash", "too-complex"]),
        ("status=dismissed&status=accepted", []),
        ("project=alice/shop&severity=critical", ["secret"]),
        ("ordering=severity", ["too-complex", "weak-hash", "sql-injection", "secret"]),
    ],
)
def test_filters(cast: Cast, query: str, wanted: list[str]) -> None:
    find(cast.project, SQL, WEAK, LONG, KEY)
    assert rules(api(cast.vera).get(f"{LIST}?{query}")) == wanted


def test_claim_of_two_runs_is_one_finding_and_new_only_in_the_first(cast: Cast) -> None:
    first = find(cast.project, SQL, WEAK)
    second = find(cast.project, claim(line=40, end_line=41, message="moved"), KEY)
    client = api(cast.vera)
    assert rules(client.get(LIST)) == ["secret", "sql-injection", "weak-hash"]
    assert rules(client.get(LIST, {"run": str(first.public_id)})) == ["sql-injection", "weak-hash"]
    assert rules(client.get(LIST, {"run": str(first.public_id), "new": True})) == [
        "sql-injection",
        "weak-hash",
    ]
    assert rules(client.get(LIST, {"run": str(second.public_id), "new": True})) == ["secret"]
    assert rules(client.get(LIST, {"run": str(second.public_id), "new": False})) == ["sql-injection"]
    assert rules(client.get(LIST, {"new": False})) == ["sql-injection"]
    then = client.get(LIST, {"run": str(first.public_id), "rule": "sql-injection"}).json()["results"][0]
    now = client.get(LIST, {"rule": "sql-injection"}).json()["results"][0]
    assert (then["line"], then["message"], then["new"]) == (12, "sql-injection in shop/search.py", True)
    assert (now["line"], now["message"], now["new"]) == (40, "moved", False)
    assert (now["first_run"], now["last_run"]) == (str(first.public_id), str(second.public_id))
    assert now["first_seen_at"] < now["last_seen_at"]


@pytest.mark.parametrize("ordering", [s + name for name in FindingFilter.orderings for s in ("", "-")])
def test_pages_hold_each_finding_once_and_keep_the_filters(cast: Cast, ordering: str) -> None:
    find(
        cast.project,
        *(
            claim(f"r{n}", severity=list(Severity)[n % 3], confidence=list(Confidence)[n % 2])
            for n in range(7)
        ),
    )
    find(cast.project, claim("info", severity=Severity.INFO))
    client = api(cast.vera)
    path: str | None = f"{LIST}?limit=2&ordering={ordering}&severity=critical&severity=high&severity=medium"
    seen: list[str] = []
    while path:
        page = client.get(path).json()
        assert len(page["results"]) <= 2
        seen += [one["rule"] for one in page["results"]]
        path = page["next"]
    assert sorted(seen) == [f"r{n}" for n in range(7)]


def test_one_is_told_with_evidence_and_every_run_that_saw_it(cast: Cast) -> None:
    first = find(cast.project, SQL)
    second = find(cast.project, claim(line=40, end_line=41))
    row = TrackedFinding.objects.get()
    told = api(cast.vera).get(f"{LIST}/{row.public_id}").json()
    assert [(one["run"], one["step"], one["line"]) for one in told["occurrences"]] == [
        (str(second.public_id), "look", 40),
        (str(first.public_id), "look", 12),
    ]
    assert told["occurrence_count"] == 2
    assert told["evidence"] == [
        {
            "kind": "tool_trace", "tool": "bandit", "tool_version": "1.8", "rule": "B608", "message": "SQL",
            "snippet": LINE, "command": "", "url": "", "hops": [], "fingerprints": {},
        }
    ]  # fmt: skip
    assert told["triage"] == []


def test_finding_outlives_the_runs_that_saw_it(cast: Cast) -> None:
    find(cast.project, SQL).delete()
    told = api(cast.vera).get(f"{LIST}/{TrackedFinding.objects.get().public_id}").json()
    assert (told["rule"], told["evidence"], told["occurrences"]) == ("sql-injection", [], [])


def test_run_that_is_being_deleted_is_not_told(cast: Cast) -> None:
    run = find(cast.project, SQL)
    run.hidden_at = run.created_at
    run.save()
    client = api(cast.vera)
    assert client.get(f"{LIST}/{TrackedFinding.objects.get().public_id}").json()["occurrences"] == []
    assert client.get(LIST, {"run": str(run.public_id)}).status_code == 400


def test_etag_spares_the_body_until_another_run_has_seen_it(cast: Cast) -> None:
    find(cast.project, SQL)
    client, path = api(cast.vera), f"{LIST}/{TrackedFinding.objects.get().public_id}"
    tag = client.get(path)["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    find(cast.project, SQL)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("bob", 200), ("vera", 200), ("charlie", 404), ("", 401)]
)
def test_another_project_is_not_there(cast: Cast, person: str, status: int) -> None:
    run = find(cast.project, SQL)
    client = api(getattr(cast, person) if person else None)
    assert client.get(f"{LIST}/{TrackedFinding.objects.get().public_id}").status_code == status
    listed = client.get(LIST)
    assert listed.status_code == (401 if status == 401 else 200)
    if status == 404:
        assert rules(listed) == []
        assert client.get(LIST, {"run": str(run.public_id)}).status_code == 400
        assert client.get(LIST, {"project": "alice/shop"}).status_code == 400


def test_same_claim_in_two_projects_is_two_findings(cast: Cast) -> None:
    find(cast.project, SQL)
    find(cast.other, SQL)
    assert rules(api(cast.vera).get(LIST)) == rules(api(cast.charlie).get(LIST)) == ["sql-injection"]
    assert TrackedFinding.objects.count() == 2


@pytest.mark.parametrize(
    "query",
    [
        "severity=worst", "severity=", "min_severity=9", "status=gone", "new=perhaps", "run=1", "run=%00", "q=%00",
        "q=", f"q={'x' * 201}", "path=%00", f"path={'*' * 41}", f"path={'x' * 301}", "agent=%00", "rule=",
        "ordering=rule", "cursor=x", "limit=0", "limit=1e309", "colour=red", "rule=" + ",".join(map(str, range(21))),
        "run=6f1c2a54-0d0b-4c55-9d5e-0b8f2f6f7a10", "project=nope",
    ],
)  # fmt: skip
def test_query_that_is_none_is_named(cast: Cast, query: str) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get(f"{LIST}?{query}", HTTP_AUTHORIZATION=f"Bearer {token(cast.vera)}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), answer.content
    assert answer.json()["errors"][0]["field"].split(".")[0] == query.split("=")[0]


@pytest.mark.parametrize(
    "path", ["(", "[a-", "\\", "a{9999}*", "^$*", "***:*", "é*", "(?i)*", "\\*\\Z", "*" * 40]
)
def test_any_path_is_a_text_or_a_pattern_never_a_regular_expression(cast: Cast, path: str) -> None:
    find(cast.project, SQL)
    assert api(cast.vera).get(LIST, {"path": path}).status_code == 200


def test_pattern_takes_signs_for_themselves(cast: Cast) -> None:
    find(cast.project, claim(path="a+(b)[c].py"), claim(path="aab.py"))
    answer = api(cast.vera).get(LIST, {"path": "a+(b)[c].*"})
    assert [one["path"] for one in answer.json()["results"]] == ["a+(b)[c].py"]


@pytest.mark.parametrize("name", ["not-a-uuid", "%00", "6f1c2a54-0d0b-4c55-9d5e-0b8f2f6f7a10"])
def test_finding_that_is_none_is_404(cast: Cast, name: str) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get(f"{LIST}/{name}", HTTP_AUTHORIZATION=f"Bearer {token(cast.vera)}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
