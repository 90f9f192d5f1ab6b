"""In the admin: a row's versions are looked at, it is taken back, and put back when deleted; and what is refused."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import (
    ApiKey,
    AuditRecord,
    Membership,
    Project,
    ProjectMembership,
    RateRule,
    Team,
    User,
)
from accounts.roles import Role
from agents.catalog import store_configurations
from agents.models import AgentConfig
from tasks.models import LimitRule, Queue, RetentionPolicy, Schedule
from tests.api.cast import Cast, browser, make_cast
from tests.history.rows import labels, rows_of, stamps

NOW = timezone.now()


def seen(client: Client, path: str) -> str:
    """What the page that asks has seen."""
    page = client.get(path)
    assert page.status_code == 200
    found = re.search(r'name="seen" value="(\d+)"', page.content.decode())
    assert found is not None, page.content.decode()
    return found.group(1)


def path_of(row: Any, number: int) -> str:
    opts = row._meta
    return f"/admin/{opts.app_label}/{opts.model_name}/{row.pk}/history/{number}/"


def take_back(client: Client, row: Any, number: int) -> list[str]:
    """Revert as a person does, by the page that asks. Returns what is told."""
    path = path_of(row, number)
    answer = client.post(path, {"seen": seen(client, path)}, follow=True)
    assert answer.status_code == 200
    return [str(one) for one in answer.context["messages"]]


def put_back(client: Client, model: Any, number: int) -> list[str]:
    opts = model._meta
    path = f"/admin/{opts.app_label}/{opts.model_name}/deleted/{number}/"
    answer = client.post(path, follow=True)
    assert answer.status_code == 200
    return [str(one) for one in answer.context["messages"]]


def test_history_tells_who_when_and_what_changed(cast: Cast, root: User) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    client = browser(root)
    form = {"name": "few", "agent": "", "key": "", "each": "all", "most": 4, "enabled": "on"}
    client.post(f"/admin/tasks/limitrule/{row.pk}/change/", form, HTTP_X_REQUEST_ID="find-me")
    page = client.get(f"/admin/tasks/limitrule/{row.pk}/history/").content.decode()
    assert "<li>most: 3 → 4</li>" in page
    assert "root (admin)" in page
    assert "request find-me" in page
    first, newest = (version.pgh_id for version in rows_of(row))
    assert path_of(row, first) in page
    assert path_of(row, newest) not in page, "the newest is what it is"


def test_row_is_taken_back_as_a_version_of_its_own(cast: Cast, root: User) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    LimitRule.objects.filter(pk=row.pk).update(most=9, enabled=False)
    first = rows_of(row)[0].pgh_id
    client = browser(root)
    page = client.get(path_of(row, first)).content.decode()
    assert "<li>most: 9 → 3</li>" in page
    assert "<li>enabled: False → True</li>" in page
    assert take_back(client, row, first) == [f"few: at most 3 is as it was in version {first}."]
    row.refresh_from_db()
    assert (row.most, row.enabled, labels(row)) == (3, True, ["created", "changed", "changed"])
    told = stamps(row)[-1]
    assert (told["by"], told["through"], told["note"]) == ("root", "admin", {"reverted_to": first})
    assert f"reverted to {first}" in client.get(f"/admin/tasks/limitrule/{row.pk}/history/").content.decode()
    newest = rows_of(row)[1].pgh_id
    assert take_back(client, row, newest), "and the revert is taken back as well"
    row.refresh_from_db()
    assert (row.most, row.enabled) == (9, False)


def test_nothing_to_take_back_is_told_and_makes_no_version(cast: Cast, root: User) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    (only,) = rows_of(row)
    client = browser(root)
    assert "Nothing would change" in client.get(path_of(row, only.pgh_id)).content.decode()
    answer = client.post(path_of(row, only.pgh_id), {"seen": only.pgh_id}, follow=True)
    assert [str(one) for one in answer.context["messages"]] == [
        "Nothing would change: what can be taken back is as it was then."
    ]
    assert labels(row) == ["created"]


def test_role_that_is_taken_back_is_in_the_audit_chain(cast: Cast, root: User) -> None:
    row = Membership.objects.get(user=cast.bob)
    row.role = Role.OWNER
    row.save()
    take_back(browser(root), row, rows_of(row)[0].pgh_id)
    row.refresh_from_db()
    assert row.role == Role.DEVELOPER
    told = AuditRecord.objects.latest("number")
    assert (told.act, told.actor, told.details) == (
        "role.changed",
        "root",
        {"in": f"team:{row.team_id}", "is": "developer", "was": "owner"}
        if "is" in told.details
        else {"in": f"team:{row.team_id}", "role": "developer", "was": "owner"},
    )


def test_power_and_password_are_not_taken_back(cast: Cast, root: User) -> None:
    bob = cast.bob
    User.objects.filter(pk=bob.pk).update(
        is_superuser=True, is_staff=True, first_name="Bob", email="b@example.org"
    )
    strong = rows_of(bob)[-1].pgh_id
    bob.refresh_from_db()
    bob.is_superuser = bob.is_staff = bob.is_active = False
    bob.first_name, bob.email = "", "new@example.org"
    bob.set_password("a quite different password")
    bob.save()
    client = browser(root)
    page = client.get(path_of(bob, strong)).content.decode()
    for name in ("superuser status", "staff status", "active"):
        assert re.search(rf"<li>{name}: (power|whoever)", page, re.I), name
    assert "<li>password: no version has it</li>" in page
    take_back(client, bob, strong)
    now = User.objects.get(pk=bob.pk)
    assert (now.first_name, now.email) == ("Bob", "b@example.org")
    assert (now.is_superuser, now.is_staff, now.is_active) == (False, False, False)
    assert now.password == bob.password


def test_revoked_key_is_not_taken_back(cast: Cast, root: User) -> None:
    key = ApiKey.objects.create(
        owner=cast.bob, name="ci", prefix="abcdefghijkl", digest="d" * 64, pepper="p", scopes=["run.view"],
        created_at=NOW, expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=NOW)
    live = rows_of(key)[0].pgh_id
    client = browser(root)
    assert "revert" not in client.get(f"/admin/accounts/apikey/{key.pk}/history/").content.decode().lower()
    assert client.get(path_of(key, live)).status_code == 403
    assert client.post(path_of(key, live), {"seen": rows_of(key)[-1].pgh_id}).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at == NOW


def test_checks_of_the_page_refuse_in_their_words(cast: Cast, root: User) -> None:
    """A policy may once have been written past the form; what the form refuses is not restored."""
    row = RetentionPolicy.objects.create(project=cast.project, keep_runs_days=10, keep_events_days=90)
    RetentionPolicy.objects.filter(pk=row.pk).update(keep_runs_days=365)
    first = rows_of(row)[0].pgh_id
    (told,) = take_back(browser(root), row, first)
    assert told.startswith("It cannot be as it was. keep_events_days: 90 days is longer than the run itself")
    assert labels(row) == ["created", "changed"]


def test_name_that_another_row_took_is_told(cast: Cast, root: User) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    LimitRule.objects.filter(pk=row.pk).update(name="other")
    LimitRule.objects.create(name="few", most=1)
    (told,) = take_back(browser(root), row, rows_of(row)[0].pgh_id)
    assert told == "It cannot be as it was. name: Limit rule with this Name already exists."


def test_row_that_it_named_and_that_is_gone_is_told(cast: Cast, root: User) -> None:
    gone = Project.objects.create(team=cast.project.team, name="Gone", slug="gone")
    row = LimitRule.objects.create(name="few", most=3, project=gone)
    LimitRule.objects.filter(pk=row.pk).update(project=None)
    gone.delete()
    first = rows_of(row)[0].pgh_id
    client = browser(root)
    assert "no more)" in client.get(f"/admin/tasks/limitrule/{row.pk}/history/").content.decode()
    answer = client.post(path_of(row, first), {"seen": rows_of(row)[-1].pgh_id}, follow=True)
    (told,) = [str(one) for one in answer.context["messages"]]
    assert told.startswith("It cannot be as it was. project: Select a valid choice.")


def test_constraint_of_the_database_is_told(cast: Cast, root: User) -> None:
    """What no form knows: the role's own row of a person in a team, given twice."""
    row = Membership.objects.get(user=cast.bob)
    Membership.objects.filter(pk=row.pk).update(team=cast.other.team_id)
    Membership.objects.create(user=cast.bob, team=cast.project.team, role=Role.VIEWER)
    (told,) = take_back(browser(root), row, rows_of(row)[0].pgh_id)
    assert told.startswith("It cannot be as it was.")
    assert labels(row) == ["created", "changed"]


