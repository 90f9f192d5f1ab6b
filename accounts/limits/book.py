"""The rules in memory: read again when they are a second old, by whoever comes first. No query per request.

All rows are read, rather than a version number: they are few, and so a rule that was changed by SQL is noticed, too.
While PostgreSQL does not answer, the rules last read stay in force.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import structlog
from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError

from accounts.limits.rules import Kind, Rule
from accounts.models import RateRule

log = structlog.get_logger(__name__)

READ_SECONDS = 1.0

Rules = Mapping[Kind, Sequence[Rule]]


class Book:
    """The rules by what they count. Safe for threads: one reads, the others go on with what there is."""

    def __init__(self, read_seconds: float = READ_SECONDS) -> None:
        self._read_seconds = read_seconds
        self._rules: Rules | None = None
        self._read_at = 0.0
        self._lock = threading.Lock()

    def rules(self, kind: Kind) -> Sequence[Rule]:
        """Give the rules in force."""
        is_old = time.monotonic() - self._read_at > self._read_seconds
        if self._rules is None:
            with self._lock:  # the first ones wait: without rules nothing may pass
                if self._rules is None:
                    self._read()
        elif is_old and self._lock.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._lock.release()
        return self._rules[kind] if self._rules is not None else ()

    def forget(self) -> None:
        """Read anew at the next call."""
        self._rules = None

    def _read(self) -> None:
        try:
            rows = list(RateRule.objects.filter(enabled=True))
        except (DatabaseError, InterfaceError) as error:
            log.warning("rate_rules_not_read", reason=str(error))
        else:
            self._rules = _by_kind(rows)
        self._read_at = time.monotonic()


book = Book()


def _by_kind(rows: Sequence[RateRule]) -> Rules:
    found: dict[Kind, list[Rule]] = {kind: [] for kind in Kind}
    for row in rows:
        rule = row.as_rule()
        try:
            rule.check()
        except ValidationError as error:  # written by SQL, past the checks of the admin
            log.error("rate_rule_unusable", rule=row.name, reason="; ".join(error.messages))
            continue
        found[rule.kind].append(rule)
    return found
