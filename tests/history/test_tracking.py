"""Each change of a tracked row makes one version, whoever makes it, with who and in which request; no secret does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import Model
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts import credentials, keys
from accounts.models import (
    ApiKey,
    Credential,
    Invitation,
    KeyProject,
    Membership,
    Project,
    ProjectMembership,
    RateRule,
    Team,
    User,
)
from accounts.roles import Role
from agents.models import AgentConfig
from history import origins
from history.origins import Origin
from history.tracking import Tracked, tracked_models
from history.versions import with_before
from monitoring.models import WebHook
from tasks.models import LimitRule, Queue, RetentionPolicy, Schedule
from tests.api.cast import PASSWORD, Cast, api, browser, make_cast, submit_run, token
from tests.history.rows import all_text, counts, labels, rows_of, stamps, tracked_of

NOW = timezone.now()
ID = {"HTTP_X_REQUEST_ID": "find-me"}


def _user(cast: Cast) -> tuple[Model, dict[str, Any]]:
    return User(username="new", email="new@example.org", password="hash-of-a-password"), {"first_name": "New"}


def _key(cast: Cast) -> tuple[Model, dict[str, Any]]:
    row = ApiKey(
        owner=cast.bob, name="ci", prefix="abcdefghijkl", digest="d" * 64, pepper="p", scopes=["run.view"],
        created_at=NOW, expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    return row, {"name": "build"}


def _credential(cast: Cast) -> tuple[Model, dict[str, Any]]:
    made = credentials.store(
        cast.project, Credential.Kind.DSN, "main", "postgresql://u:hunter2@h/x", description="",
        by=cast.alice, now=NOW,
    )  # fmt: skip
    return made, {"description": "the main one"}


ROWS: dict[str, Callable[[Cast], tuple[Model, dict[str, Any]]]] = {
    "accounts.user": _user,
    "accounts.team": lambda cast: (Team(name="New", slug="new"), {"name": "Newer"}),
    "accounts.membership": lambda cast: (
        Membership(user=cast.charlie, team=cast.project.team, role=Role.VIEWER),
        {"role": Role.OWNER},
    ),
    "accounts.project": lambda cast: (
        Project(team=cast.project.team, name="New", slug="new"),
        {"description": "a new one"},
    ),
    "accounts.projectmembership": lambda cast: (
        ProjectMembership(user=cast.charlie, project=cast.project, role=Role.VIEWER),
        {"role": Role.OWNER},
    ),
    "accounts.apikey": _key,
    "accounts.credential": _credential,
    "accounts.invitation": lambda cast: (
        Invitation(
            team=cast.project.team,
            role=Role.VIEWER,
            user=cast.charlie,
            digest="f" * 64,
            invited_by=cast.alice,
            created_at=NOW,
            sent_at=NOW,
            expires_at=NOW + timedelta(days=1),
        ),
        {"role": Role.DEVELOPER},
    ),
    "accounts.raterule": lambda cast: (
        RateRule(name="mine", scope="user", rate="10/s", burst=20),
        {"rate": "5/s"},
    ),
    "agents.agentconfig": lambda cast: (AgentConfig(agent="mine"), {"priority": 3}),
    "auth.group": lambda cast: (Group(name="operators"), {"name": "admins"}),
    "monitoring.webhook": lambda cast: (
        WebHook(project=cast.project, url="https://h.example.org/a", created_at=NOW),
        {"active": False},
    ),
    "tasks.limitrule": lambda cast: (LimitRule(name="few", project=cast.project, most=3), {"most": 5}),
    "tasks.queue": lambda cast: (Queue(name="agent.mine", agent="mine"), {"paused_at": NOW}),
    "tasks.retentionpolicy": lambda cast: (RetentionPolicy(project=cast.project), {"keep_runs_days": 30}),
    "tasks.schedule": lambda cast: (
        Schedule(name="nightly", project=cast.project, cron="0 2 * * *", goal="Find bugs"),
        {"goal": "Find security problems"},
    ),
}
LINKS = {
    "accounts.apikey_projects",
    "accounts.user_groups",
    "accounts.user_user_permissions",
    "auth.group_permissions",
}
every_model = pytest.mark.parametrize("label", ROWS)


def test_every_tracked_model_is_tried_here() -> None:
    assert {one.label for one in tracked_models()} == {*ROWS, *LINKS}


def stored(label: str, cast: Cast) -> tuple[Model, dict[str, Any]]:
    row, change = ROWS[label](cast)
    if row._state.adding:
        row.save()
    return row, change


@every_model
def test_each_write_by_the_orm_makes_one_version(label: str, cast: Cast) -> None:
    row, change = stored(label, cast)
    pk = row.pk
    assert labels(row) == ["created"]
    for name, value in change.items():
        setattr(row, name, value)
    row.save()
    assert labels(row) == ["created", "changed"]
    row.save()
    assert labels(row) == ["created", "changed"], "what is saved as it was is no version"
    newest = rows_of(row)[-1]
    assert {name: getattr(newest, name) for name in change} == change
    row.delete()
    assert labels(row, pk) == ["created", "changed", "deleted"]


@every_model
def test_writes_past_save_make_versions_as_well(label: str, cast: Cast) -> None:
    row, change = stored(label, cast)
    model, pk = type(row), row.pk
    model._base_manager.filter(pk=pk).update(**change)
    table, column = model._meta.db_table, next(iter(change))
    with connection.cursor() as cursor:
        key = model._meta.pk.column
        cursor.execute(f"UPDATE {table} SET {column} = {column} WHERE {key} = %s", [pk])
        assert labels(row) == ["created", "changed"]
        if model is not User:
            cursor.execute(f"DELETE FROM {table} WHERE {key} = %s", [pk])
            assert labels(row, pk) == ["created", "changed", "deleted"]
    assert [stamp["through"] for stamp in stamps(row, pk)] == ["process"] * len(labels(row, pk))


CHURN: dict[str, dict[str, Any]] = {
    "accounts.user": {"last_login": NOW, "password": "another-hash"},
    "accounts.apikey": {"last_used_at": NOW, "digest": "e" * 64, "pepper": "q"},
    "accounts.credential": {"last_used_at": NOW},
    "accounts.raterule": {"updated_at": NOW},
    "agents.agentconfig": {"updated_at": NOW},
    "monitoring.webhook": {"failures": 3, "failing_since": NOW},
    "tasks.schedule": {"next_fire_at": NOW, "last_fire_at": NOW},
}


@pytest.mark.parametrize("label", CHURN)
def test_what_changes_by_itself_makes_no_version(label: str, cast: Cast) -> None:
    row, _ = stored(label, cast)
    type(row)._base_manager.filter(pk=row.pk).update(**CHURN[label])
    assert labels(row) == ["created"]


def test_links_are_tracked_one_by_one(cast: Cast) -> None:
    key = _key(cast)[0]
    key.save()
    assert isinstance(key, ApiKey)
    key.projects.set([cast.project])
    key.projects.clear()
    found = KeyProject.objects.none().model
    made = [
        (row.pgh_label, row.apikey_id, row.project_id) for row in _versions(found).objects.order_by("pgh_id")
    ]
    assert made == [("created", key.pk, cast.project.pk), ("deleted", key.pk, cast.project.pk)]
    group = Group.objects.create(name="g")
    group.permissions.add(Permission.objects.all()[0])
    cast.bob.groups.add(group)
    cast.bob.user_permissions.add(Permission.objects.all()[1])
    now = counts()
    assert [now[label] for label in sorted(LINKS)] == [2, 1, 1, 1]


def _versions(model: type[Model]) -> Any:
    return next(one for one in tracked_models() if one.model is model._meta.concrete_model).versions


def test_cascade_tells_each_row_that_goes(cast: Cast) -> None:
    schedule = stored("tasks.schedule", cast)[0]
    pk = schedule.pk
    member = ProjectMembership.objects.create(user=cast.bob, project=cast.project, role=Role.VIEWER)
    member_pk = member.pk
    cast.project.delete()
    assert labels(schedule, pk) == ["created", "deleted"]
    assert labels(member, member_pk) == ["created", "deleted"]


def test_version_of_a_change_that_is_rolled_back_is_none(cast: Cast) -> None:
    with pytest.raises(ValueError, match="no"), transaction.atomic():
        Team.objects.filter(pk=cast.project.team_id).update(name="Other")
        raise ValueError("no")
    assert labels(cast.project.team) == ["created"]


def test_versions_are_only_ever_added(cast: Cast) -> None:
    newest = rows_of(cast.project)[-1]
    for deed in (newest.delete, lambda: type(newest).objects.update(name="forged")):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            deed()
    assert labels(cast.project) == ["created"]


def test_rest_tells_who_by_which_key_in_which_request(cast: Cast) -> None:
    key = keys.create(
        cast.alice, "ci", scopes=["credential.manage"], projects=None, expires_at=NOW + timedelta(days=1), now=NOW
    )  # fmt: skip
    client = api(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    order = {"kind": "dsn", "name": "main", "value": "postgresql://u:hunter2@h/x"}
    path = "/api/v1/projects/alice/shop/credentials"
    assert client.post(path, order, **ID).status_code == 201
    row = Credential.objects.get()
    one = f"{path}/{row.public_id}"
    assert (
        client.put(one, {"value": "postgresql://u:hunter3@h/x"}, HTTP_X_REQUEST_ID="again").status_code == 200
    )
    assert api(cast.alice).delete(one, HTTP_X_REQUEST_ID="and again").status_code == 204
    by = {"by": "alice", "by_id": cast.alice.pk, "through": "rest"}
    made = stamps(row, row.pk)
    assert made[:2] == [
        {**by, "key": str(key.row.public_id), "request": "find-me"},
        {**by, "key": str(key.row.public_id), "request": "again"},
    ]
    assert made[2] == {**by, "request": made[2]["request"]}
    assert labels(row, row.pk) == ["created", "changed", "deleted"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_connections")
def test_asynchronous_server_stamps_each_request_with_its_own() -> None:
    """Requests at once, each with its own person and id, through the server's threads."""
    cast = make_cast()
    tokens = {name: token(getattr(cast, name)) for name in ("alice", "bob", "vera")}
    rows = [
        ApiKey.objects.create(
            owner=getattr(cast, name), name=name, prefix=f"abcdefghijk{n}", digest="d" * 64, pepper="p",
            created_at=NOW, expires_at=NOW + timedelta(days=1),
        )
        for n, name in enumerate(tokens)
    ]  # fmt: skip

    async def revoke(row: ApiKey) -> int:
        headers = {"Authorization": f"Bearer {tokens[row.name]}", "X-Request-ID": f"of-{row.name}"}
        answer = await AsyncClient().delete(f"/api/v1/keys/{row.public_id}", headers=headers)
        await sync_to_async(connections.close_all)()
        return int(answer.status_code)

    async def together() -> list[int]:
        return await asyncio.gather(*(revoke(row) for row in rows))

    assert asyncio.run(together()) == [204, 204, 204]
    assert [stamps(row)[-1] for row in rows] == [
        {"through": "rest", "by": row.name, "by_id": row.owner_id, "request": f"of-{row.name}"}
        for row in rows
    ]


