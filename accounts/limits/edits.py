"""Every edit of a rule is told: to the log, and by a signal in the same transaction, for an audit that keeps it."""

from __future__ import annotations

from typing import Any, Literal

import structlog
from django.dispatch import Signal

from accounts.models import RateRule, User

log = structlog.get_logger(__name__)

FIELDS = (
    "name", "scope", "route", "subject", "rate", "burst", "cost", "action", "dry_run", "enabled", "note"
)  # fmt: skip

rule_edited = Signal()
"""Sent with `by` (User), `what` (added, changed, deleted), `rule` (its name), `before` and `after` (dictionaries)."""

Values = dict[str, Any]


def values(rule: RateRule) -> Values:
    """Give the fields that an edit may change."""
    return {name: getattr(rule, name) for name in FIELDS}


def stored(rule: RateRule) -> Values:
    """Give the same as it is in the database; empty if it is new."""
    found = RateRule.objects.filter(pk=rule.pk).first()
    return values(found) if found else {}


def changes(before: Values, after: Values) -> list[str]:
    """Say in words what is different."""
    return [
        f"{name}: {before.get(name)!r} → {after[name]!r}" for name in after if before.get(name) != after[name]
    ]


def tell(by: User, what: Literal["added", "changed", "deleted"], before: Values, after: Values) -> None:
    """Tell of an edit. Call it in the transaction that makes it."""
    name = (after or before)["name"]
    log.warning("rate_rule_edited", by=by.get_username(), what=what, rule=name, before=before, after=after)
    rule_edited.send(sender=RateRule, by=by, what=what, rule=name, before=before, after=after)
