"""Which limits hold for somebody, whatever they ask for, and how much of each is left. Charges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accounts.limits import shared
from accounts.limits.book import book
from accounts.limits.buckets import Level
from accounts.limits.calls import Asked, Call, asked
from accounts.limits.engine import Applied
from accounts.limits.rules import Kind, Scope


def standing(call: Call, keys: Sequence[str] = ()) -> list[Applied]:
    """Tell every limit of whoever makes `call`, and those of their API keys by prefix. Raises RedisAway."""
    found = _found(call, keys)
    if not found:
        return []
    decision = shared.decide([bucket for _rule, bucket in found], charge=False)
    return _applied(found, decision.levels)


def unmeasured(call: Call, keys: Sequence[str] = ()) -> list[Applied]:
    """Tell the same limits without asking how much is left: each as if it were full."""
    found = _found(call, keys)
    return _applied(found, [Level(wait=0, used=0) for _one in found])


def _found(call: Call, keys: Sequence[str]) -> Asked:
    rules = [rule for kind in Kind for rule in book.rules(kind)]
    own = [rule for rule in rules if rule.scope is Scope.KEY]
    found = asked(rules, call, any_route=True)
    for key in keys:
        found += asked(own, Call(key=key), any_route=True)
    return found


def _applied(found: Asked, levels: Iterable[Level]) -> list[Applied]:
    return [
        Applied(rule=rule, bucket=bucket, level=level)
        for (rule, bucket), level in zip(found, levels, strict=True)
    ]
