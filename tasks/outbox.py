"""The outbox: promises to ring bells, and the ringing.

A ready step is announced by a row written in the transaction that made it ready. After the commit the same
process rings at once and deletes the row; if it dies in between, or Redis is away, the relay does it. A bell says
"look into this queue" and nothing else, so ringing twice is harmless and a lost bell is rung again by the sweep.

    transaction:  step becomes ready + outbox row          (both or none)
    after commit: ring -> delete row                       (dies in between: relay rings again)
    relay:        rows older than RELAY_AFTER -> ring -> delete
    sweep:        ready steps whose bells got lost -> ring, at most max(0, min(ready, 2 x slots) - bells waiting)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from django.db import Error, connection, transaction
from django.db.models import Count
from django.db.models.functions import Now

from tasks import broker, loads
from tasks.database import Prepared, execute, is_away
from tasks.errors import BrokerUnreachable
from tasks.failpoints import failpoint
from tasks.models import Queue, Step
from tasks.states import StepState

log = structlog.get_logger(__name__)

RELAY_AFTER_SECONDS = 0.5  # younger rows are being rung by the process that wrote them
RELAY_BATCH = 500
BROKER_PAUSE_SECONDS = 3.0  # after a failure the relay alone tries; nobody else waits for a dead Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """Ring the queue; `priority` orders bells in Redis, as a hint."""

    queue: str
    priority: int


_PUT = Prepared(
    name="wrench_promise",
    types={"queues": "text[]", "priorities": "smallint[]"},
    text="""
INSERT INTO tasks_outboxmessage (queue, priority, created_at)
SELECT b.queue, b.priority, clock_timestamp() FROM unnest(%(queues)s, %(priorities)s) AS b (queue, priority)
RETURNING id
""",
)
_FORGET = "DELETE FROM tasks_outboxmessage WHERE id = ANY (%s)"


def put(bells: Iterable[Bell]) -> None:
    """Promise to ring, in the caller's transaction, and ring after its commit."""
    promised = list(bells)
    if not promised:
        return
    values = {
        "queues": [bell.queue for bell in promised],
        "priorities": [bell.priority for bell in promised],
    }
    with connection.cursor() as cursor:
        execute(cursor, values, _PUT)
        stored = [row[0] for row in cursor.fetchall()]
    # robust: what is committed is accepted; whatever goes wrong from here on is the relay's, not the caller's
    transaction.on_commit(lambda: _ring_now(promised, stored), robust=True)


def relay(*, older_than_seconds: float = RELAY_AFTER_SECONDS) -> int:
    """Ring for the rows that nobody has rung for. Returns how many. Raises BrokerUnreachable; rows stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, queue, priority FROM tasks_outboxmessage"
            " WHERE created_at < now() - make_interval(secs => %s) ORDER BY id LIMIT %s",
            [older_than_seconds, RELAY_BATCH],
        )
        rows = cursor.fetchall()
    if not rows:
        return 0
    ring([Bell(queue=queue, priority=priority) for _, queue, priority in rows])
    failpoint("after_publish_before_delete")
    _delete([row[0] for row in rows])
    return len(rows)


def ring(bells: Sequence[Bell]) -> None:
    """Put bells into Redis, in one round trip. Raises BrokerUnreachable; then ring them all again."""
    broker.publish([(bell.queue, bell.priority) for bell in bells])


def ring_again() -> int:
    """Ring for ready steps whose bells seem lost. Returns how many. Raises BrokerUnreachable.

    Per queue at most max(0, min(ready, 2 x slots) - bells that wait), so neither a storm nor a silence builds up.
    """
    rung = 0
    slots = loads.slots_by_queue()
    open_queues = Queue.objects.filter(enabled=True, paused_at=None).values("name")
    ready = (
        Step.objects.filter(
            state=StepState.READY.value, held=False, available_at__lte=Now(), queue__in=open_queues
        )
        .order_by()
        .values_list("queue")
        .annotate(n=Count("id"))
    )
    for queue, count in ready:
        wanted = min(count, 2 * slots.get(queue, 0)) - waiting_bells(queue)
        if wanted > 0:
            ring([Bell(queue=queue, priority=5)] * wanted)
            rung += wanted
    return rung


def keep_ringing(queue: str, *, since: float) -> None:
    """Ring once if steps are ready but no bell waits: so a queue whose bells were wiped goes on at full speed.

    Called by a worker child at the end of a bell's work; needless if it has itself rung `since` that began. The sweep
    alone would bring back 2 x slots steps a round.
    """
    if _is_quiet() or _rung_at.get(queue, 0.0) > since:
        return
    try:
        if waiting_bells(queue) == 0 and _has_ready(queue):
            ring([Bell(queue=queue, priority=5)])
    except BrokerUnreachable as error:
        _be_quiet()
        log.warning("bell_left_to_sweep", queue=queue, reason=str(error))


def take_back(queue: str, priorities: Sequence[int]) -> list[str]:
    """Take as many bells of the queue, of these priorities, out of Redis. Returns the ids of those that were there.

    For who does the steps that they were rung for, and looks for more afterwards: bells know no steps.
    """
    if _is_quiet():
        return []
    _rung_at.pop(queue, None)  # the bell that this process rang may be among them: see `keep_ringing`
    try:
        return broker.take(queue, priorities)
    except BrokerUnreachable as error:
        _be_quiet()
        log.warning("bells_not_taken", queue=queue, reason=str(error))
        return []


def waiting_bells(queue: str) -> int:
    """Count the bells that wait in Redis for a queue. Raises BrokerUnreachable."""
    return broker.waiting(queue)


def _ring_now(bells: Sequence[Bell], stored: Sequence[int]) -> None:
    failpoint("after_commit_before_publish")
    if _is_quiet():
        return
    try:
        ring(bells)
    except BrokerUnreachable as error:
        _be_quiet()
        log.warning("bells_kept", count=len(bells), reason=str(error))
        return
    _rung_at.update(dict.fromkeys((bell.queue for bell in bells), time.monotonic()))
    failpoint("after_publish_before_delete")
    try:
        _delete(stored)
    except Error as error:
        if not is_away(error):
            raise
        log.warning(
            "promises_not_forgotten", count=len(stored), reason=str(error).strip()
        )  # the relay rings again


def _is_quiet() -> bool:
    return time.monotonic() < _quiet_until


def _be_quiet() -> None:
    global _quiet_until
    _quiet_until = max(_quiet_until, time.monotonic() + BROKER_PAUSE_SECONDS)


def _delete(ids: Sequence[int]) -> None:
    """Forget promises that were kept. No need to wait for the disk: if this is lost, they are kept twice."""
    relaxed = "" if connection.in_atomic_block else "SET LOCAL synchronous_commit = off; "
    with connection.cursor() as cursor:
        cursor.execute(relaxed + _FORGET, [list(ids)])


def _has_ready(queue: str) -> bool:
    return Step.objects.filter(
        queue=queue, state=StepState.READY.value, held=False, available_at__lte=Now()
    ).exists()


_quiet_until = 0.0
_rung_at: dict[str, float] = {}  # queue -> when this process last rang it for a promise of its own
