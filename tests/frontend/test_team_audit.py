"""The audit of a whole team: who reads it, what belongs to it, how it is narrowed, and what leaves the house."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import audit, audit_rows, members, teams
from accounts.audit import Act
from accounts.models import AuditRecord, Membership, Project, ProjectMembership
from accounts.roles import Role
from agents import deletion
from tests.api.cast import Cast, api, browser
from tests.frontend.project_settings.counting import queries

AUDIT = "/teams/alice/audit"


def shown(client: Client, query: str = "", status: int = 200) -> str:
    answer = client.get(f"{AUDIT}?{query}")
    assert answer.status_code == status
    return answer.content.decode()


def acts(client: Client, query: str = "") -> list[str]:
    return re.findall(r'<td class="main"><strong>([^<]+)<', shown(client, query))


def fill(cast: Cast) -> None:
    """One record of each place: the team, its project, another team, another project, nobody's."""
    teams.edit(cast.project.team, name="Shop people")
    audit.record(Act.WEBHOOK_CREATED, project_id=cast.project.pk, by=cast.bob, details={"host": "ours"})
    audit.record(Act.WEBHOOK_CREATED, project_id=cast.other.pk, by=cast.charlie, details={"host": "theirs"})
    members.change_role(cast.project.team, cast.vera, Role.DEVELOPER, by=cast.alice)
    audit.record(Act.ROLE_GIVEN, subject="user:1", details={"in": f"team:{cast.other.team_id}"})
    audit.record(Act.SIGN_IN, subject=f"user:{cast.bob.pk}", by=cast.bob)


def test_it_holds_what_was_done_in_the_team_and_its_projects_and_nothing_else(cast: Cast) -> None:
    AuditRecord.objects.count()
    fill(cast)
    client = browser(cast.alice)
    assert acts(client)[:3] == ["role changed", "webhook created", "team changed"]
    whole = shown(client)
    assert ("host: ours" in whole, "host: theirs" in whole, "sign in" in whole.split("<tbody>")[1]) == (
        True,
        False,
        False,
    )
    programs = api(cast.alice).get("/api/v1/teams/alice/audit").json()["results"]
    assert [row["act"].replace(".", " ").replace("_", " ") for row in programs] == acts(client)


def test_who_reads_it(cast: Cast) -> None:
    fill(cast)
    for path in (AUDIT, f"{AUDIT}/export?format=csv"):
        assert Client().get(path).status_code == 302
        assert [browser(user).get(path).status_code for user in (cast.charlie, cast.vera, cast.bob)] == [
            404,
            403,
            403,
        ]
    assert [
        api(user).get("/api/v1/teams/alice/audit").status_code for user in (None, cast.charlie, cast.bob)
    ] == [401, 404, 403]
    Membership.objects.filter(user=cast.bob).update(role=Role.MAINTAINER)
    assert "webhook created" in acts(browser(cast.bob))
    assert 'href="/teams/alice/audit"' in browser(cast.bob).get("/teams/alice").content.decode()
    assert 'href="/teams/alice/audit"' not in browser(cast.vera).get("/teams/alice").content.decode()


def test_maintainer_who_is_less_in_a_project_does_not_get_its_records_by_the_team(cast: Cast) -> None:
    fill(cast)
    Membership.objects.filter(user=cast.bob).update(role=Role.MAINTAINER)
    ProjectMembership.objects.create(user=cast.bob, project=cast.project, role=Role.VIEWER)
    assert "host: ours" not in shown(browser(cast.bob))
    assert "role changed" in acts(browser(cast.bob))
    assert shown(browser(cast.bob), f"project={cast.project.slug}", 400)


def test_records_of_a_project_that_the_team_deleted_stay(cast: Cast, planner: None) -> None:
    fill(cast)
    gone = Project.objects.create(team=cast.project.team, name="Gone", slug="gone")
    audit.record(Act.CREDENTIAL_CREATED, project_id=gone.pk, details={"name": "old-secret"})
    goes = deletion.preview("alice/gone", [gone])["goes"]
    deletion.finish([gone], goes)
    assert acts(browser(cast.alice))[:2] == ["project deleted", "credential created"]
    assert "a project that is gone" in shown(browser(cast.alice))
    assert "old-secret" not in browser(cast.charlie).get("/teams/charlie/audit").content.decode()


