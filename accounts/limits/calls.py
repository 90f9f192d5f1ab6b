"""What is asked for, by whom, and which rules speak of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network

from accounts.limits import addresses
from accounts.limits.buckets import Bucket
from accounts.limits.rules import Kind, Rule, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, message or call of a language model. What is not known stays empty, and no rule speaks of it.

    `key` is the prefix of an API key, `project_name` is team/slug, `socket` names a connection.
    """

    kind: Kind = Kind.REQUEST
    method: str = ""
    path: str = ""
    address: str = ""
    user_id: int | None = None
    user_name: str = ""
    key: str = ""
    project_id: int | None = None
    project_name: str = ""
    socket: str = ""
    units: int = (
        1  # more: so many at once, paid in advance. Then a rule that never refuses counts like the others
    )


Asked = list[tuple[Rule, Bucket]]


def asked(rules: Iterable[Rule], call: Call, *, any_route: bool = False) -> Asked:
    """Give the rules that speak of this call, each with the bucket that it takes from.

    `any_route`: whatever its method and path, for who wants to know all limits of somebody.
    """
    found: Asked = []
    placed: set[tuple[Scope, str]] = set()
    for rule in rules:
        owner = _owner(rule.scope, call)
        if not owner or not (any_route or rule.speaks_of(call.method, call.path)):
            continue
        if rule.subject:
            if not _is_for(rule, call):
                continue
            placed.add((rule.scope, rule.route))
        bucket = Bucket(
            key=f"{rule.pk}:{owner}",
            rule=rule.name,
            interval=rule.interval,
            burst=rule.burst,
            cost=rule.cost * call.units,
            soft=rule.is_soft and call.units == 1,
        )
        found.append((rule, bucket))
    if placed:
        found = [one for one in found if one[0].subject or (one[0].scope, one[0].route) not in placed]
    return found


def _owner(scope: Scope, call: Call) -> str:
    """Name whose bucket it is; empty if the call has no such owner."""
    match scope:
        case Scope.GLOBAL | Scope.ROUTE:
            return "all"
        case Scope.IP:
            return addresses.owner(call.address) if call.address else ""
        case Scope.USER | Scope.SOCKET_USER:
            return "" if call.user_id is None else f"user-{call.user_id}"
        case Scope.KEY:
            return f"key-{call.key}" if call.key else ""
        case Scope.PROJECT | Scope.LLM:
            return "" if call.project_id is None else f"project-{call.project_id}"
        case Scope.SOCKET:
            return call.socket


def _is_for(rule: Rule, call: Call) -> bool:
    match rule.scope:
        case Scope.IP:
            return _is_inside(call.address, rule.subject)
        case Scope.USER | Scope.SOCKET_USER | Scope.SOCKET:
            return rule.subject == call.user_name
        case Scope.KEY:
            return rule.subject == call.key
        case Scope.PROJECT | Scope.LLM:
            return rule.subject == call.project_name
        case _:
            return True


def _is_inside(address: str, network: str) -> bool:
    return ip_address(address) in _network(network)


_network = cache(ip_network)
