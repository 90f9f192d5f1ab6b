"""The report of a run over REST: in the form that is asked for, recorded, and clear about why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection

from accounts.models import AuditRecord
from agents.reporting import searching
from tasks import artifacts, runs
from tasks.models import Artifact, Run, Step
from tests.api.cast import Cast, api, submit_run

pytestmark = pytest.mark.usefixtures("planner")

FORMS = {
    "json": ("report.json", "application/json"),
    "sarif": ("report.sarif", "application/sarif+json"),
    "markdown": ("report.md", "text/markdown; charset=utf-8"),
    "html": ("report.html", "text/html; charset=utf-8"),
}


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.ARTIFACTS_DIR = tmp_path
    storages._storages.clear()
    yield
    storages._storages.clear()


@pytest.fixture
def reported(cast: Cast) -> Run:
    """A run of two steps whose last made the four forms; an artifact of the other one has a report's name, too."""
    run = submit_run(cast.project, steps=2)
    first, last = run.steps.order_by("pk")
    Step.objects.filter(pk=last.pk).update(operation="report", key="super.report")
    for step, text in ((last, "true"), (first, "false")):
        for name, kind in FORMS.values():
            stored = artifacts.put(name, f"{text} {name}".encode(), media_type=kind)
            Artifact.objects.create(
                run=run, step=step, name=name, digest=stored.digest, size=stored.size, media_type=kind,
                created_at=run.created_at,
            )  # fmt: skip
    return run


def path(run: Run, query: str = "") -> str:
    return f"/api/v1/runs/{run.public_id}/report{query}"


def body(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def directives(policy: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.strip().partition(" ") for part in policy.split(";"))}


def acts() -> list[tuple[str, str, dict[str, Any]]]:
    rows = AuditRecord.objects.filter(act="report.exported").order_by("number")
    return [(row.actor, row.subject, row.details) for row in rows]


@pytest.mark.parametrize("form", list(FORMS))
def test_report_comes_in_the_form_that_is_named(cast: Cast, reported: Run, form: str) -> None:
    name, kind = FORMS[form]
    answer = api(cast.vera).get(path(reported, f"?format={form}"), HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer["Content-Type"], body(answer)) == (200, kind, f"true {name}")
    assert answer["Content-Disposition"] == f'inline; filename="{name}"'
    allowed = searching.SOURCE if form == "html" else None
    assert directives(answer["Content-Security-Policy"]) == {
        "sandbox": "allow-scripts" if form == "html" else "",
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        **({"script-src": allowed} if allowed else {}),
    }
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_page_that_is_only_called_a_report_may_run_nothing(cast: Cast, reported: Run) -> None:
    Artifact.objects.filter(step__operation="report").delete()
    answer = api(cast.vera).get(f"/api/v1/runs/{reported.public_id}/artifacts/report.html")
    assert body(answer) == "false report.html"
    assert directives(answer["Content-Security-Policy"])["sandbox"] == ""
    assert "script-src" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/sarif+json", "sarif"),
        ("text/markdown", "markdown"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("text/html;q=0.5, text/markdown;q=0.9", "markdown"),
        ("text/html;q=0, image/png", "json"),
        ("text/html;q=nan", "json"),
        (";;;,=,q=1", "json"),
        ("text/html," * 5000, "html"),
    ],
)
def test_report_comes_in_the_form_that_is_accepted(cast: Cast, reported: Run, accept: str, form: str) -> None:
    answer = api(cast.vera).get(path(reported), HTTP_ACCEPT=accept)
    assert body(answer) == f"true {FORMS[form][0]}"


def test_report_heeds_range_and_etag(cast: Cast, reported: Run) -> None:
    client = api(cast.vera)
    part = client.get(path(reported, "?download"), HTTP_RANGE="bytes=5-")
    assert (part.status_code, body(part)) == (206, "report.json")
    assert part["Content-Disposition"] == 'attachment; filename="report.json"'
    assert client.get(path(reported), HTTP_IF_NONE_MATCH=part["ETag"]).status_code == 304
    assert client.head(path(reported))["Content-Length"] == "16"


def test_who_takes_a_report_out_is_recorded_whichever_door(cast: Cast, reported: Run) -> None:
    client, folder = api(cast.vera), f"/api/v1/runs/{reported.public_id}/artifacts"
    Artifact.objects.exclude(step__operation="report").exclude(name="report.md").delete()
    body(client.get(path(reported, "?format=sarif")))
    body(client.get(f"{folder}/report.html", HTTP_RANGE="bytes=1-"))
    body(client.get(f"{folder}/report.md"))  # the newest of this name is none of the report's
    client.head(path(reported))
    client.get(path(reported), HTTP_RANGE="bytes=99-")
    api(cast.charlie).get(path(reported))
    subject = f"run:{reported.public_id}"
    assert acts() == [
        ("vera", subject, {"artifact": "report.sarif"}),
        ("vera", subject, {"artifact": "report.html"}),
    ]


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("bob", 200), ("vera", 200), ("charlie", 404), (None, 401)]
)
def test_report_is_for_all_who_see_the_run(
    cast: Cast, reported: Run, person: str | None, status: int
) -> None:
    answer = api(getattr(cast, person) if person else None).get(path(reported))
    assert answer.status_code == status
    assert (
        body(answer) == "true report.json"
        if status == 200
        else answer["Content-Type"].endswith("problem+json")
    )


def test_run_that_is_not_over_has_no_report_yet(cast: Cast) -> None:
    run = submit_run(cast.project)
    answer = api(cast.vera).get(path(run, "?format=html"), HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:run-not-over")
    assert "is accepted; its report is made when its work is done" in answer.json()["detail"]
    assert acts() == []


def test_run_that_ended_without_a_report_says_so(cast: Cast) -> None:
    run = submit_run(cast.project)
    runs.cancel(run.public_id, by="x")
    told = api(cast.vera).get(path(run)).json()
    assert (told["status"], told["type"]) == (404, "urn:wrenchai:problem:no-report")
    assert "is cancelled and made no report" in told["detail"]


def test_report_that_was_removed_says_so(cast: Cast, reported: Run) -> None:
    Artifact.objects.all().delete()
    Step.objects.filter(run=reported, operation="plan").update(
        state="cancelled", ended_at=reported.created_at
    )
    _force(reported, "succeeded")
    told = api(cast.vera).get(path(reported)).json()
    assert (told["status"], told["type"]) == (404, "urn:wrenchai:problem:no-report")
    assert "was removed by retention" in told["detail"]


def _force(run: Run, state: str) -> None:
    """End a run as its steps' workers would, past the triggers that keep the moves."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE tasks_step SET state = %s, ended_at = now() WHERE run_id = %s", [state, run.pk]
        )
        cursor.execute("UPDATE tasks_run SET state = %s, finished_at = now() WHERE id = %s", [state, run.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize("query", ["format=pdf", "format=", "format=%00", "x=1"])
def test_unfit_query_is_refused(cast: Cast, reported: Run, query: str) -> None:
    answer = api(cast.vera).get(path(reported, f"?{query}"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])
