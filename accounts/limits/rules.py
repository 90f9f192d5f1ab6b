"""One rule as the engine reads it, and what may stand in its fields.

    rate     600/m, 5/s, 100/10m        units per time; s, m, h, d, with a number in front if it is more than one
    route    POST /api/v1/runs          methods (with | between several) and a path, each may be missing;
             /api/v1/runs/*/cancel      * stands for anything within a segment of the path, ** for anything
             GET|HEAD /api/**           the method WS is the opening of a WebSocket
    subject  bob, 10.0.0.0/8, core/shop whom alone the rule is for; such a rule takes the place of those for everybody
                                        with the same scope and route

Knows no database: the row is `accounts.models.RateRule`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from ipaddress import ip_network

from django.core.exceptions import ValidationError
from django.db import models

from accounts.limits.buckets import MICRO

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MOST_PER_SECOND = 10_000
MOST_DAYS = 31  # an empty bucket is full again within so long
RATE = r"^[1-9][0-9]{0,6}/([1-9][0-9]{0,3})?[smhd]$"
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "WS"})
_RATE = re.compile(r"([1-9][0-9]{0,6})/([1-9][0-9]{0,3})?([smhd])\Z")
_PATH = re.compile(r"/[A-Za-z0-9_.~/*-]*\Z")
_STARS = re.compile(r"\*+")


class Kind(Enum):
    """What a rule counts."""

    REQUEST = "request"
    MESSAGE = "message"
    LLM = "LLM call"


class Scope(models.TextChoices):
    """Whose bucket it is."""

    GLOBAL = "global", "everybody together"
    IP = "ip", "each address"
    USER = "user", "each user"
    KEY = "key", "each API key"
    PROJECT = "project", "each project"
    ROUTE = "route", "the route, everybody together"
    SOCKET = "socket", "socket messages: each socket"
    SOCKET_USER = "socket_user", "socket messages: each user, over all sockets"
    LLM = "llm", "LLM calls: each project"


class Action(models.TextChoices):
    """What happens to a call that a rule does not admit."""

    REFUSE = "refuse", "refuse it"
    WARN = "warn", "let it through, and warn in the log"


KINDS = {Scope.SOCKET: Kind.MESSAGE, Scope.SOCKET_USER: Kind.MESSAGE, Scope.LLM: Kind.LLM}
"""What the scopes count; those that are missing count requests."""
FOR_ALL = frozenset({Scope.GLOBAL, Scope.ROUTE})
"""Scopes with a single bucket: there is no subject."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A row of RateRule, ready to use."""

    pk: int
    name: str
    scope: Scope
    route: str
    subject: str
    rate: str
    burst: int
    cost: int
    action: Action
    dry_run: bool

    @property
    def kind(self) -> Kind:
        """What it counts."""
        return KINDS.get(self.scope, Kind.REQUEST)

    @property
    def is_soft(self) -> bool:
        """Whether it never refuses."""
        return self.dry_run or self.action is Action.WARN

    @cached_property
    def interval(self) -> int:
        """Microseconds per unit."""
        return interval_of(self.rate)

    @cached_property
    def quota(self) -> tuple[int, int]:
        """Units, and seconds in which so many come back."""
        return read_rate(self.rate)

    def speaks_of(self, method: str, path: str) -> bool:
        """Tell whether a request is one of those of the route."""
        if not self.route:
            return True
        methods, pattern = self._matcher
        return (not methods or method in methods) and (pattern is None or pattern.match(path) is not None)

    def check(self) -> None:
        """Tell what the engine could not work with. Raises ValidationError."""
        if self.route:
            check_route(self.route)
        check_whole(
            scope=self.scope,
            route=self.route,
            subject=self.subject,
            rate=self.rate,
            burst=self.burst,
            cost=self.cost,
        )

    @cached_property
    def _matcher(self) -> tuple[frozenset[str], re.Pattern[str] | None]:
        return read_route(self.route)