def test_admin_tells_who_and_in_which_request(cast: Cast, root: User) -> None:
    client = browser(root)
    form = {
        "name": "few",
        "project": cast.project.pk,
        "agent": "",
        "key": "",
        "each": "all",
        "most": 3,
        "enabled": "on",
    }
    assert client.post("/admin/tasks/limitrule/add/", form, **ID).status_code == 302  # type: ignore[arg-type]  # headers
    row = LimitRule.objects.get()
    pk = row.pk
    assert client.post(f"/admin/tasks/limitrule/{pk}/change/", {**form, "most": 4}, **ID).status_code == 302
    assert client.post(f"/admin/tasks/limitrule/{pk}/delete/", {"post": "yes"}, **ID).status_code == 302
    assert labels(row, pk) == ["created", "changed", "deleted"]
    who = {"by": "root", "by_id": root.pk, "through": "admin", "request": "find-me"}
    assert stamps(row, pk) == [who, who, who]


def test_request_of_nobody_is_told_as_such(cast: Cast) -> None:
    before = counts()
    client = Client()
    client.post("/login/", {"username": "bob", "password": PASSWORD})
    client.post("/logout/")
    assert counts() == before, "to sign in changes nobody"


def test_origin_is_as_it_was_again_after_a_request(cast: Cast) -> None:
    with origins.during(lambda: Origin(through="rest", by="a\0b\ud800", by_id=1)):
        cast.project.name = "Renamed"
        cast.project.save()
    cast.project.name = "Again"
    cast.project.save()
    assert stamps(cast.project)[1:] == [{"through": "rest", "by": "ab?", "by_id": 1}, {"through": "process"}]


