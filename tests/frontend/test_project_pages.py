"""What each page of a project is held to, whoever wrote it: those of `project_pages.MODULES`, one by one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone
from django.utils.html import escape

from accounts.access import ACTIONS
from accounts.roles import Role
from frontend import project_pages
from frontend.navigation import ProjectPage
from tasks.models import Artifact
from tests.agents.found import claim, find
from tests.api.cast import Cast, browser
from tests.frontend.project_settings.counting import queries

PAGES = {module.PAGE.name: module.PAGE for module in project_pages.MODULES}
BELOW = "projects/<project:project>"
MOST_QUERIES = 40  # of a page, with however many rows
NONSENSE = (
    "?after=%00&before=%00&q=%00&order=%00&page=1e309",
    "?after=99999999999999999999&page=-1&run=%ff&line=99999999999999999999999",
    f"?q={'x' * 5_000}&severity=%F0%9F%92%A9&status=%22%3E%3Cscript%3E",
    "?" + "&".join(f"rule={n}" for n in range(300)),
)

each = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))


def address(page: ProjectPage, project: str = "alice/shop") -> str:
    return reverse(page.route, args=[project])


def test_names_and_addresses_are_there_once() -> None:
    assert len(PAGES) == len(project_pages.MODULES)
    assert len({address(page) for page in PAGES.values()}) == len(PAGES)


def test_whatever_lies_below_a_project_is_a_listed_pages() -> None:
    listed = {str(one.pattern) for one in project_pages.urlpatterns}
    known = {str(one.pattern) for one in get_resolver("frontend.urls").url_patterns}
    assert {one for one in known if one.startswith(BELOW)} == {one for one in listed if one.startswith(BELOW)}
    assert listed <= known


@each
def test_strangers_sign_in_first(page: ProjectPage, cast: Cast) -> None:
    answer = Client().get(address(page))
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={address(page)}")


@each
def test_another_teams_page_is_not_there(page: ProjectPage, cast: Cast) -> None:
    assert browser(cast.charlie).get(address(page)).status_code == 404
    assert browser(cast.charlie).post(address(page)).status_code in {404, 405}
    assert browser(cast.alice).get(address(page, "alice/none")).status_code == 404


@each
def test_page_opens_for_the_roles_that_its_action_names(page: ProjectPage, cast: Cast) -> None:
    roles = {Role.VIEWER: cast.vera, Role.DEVELOPER: cast.bob, Role.OWNER: cast.alice}
    answered = {role: browser(person).get(address(page)).status_code for role, person in roles.items()}
    assert answered == {role: 200 if role >= ACTIONS[page.action] else 403 for role in roles}


@each
def test_viewers_change_nothing(page: ProjectPage, cast: Cast) -> None:
    assert browser(cast.vera).post(address(page)).status_code in {403, 405}


@each
def test_page_says_where_one_is(page: ProjectPage, cast: Cast) -> None:
    shown = browser(cast.alice).get(address(page)).content.decode()
    assert f'<a href="{address(page)}" aria-current="page">{escape(page.title)}</a>' in shown
    assert f"{cast.project.name} · WrenchAI</title>" in shown
    assert shown.count("<h1") == 1


@each
def test_queries_are_not_one_per_row(page: ProjectPage, cast: Cast) -> None:
    client = browser(cast.alice)
    fill(cast, 1)
    few = queries(client, address(page))
    fill(cast, 12)
    many = queries(client, address(page))
    assert few == many <= MOST_QUERIES


def fill(cast: Cast, count: int) -> None:
    """Give the project runs, each with a finding and a file."""
    for n in range(count):
        run = find(cast.project, claim(path=f"of_{count}/a{n}.py"))
        Artifact.objects.create(
            run=run, step=run.steps.get(), name=f"{n}.md", digest="0" * 64, size=n, media_type="text/plain",
            created_at=timezone.now(),
        )  # fmt: skip


@each
@pytest.mark.parametrize("query", NONSENSE, ids=["nul", "huge", "long", "many"])
def test_page_bears_any_address(page: ProjectPage, query: str, cast: Cast) -> None:
    assert browser(cast.alice).get(address(page) + query).status_code in {200, 400, 404}


def test_tabs_are_those_that_one_may_open(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = project_pages.MODULES
    dear = SimpleNamespace(PAGE=replace(first.PAGE, action="project.audit"), urlpatterns=[])
    monkeypatch.setattr(project_pages, "MODULES", (dear, *others))
    everything = [dear.PAGE, *(one.PAGE for one in others)]
    assert project_pages.tabs_for(cast.alice, cast.project) == everything
    assert project_pages.tabs_for(cast.bob, cast.project) == everything[1:]
    assert project_pages.tabs_for(cast.charlie, cast.project) == []
