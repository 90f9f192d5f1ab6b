"""What somebody saw of a list before they judge all of it: the filter, how many matched, and the moment.

    sight = take(projects, wanted, run=None)     before the list is shown
    token = sealed(sight)                        goes with the form
    opened(token)                                raises SightLost
    matching(sight)                              the findings that match and are as they were then

A finding that came, was found again, judged or fixed in between is another row version: PostgreSQL names with each
version the transaction that wrote it (`xmin`), and with each snapshot the oldest one that was still under way. What
an older one wrote was there to be seen. So nothing is judged unseen, whatever was changed and by whom; at worst
something is left that was seen, while a writer was under way. A dismissal that ended in between changes no row, so
the clock is asked beside. ADR-0051.

Owns: the sealed form, and what "as it was then" means. Refuses to know who may judge.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from agents.finding_lists import Wanted, narrow
from agents.findings import Severity, Status
from agents.models import TrackedFinding, TrackedFindings
from tasks.models import Run

KEPT_SECONDS = 24 * 3600  # so long a form may lie open
MOST = 100_000  # findings that are judged at once
_SALT = "agents.sights"

# Numbers of transactions are compared as ages, in a circle of 2^32. What is younger than the sight, or seems to come
# from the future (another's writing that this statement waited for), was not seen.
_NOW = "(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"  # once per statement, not per row
_AS_SEEN = (
    f'(({_NOW} - "agents_trackedfinding".xmin::text::bigint) & 4294967295)'
    f" BETWEEN {_NOW} - %s + 1 AND 4294967295 - 16777216"
)


class SightLost(ValueError):
    """What was seen cannot be told any more: the token is too old, or none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen. `horizon`: transactions before this one had ended. `ticket`: tells this look from others."""

    projects: tuple[int, ...]
    wanted: Wanted
    run: UUID | None
    count: int
    horizon: int
    at: datetime
    ticket: str

    @property
    def is_too_much(self) -> bool:
        return self.count > MOST


def take(projects: Iterable[int], wanted: Wanted, *, run: Run | None = None) -> Sight:
    """Look at the findings of these projects that are wanted, and remember how they are. What comes while this looks
    is counted, and left when it is judged.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, statement_timestamp()")
        horizon, at = cursor.fetchone()
    keys = tuple(sorted(projects))
    found = narrow(TrackedFinding.objects.with_status().filter(project__in=keys), wanted, run=run)
    return Sight(
        projects=keys,
        wanted=wanted,
        run=run.public_id if run else None,
        count=found.count(),
        horizon=int(horizon),
        at=at,
        ticket=secrets.token_hex(16),
    )


def matching(sight: Sight) -> TrackedFindings:
    """Give what matches now as it did then, of the projects of the sight."""
    run = Run.objects.filter(public_id=sight.run).first() if sight.run else None
    rows = TrackedFinding.objects.with_status().filter(project__in=sight.projects)
    if sight.run and run is None:
        return rows.none()
    ended_since = Q(status=Status.DISMISSED.value, until__gt=sight.at, until__lte=Now())
    as_seen = RawSQL(_AS_SEEN, [sight.horizon], output_field=BooleanField())  # noqa: S611 - a text of ours
    return narrow(rows, sight.wanted, run=run).filter(as_seen).exclude(ended_since)


def sealed(sight: Sight) -> str:
    """Write a sight so that a form can bring it back, and nobody can make one up."""
    return signing.dumps(told(sight), salt=_SALT, compress=True)


def opened(token: str) -> Sight:
    """Read what `sealed` wrote. Raises SightLost."""
    try:
        return read(signing.loads(token, salt=_SALT, max_age=KEPT_SECONDS))
    except signing.BadSignature as error:
        raise SightLost("what was seen is not known any more: look again") from error


def told(sight: Sight) -> dict[str, Any]:
    """Write a sight as plain JSON."""
    return {
        **asdict(sight),
        "projects": list(sight.projects),
        "wanted": {
            name: [str(one) for one in value] if isinstance(value, tuple) else value
            for name, value in asdict(sight.wanted).items()
            if value not in ((), None, "")
        },
        "run": str(sight.run) if sight.run else None,
        "at": sight.at.isoformat(),
    }


def read(given: Mapping[str, Any]) -> Sight:
    """Read what `told` wrote."""
    return Sight(
        projects=tuple(given["projects"]),
        wanted=wanted_of(given["wanted"]),
        run=UUID(given["run"]) if given["run"] else None,
        count=given["count"],
        horizon=given["horizon"],
        at=datetime.fromisoformat(given["at"]),
        ticket=given["ticket"],
    )


def wanted_of(given: Mapping[str, Any]) -> Wanted:
    """Read a filter as `told` writes it."""
    known: dict[str, Any] = {one.name: given[one.name] for one in fields(Wanted) if one.name in given}
    for name, of in (
        ("severities", Severity),
        ("statuses", Status),
        ("agents", str),
        ("rules", str),
        ("owners", str),
    ):
        if name in known:
            known[name] = tuple(map(of, known[name]))
    if known.get("min_severity"):
        known["min_severity"] = Severity(known["min_severity"])
    return Wanted(**known)