def test_engine_makes_no_version(cast: Cast, planner: None) -> None:
    before = counts()
    submit_run(cast.project, cast.bob, steps=3)
    assert counts() == before


def test_user_part_of_urls_is_masked(cast: Cast) -> None:
    urls = {
        "a": "https://bob:hunter2@git.example.org/x",
        "b": "https://ghp_hunter2@git.example.org/x",
        "c": "ssh://git@git.example.org/x",
        "d": "ssh://git:hunter2@git.example.org/x",
        "e": "no url: a@b.c",
    }
    row = Schedule.objects.create(
        name="n", project=cast.project, cron="0 2 * * *", goal="g", request={"target": urls}
    )
    assert rows_of(row)[0].request == {
        "target": {
            "a": "https://[masked]@git.example.org/x",
            "b": "https://[masked]@git.example.org/x",
            "c": "ssh://git@git.example.org/x",
            "d": "ssh://[masked]@git.example.org/x",
            "e": "no url: a@b.c",
        }
    }
    assert Schedule.objects.get().request["target"] == urls
    assert "hunter2" not in all_text()


def test_url_of_a_webhook_is_kept_up_to_its_host(cast: Cast) -> None:
    urls = [
        "https://u:hunter2@h.example.org:8443/hunter2?token=hunter2#hunter2",
        "https://h.example.org?hunter2",
        "https://a@hunter2:hunter2@h.example.org",
    ]
    row = WebHook.objects.create(project=cast.project, url=urls[0], created_at=NOW)
    for url in urls[1:]:
        WebHook.objects.filter(pk=row.pk).update(url=url)
    assert [version.url for version in rows_of(row)] == [
        "https://h.example.org:8443/[masked]",
        "https://h.example.org/[masked]",
        "https://h.example.org/[masked]",
    ]
    assert "hunter2" not in all_text()
    tracked = tracked_of(WebHook)
    newest = with_before(tracked, rows_of(row)[::-1])[0]
    assert [change.field for change in newest.changes or []] == ["url"]


