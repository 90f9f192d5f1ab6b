"""The rules' page in the admin: checks with clear words, edits that are told, a trial that charges nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.limits import edits, engine
from accounts.limits.calls import Call
from accounts.limits.engine import Fallback
from accounts.models import RateRule, User
from tests.accounts.limits.conftest import add_rule
from tests.api.cast import Cast, browser

pytestmark = pytest.mark.usefixtures("no_rules")
TRY = "/admin/accounts/raterule/try/"
FORM = {
    "name": "person", "scope": "user", "route": "", "subject": "", "rate": "60/m", "burst": 10, "cost": 1,
    "action": "refuse", "enabled": "on", "note": "",
}  # fmt: skip


@pytest.fixture
def root(db: None) -> Client:
    return browser(User.objects.create_user("root", is_staff=True, is_superuser=True))


@pytest.fixture
def heard() -> Any:
    """What listeners are told of edits."""
    told: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = []

    def listen(sender: object, by: User, what: str, rule: str, before: Any, after: Any, **_: object) -> None:
        told.append((by.username, what, rule, before, after))

    edits.rule_edited.connect(listen)
    yield told
    edits.rule_edited.disconnect(listen)


def save(client: Client, rule: RateRule | None = None, **changed: object) -> str:
    """Send the form; gives the page if it was refused, else nothing."""
    path = reverse("admin:accounts_raterule_change", args=[rule.pk]) if rule else None
    answer = client.post(path or reverse("admin:accounts_raterule_add"), {**FORM, **changed})
    return "" if answer.status_code == 302 else answer.content.decode()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"rate": "often"}, "&#x27;often&#x27; is no rate; write units per time, such as 600/m"),
        ({"rate": "0/m"}, "is no rate"),
        ({"rate": "99999/s"}, "more than 10000 a second"),
        ({"burst": 0}, "greater than or equal to 1"),
        ({"cost": 11}, "a call that costs 11 never fits into a burst of 10; raise the burst"),
        ({"rate": "1/d", "burst": 40}, "takes 40 days to fill, at most 31"),
        ({"route": "FETCH /x"}, "&#x27;FETCH&#x27; is no method; it is one of DELETE, GET"),
        ({"route": "https://h/x"}, "is no route"),
        ({"route": "/a?b=c"}, "it has letters, digits"),
        ({"route": "/**/**/**"}, "has too many stars"),
        ({"route": "/a*b*c"}, "has two stars in one segment"),
        ({"scope": "route"}, "a rule for a route names the route"),
        ({"scope": "socket", "route": "/x"}, "a message has no route"),
        ({"scope": "global", "subject": "bob"}, "leave the subject empty"),
        ({"scope": "ip", "subject": "10.0.0.1/8"}, "is no address or network"),
        ({"subject": "nobody"}, "there is no user &#x27;nobody&#x27;"),
        ({"scope": "project", "subject": "shop"}, "there is no project &#x27;shop&#x27;; write team/slug"),
    ],
)
def test_what_does_not_fit_is_told(root: Client, changed: dict[str, object], told: str) -> None:
    page = save(root, **changed)
    assert told in page
    assert not RateRule.objects.exists()


def test_every_edit_is_told_with_before_and_after(root: Client, heard: list[Any]) -> None:
    assert save(root) == ""
    rule = RateRule.objects.get()
    assert save(root, rule, rate="30/m") == ""
    chosen = {"action": "begin_dry_run", "_selected_action": [rule.pk]}
    root.post(reverse("admin:accounts_raterule_changelist"), chosen)
    root.post(reverse("admin:accounts_raterule_delete", args=[rule.pk]), {"post": "yes"})
    first = edits.values(RateRule(**{**FORM, "enabled": True}))
    second, third = {**first, "rate": "30/m"}, {**first, "rate": "30/m", "dry_run": True}
    assert heard == [
        ("root", "added", "person", {}, first),
        ("root", "changed", "person", first, second),
        ("root", "changed", "person", second, third),
        ("root", "deleted", "person", third, {}),
    ]
    history = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert history[1:3] == ["Changed rate: '60/m' → '30/m'.", "Changed dry_run: False → True."]
    assert len(history) == 4


def test_trial_tells_the_rule_and_charges_nothing(root: Client, cast: Cast) -> None:
    add_rule("person", "user", "60/m", 10, route="GET /api/**")
    call = Call(method="GET", path="/api/v1/runs", user_id=cast.bob.pk)
    for _ in range(4):
        engine.take(call, fallback=Fallback.OPEN)
    wanted = {"kind": "request", "method": "GET", "path": "/api/v1/runs", "user": "bob"}
    for _ in range(20):
        answer = root.get(TRY, wanted)
    (one,) = answer.context["trial"].applied
    assert (answer.context["trial"].allowed, one.rule.name, one.bucket.burst) == (True, "person", 10)
    assert 6 <= one.remaining <= 10
    (busy,) = answer.context["now"].busiest
    assert (busy.rule, busy.owner) == ("person", "user bob")
    assert "It would pass." in answer.content.decode()
    other = root.get(TRY, {**wanted, "method": "POST"}).content.decode()
    assert "No rule speaks of it." in other


def test_trial_of_a_refusal_says_how_long(root: Client, cast: Cast) -> None:
    add_rule("person", "user", "1/d", 1)
    call = Call(method="GET", path="/api/v1/runs", user_id=cast.bob.pk)
    assert [engine.take(call, fallback=Fallback.OPEN).allowed for _ in range(3)] == [True, False, False]
    wanted = {"kind": "request", "method": "GET", "path": "/api/v1/runs", "user": "bob"}
    answer = root.get(TRY, wanted)
    assert "It would be refused by “person”" in answer.content.decode()
    assert [row.refused_today for row in answer.context["now"].counted] == [2]


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"user": "nobody"}, "no user"), ({"project": "x"}, "no project"), ({"address": "x"}, "valid IPv4")],
)
def test_trial_of_what_is_not_there_is_told(root: Client, changed: dict[str, str], told: str) -> None:
    wanted = {"kind": "request", "method": "GET", "path": "/", **changed}
    assert told in root.get(TRY, wanted).content.decode()


def test_page_says_that_redis_is_away(root: Client, dead_redis: None) -> None:
    add_rule("person", "user", "1/d", 1)
    page = root.get(TRY, {"kind": "request", "method": "GET", "path": "/"}).content.decode()
    assert "buckets and counts are not known" in page


def test_page_is_for_those_who_may_see_rules(cast: Cast, settings: Settings) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    assert browser(clerk).get(TRY).status_code == 403
    assert browser(cast.bob).get(TRY).status_code == 302