def test_queue_of_an_agent_follows_its_configuration_back(cast: Cast, root: User) -> None:
    store_configurations()
    row = AgentConfig.objects.get(agent="super")
    client = browser(root)
    client.post(f"/admin/agents/agentconfig/{row.pk}/change/", {"enabled": "on", "priority": "7"})
    queue = Queue.objects.get(agent="super")
    assert queue.priority == 7
    take_back(client, row, rows_of(row)[0].pgh_id)
    queue.refresh_from_db()
    assert queue.priority != 7
    assert labels(queue)[-2:] == ["changed", "changed"]


def test_schedule_is_taken_back_with_its_next_time(cast: Cast, root: User) -> None:
    row = Schedule.objects.create(
        name="n", project=cast.project, cron="0 2 * * *", goal="g", starts_at=NOW, owner=cast.alice,
        request={"target": {"kind": "git", "url": "https://git.example.org/x.git"}},
    )  # fmt: skip
    Schedule.objects.filter(pk=row.pk).update(
        cron="0 5 * * *", goal="other", request={"target": "x"}, starts_at=None
    )
    assert take_back(browser(root), row, rows_of(row)[0].pgh_id) == [
        f"n is as it was in version {rows_of(row)[0].pgh_id}."
    ]
    row.refresh_from_db()
    assert (row.cron, row.goal, row.starts_at) == ("0 2 * * *", "g", NOW)
    assert row.request == {"target": {"kind": "git", "url": "https://git.example.org/x.git"}}
    assert row.next_fire_at is not None
    assert row.next_fire_at.hour == 2
    assert labels(row) == ["created", "changed", "changed"]