def test_no_secret_is_in_any_version(cast: Cast, root: User) -> None:
    secrets = []
    key = keys.create(
        cast.alice, "ci", scopes=["credential.manage"], projects=[cast.project], expires_at=NOW + timedelta(days=1),
        now=NOW,
    )  # fmt: skip
    again = keys.rotate(
        cast.alice, key.row, overlap=timedelta(hours=1), expires_at=NOW + timedelta(days=2), now=NOW
    )
    secrets += [key.text.split("_")[2], again.text.split("_")[2], key.row.digest, again.row.digest]
    row, _ = _credential(cast)
    assert isinstance(row, Credential)
    secrets += ["hunter2", row.value]
    row = credentials.replace(row, "postgresql://u:hunter3@h/x", now=NOW)
    secrets += ["hunter3", row.value]
    cast.bob.set_password("a quite different password")
    cast.bob.save()
    secrets += [PASSWORD, "a quite different password", cast.bob.password, cast.alice.password]
    credentials.delete(row)
    keys.revoke(again.row, now=NOW)
    User.objects.filter(pk=cast.vera.pk).delete()
    text = all_text()
    assert "credential" not in secrets
    assert [secret for secret in secrets if secret in text] == []
    assert key.row.prefix in text


@pytest.mark.parametrize("tracked", tracked_models(), ids=lambda one: str(one.label))
def test_versions_belong_to_the_project_that_they_say(tracked: Tracked, cast: Cast) -> None:
    held = {one.attname for one in tracked.versions._meta.fields}
    assert tracked.project in {"", *held}
    if "project_id" in held:
        assert tracked.project == "project_id"
