"""Members over REST: what each may do, the last owner, races, and what is lost at once on an open socket."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import keys, members
from accounts.models import AuditRecord, Membership, Project, ProjectMembership, User
from accounts.refusals import LastOwner
from accounts.roles import Role
from api import following
from tests.api.cast import Cast, api, submit_run
from tests.api.test_keys import with_key
from tests.api.websocket import in_database, opened, opened_with, run_async

TEAM = "/api/v1/teams/alice"
SHOP = "/api/v1/projects/alice/shop"


def add(cast: Cast, name: str, role: Role) -> User:
    user = User.objects.create_user(name)
    Membership.objects.create(user=user, team=cast.project.team, role=role)
    return user


def test_members_are_listed_by_role_without_their_addresses(cast: Cast) -> None:
    cast.bob.email = "bob@example.org"
    cast.bob.save()
    told = api(cast.vera).get(f"{TEAM}/members").json()
    assert [(one["username"], one["role"]) for one in told["results"]] == [
        ("alice", "owner"),
        ("bob", "developer"),
        ("vera", "viewer"),
    ]
    assert set(told["results"][0]) == {"username", "name", "role", "is_active", "joined_at"}
    first = api(cast.vera).get(f"{TEAM}/members?limit=2&ordering=username").json()
    rest = api(cast.vera).get(first["next"]).json()
    assert [one["username"] for one in first["results"] + rest["results"]] == ["alice", "bob", "vera"]
    assert len(api(cast.vera).get(f"{TEAM}/members?role=owner").json()["results"]) == 1
    assert api(cast.charlie).get(f"{TEAM}/members").status_code == 404


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("mara", 200), ("bob", 403), ("charlie", 404)]
)
def test_roles_decide_who_changes_roles(cast: Cast, person: str, status: int) -> None:
    mara = add(cast, "mara", Role.MAINTAINER)
    client = api(mara if person == "mara" else getattr(cast, person))
    assert client.patch(f"{TEAM}/members/vera", {"role": "developer"}).status_code == status
    assert Membership.objects.get(user=cast.vera).role == (Role.DEVELOPER if status == 200 else Role.VIEWER)
    assert client.delete(f"{TEAM}/members/vera").status_code == status
    assert Membership.objects.filter(user=cast.vera).exists() == (status != 200)


def test_nobody_gives_a_role_above_their_own_or_touches_somebody_above(cast: Cast) -> None:
    mara = api(add(cast, "mara", Role.MAINTAINER))
    for answer in (
        mara.patch(f"{TEAM}/members/bob", {"role": "owner"}),
        mara.patch(f"{TEAM}/members/mara", {"role": "owner"}),
        mara.patch(f"{TEAM}/members/alice", {"role": "viewer"}),
        mara.delete(f"{TEAM}/members/alice"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:wrenchai:problem:role-too-high")
    assert mara.patch(f"{TEAM}/members/bob", {"role": "maintainer"}).status_code == 200
    assert Membership.objects.get(user=cast.alice).role == Role.OWNER


def test_last_owner_stays(cast: Cast) -> None:
    idle = add(cast, "idle", Role.OWNER)
    User.objects.filter(pk=idle.pk).update(is_active=False)  # who cannot sign in owns nothing
    client = api(cast.alice)
    for answer in (
        client.post(f"{TEAM}/leave"),
        client.delete(f"{TEAM}/members/alice"),
        client.patch(f"{TEAM}/members/alice", {"role": "viewer"}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:last-owner")
    add(cast, "olga", Role.OWNER)
    assert client.post(f"{TEAM}/leave").json() == {"team": "alice", "projects": []}
    assert client.get(TEAM).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["leave", "demote", "remove each other"])
def test_two_owners_who_go_at_once_leave_one(people: Cast, how: str) -> None:
    team, olga = people.project.team, add(people, "olga", Role.OWNER)

    def go(who: User, other: User) -> str:
        try:
            if how == "leave":
                members.leave(team, by=who)
            elif how == "demote":
                members.change_role(team, who, Role.VIEWER, by=who)
            else:
                members.remove(team, other, by=who)
        except LastOwner:
            return "last"
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()
        return "gone"

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(go, people.alice, olga), pool.submit(go, olga, people.alice)]
            outcomes = sorted(one.result() for one in both)
        assert outcomes == (["NotYours", "gone"] if how == "remove each other" else ["gone", "last"])
        assert Membership.objects.filter(team=team, role=Role.OWNER).count() == 1
        for user in (people.alice, olga):
            Membership.objects.update_or_create(team=team, user=user, defaults={"role": Role.OWNER})


def test_who_is_taken_out_loses_the_projects_too_and_it_is_recorded(cast: Cast) -> None:
    ProjectMembership.objects.create(user=cast.bob, project=cast.project, role=Role.OWNER)
    gone = api(cast.alice).delete(f"{TEAM}/members/bob")
    assert (gone.status_code, gone.json()) == (200, {"team": "alice", "projects": ["alice/shop"]})
    assert not ProjectMembership.objects.filter(user=cast.bob).exists()
    records = AuditRecord.objects.filter(act="role.taken").order_by("number").values_list("actor", "details")
    assert list(records) == [
        ("alice", {"in": f"project:{cast.project.pk}", "was": "owner"}),
        ("alice", {"in": f"team:{cast.project.team_id}", "was": "developer"}),
    ]
    assert api(cast.bob).get(f"{SHOP}/members").status_code == 404


def test_change_is_made_only_on_what_was_read(cast: Cast) -> None:
    client, bob = api(cast.alice), f"{TEAM}/members/bob"
    tag = client.get(bob)["ETag"]
    assert client.patch(bob, {"role": "viewer"}, HTTP_IF_MATCH=tag).status_code == 200
    for late in (
        client.patch(bob, {"role": "owner"}, HTTP_IF_MATCH=tag),
        client.delete(bob, HTTP_IF_MATCH=tag),
    ):
        assert late.status_code == 412
    assert Membership.objects.get(user=cast.bob).role == Role.VIEWER


def test_role_in_a_project_takes_the_place_of_the_teams_and_gives_it_back(cast: Cast) -> None:
    client = api(cast.alice)
    set_ = client.put(f"{SHOP}/members/bob", {"role": "maintainer"})
    assert (set_.status_code, set_.json()) == (
        200,
        {
            "username": "bob",
            "name": "",
            "role": "maintainer",
            "team_role": "developer",
            "project_role": "maintainer",
            "is_active": True,
        },
    )
    assert client.get(f"{SHOP}/members/bob").json() == set_.json()
    assert client.delete(f"{SHOP}/members/bob").status_code == 204
    assert client.get(f"{SHOP}/members/bob").json()["role"] == "developer"
    again = client.delete(f"{SHOP}/members/bob")
    assert (again.status_code, again.json()["type"]) == (404, "urn:wrenchai:problem:not-a-member")


def test_owner_of_the_team_is_not_lowered_in_a_project(cast: Cast) -> None:
    answer = api(cast.alice).put(f"{SHOP}/members/alice", {"role": "viewer"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:role-from-team")


@pytest.mark.parametrize("how", ["role", "transfer", "invitation", "admin"])
def test_who_becomes_an_owner_of_the_team_owns_its_projects(cast: Cast, how: str) -> None:
    """Bob was lowered in the project before; as the only owner he could neither delete nor move it."""
    owner, bob = api(cast.alice), api(cast.bob)
    assert owner.put(f"{SHOP}/members/bob", {"role": "viewer"}).status_code == 200
    if how == "role":
        assert owner.patch(f"{TEAM}/members/bob", {"role": "owner"}).status_code == 200
    elif how == "transfer":
        assert owner.post(f"{TEAM}/transfer", {"to": "bob"}).status_code == 200
    elif how == "invitation":
        User.objects.filter(pk=cast.bob.pk).update(email="bob@example.org")
        asked = owner.post(f"{TEAM}/invitations", {"email": "bob@example.org", "role": "owner"})
        assert bob.post("/api/v1/invitations/accept", {"id": asked.json()["id"]}).status_code == 200
    else:
        row = Membership.objects.get(user=cast.bob)
        row.role = Role.OWNER
        row.save()
    told = bob.get(f"{SHOP}/members/bob").json()
    assert (told["role"], told["team_role"], told["project_role"]) == ("owner", "owner", None)
    assert bob.get(SHOP).json()["role"] == "owner"
    assert bob.get(f"{SHOP}/deletion").status_code == 200


def test_nobody_raises_themselves_by_leaving_or_undoing_their_role_in_a_project(cast: Cast) -> None:
    """Vera owns the team, and only maintains here."""
    Membership.objects.filter(user=cast.vera).update(role=Role.OWNER)
    row = ProjectMembership.objects.create(user=cast.vera, project=cast.project, role=Role.MAINTAINER)
    for answer, kind in (
        (api(cast.vera).post(f"{SHOP}/leave"), "role-from-team"),
        (api(cast.vera).delete(f"{SHOP}/members/vera"), "role-too-high"),
        (api(cast.vera).put(f"{SHOP}/members/vera", {"role": "owner"}), "role-too-high"),
    ):
        assert answer.json()["type"] == f"urn:wrenchai:problem:{kind}"
    assert ProjectMembership.objects.get(pk=row.pk).role == Role.MAINTAINER


def test_guest_is_seen_in_the_project_and_leaves_it(cast: Cast) -> None:
    ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.DEVELOPER)
    listed = api(cast.charlie).get(f"{SHOP}/members?ordering=username").json()["results"]
    assert [(one["username"], one["team_role"], one["project_role"]) for one in listed] == [
        ("alice", "owner", None),
        ("bob", "developer", None),
        ("charlie", None, "developer"),
        ("vera", "viewer", None),
    ]
    assert api(cast.charlie).get(TEAM).status_code == 404
    assert api(cast.charlie).post(f"{SHOP}/leave").status_code == 204
    assert api(cast.charlie).get(f"{SHOP}/members").status_code == 404


@pytest.mark.parametrize("name", ["charlie", "nobody", "%00", "%ff", "a" * 300, "alice%2Fbob"])
def test_person_who_is_not_there_is_404(cast: Cast, name: str) -> None:
    client = api(cast.alice)
    for place in (TEAM, SHOP):
        assert client.get(f"{place}/members/{name}").status_code == 404
        assert client.delete(f"{place}/members/{name}").status_code == 404
    assert client.patch(f"{TEAM}/members/{name}", {"role": "owner"}).status_code == 404
    assert client.put(f"{SHOP}/members/{name}", {"role": "owner"}).status_code == 404
    assert not ProjectMembership.objects.exists()


@pytest.mark.parametrize("role", ["emperor", "", 40, None, ["owner"], {"owner": 1}])
def test_role_that_is_none_is_400(cast: Cast, role: object) -> None:
    client = api(cast.alice)
    assert client.patch(f"{TEAM}/members/bob", {"role": role}).status_code == 400
    assert client.put(f"{SHOP}/members/bob", {"role": role}).status_code == 400
    assert Membership.objects.get(user=cast.bob).role == Role.DEVELOPER


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("planner", "closed_connections")
@pytest.mark.parametrize("how", ["team", "guest", "lowered"])
@pytest.mark.parametrize("by", ["token", "key"])
def test_what_is_taken_away_closes_the_open_socket_at_once(people: Cast, how: str, by: str) -> None:
    """Sooner than the socket would look again by itself; the next request is refused, and others go on."""
    run = submit_run(people.project)
    person = people.charlie if how == "guest" else people.bob
    if how == "guest":
        ProjectMembership.objects.create(user=person, project=people.project, role=Role.VIEWER)
    owner, now = api(people.alice), timezone.now()
    minted = keys.create(
        person, "k", scopes=["*.view"], projects=None, expires_at=now + timedelta(days=1), now=now
    )
    program = with_key(minted.text) if by == "key" else api(person)
    assert program.get(f"/api/v1/runs/{run.public_id}").status_code == 200

    def take_away() -> int:
        if how == "team":
            return owner.delete(f"{TEAM}/members/bob").status_code
        if how == "guest":
            return owner.delete(f"{SHOP}/members/charlie").status_code
        return owner.patch(f"{TEAM}/members/bob", {"role": "viewer"}).status_code

    async def scenario() -> None:
        socket = await opened_with(minted.text) if by == "key" else await opened(person)
        others = await opened(people.vera)
        for one in (socket, others):
            await one.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
            await one.until("caught_up")
        begun = time.monotonic()
        assert await in_database(take_away) in {200, 204}
        if how == "lowered":  # what a viewer may see stays open
            await socket.say(op="ping")
            assert (await socket.hear())["op"] == "pong"
            await socket.leave()
        else:
            assert await socket.closed() == 4403
            assert time.monotonic() - begun < following.RECHECK_SECONDS / 3
        await others.say(op="ping")
        assert (await others.hear())["op"] == "pong"
        await others.leave()

    run_async(scenario)
    seen = program.get(f"/api/v1/runs/{run.public_id}").status_code
    assert seen == (200 if how == "lowered" else 404)
    if by == "token" and how == "lowered":
        assert program.post(f"/api/v1/runs/{run.public_id}/cancel", {}).status_code == 403


def test_project_of_another_team_is_not_there(cast: Cast) -> None:
    Project.objects.create(team=cast.other.team, name="Shop", slug="shop")
    client = api(cast.alice)
    assert client.put("/api/v1/projects/charlie/shop/members/alice", {"role": "owner"}).status_code == 404
    assert client.get("/api/v1/projects/charlie/shop/members").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("planner", "closed_connections")
def test_move_of_the_project_closes_the_sockets_of_the_old_teams_people(people: Cast) -> None:
    run = submit_run(people.project)
    Membership.objects.create(user=people.alice, team=people.other.team, role=Role.OWNER)
    owner = api(people.alice)

    async def scenario() -> None:
        socket, others = await opened(people.bob), await opened(people.alice)
        for one in (socket, others):
            await one.say(op="subscribe", topic=f"run:{run.public_id}", after=0)
            await one.until("caught_up")
        begun = time.monotonic()
        moved = await in_database(lambda: owner.post(f"{SHOP}/move", {"team": "charlie"}))
        assert moved.status_code == 200
        assert await socket.closed() == 4403
        assert time.monotonic() - begun < following.RECHECK_SECONDS / 3
        await others.say(op="ping")
        assert (await others.hear())["op"] == "pong"
        await others.leave()

    run_async(scenario)
