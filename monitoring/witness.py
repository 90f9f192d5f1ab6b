"""The engine's events as deliveries: written in the transaction that writes the event, or not at all.

A project without webhooks costs one question by an index, and only in transactions with one of these kinds: a run's
first, the one in which it starts, its last, and those of questions. Hooks that somebody is deleting are passed by
rather than waited for. Invariants: exactly one delivery per (hook, event); the engine waits for nobody here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from monitoring import payloads
from monitoring.models import WISHES, WebHookDelivery
from tasks.database import Prepared, execute
from tasks.models import Run
from tasks.witnesses import Told

KINDS = frozenset(WISHES)

# KEY SHARE keeps a hook from being deleted before the commit, and is in nobody else's way.
_HOOKS = Prepared(
    name="wrench_webhooks",
    types={"projects": "bigint[]"},
    text="""
SELECT project_id, id, events, clock_timestamp() FROM monitoring_webhook
WHERE project_id = ANY (%(projects)s) AND active
FOR KEY SHARE SKIP LOCKED
""",
)


def witness(told: Sequence[Told]) -> None:
    """Make due what the hooks of these runs' projects want to hear."""
    with connection.cursor() as cursor:
        execute(cursor, {"projects": sorted({one.project_id for one in told})}, _HOOKS)
        hooks: list[tuple[int, int, list[str], datetime]] = cursor.fetchall()
    if not hooks:
        return
    wanted = [
        (one, hook, at)
        for one in told
        for project, hook, wishes, at in hooks
        if project == one.project_id and one.kind in wishes
    ]
    runs = Run.every.select_related("project__team", "owner").in_bulk({one.run_pk for one, _, _ in wanted})
    WebHookDelivery.objects.bulk_create(
        WebHookDelivery(
            hook_id=hook,
            event=one.kind,
            run_id=one.run_pk,
            seq=one.seq,
            payload=payloads.of_event(one, runs[one.run_pk], at),
            next_at=at,
            created_at=at,
        )
        for one, hook, at in wanted
    )
