"""Projects over REST: made, changed, moved between teams, and deleted with all that hangs on them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.utils import timezone

from accounts import credentials
from accounts.models import (
    ApiKey,
    AuditRecord,
    Credential,
    Membership,
    Project,
    ProjectMembership,
    RateRule,
    Team,
    User,
)
from accounts.roles import Role
from agents import deletion
from agents.models import Finding
from tasks import runs
from tasks.models import Event, LimitRule, Run, Schedule, Step, Upload
from tests.api.cast import Cast, add_events, api, submit_run
from tests.api.test_keys import program

PROJECTS = "/api/v1/projects"
SHOP = f"{PROJECTS}/alice/shop"


def cancelled(project: Project, owner: User) -> Run:
    run = submit_run(project, owner)
    runs.cancel(run.public_id, by="alice", reason="")
    return Run.objects.get(pk=run.pk)


def test_project_is_made_read_listed_and_recorded(cast: Cast) -> None:
    client = api(cast.alice)
    order = {"team": "alice", "slug": "web", "name": "Web", "description": "One\nTwo"}
    made = client.post(PROJECTS, order)
    told = made.json()
    assert (made.status_code, made["Location"]) == (201, f"{PROJECTS}/alice/web")
    assert told == {
        "path": "alice/web",
        **order,
        "role": "owner",
        "created_at": told["created_at"],
    }
    assert client.get(made["Location"]).json() == told
    assert [one["path"] for one in client.get(PROJECTS).json()["results"]] == ["alice/web", "alice/shop"]
    assert AuditRecord.objects.latest("number").act == "project.created"
    assert client.post(PROJECTS, {"team": "alice", "slug": "plain"}).json()["name"] == "plain"


def test_list_shows_each_role_and_no_strangers_project(cast: Cast) -> None:
    ProjectMembership.objects.create(user=cast.bob, project=cast.other, role=Role.VIEWER)
    ProjectMembership.objects.create(user=cast.bob, project=cast.project, role=Role.MAINTAINER)
    told = api(cast.bob).get(f"{PROJECTS}?ordering=slug").json()["results"]
    assert [(one["path"], one["role"]) for one in told] == [
        ("charlie/other", "viewer"),
        ("alice/shop", "maintainer"),
    ]
    assert [one["path"] for one in api(cast.bob).get(f"{PROJECTS}?team=alice").json()["results"]] == [
        "alice/shop"
    ]
    assert api(cast.vera).get(f"{PROJECTS}?team=charlie").json()["results"] == []
    staff, root = (
        User.objects.create_user("s", is_staff=True),
        User.objects.create_user("r", is_superuser=True),
    )
    assert {one["role"] for one in api(staff).get(PROJECTS).json()["results"]} == {"viewer"}
    assert {one["role"] for one in api(root).get(PROJECTS).json()["results"]} == {"owner"}


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 201), ("bob", 403), ("vera", 403), ("charlie", 404)]
)
def test_roles_decide_who_makes_one(cast: Cast, person: str, status: int) -> None:
    answer = api(getattr(cast, person)).post(PROJECTS, {"team": "alice", "slug": "web"})
    assert answer.status_code == status
    guest = api(cast.charlie)
    ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.OWNER)
    assert guest.post(PROJECTS, {"team": "alice", "slug": "mine"}).status_code == 404


@pytest.mark.parametrize("slug", ["shop", "web"])
def test_slug_that_is_taken_in_the_team_is_409(cast: Cast, slug: str) -> None:
    Project.objects.create(team=cast.project.team, name="Web", slug="WEB")
    answer = api(cast.alice).post(PROJECTS, {"team": "alice", "slug": slug})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:name-taken")
    assert api(cast.charlie).post(PROJECTS, {"team": "charlie", "slug": slug}).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": "web"}, "team"),
        ({"team": "a/b", "slug": "web"}, "team"),
        ({"team": "alice", "slug": "a/b"}, "slug"),
        ({"team": "alice", "slug": "Web"}, "slug"),
        ({"team": "alice", "slug": "web", "name": "a\x07b"}, "name"),
        ({"team": "alice", "slug": "web", "description": "a\x1bb"}, "description"),
        ({"team": "alice", "slug": "web", "description": "x" * 2001}, "description"),
        ({"team": "alice", "slug": "web", "id": 1}, "id"),
    ],
)
def test_bad_order_is_named_by_field(cast: Cast, body: dict[str, Any], field: str) -> None:
    answer = api(cast.alice).post(PROJECTS, body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize("path", ["alice/nope", "charlie/other", "nope/shop", "alice/%00", "a/b/c"])
def test_project_that_is_not_seen_is_404(cast: Cast, path: str) -> None:
    client = api(cast.alice)
    for answer in (
        client.get(f"{PROJECTS}/{path}"),
        client.patch(f"{PROJECTS}/{path}", {"name": "x"}),
        client.delete(f"{PROJECTS}/{path}", {"confirm": path}),
        client.post(f"{PROJECTS}/{path}/move", {"team": "alice"}),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_edit_is_made_on_what_was_read_and_rules_follow_the_slug(cast: Cast) -> None:
    RateRule.objects.create(name="a", scope="project", subject="alice/shop", rate="5/s", burst=5)
    client = api(cast.alice)
    tag = client.get(SHOP)["ETag"]
    changed = client.patch(SHOP, {"slug": "store", "description": "new"}, HTTP_IF_MATCH=tag)
    assert (changed.status_code, changed.json()["path"]) == (200, "alice/store")
    assert RateRule.objects.get(name="a").subject == "alice/store"
    assert client.get(SHOP).status_code == 404
    late = client.patch(f"{PROJECTS}/alice/store", {"name": "x"}, HTTP_IF_MATCH=tag)
    assert late.status_code == 412
    assert AuditRecord.objects.latest("number").details == {
        "changes": {
            "slug": {"was": "shop", "is": "store"},
            "description": {"was": "", "is": "new"},
        }
    }
    assert api(cast.bob).patch(f"{PROJECTS}/alice/store", {"name": "x"}).status_code == 403


def test_project_moves_to_another_team_and_who_came_by_the_old_one_is_out(cast: Cast, planner: None) -> None:
    Membership.objects.create(user=cast.alice, team=cast.other.team, role=Role.OWNER)
    guest = User.objects.create_user("guest")
    for user, role in ((cast.bob, Role.MAINTAINER), (cast.charlie, Role.VIEWER), (guest, Role.DEVELOPER)):
        ProjectMembership.objects.create(user=user, project=cast.project, role=role)
    RateRule.objects.create(name="a", scope="project", subject="alice/shop", rate="5/s", burst=5)
    run = submit_run(cast.project, cast.bob)
    moved = api(cast.alice).post(f"{SHOP}/move", {"team": "charlie"})
    assert (moved.status_code, moved.json()["path"], moved.json()["lost"]) == (
        200,
        "charlie/shop",
        ["bob", "vera"],
    )
    here = ProjectMembership.objects.filter(project=cast.project).values_list("user__username", flat=True)
    assert list(here) == ["guest"]
    seen = {name: api(user).get(f"/api/v1/runs/{run.public_id}").status_code
            for name, user in (("bob", cast.bob), ("charlie", cast.charlie), ("guest", guest))}  # fmt: skip
    assert seen == {"bob": 404, "charlie": 200, "guest": 200}
    assert api(cast.charlie).get(f"{PROJECTS}/charlie/shop").json()["role"] == "owner"
    assert RateRule.objects.get(name="a").subject == "charlie/shop"
    record = AuditRecord.objects.latest("number")
    assert (record.act, record.details) == (
        "project.moved",
        {"from": "alice", "to": "charlie", "slug": "shop", "lost": ["bob", "vera"]},
    )


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.MAINTAINER])
def test_move_asks_for_the_owner_of_both_teams(cast: Cast, role: Role | None) -> None:
    if role is not None:
        Membership.objects.create(user=cast.alice, team=cast.other.team, role=role)
    answer = api(cast.alice).post(f"{SHOP}/move", {"team": "charlie"})
    assert answer.status_code == (400 if role is None else 403)
    ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.OWNER)
    taken = api(cast.charlie).post(f"{SHOP}/move", {"team": "charlie"})  # an owner here, a guest of the team
    assert (taken.status_code, taken.json()["type"]) == (403, "urn:wrenchai:problem:not-yours")
    assert Project.objects.get(pk=cast.project.pk).team == cast.project.team


def test_move_onto_a_taken_slug_is_409(cast: Cast) -> None:
    Membership.objects.create(user=cast.alice, team=cast.other.team, role=Role.OWNER)
    Project.objects.create(team=cast.other.team, name="Shop", slug="Shop")
    answer = api(cast.alice).post(f"{SHOP}/move", {"team": "charlie"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:name-taken")


def hang_on(cast: Cast, settings: Any) -> None:
    """Let something of each kind hang on the project."""
    settings.MASTER_KEY_FILE, settings.MASTER_KEY = "", "a:" + base64.b64encode(b"a" * 32).decode()
    for _ in range(3):
        add_events(cancelled(cast.project, cast.bob), 2)
    now = timezone.now()
    Upload.objects.create(project=cast.project, name="a", digest="0" * 64, size=1, created_at=now)
    Schedule.objects.create(project=cast.project, name="nightly", interval_seconds=60, goal="g")
    LimitRule.objects.create(name="few", project=cast.project, most=1)
    kind = Credential.Kind.GIT_TOKEN
    credentials.store(cast.project, kind, "forge", "secret", description="", by=cast.alice, now=now)
    ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.VIEWER)


def test_project_is_deleted_with_all_that_hangs_on_it(cast: Cast, planner: None, settings: Any) -> None:
    hang_on(cast, settings)
    kept = submit_run(cast.other, cast.charlie)
    bound = program(cast.alice, "run.view", projects=[cast.project])
    client = api(cast.alice)
    told = client.get(f"{SHOP}/deletion").json()
    goes = {
        "projects": 1,
        "runs": 3,
        "schedules": 1,
        "uploads": 1,
        "credentials": 1,
        "webhooks": 0,
        "members": 1,
    }
    assert told == {"confirm": "alice/shop", "live_runs": 0, "goes": goes}
    gone = client.delete(SHOP, {"confirm": "alice/shop"})
    assert (gone.status_code, gone.json()) == (200, {"deleted": True, "runs_left": 0, "goes": goes})
    assert client.get(SHOP).status_code == 404
    for model in (Schedule, Upload, LimitRule, Credential, ProjectMembership, Finding):
        assert not model._default_manager.exists(), model
    assert list(Run.every.all()) == [kept]
    assert set(Step.objects.values_list("run", flat=True)) == {kept.pk}
    assert set(Event.objects.values_list("run", flat=True)) == {kept.pk}
    assert bound.get("/api/v1/runs").json()["results"] == []  # its key reaches nothing, not everything
    assert ApiKey.objects.get().is_bound
    acts = AuditRecord.objects.filter(act__startswith="project.").order_by("number")
    assert list(acts.values_list("act", "actor", "details")) == [
        ("project.emptied", "alice", {"slug": "shop", "runs": 3}),
        (
            "project.deleted",
            "alice",
            {"in": f"team:{cast.project.team_id}", "slug": "shop", "team": "alice", "goes": goes},
        ),
    ]


@pytest.mark.parametrize("confirm", ["", "shop", "alice/Shop", None, 1])
def test_deletion_wants_the_name_and_tells_what_would_go(cast: Cast, planner: None, confirm: object) -> None:
    run = cancelled(cast.project, cast.bob)
    body = {} if confirm is None else {"confirm": confirm}
    answer = api(cast.alice).delete(SHOP, body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "confirm")
    if confirm == "shop":
        assert "repeat 'alice/shop'" in answer.json()["detail"]
        assert "1 runs" in answer.json()["detail"]
    assert Run.objects.filter(pk=run.pk).exists()


def test_nothing_goes_while_a_run_is_live(cast: Cast, planner: None) -> None:
    over, live = cancelled(cast.project, cast.bob), submit_run(cast.project, cast.bob)
    Schedule.objects.create(project=cast.project, name="nightly", interval_seconds=60, goal="g")
    for path, confirm in ((SHOP, "alice/shop"), ("/api/v1/teams/alice", "alice")):
        answer = api(cast.alice).delete(path, {"confirm": confirm})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:wrenchai:problem:still-in-use")
    assert set(Run.objects.all()) == {over, live}
    assert Schedule.objects.exists()


@pytest.mark.parametrize(("person", "status"), [("bob", 403), ("vera", 403), ("mara", 403), ("charlie", 404)])
def test_owners_alone_delete(cast: Cast, person: str, status: int) -> None:
    mara = User.objects.create_user("mara")
    Membership.objects.create(user=mara, team=cast.project.team, role=Role.MAINTAINER)
    client = api(mara if person == "mara" else getattr(cast, person))
    assert client.delete(SHOP, {"confirm": "alice/shop"}).status_code == status
    assert client.get(f"{SHOP}/deletion").status_code == status
    assert client.delete("/api/v1/teams/alice", {"confirm": "alice"}).status_code == status
    assert Project.objects.filter(pk=cast.project.pk).exists()


def test_deletion_that_takes_long_is_gone_on_with(
    cast: Cast, planner: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        cancelled(cast.project, cast.bob)
    client = api(cast.alice)
    monkeypatch.setattr(deletion, "CLEAR_SECONDS", 0.0)
    begun = client.delete(SHOP, {"confirm": "alice/shop"})
    assert (begun.status_code, begun.json()["deleted"], begun.json()["runs_left"]) == (202, False, 3)
    assert api(cast.bob).get("/api/v1/runs").json()["results"] == []
    monkeypatch.setattr(deletion, "CLEAR_SECONDS", 10.0)
    assert client.delete(SHOP, {"confirm": "alice/shop"}).json()["deleted"] is True
    assert not Run.every.exists()


def test_team_is_deleted_with_its_projects_and_members(cast: Cast, planner: None, settings: Any) -> None:
    hang_on(cast, settings)
    Project.objects.create(team=cast.project.team, name="Web", slug="web")
    client = api(cast.alice)
    goes = {
        "projects": 2,
        "runs": 3,
        "schedules": 1,
        "uploads": 1,
        "credentials": 1,
        "webhooks": 0,
        "members": 4,
    }
    assert client.get("/api/v1/teams/alice/deletion").json() == {
        "confirm": "alice",
        "live_runs": 0,
        "goes": goes,
    }
    gone = client.delete("/api/v1/teams/alice", {"confirm": "alice"})
    assert (gone.status_code, gone.json()) == (200, {"deleted": True, "runs_left": 0, "goes": goes})
    assert list(Team.objects.values_list("slug", flat=True)) == ["charlie"]
    assert list(Project.objects.all()) == [cast.other]
    assert client.get("/api/v1/me").json()["teams"] == []
    team = AuditRecord.objects.get(act="team.deleted")
    assert team.details == {"slug": "alice", "name": "Alice's team", "goes": goes}
    assert AuditRecord.objects.filter(act="role.taken").count() == 4


@pytest.mark.parametrize("raw", ["[]", "null", "1e309", '{"confirm": "\\u0000"}', "{" * 99])
def test_hostile_bodies_are_400(cast: Cast, raw: str) -> None:
    client = api(cast.alice)
    for method, path in (("post", PROJECTS), ("patch", SHOP), ("delete", SHOP), ("post", f"{SHOP}/move")):
        answer = getattr(client, method)(path, raw, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), path
