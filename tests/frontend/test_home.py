"""The first page and the list of all runs."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Project, ProjectMembership, Team, User
from accounts.roles import Role
from tasks.models import Run, Step
from tests.api.cast import Cast, browser, submit_run
from tests.frontend.test_projects import quality, reported, seen, tracked

pytestmark = pytest.mark.usefixtures("planner")


@pytest.mark.parametrize("path", ["/", "/runs"])
def test_stranger_is_sent_to_sign_in(db: None, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


def test_home_shows_own_projects_with_gate_ratings_findings_and_last_run(cast: Cast) -> None:
    quality(cast.project, letters="ABC")
    tracked(cast.project, "high")
    tracked(cast.project, "high", status="dismissed")
    run = submit_run(cast.project, goal="what ran last")
    submit_run(cast.other, goal="a secret goal")
    quality(cast.other)
    told = seen(browser(cast.vera), "/")
    assert re.search(
        r"Shop Alice's team failed security: A reliability: B maintainability: C 1 high accepted",
        told.replace("&#x27;", "'"),
    )
    assert "what ran last" in told
    assert not {"secret", "Other", "Charlie"} & set(told.split())
    assert f"/runs/{run.public_id}" in browser(cast.vera).get("/").content.decode()


def test_home_of_somebody_in_no_project_says_what_to_do(db: None) -> None:
    told = seen(browser(User.objects.create_user("nobody")), "/")
    assert "You are in no project yet. Make a team of your own, or ask somebody to invite you." in told
    assert "New run" not in told


def test_home_tells_a_viewer_why_there_is_no_new_run(cast: Cast) -> None:
    told = seen(browser(cast.vera), "/")
    assert "New run" not in told
    assert "You may look at runs here, but not start any" in told
    assert "New run" in seen(browser(cast.bob), "/")


def test_home_of_many_projects_shows_the_lively_ones_and_finds_others(cast: Cast) -> None:
    team = Team.objects.get(slug="alice")
    for n in range(25):
        Project.objects.create(team=team, slug=f"p{n}", name=f"Project {n}")
    submit_run(Project.objects.get(slug="p24"))
    told = seen(browser(cast.vera), "/")
    names = re.findall(r"Project \d+", told)
    assert (names[0], len(set(names))) == ("Project 24", 19)  # beside them the Shop
    assert "Project 23" in seen(browser(cast.vera), "/?project=23")
    assert "No project is named like" in seen(browser(cast.vera), "/?project=%00nothing")


def test_queries_of_home_do_not_grow_with_the_rows(cast: Cast, steady_rules: None) -> None:
    client, team = browser(cast.vera), Team.objects.get(slug="alice")

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/").status_code == 200
        return len(caught)

    reported(cast.project, high=1)
    quality(cast.project)
    queries()
    few = queries()
    for n in range(5):
        project = Project.objects.create(team=team, slug=f"p{n}", name=f"Project {n}")
        reported(project, high=1)
        quality(project)
        tracked(project)
    assert (queries(), few <= 20) == (few, True)


def test_list_of_all_runs_names_their_projects_and_hides_others(cast: Cast) -> None:
    second = Project.objects.create(team=Team.objects.get(slug="alice"), slug="second", name="Second one")
    submit_run(cast.project, goal="goal of the first")
    submit_run(second, goal="goal of the second")
    submit_run(cast.other, goal="a secret goal")
    told = seen(browser(cast.vera), "/runs")
    assert re.findall(r"goal of the \w+", told) == ["goal of the second", "goal of the first"]
    assert "Second one" in told
    assert "secret" not in told


def test_guest_of_one_project_sees_it_alone(cast: Cast) -> None:
    guest = User.objects.create_user("guest")
    ProjectMembership.objects.create(user=guest, project=cast.project, role=Role.VIEWER)
    assert "Shop" in seen(browser(guest), "/")
    assert not Membership.objects.filter(user=guest).exists()
    assert browser(guest).get("/projects/alice/shop").status_code == 200


def test_home_escapes_what_people_and_repositories_say(cast: Cast) -> None:
    evil = "<script>alert(1)</script>"
    Project.objects.filter(pk=cast.project.pk).update(name=evil)
    Team.objects.filter(slug="alice").update(name=evil)
    submit_run(cast.project, goal=evil)
    for path in ("/", "/runs", f"/?project={evil}", f"/runs?q={evil}&owner={evil}"):
        page = browser(cast.vera).get(path).content.decode()
        assert evil not in page
        assert "&lt;script&gt;alert(1)" in page


def test_lists_bear_any_report(cast: Cast) -> None:
    outputs: tuple[Any, ...] = (
        {},
        {"findings": []},
        {"findings": {"high": "x"}},
        {"not_analysed": {"a": 1}},
        {"findings": 5},
        [1],
    )
    for output in outputs:
        run = submit_run(cast.project, goal=str(uuid4()))
        Step.objects.filter(run=run).update(operation="report", output=output)
    assert browser(cast.vera).get("/").status_code == 200
    assert Run.objects.count() == 6
