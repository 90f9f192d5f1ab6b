"""Which findings of which projects: the one place where REST, pages and counts narrow them down.

    found = narrow(TrackedFinding.objects.with_status(), Wanted(severities=("high",), path="shop/"))

Owns: what each filter means. Refuses to know HTTP, and who may see what: the caller gives rows that may be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.lookups import Contains

from agents import tracking
from agents.findings import Severity, Status
from agents.models import Finding, TrackedFindings
from tasks.models import Run

MAX_GLOB = 300
MAX_WILDCARDS = 20
COUNTING = (Status.OPEN, Status.ACCEPTED, Status.REOPENED)
_WORDS = ("title", "message", "rule", "path")
_WILD = re.compile(r"\*\*|\*|\?")
_AS_REGEX = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody looks for. An empty part keeps all; of several values in one part, any one is enough.

    path: the beginning of a path, or with * ? ** a pattern of a whole one. text: in title, message, rule or path.
    new: whether no earlier run has seen it (with a run: whether that one saw it first).
    """

    severities: tuple[Severity, ...] = ()
    min_severity: Severity | None = None
    agents: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    owners: tuple[str, ...] = ()
    new: bool | None = None
    path: str = ""
    text: str = ""

    @property
    def ground(self) -> Wanted:
        """The same without what facets count: only text, path and the least severity."""
        return replace(self, severities=(), agents=(), rules=(), statuses=(), owners=(), new=None)


class _Has(Contains):
    """Tell whether a text is part of another, in whatever case.

    Django's `icontains` compares UPPER of both, of which PostgreSQL knows no frequencies: it reads all claims for a
    word that the worst fifty have. Of ILIKE it knows how many will match, and takes them in order.
    """

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        return f"ILIKE {rhs}"


def narrow(found: TrackedFindings, wanted: Wanted, *, run: Run | None = None) -> TrackedFindings:
    """Keep what is wanted. With `run`, what it found; the project must be among `found` already."""
    if run is not None:
        there = Finding.objects.filter(run=run, fingerprint=OuterRef("fingerprint"))
        found = found.filter(Exists(there), project=run.project_id)
    if wanted.statuses:
        found = found.in_status(*wanted.statuses)
    if wanted.new is not None:
        is_new = Q(first_run=F("last_run") if run is None else run.public_id)
        found = found.filter(is_new if wanted.new else ~is_new)
    if wanted.severities:
        found = found.filter(severity__in=[one.value for one in wanted.severities])
    if wanted.agents:
        found = found.filter(agent__in=wanted.agents)
    if wanted.rules:
        found = found.filter(rule__in=wanted.rules)
    if wanted.min_severity is not None:
        found = found.filter(severity_rank__gte=tracking.rank_of(wanted.min_severity))
    if wanted.path:
        found = found.filter(_path(wanted.path))
    if wanted.owners:
        found = found.filter(_any(map(_owned, wanted.owners)))
    if wanted.text:
        found = found.filter(_any(Q(_Has(F(field), wanted.text)) for field in _WORDS))
    return found


def has_pattern(path: str) -> bool:
    """Tell whether a path is a pattern of a whole one, not a beginning."""
    return _WILD.search(path) is not None


def fault_of_path(path: str) -> str:
    """Say why a path cannot be looked for; "" if it can."""
    if len(path) > MAX_GLOB:
        return f"a pattern has at most {MAX_GLOB} characters"
    if len(_WILD.findall(path)) > MAX_WILDCARDS:
        return f"a pattern has at most {MAX_WILDCARDS} wildcards"
    return ""


def _any(conditions: Iterable[Q]) -> Q:
    told = Q()
    for one in conditions:
        told |= one
    return told


def _owned(one: str) -> Q:
    return (
        Q(owner=one)
        | Q(owner__startswith=f"{one} ")
        | Q(owner__endswith=f" {one}")
        | Q(owner__contains=f" {one} ")
    )


def _path(given: str) -> Q:
    """Give the condition for a path's beginning, or for a pattern of a whole path."""
    if not has_pattern(given):
        return Q(path__startswith=given)
    parts = re.split(r"(\*\*|\*|\?)", given)
    return Q(path__regex="^" + "".join(_AS_REGEX.get(part) or _literally(part) for part in parts) + "$")


def _literally(text: str) -> str:
    """Write a text so that PostgreSQL's regular expressions take it for itself."""
    return "".join(char if char.isalnum() else f"\\{char}" for char in text)
