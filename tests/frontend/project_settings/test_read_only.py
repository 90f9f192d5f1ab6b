"""Quality, rate limits and the audit of a project: pages that only tell."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import audit, keys, members
from accounts.audit import Act
from accounts.limits import shared
from accounts.limits.book import book
from accounts.models import AuditRecord, RateRule
from accounts.roles import Role
from agents.models import RunQuality
from agents.quality.model import Condition, ConditionState, Debt, Gate, GateState, Quality, SettingsTold
from tests.api.cast import Cast, browser, submit_run
from tests.frontend.project_settings.counting import queries

BASE = "/projects/alice/shop/settings"
CONDITION = Condition(
    key="new_security",
    title="New security findings",
    state=ConditionState.FAILED,
    figure=2.0,
    figure_text="2 findings",
    threshold="none of medium",
)
TOLD = SettingsTold(
    source="wrench.toml",
    faults=("gate.coverge: there is no such setting",),
    changed_rules=("<b>SQL</b> is low: read only",),
)
WHOLE = Quality(
    gate=Gate(state=GateState.FAILED, why="one failed", conditions=(CONDITION,)),
    ratings={},
    debt=Debt(),
    settings=TOLD,
).model_dump(mode="json")


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(BASE + path)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.mark.usefixtures("planner")
def test_gate_in_force_is_that_of_the_last_run(cast: Cast) -> None:
    client = browser(cast.vera)
    assert "No run has told of quality yet." in page(client, "/quality")
    run = submit_run(cast.project)
    RunQuality.objects.create(
        project=cast.project,
        run=run.public_id,
        at=timezone.now(),
        gate="failed",
        whole=WHOLE,
        debt_minutes=0,
        is_default_branch=True,
        operations=[],
    )
    shown = page(client, "/quality")
    for text in ("New security findings", "none of medium", "2 findings", "there is no such setting"):
        assert text in shown
    assert ("<b>SQL</b>" in shown, "&lt;b&gt;SQL&lt;/b&gt; is low" in shown) == (False, True)


def test_limits_tell_what_is_left_for_whom(cast: Cast) -> None:
    RateRule.objects.all().delete()
    now = timezone.now()
    key = keys.create(
        cast.bob, "nightly", scopes=[], projects=None, expires_at=now + timedelta(days=1), now=now
    )
    RateRule.objects.create(name="mine", scope="user", rate="600/m", burst=40)
    RateRule.objects.create(
        name="only alice", scope="user", subject="alice", route="GET /api/**", rate="1/s", burst=2
    )
    RateRule.objects.create(name="each key", scope="key", rate="5/s", burst=9)
    RateRule.objects.create(name="runs", scope="project", route="POST /api/v1/runs", rate="100/10m", burst=7)
    book.forget()
    client = browser(cast.bob)
    shown = page(client, "/limits")
    assert re.findall(r'class="main"><strong>([^<]+)<', shown) == ["runs", "mine", "each key"]
    assert ("600 a minute" in shown, "100 in 600 s" in shown, "your key nightly" in shown) == (
        True,
        True,
        True,
    )
    assert key.row.prefix not in shown
    left = [int(number) for number in re.findall(r"</progress> (\d+) of", shown)]
    assert ([left[0], left[2]], 30 < left[1] < 40) == ([7, 9], True)  # the page's own request is charged


def test_limits_are_told_without_redis(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object, **_more: object) -> None:
        raise shared.RedisAway("Redis does not answer")

    RateRule.objects.update_or_create(name="mine", defaults={"scope": "user", "rate": "600/m", "burst": 40})
    book.forget()
    client = browser(cast.bob)
    monkeypatch.setattr(shared, "decide", away)
    assert "How much is left is not known at the moment" in page(client, "/limits")


def test_audit_is_of_this_project_alone(cast: Cast) -> None:
    audit.record(
        Act.WEBHOOK_CREATED, subject="webhook:1", project_id=cast.project.pk, details={"host": "<i>a</i>"}
    )
    audit.record(
        Act.WEBHOOK_CREATED, subject="webhook:2", project_id=cast.other.pk, details={"host": "theirs"}
    )
    shown = page(browser(cast.alice), "/audit")
    assert ("webhook created" in shown, "theirs" in shown, "&lt;i&gt;a&lt;/i&gt;" in shown) == (
        True,
        False,
        True,
    )
    for user in (cast.bob, cast.vera):
        page(browser(user), "/audit", 403)


def records(client: Client, query: str) -> int:
    return page(client, f"/audit?{query}").count('class="main"')


def test_audit_is_filtered_and_paged(cast: Cast) -> None:
    for n in range(60):
        act = Act.WEBHOOK_CHANGED if n % 2 else Act.CREDENTIAL_CREATED
        audit.record(act, project_id=cast.project.pk, by=cast.bob if n < 10 else cast.alice)
    client, today = browser(cast.alice), timezone.now().date()
    assert records(client, "") == 50
    older = re.search(r'href="\?(before=\d+)"', page(client, "/audit"))
    assert older is not None
    assert records(client, older[1]) == 10
    assert records(client, "act=webhook.changed") == 30
    assert records(client, "actor=bob") == 10
    assert records(client, f"since={today}&until={today}") == 50
    assert records(client, f"since={today + timedelta(days=1)}") == 0
    assert records(client, "actor=nobody") == 0
    for odd in (
        "act=x",
        "actor=%00",
        "since=x",
        "before=0",
        f"before={'9' * 40}",
        "before=x",
        "actor=a%E2%80%AEb",
    ):
        page(client, f"/audit?{odd}", 400)


def test_change_is_told_as_from_what_to_what(cast: Cast) -> None:
    details: Any = {
        "changes": {"name": {"was": "Shop", "is": "Store"}},
        "lost": ["bob", "vera"],
        "none": None,
    }
    audit.record(Act.PROJECT_CHANGED, project_id=cast.project.pk, details=details)
    shown = page(browser(cast.alice), "/audit")
    assert "lost: bob, vera; changes: name Shop → Store" in shown


def test_role_is_told_with_whose_it_is(cast: Cast) -> None:
    members.set_project_role(cast.project, cast.bob, Role.MAINTAINER, by=cast.alice)
    assert '<span class="sub">bob; role: maintainer</span>' in page(browser(cast.alice), "/audit")


def test_audit_asks_few_queries_by_an_index(cast: Cast, steady_rules: None) -> None:
    for _ in range(60):
        audit.record(Act.WEBHOOK_CHANGED, project_id=cast.project.pk)
    client = browser(cast.alice)
    assert queries(client, f"{BASE}/audit") <= 10
    # without an order: among few rows the index of the numbers, which gives it, may be as good
    found = AuditRecord.objects.filter(project_id=cast.project.pk).order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "audit_by_project" in found.explain()