def test_it_is_filtered_and_paged_by_its_address(cast: Cast) -> None:
    second = Project.objects.create(team=cast.project.team, name="Second", slug="second")
    for n in range(60):
        act = Act.WEBHOOK_CHANGED if n % 2 else Act.CREDENTIAL_CREATED
        project = second if n < 5 else cast.project
        audit.record(act, project_id=project.pk, by=cast.bob if n < 10 else cast.alice)
    client, today = browser(cast.alice), timezone.now().date()
    assert len(acts(client)) == 50
    older = re.search(
        r'href="\?(act=webhook\.changed&amp;actor=alice&amp;before=\d+|before=\d+)"', shown(client)
    )
    assert older is not None
    assert len(acts(client, older[1])) >= 10
    assert len(acts(client, "act=webhook.changed")) == 30
    assert len(acts(client, "project=second")) == 5
    assert len(acts(client, "project=second&actor=bob&act=credential.created")) == 3
    assert len(acts(client, f"since={today}&until={today}&actor=bob")) == 10
    assert acts(client, f"since={today + timedelta(days=1)}") == []
    assert "No record is of this kind." in shown(client, "actor=nobody")
    assert len(acts(client, "until=9999-12-31&actor=bob")) == 10
    for odd in ("act=x", "actor=%00", "since=x", "project=other", "before=0", "actor=a%E2%80%AEb"):
        shown(client, odd, 400)
        assert client.get(f"{AUDIT}/export?format=csv&{odd}").status_code == 400
    assert client.get(f"{AUDIT}/export?format=xml").status_code == 400


def test_programs_narrow_it_in_the_same_way(cast: Cast) -> None:
    fill(cast)
    path, client = "/api/v1/teams/alice/audit", api(cast.alice)
    assert [
        row["details"] for row in client.get(f"{path}?project=alice/shop&actor=bob").json()["results"]
    ] == [{"host": "ours"}]
    before = AuditRecord.objects.get(act="team.changed").at.isoformat().replace("+00:00", "Z")
    acts_since = [row["act"] for row in client.get(path, {"since": before, "actor": "bob"}).json()["results"]]
    assert acts_since == ["webhook.created"]
    assert client.get(path, {"until": before, "act": "webhook.created"}).json()["results"] == []
    assert client.get(f"{path}?since=x").status_code == 400


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", "=cmd|' /C calc'!A0"], ids=range(6))
def test_no_cell_of_an_export_acts_in_a_spreadsheet(cast: Cast, name: str) -> None:
    audit.record(Act.WEBHOOK_CREATED, subject=name, project_id=cast.project.pk, by=cast.bob)
    AuditRecord.objects.filter(actor="bob").latest("number")
    answer = browser(cast.alice).get(f"{AUDIT}/export?format=csv&act=webhook.created")
    assert answer["Content-Disposition"] == 'attachment; filename="audit-alice.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["subject"], row["project"], row["actor"]) for row in rows] == [
        (f"'{name}", "alice/shop", "bob")
    ]


def test_export_holds_what_the_address_chooses_and_is_recorded(cast: Cast) -> None:
    fill(cast)
    client = browser(cast.alice)
    told: Any = client.get(f"{AUDIT}/export?format=json&act=webhook.created").json()
    assert (told["team"], told["has_more"]) == ("alice", False)
    assert told["records"] == [audit_rows.fields_of(AuditRecord.objects.get(details={"host": "ours"}))]
    row = AuditRecord.objects.latest("number")
    assert (row.act, row.actor, row.subject, row.details) == (
        "audit.exported",
        "alice",
        f"team:{cast.project.team_id}",
        {"format": "json", "records": 1, "chosen": {"act": "webhook.created"}},
    )
    assert acts(client)[0] == "audit exported"


def test_it_asks_few_queries_by_indexes(cast: Cast, steady_rules: None) -> None:
    client = browser(cast.alice)
    few = queries(client, AUDIT)
    for _ in range(60):
        audit.record(Act.WEBHOOK_CHANGED, subject=f"user:{cast.bob.pk}", project_id=cast.project.pk)
    assert queries(client, AUDIT) <= few + 2
    found = audit_rows.of_team(cast.project.team, [cast.project.pk]).order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = found.explain()
    assert all(name in plan for name in ("audit_by_place", "audit_by_subject", "audit_by_project")), plan
