"""Which rules speak of a call, whose bucket it is, and where a client's address is taken from."""

from __future__ import annotations

import time
from ipaddress import ip_network

import pytest
from django.db import IntegrityError, transaction

from accounts.limits import engine, shared
from accounts.limits.addresses import client_address, owner
from accounts.limits.book import book
from accounts.limits.calls import Call, asked
from accounts.limits.engine import Fallback
from accounts.limits.rules import Kind, Rule, Scope, read_route
from accounts.models import RateRule
from tests.accounts.limits.conftest import add_rule
from tests.api.cast import Cast

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),  # a stranger says so
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the client wrote the first
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),  # a proxy asks by itself
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("fd00::1", "198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", "0.0.0.0"),
    ],
)
def test_address_is_what_trusted_proxies_saw(peer: str, forwarded: str, found: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == found


def test_without_trusted_proxies_nothing_is_believed() -> None:
    assert client_address("127.0.0.1", "198.51.100.1", []) == "127.0.0.1"


def test_addresses_of_one_subscriber_share_a_bucket() -> None:
    assert owner("2001:db8:1:2:3::4") == owner("2001:db8:1:2::9") == "2001:db8:1:2::"
    assert owner("2001:db8:1:3::4") != owner("2001:db8:1:2::4")
    assert owner("::ffff:192.0.2.1") == owner("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("route", "method", "path", "speaks"),
    [
        ("", "GET", "/x", True),
        ("POST /api/v1/runs", "POST", "/api/v1/runs", True),
        ("POST /api/v1/runs", "GET", "/api/v1/runs", False),
        ("POST /api/v1/runs", "POST", "/api/v1/runs/", False),
        ("/api/v1/runs/*/cancel", "POST", "/api/v1/runs/7/cancel", True),
        ("/api/v1/runs/*/cancel", "POST", "/api/v1/runs/7/8/cancel", False),
        ("GET|HEAD /api/**", "HEAD", "/api/v1/x", True),
        ("DELETE", "DELETE", "/anything", True),
        ("/a.b", "GET", "/aXb", False),
    ],
)
def test_route_names_requests(route: str, method: str, path: str, speaks: bool) -> None:
    methods, pattern = read_route(route) if route else (frozenset(), None)
    assert ((not methods or method in methods) and (pattern is None or bool(pattern.match(path)))) is speaks


@pytest.mark.parametrize("route", ["/**/*a/*b", "/**a/b*c/*", "/*a/*a/*a/**b"])
@pytest.mark.parametrize("path", ["/" + "a" * 60_000, "/a" * 30_000, "/" * 60_000, "/ab" * 20_000])
def test_long_path_costs_little(route: str, path: str) -> None:
    _, pattern = read_route(route)
    assert pattern is not None
    began = time.process_time()
    pattern.match(path)
    assert time.process_time() - began < 0.2


def names(**call: object) -> list[str]:
    given = Call(**call)
    return [rule.name for rule, _ in asked(book.rules(given.kind), given)]


def test_each_rule_speaks_of_what_it_is_for(no_rules: None, cast: Cast) -> None:
    for scope in Scope:
        add_rule(
            f"on-{scope.value.replace('_', '-')}", scope, "1/s", 5, route="/x" if scope is Scope.ROUTE else ""
        )
    add_rule("office", "ip", "1/s", 50, subject="10.0.0.0/8")
    assert names() == ["on-global"]
    assert names(path="/x", address="192.0.2.1") == ["on-global", "on-ip", "on-route"]
    assert names(address="10.3.2.1", user_id=1) == ["on-global", "office", "on-user"]
    assert names(key="wr_1", project_id=1) == ["on-global", "on-key", "on-project"]
    assert names(kind=Kind.MESSAGE, socket="s", user_id=1) == ["on-socket", "on-socket-user"]
    assert names(kind=Kind.LLM, project_id=1, user_id=1) == ["on-llm"]


def test_llm_calls_of_a_project_are_counted_together(no_rules: None, cast: Cast) -> None:
    add_rule("model", "llm", "1/d", 2)
    add_rule("more", "llm", "1/d", 3, subject="alice/shop")
    shop = Call(kind=Kind.LLM, project_id=cast.project.pk, project_name="alice/shop")
    other = Call(kind=Kind.LLM, project_id=cast.other.pk, project_name="charlie/other")
    for call, most in ((shop, 3), (other, 2)):
        assert [engine.take(call, fallback=Fallback.SMALL).allowed for _ in range(4)] == [
            n < most for n in range(4)
        ]


def test_limiting_rule_is_the_one_that_waits_longest(no_rules: None) -> None:
    add_rule("minute", "global", "1/m", 1)
    add_rule("day", "global", "1/d", 1)
    verdicts = [engine.take(Call(), fallback=Fallback.OPEN) for _ in range(2)]
    assert verdicts[0].limiting is None
    assert verdicts[1].limiting is not None
    assert verdicts[1].limiting.rule.name == "day"
    assert 86_390 < verdicts[1].retry_after <= 86_400
    assert verdicts[1].decided_by == "redis"


def test_cost_is_charged(no_rules: None) -> None:
    add_rule("dear", "global", "1/d", 10, cost=4)
    assert [engine.take(Call(), fallback=Fallback.OPEN).allowed for _ in range(3)] == [True, True, False]


def test_edited_rate_counts_in_the_same_bucket(no_rules: None) -> None:
    rule = add_rule("all", "global", "1/h", 1)
    assert engine.take(Call(), fallback=Fallback.OPEN).allowed
    rule.rate, rule.burst = "10/s", 10
    rule.save()
    book.forget()
    refused = engine.take(Call(), fallback=Fallback.OPEN)
    assert (refused.allowed, refused.retry_after) == (False, 0.1)  # as an empty bucket, not an hour
    began = time.monotonic()
    while not engine.take(Call(), fallback=Fallback.OPEN).allowed:
        assert time.monotonic() - began < 2


def test_database_refuses_what_the_engine_could_not_read(db: None) -> None:
    for wrong in ({"rate": "fast"}, {"scope": "moon"}, {"cost": 11}, {"action": "kill"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            RateRule.objects.create(**{"name": "w", "scope": "user", "rate": "1/s", "burst": 10, **wrong})


def test_counts_of_a_week_are_one_sum(no_rules: None) -> None:
    add_rule("all", "global", "1/d", 1)
    for _ in range(3):
        engine.take(Call(), fallback=Fallback.OPEN)
    assert shared.counts(7) == {"all:refused": 2}


def test_default_rules_pass_every_check(db: None) -> None:
    from importlib import import_module

    migration = import_module("accounts.migrations.0006_rate_rules")
    for name, scope, route, rate, burst, _ in migration.RULES:
        Rule(
            pk=1, name=name, scope=Scope(scope), route=route, subject="", rate=rate, burst=burst, cost=1,
            action=RateRule().action, dry_run=False,
        ).check()  # fmt: skip