def test_masked_field_stays_as_it_is(cast: Cast, root: User) -> None:
    secret = {"target": {"kind": "git", "url": "https://bob:hunter2@git.example.org/x.git"}}
    plain = {"target": {"kind": "git", "url": "https://git.example.org/x.git"}}
    row = Schedule.objects.create(
        name="n", project=cast.project, cron="0 2 * * *", goal="g", request=secret, owner=cast.alice
    )
    Schedule.objects.filter(pk=row.pk).update(goal="other", request=plain)
    client, first = browser(root), rows_of(row)[0].pgh_id
    page = client.get(path_of(row, first)).content.decode()
    assert "it held a secret, of which versions keep nothing" in page
    assert "hunter2" not in page + client.get(f"/admin/tasks/schedule/{row.pk}/history/").content.decode()
    take_back(client, row, first)
    row.refresh_from_db()
    assert (row.goal, row.request) == ("g", plain)


def test_deleted_row_is_found_and_put_back_under_its_key(cast: Cast, root: User) -> None:
    row = ProjectMembership.objects.create(user=cast.charlie, project=cast.project, role=Role.MAINTAINER)
    pk = row.pk
    row.delete()
    client = browser(root)
    assert (
        "/admin/accounts/projectmembership/deleted/"
        in client.get("/admin/accounts/projectmembership/").content.decode()
    )
    page = client.get("/admin/accounts/projectmembership/deleted/").content.decode()
    assert "charlie in Shop: maintainer" in page
    number = rows_of(row, pk)[-1].pgh_id
    assert "Put back" in client.get(f"/admin/accounts/projectmembership/deleted/{number}/").content.decode()
    assert put_back(client, ProjectMembership, number) == ["charlie in Shop: maintainer is there again."]
    again = ProjectMembership.objects.get(pk=pk)
    assert (again.user_id, again.project_id, again.role) == (
        cast.charlie.pk,
        cast.project.pk,
        Role.MAINTAINER,
    )
    assert labels(again) == ["created", "deleted", "created"]
    assert stamps(again)[-1]["note"] == {"restored_from": number}
    assert AuditRecord.objects.latest("number").act == "role.given"
    assert put_back(client, ProjectMembership, number) == ["It is there already."]
    assert "charlie in" not in client.get("/admin/accounts/projectmembership/deleted/").content.decode()


def test_row_whose_owner_is_gone_is_not_put_back(cast: Cast, root: User) -> None:
    team = Team.objects.create(name="Gone", slug="gone")
    row = Project.objects.create(team=team, name="P", slug="p")
    pk = row.pk
    row.delete()
    team.delete()
    client = browser(root)
    assert client.get("/admin/accounts/project/deleted/").status_code == 200
    (told,) = put_back(client, Project, rows_of(row, pk)[-1].pgh_id)
    assert told.startswith("It cannot be as it was. team: Select a valid choice.")
    assert not Project.objects.filter(pk=pk).exists()


