"""What is dear to undo: renamed, moved and deleted only by who may, and who repeats the name."""

from __future__ import annotations

import pytest

from accounts.models import Membership, Project, Team, User
from accounts.roles import Role
from tasks import runs
from tests.api.cast import Cast, browser, submit_run

PAGE = "/projects/alice/shop/settings/danger"
NAME = "alice/shop"

pytestmark = pytest.mark.usefixtures("planner")


def labs(cast: Cast) -> Team:
    team = Team.objects.create(name="Labs", slug="labs")
    Membership.objects.create(user=cast.alice, team=team, role=Role.OWNER)
    return team


def place(cast: Cast) -> str:
    row = Project.objects.select_related("team").get(pk=cast.project.pk)
    return f"{row.team.slug}/{row.slug}"


def test_address_is_changed(cast: Cast) -> None:
    client = browser(cast.alice)
    told = client.post(PAGE, {"act": "rename", "slug": "store"}, follow=True)
    assert ("The project is at alice/store now." in told.content.decode(), place(cast)) == (
        True,
        "alice/store",
    )
    assert client.get(PAGE).status_code == 404


@pytest.mark.parametrize("slug", ["", "A B", "-x", "a" * 61, "x\0", "bare"])
def test_address_that_is_none_or_taken_is_refused(cast: Cast, slug: str) -> None:
    Project.objects.create(team=cast.project.team, slug="bare", name="Bare")
    answer = browser(cast.alice).post(PAGE, {"act": "rename", "slug": slug})
    assert (answer.status_code, place(cast)) == (400, NAME)


def test_project_is_moved_between_teams_of_one_owner(cast: Cast) -> None:
    labs(cast)
    client = browser(cast.alice)
    body = {"act": "move", "team": "labs"}
    assert client.post(PAGE, body).status_code == 400
    assert "Repeat alice/shop to confirm." in client.post(PAGE, {**body, "confirm": "shop"}).content.decode()
    assert place(cast) == NAME
    told = client.post(PAGE, {**body, "confirm": NAME}, follow=True).content.decode()
    assert ("Out of it, as they were here by the old team: bob, vera." in told, place(cast)) == (
        True,
        "labs/shop",
    )


def test_team_of_others_is_no_choice(cast: Cast) -> None:
    client = browser(cast.alice)
    assert "You own no other team." in client.get(PAGE).content.decode()
    labs(cast)
    for team in ("charlie", "alice", "nope", "\0"):
        assert client.post(PAGE, {"act": "move", "team": team, "confirm": NAME}).status_code == 400
    assert place(cast) == NAME


def test_project_is_deleted_when_its_name_is_repeated(cast: Cast) -> None:
    run = submit_run(cast.project)
    client = browser(cast.alice)
    assert "1 run is not over" in client.get(PAGE).content.decode()
    body = {"act": "delete", "confirm": NAME}
    assert client.post(PAGE, body).status_code == 409
    runs.cancel(run.public_id, by="alice", reason="")
    assert client.post(PAGE, {**body, "confirm": "alice/other"}).status_code == 400
    assert Project.objects.filter(pk=cast.project.pk).exists()
    told = client.post(PAGE, body, follow=True).content.decode()
    assert "alice/shop is deleted, with all that it has run." in told
    assert not Project.objects.filter(pk=cast.project.pk).exists()


def test_maintainer_renames_and_no_more(cast: Cast) -> None:
    mara = User.objects.create_user("mara")
    Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
    client = browser(mara)
    shown = client.get(PAGE).content.decode()
    assert ("Another address" in shown, "To another team" in shown, "Delete the project" in shown) == (
        True,
        False,
        False,
    )
    for act in ("move", "delete"):
        assert client.post(PAGE, {"act": act, "confirm": NAME, "team": "labs"}).status_code == 403
    assert client.post(PAGE, {"act": "x"}).status_code == 400
    for user in (cast.bob, cast.vera):
        assert browser(user).post(PAGE, {"act": "delete", "confirm": NAME}).status_code == 403
    assert place(cast) == NAME