def read_rate(text: str) -> tuple[int, int]:
    """Read units and seconds. Raises ValidationError."""
    found = _RATE.match(text)
    if found is None:
        raise ValidationError(
            f"{text!r} is no rate; write units per time, such as 600/m, 5/s or 100/10m (s, m, h or d)"
        )
    count, several, unit = found.groups()
    seconds = int(several or 1) * SECONDS[unit]
    if int(count) > MOST_PER_SECOND * seconds:
        raise ValidationError(f"{text!r} is more than {MOST_PER_SECOND} a second; nothing here is that fast")
    return int(count), seconds


def interval_of(text: str) -> int:
    """Give the microseconds per unit, rounded up: never more than the rate. Raises ValidationError."""
    count, seconds = read_rate(text)
    return -(-seconds * MICRO // count)


def read_route(text: str) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Read methods (none: all) and the path's pattern (None: all). Raises ValidationError."""
    words = text.split()
    path = words.pop() if words and words[-1].startswith("/") else ""
    if len(words) > 1 or not (words or path) or any("/" in word for word in words):
        raise ValidationError(f"{text!r} is no route; write POST /api/v1/runs, /api/v1/runs/* or GET|HEAD")
    methods = frozenset(words[0].split("|")) if words else frozenset()
    if unknown := sorted(methods - METHODS):
        raise ValidationError(
            f"{unknown[0]!r} is no method; it is one of {', '.join(sorted(METHODS))}, in capitals"
        )
    if path and not _PATH.match(path):
        raise ValidationError(
            f"{path!r} is no path; it has letters, digits, - _ . ~ / and * for anything, and no host or query"
        )
    if fault := _stars_fault(path):
        raise ValidationError(f"{path!r} {fault}")
    return methods, _compile(path) if path else None


def check_rate(text: str) -> None:
    """Validate a field. Raises ValidationError."""
    read_rate(text)


def check_route(text: str) -> None:
    """Validate a field. Raises ValidationError."""
    read_route(text)


def check_whole(*, scope: str, route: str, subject: str, rate: str, burst: int, cost: int) -> None:
    """Tell what does not fit together, by field; fields alone are sound. Raises ValidationError."""
    faults: dict[str, str] = {}
    known = Scope(scope)
    kind = KINDS.get(known, Kind.REQUEST)
    if known is Scope.ROUTE and not route:
        faults["route"] = "a rule for a route names the route, such as POST /api/v1/runs"
    if kind is not Kind.REQUEST and route:
        faults["route"] = f"a {kind.value} has no route; leave it empty"
    if known in FOR_ALL and subject:
        faults["subject"] = f"there is one bucket for {known.label}; leave the subject empty"
    if known is Scope.IP and subject and (fault := _network_fault(subject)):
        faults["subject"] = fault
    if cost > burst:
        faults["cost"] = f"a call that costs {cost} never fits into a burst of {burst}; raise the burst"
    days = interval_of(rate) * burst / MICRO / 86400
    if days > MOST_DAYS:
        faults["burst"] = (
            f"at {rate} an empty bucket of {burst} takes {days:,.0f} days to fill, at most {MOST_DAYS};"
            " lower the burst or raise the rate"
        )
    if faults:
        raise ValidationError(faults)


def _stars_fault(path: str) -> str:
    """Keep matching linear in the path's length, which the caller of a request chooses."""
    if "***" in path or path.count("**") > 1:
        return "has too many stars; ** may come once"
    if any(len(_STARS.findall(segment)) > 1 for segment in path.split("/")):
        return "has two stars in one segment; one is enough, or **"
    return ""


def _compile(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", path)
    stars = {"*": "[^/]*", "**": ".*"}
    return re.compile("".join(stars.get(part) or re.escape(part) for part in parts) + r"\Z")


def _network_fault(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        return f"{text!r} is no address or network; write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32"
    return ""