@pytest.mark.parametrize("model", [User, ApiKey])
def test_what_needs_a_secret_is_not_put_back(cast: Cast, root: User, model: Any) -> None:
    key = ApiKey.objects.create(
        owner=cast.vera, name="ci", prefix="abcdefghijkl", digest="d" * 64, pepper="p", created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    row = key if model is ApiKey else cast.vera
    pk = row.pk
    cast.vera.delete()
    number = rows_of(row, pk)[-1].pgh_id
    client = browser(root)
    path = f"/admin/accounts/{model._meta.model_name}/deleted/{number}/"
    assert "It is not put back" in client.get(path).content.decode()
    assert client.post(path).status_code == 403
    assert not model.objects.filter(pk=pk).exists()


def permitted(name: str, *codes: str) -> Client:
    """A browser of somebody of the staff who has these permissions."""
    user = User.objects.create_user(name, password="a long enough password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    return browser(user)


def test_permissions_are_those_of_the_page(cast: Cast) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    LimitRule.objects.filter(pk=row.pk).update(most=9)
    gone = LimitRule.objects.create(name="gone", most=1)
    gone_pk = gone.pk
    gone.delete()
    first, deleted = rows_of(row)[0].pgh_id, rows_of(gone, gone_pk)[-1].pgh_id
    history, base = f"/admin/tasks/limitrule/{row.pk}/history/", "/admin/tasks/limitrule/"
    nobody, viewer = permitted("nobody"), permitted("viewer", "view_limitrule")
    changer = permitted("changer", "change_limitrule")
    asked = (history, path_of(row, first), f"{base}deleted/", f"{base}deleted/{deleted}/")
    assert [nobody.get(path).status_code for path in asked] == [403, 403, 403, 403]
    assert [viewer.get(path).status_code for path in asked] == [200, 403, 200, 200]
    assert "Revert" not in viewer.get(history).content.decode()
    head = rows_of(row)[-1].pgh_id
    for client in (nobody, viewer):
        assert client.post(path_of(row, first), {"seen": head}).status_code == 403
        assert client.post(f"{base}deleted/{deleted}/").status_code == 403
    assert changer.post(f"{base}deleted/{deleted}/").status_code == 403, "to put back is to add"
    assert take_back(changer, row, first) == [f"few: at most 3 is as it was in version {first}."]
    assert Client().get(history).status_code == 302
    assert browser(cast.alice).post(path_of(row, first), {"seen": head}).status_code == 302


def test_staff_without_power_cannot_take_power_by_a_version(cast: Cast) -> None:
    """Somebody who may change people gains nothing that the page would not give."""
    client = permitted("clerk", "change_user", "view_user")
    clerk = User.objects.get(username="clerk")
    User.objects.filter(pk=clerk.pk).update(is_superuser=True)
    strong = rows_of(clerk)[-1].pgh_id
    User.objects.filter(pk=clerk.pk).update(is_superuser=False, first_name="C")
    take_back(client, clerk, strong)
    clerk.refresh_from_db()
    assert (clerk.is_superuser, clerk.first_name) == (False, "")


@pytest.mark.parametrize("number", ["0", "999999999", "99999999999999999999", "-1", "x"])
def test_version_that_is_none_is_404(cast: Cast, root: User, number: str) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    client = browser(root)
    other = LimitRule.objects.create(name="other", most=3)
    foreign = path_of(row, rows_of(other)[0].pgh_id)
    for path in (
        f"/admin/tasks/limitrule/{row.pk}/history/{number}/",
        f"/admin/tasks/limitrule/deleted/{number}/",
        foreign,
    ):
        assert client.get(path).status_code in {302, 404}, path
        assert client.post(path).status_code in {302, 404}, path
    assert labels(row) == ["created"]


def test_hostile_names_are_escaped(cast: Cast, root: User) -> None:
    row = RateRule.objects.create(
        name="mine", scope="user", rate="10/s", burst=20, note="<script>alert(1)</script>"
    )
    pk = row.pk
    client = browser(root)
    pages = [client.get(f"/admin/accounts/raterule/{pk}/history/")]
    row.delete()
    pages += [
        client.get("/admin/accounts/raterule/deleted/"),
        client.get(f"/admin/accounts/raterule/deleted/{rows_of(row, pk)[-1].pgh_id}/"),
    ]
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert "<script>alert" not in "".join(page.content.decode() for page in pages)


def test_change_that_came_between_is_told(cast: Cast, root: User) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    LimitRule.objects.filter(pk=row.pk).update(most=9)
    client, first = browser(root), rows_of(row)[0].pgh_id
    saw = seen(client, path_of(row, first))
    LimitRule.objects.filter(pk=row.pk).update(most=5)
    answer = client.post(path_of(row, first), {"seen": saw}, follow=True)
    assert [str(one) for one in answer.context["messages"]] == [
        "It was changed meanwhile. Look at what would change now."
    ]
    row.refresh_from_db()
    assert row.most == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_connections")
def test_of_two_who_take_back_at_once_one_does() -> None:
    make_cast()
    root = User.objects.create_superuser("root", password="a long enough password")
    row = LimitRule.objects.create(name="few", most=3)
    LimitRule.objects.filter(pk=row.pk).update(most=9)
    first = rows_of(row)[0].pgh_id
    clients = [browser(root), browser(root)]
    saw = seen(clients[0], path_of(row, first))
    told: list[str] = []
    start = threading.Barrier(2)

    def post(client: Client) -> None:
        try:
            start.wait()
            page = client.post(path_of(row, first), {"seen": saw}, follow=True).content.decode()
            told.extend(
                re.findall(r'<li class="(success|error)">', page)
            )  # contexts are of all threads together
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["error", "success"]
    assert labels(row) == ["created", "changed", "changed"]
