"""What a webhook was sent, as its log shows it: plain values, in few queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from agents.reporting.visible import visible
from monitoring import webhooks
from monitoring.models import DeliveryState, HookEvent, WebHook, WebHookDelivery

PER_PAGE = 20
STATES = tuple(state.value for state in DeliveryState)
EVENTS = tuple(event.value for event in HookEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A delivery in the log. `status` is that of the last answer; None: there was none yet."""

    row: WebHookDelivery
    status: int | None
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """A page of the log, newest first, and what it is filtered by."""

    rows: list[DeliveryRow]
    state: str
    event: str
    older: str  # the query of the next page; empty: this is the last
    is_first: bool
    states: tuple[str, ...] = STATES
    events: tuple[str, ...] = EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One try. `at` is an ISO moment, or None where its sender ended before it wrote that down."""

    number: int
    at: str | None
    status: int | None
    milliseconds: int
    response: str
    error: str


def listing(hook: WebHook, query: Mapping[str, str]) -> Deliveries:
    """Read a page of what a webhook was sent, by `state`, `event` and `before` (an id); the unknown is left out."""
    found = webhooks.deliveries_of(hook).order_by("-pk")
    known = {"state": STATES, "event": EVENTS}
    chosen = {name: query[name] for name, values in known.items() if query.get(name) in values}
    found = found.filter(**chosen)
    before = _before(hook, query.get("before", ""))
    if before is not None:
        found = found.filter(pk__lt=before)
    page = list(found[: PER_PAGE + 1])
    shown = page[:PER_PAGE]
    older = urlencode({**chosen, "before": str(shown[-1].public_id)}) if len(page) > PER_PAGE else ""
    return Deliveries(
        rows=[row_of(row) for row in shown],
        state=chosen.get("state", ""),
        event=chosen.get("event", ""),
        older=older,
        is_first=before is None,
    )


def row_of(row: WebHookDelivery) -> DeliveryRow:
    """Show one in the log."""
    last: Mapping[str, Any] = row.log[-1] if row.log else {}
    return DeliveryRow(row=row, status=last.get("status"), fault=visible(str(last.get("error") or "")))


def attempts_of(row: WebHookDelivery) -> list[AttemptRow]:
    """Show each attempt of a delivery."""
    return [
        AttemptRow(
            number=entry.get("number", place),
            at=entry.get("at"),
            status=entry.get("status"),
            milliseconds=int(entry.get("duration_ms") or 0),
            response=visible(str(entry.get("response") or "")),
            error=visible(str(entry.get("error") or "")),
        )
        for place, entry in enumerate(row.log, start=1)
    ]


def body_of(row: WebHookDelivery) -> str:
    """Write what is sent for people to read."""
    return visible(json.dumps(row.payload, indent=2, ensure_ascii=False))


def _before(hook: WebHook, text: str) -> int | None:
    try:
        public_id = UUID(text)
    except ValueError:
        return None
    return WebHookDelivery.objects.filter(hook=hook, public_id=public_id).values_list("pk", flat=True).first()
