"""From a goal in plain words to the drawn page of a live PostgreSQL database, through the real engine."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from accounts import credentials
from accounts.models import Credential, Project
from agents.previews import preview
from agents.requests import Request
from agents.workspace import parse_target
from tasks import artifacts
from tasks.models import Artifact, Event, LogChunk, Run, Step
from tests.agents.databases.conftest import PASSWORD, Live
from tests.agents.superagent.test_run import report_of, run_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GOAL = "draw the ER diagram of the live database shop"
HOSTILE = (
    "CREATE SCHEMA \"we.ird\"; CREATE SCHEMA we;\n"
    "CREATE TABLE we.\"ird.a\" (id int PRIMARY KEY); CREATE TABLE \"we.ird\".a (id int PRIMARY KEY);\n"
    "CREATE TABLE \"a/b `|<script>alert(1)</script>\" (id int PRIMARY KEY, \"col\numn \"\"x\"\" | %%{init}\" text,\n"
    "  \"1st\" int, \"e\u202evil\" int, \"src/app.py:12\" int);\n"
    "CREATE TABLE \"" + "ü" * 31 + "\" (\"größe\" int); CREATE TABLE \"a b\" (); CREATE TABLE a_b ();\n"
    "COMMENT ON TABLE a_b IS '<img src=x onerror=alert(1)> [here](no/such.md) `rm -rf` ](x\u202e';\n"
)  # fmt: skip


@pytest.fixture(autouse=True)
def _master(settings: Any) -> None:
    settings.MASTER_KEY_FILE, settings.MASTER_KEY = "", "a:" + base64.b64encode(b"a" * 32).decode()
    settings.DATABASE_PRIVATE_HOSTS = ["127.0.0.1"]


@pytest.fixture
def notes(tmp_path: Path, settings: Any, project: Project) -> Path:
    """A target without a line of Python."""
    tree = tmp_path / "notes"
    tree.mkdir()
    (tree / "README.md").write_text("# Notes\n")
    settings.LOCAL_ROOTS = [*settings.LOCAL_ROOTS, tmp_path]
    return tree


def keep(project: Project, url: str, name: str = "shop") -> None:
    credentials.store(project, Credential.Kind.DSN, name, url, by=None, now=NOW)


def files_of(run: Run) -> dict[str, str]:
    found = {}
    for row in Artifact.objects.filter(step__run=run, step__operation="data_model"):
        with artifacts.open_blob(row.digest) as file:
            found[row.name] = file.read().decode()
    return found


def error_of(run: Run) -> dict[str, Any]:
    return Step.objects.get(run=run, operation="data_model").error or {}


def test_goal_that_names_a_live_database_draws_it(project: Project, live: Live, notes: Path) -> None:
    keep(project, live.url)
    run = run_of(project, GOAL, notes)
    step = Step.objects.get(run=run, operation="data_model")
    assert (run.state, step.state, step.input["database"]) == ("succeeded", "succeeded", "shop")
    assert step.summary == "9 entities, 4 relations in the live database shop"
    assert step.reason.startswith("database shop; the goal names 'er diagram'")
    told = report_of(run)
    assert "Written: 9 entities, 4 relations in the live database shop." in told["answer"]
    assert not any("databases" in item["what"] for item in told["not_analysed"])
    files = files_of(run)
    assert sorted(files) == ["data_model.html", "data_model.md", "data_model.mmd", "data_model.svg"]
    assert "sales_orders }o--|| public_customer : customer_id" in files["data_model.mmd"]
    assert "sales_item }o--|| sales_orders : order_id_region" in files["data_model.mmd"]
    assert "sales_receipt |o--o| sales_orders : order_id_region" in files["data_model.mmd"]
    page = files["data_model.md"]
    assert "| `email` | `text` |  | unique, one each |" in page
    assert "| `sales.state` | new, paid, it's sent |" in page
    assert "Partitioned by RANGE (at): 2 partitions. About 500 rows by the planner's statistics." in page
    assert "superuser" not in page


def test_goal_may_name_schemas(project: Project, live: Live, notes: Path) -> None:
    keep(project, live.url)
    run = run_of(project, f"{GOAL}, schemas sales, sales", notes)
    assert report_of(run)["not_analysed"] == []
    assert "public" not in files_of(run)["data_model.mmd"].replace("public_customer", "")
    step = Step.objects.get(run=run_of(project, f"{GOAL}, schema sale", notes), operation="data_model")
    assert (step.state, (step.error or {})["message"].partition(";")[0]) == (
        "dead", "database shop: the database has no schema 'sale'",
    )  # fmt: skip


def test_no_row_and_nothing_of_the_url_is_told(project: Project, live: Live, notes: Path) -> None:
    keep(project, live.url)
    run = run_of(project, GOAL, notes)
    shown = "".join(files_of(run).values()) + str(
        list(Event.objects.filter(run=run).values_list("data", flat=True))
    )
    shown += str(list(LogChunk.objects.filter(step__run=run).values())) + str(
        list(Step.objects.filter(run=run).values())
    )
    for secret in (PASSWORD, "person1@example.org", live.url.rpartition("/")[2]):
        assert secret not in shown


def test_superuser_is_advised_another_role(project: Project, live: Live, notes: Path) -> None:
    keep(project, live.owner)
    assert (
        "of a superuser, who may do everything" in files_of(run_of(project, GOAL, notes))["data_model.html"]
    )


def test_hostile_names_stay_names(project: Project, empty_live: Live, notes: Path) -> None:
    empty_live.execute(HOSTILE)
    keep(project, empty_live.url)
    files = files_of(run_of(project, GOAL, notes))
    ElementTree.fromstring(files["data_model.svg"])
    for name, text in files.items():
        assert "\u202e" not in text
        assert "<script" not in (re.sub("`[^`\n]*`", "", text) if name.endswith(".md") else text)
        assert "<img" not in text
    heads = [line for line in files["data_model.mmd"].splitlines() if line.endswith(("{", "]"))]
    names = [line.strip(" {").partition("[")[0] for line in heads]
    assert len(names) == len(set(names)), "two tables never become one"
    assert '### `we."ird.a"`' in files["data_model.md"]
    assert '### `"we.ird".a`' in files["data_model.md"]
    assert "[here]\\(no/such.md)" in files["data_model.md"]


def test_empty_database_says_so(project: Project, empty_live: Live, notes: Path) -> None:
    keep(project, empty_live.url)
    run = run_of(project, GOAL, notes)
    assert Step.objects.get(run=run, operation="data_model").summary == (
        "The database shop has no table and no view in the schemas public"
    )
    assert "No entity was found." in files_of(run)["data_model.svg"]


def test_only_database_is_taken_and_of_several_one_must_be_named(
    project: Project,
    live: Live,
    notes: Path,
) -> None:
    keep(project, live.url)
    assert (
        Step.objects.get(
            run=run_of(project, "data model of our database", notes), operation="data_model"
        ).input["database"]
        == "shop"
    )
    keep(project, live.url, "crm")
    told = report_of(run_of(project, "data model of our database", notes))
    assert "several database URLs, 'crm', 'shop'; name one in the goal" in told["answer"]


def test_without_any_it_is_said_how_to_store_one(project: Project, notes: Path) -> None:
    credentials.store(project, Credential.Kind.GIT_TOKEN, "shop", "token", by=None, now=NOW)
    told = report_of(run_of(project, GOAL, notes))
    assert "the project has no database URL 'shop'; it has none; a maintainer can store one" in told["answer"]


def test_source_is_drawn_where_it_may_be_meant(project: Project) -> None:
    run = run_of(project, "data model of our database")
    assert Step.objects.get(run=run, operation="data_model").summary == "6 entities, 6 relations"
    assert any(
        item["what"] == "the live database" and "keeps no database URL" in item["why"]
        for item in report_of(run)["not_analysed"]
    )


def test_databases_of_other_projects_are_neither_found_nor_named(
    project: Project,
    live: Live,
    notes: Path,
) -> None:
    other = Project.objects.create(team=project.team, name="Other", slug="other")
    keep(other, live.url)
    told = report_of(run_of(project, GOAL, notes))
    assert "it has none" in told["answer"]


@pytest.mark.parametrize(
    ("old", "new", "state", "kind", "told"),
    [
        (PASSWORD, "wrong-1", "dead", "LoginRefused", "password authentication failed"),
        ("127.0.0.1", "10.1.2.3", "dead", "HostForbidden", "WRENCH_DATABASE_PRIVATE_HOSTS"),
        ("127.0.0.1", "db1.example.org,db2.example.org", "dead", "DsnInvalid", "several hosts"),
    ],
)  # fmt: skip
def test_database_that_cannot_be_read_fails_the_step_with_what_to_do(
    project: Project,
    live: Live,
    notes: Path,
    old: str,
    new: str,
    state: str,
    kind: str,
    told: str,
) -> None:
    head, _, tail = live.url.rpartition(old)
    keep(project, f"{head}{new}{tail}")
    run = run_of(project, GOAL, notes)
    step = Step.objects.get(run=run, operation="data_model")
    assert (step.state, error_of(run)["kind"]) == (state, kind)
    assert told in error_of(run)["message"]
    assert "wrong-1" not in str(error_of(run))


def test_preview_promises_what_the_run_does(project: Project, live: Live, notes: Path) -> None:
    keep(project, live.url)
    wanted = Request(goal=GOAL, target=parse_target({"kind": "path", "path": str(notes)}))
    unseen = preview(wanted, project_id=project.pk)
    assert [step.reason for step in unseen.plan if step.operation == "data_model"] == [
        "the goal names 'er diagram'"
    ]
    run_of(project, GOAL, notes)
    made = next(
        step for step in preview(wanted, project_id=project.pk).plan if step.operation == "data_model"
    )
    assert made.input["database"] == "shop"
