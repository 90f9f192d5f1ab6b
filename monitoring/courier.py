"""The courier: takes due deliveries, has them sent by threads, records what came of it.

    waiting ──claim: another is nobody's for LEASE_SECONDS──> sent by a thread ──record(claim)──> delivered
       ^                                                                   ├── not taken, tries left: later again
       └────────────────────────────────────────────────────────────────┘    └── none left ──> failed

PostgreSQL is asked by one thread, the dispatcher's; the threads that send know no rows and hold no connection. A
claim skips what others have locked, and a record is written only while the claim stands: two couriers do no attempt
twice. A process that dies between sending and recording leaves a claim that runs out: the delivery is sent again,
under the same id, by which the receiver knows it. Of a hook at most PER_HOOK are under way, and hooks that failed
lately, and pings, which anybody may send again and again, get at most half of the threads: a slow receiver keeps
nobody waiting.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import envelope
from accounts.crypto import CryptoError
from monitoring import payloads, sending, webhooks
from monitoring.models import DeliveryState, HookEvent, WebHook, WebHookDelivery, WebHookSecret
from monitoring.sending import Answer
from monitoring.signatures import signature
from tasks.database import is_away
from tasks.failpoints import failpoint
from wrenchai_project.hosts import Resolver, system_resolver

log = structlog.get_logger(__name__)

LEASE_SECONDS = 60  # an attempt has 10, the system's resolver some more
DELAYS = (
    5,
    30,
    120,
    600,
    3_600,
    3 * 3_600,
    8 * 3_600,
    24 * 3_600,
    24 * 3_600,
)  # s; about two and a half days
LONGEST_DELAY = 24 * 3_600
PER_HOOK = 2
FAILING_FOR = timedelta(days=3)  # then a hook is switched off
GONE = 410
IDLE_SECONDS = 5.0  # the dispatcher's thread ends after so long without work
POLL_SECONDS = 0.2
USER_AGENT = "WrenchAI-Hook/1"

# MATERIALIZED: chosen once, and not again for each row that a plan may compare it with. The statement's time, because
# an index cannot be searched by a clock that moves on.
_CLAIM = """
WITH chosen AS MATERIALIZED (
    SELECT due.id, due.claim IS NOT NULL AS is_lost FROM monitoring_webhook w
    CROSS JOIN LATERAL (
        SELECT e.id, e.next_at, e.claim FROM monitoring_webhookdelivery e
        WHERE e.hook_id = w.id AND e.state = 'waiting' AND e.next_at <= statement_timestamp()
            AND (w.failures > 0 OR e.event = 'ping') = %(failing)s
        ORDER BY e.next_at, e.id
        LIMIT greatest(0, %(per_hook)s - (
            SELECT count(*) FROM monitoring_webhookdelivery u
            WHERE u.hook_id = w.id AND u.claim IS NOT NULL AND u.next_at > statement_timestamp()
        ))
        FOR UPDATE SKIP LOCKED
    ) due
    ORDER BY due.next_at LIMIT %(most)s
)
UPDATE monitoring_webhookdelivery d
SET claim = %(claim)s, attempts = d.attempts + 1, next_at = statement_timestamp() + %(lease)s * interval '1 second'
FROM chosen WHERE d.id = chosen.id
RETURNING d.id, chosen.is_lost
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A claimed delivery, with all that sending it needs."""

    pk: int
    hook: int
    claim: UUID
    number: int  # of the attempt
    begun: datetime
    url: str
    body: bytes
    headers: dict[str, str]
    fault: str = ""  # why it cannot be sent


class Courier:
    """Takes, sends and records in rounds. For one thread, which asks PostgreSQL; sending has threads of its own."""

    def __init__(self, *, resolve: Resolver = system_resolver) -> None:
        self._resolve = resolve
        self._back: queue.SimpleQueue[tuple[Parcel, Answer]] = queue.SimpleQueue()
        self._unrecorded: list[tuple[Parcel, Answer]] = []
        self.under_way = 0

    def round(self, *, wait_seconds: float = 0.0) -> int:
        """Record what came back, waiting so long for the first; send what is due. Returns how many moved."""
        self._collect(wait_seconds)
        recorded = self._record()
        taken = self._take()
        for parcel in taken:
            self.under_way += 1
            threading.Thread(target=self._send, args=(parcel,), name="webhook", daemon=True).start()
        return recorded + len(taken)

    def work_off(self) -> None:
        """Do rounds until nothing is due or under way."""
        while self.round(wait_seconds=POLL_SECONDS) or self.under_way:
            pass

    def _record(self) -> int:
        """Record what came back. What PostgreSQL is away for stays for the next round."""
        recorded = 0
        while self._unrecorded:
            try:
                record(*self._unrecorded[0])
            except DatabaseError as error:
                if is_away(error):
                    raise
                log.exception("webhook_answer_not_recorded", delivery=self._unrecorded[0][0].pk)
            del self._unrecorded[0]
            recorded += 1
        return recorded

    def _take(self) -> list[Parcel]:
        free = settings.WEBHOOK_THREADS - self.under_way
        taken = claim(free, failing=False) if free > 0 else []
        spare = free - len(taken) - settings.WEBHOOK_THREADS // 2
        return taken + (claim(spare, failing=True) if spare > 0 else [])

    def _send(self, parcel: Parcel) -> None:
        answer = Answer(error="the attempt broke off inside of the sender; its log has the reason")
        try:
            if parcel.fault:
                answer = Answer(error=parcel.fault)
                return
            answer = sending.post(parcel.url, parcel.body, parcel.headers, resolve=self._resolve)
            failpoint("webhook_sent")
        finally:
            self._back.put((parcel, answer))

    def _collect(self, wait_seconds: float) -> None:
        try:
            if self.under_way and wait_seconds:
                self._keep(self._back.get(timeout=wait_seconds))
            while True:
                self._keep(self._back.get_nowait())
        except queue.Empty:
            return

    def _keep(self, back: tuple[Parcel, Answer]) -> None:
        self._unrecorded.append(back)
        self.under_way -= 1


def is_due() -> bool:
    """Tell whether anything waits to be sent now, or to be sent again because its courier is gone."""
    return WebHookDelivery.objects.filter(state=DeliveryState.WAITING.value, next_at__lte=Now()).exists()


def claim(most: int, *, failing: bool) -> list[Parcel]:
    """Take at most so many due deliveries: of hooks whose last attempt failed, and pings; or of the others."""
    with transaction.atomic():
        token = uuid4()
        values: dict[str, Any] = {
            "claim": token,
            "lease": LEASE_SECONDS,
            "per_hook": PER_HOOK,
            "failing": failing,
            "most": most,
        }
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, values)
            lost = dict(cursor.fetchall())
        rows = list(WebHookDelivery.objects.select_related("hook").filter(pk__in=lost).order_by("pk"))
        for row in rows:
            if lost[row.pk]:
                _tell_lost(row)
        return [_parcel(row, token) for row in rows]


def record(parcel: Parcel, answer: Answer) -> None:
    """Write what came of an attempt, if its claim still stands. A hook that is gone took its deliveries along."""
    with transaction.atomic():
        hook = WebHook.objects.select_for_update(no_key=True).filter(pk=parcel.hook).first()
        row = (
            WebHookDelivery.objects.select_for_update(no_key=True)
            .filter(pk=parcel.pk, claim=parcel.claim)
            .first()
        )
        if hook is None or row is None:
            log.info("webhook_answer_dropped", delivery=parcel.pk, reason="its claim is over")
            return
        row.log = [*row.log, _entry(parcel, answer)]
        row.claim = None
        _settle(row, answer)
        row.save(update_fields=["log", "claim", "state", "next_at", "ended_at"])
        if row.event != HookEvent.PING.value or answer.is_good:
            _count(hook, answer)
    log.info(
        "webhook_attempt",
        delivery=str(row.public_id),
        hook=str(hook.public_id),
        attempt=parcel.number,
        status=answer.status,
        milliseconds=answer.milliseconds,
        state=row.state,
    )


def delay_after(attempts: int, retry_after: float | None) -> float | None:
    """Give the seconds until the next attempt after so many; None: it was the last."""
    if attempts > len(DELAYS):
        return None
    own = DELAYS[attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
    return max(own, min(retry_after or 0.0, LONGEST_DELAY))


def _parcel(row: WebHookDelivery, token: UUID) -> Parcel:
    now = timezone.now()
    body = payloads.body_of(row.payload)
    keys, fault = [], ""
    try:
        keys = [envelope.take(secret) for secret in _secrets(row.hook, now)]
    except CryptoError as error:
        log.error("webhook_secret_unusable", hook=str(row.hook.public_id), reason=str(error))
        fault = "not sent: the secret cannot be used now; operators find in the log what to set"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Wrench-Event": row.event,
        "X-Wrench-Delivery": str(row.public_id),
        "X-Wrench-Signature": signature(keys, body, at=int(now.timestamp())),
    }
    return Parcel(
        pk=row.pk,
        hook=row.hook_id,
        claim=token,
        number=row.attempts,
        begun=now,
        url=row.hook.url,
        body=body,
        headers=headers,
        fault=fault,
    )


def _secrets(hook: WebHook, now: datetime) -> list[WebHookSecret]:
    """Give the secrets that sign now, the current one first."""
    found = WebHookSecret.objects.select_related("data_key").filter(hook=hook).order_by("-pk")
    return [secret for secret in found if secret.expires_at is None or secret.expires_at > now]


def _tell_lost(row: WebHookDelivery) -> None:
    """Write down an attempt that nobody recorded."""
    error = "the sender ended before it recorded an answer; it may have arrived"
    row.log = [*row.log, _entry_of(row.attempts - 1, None, Answer(error=error))]
    row.save(update_fields=["log"])


def _entry(parcel: Parcel, answer: Answer) -> dict[str, object]:
    return _entry_of(parcel.number, parcel.begun, answer)


def _entry_of(number: int, begun: datetime | None, answer: Answer) -> dict[str, object]:
    return {
        "number": number,
        "at": None if begun is None else begun.isoformat().replace("+00:00", "Z"),
        "status": answer.status,
        "duration_ms": answer.milliseconds,
        "response": answer.excerpt,
        "error": answer.error,
    }


def _settle(row: WebHookDelivery, answer: Answer) -> None:
    """Decide what a delivery is after an attempt."""
    is_last = row.event == HookEvent.PING.value or answer.status == GONE
    delay = None if is_last else delay_after(row.attempts, answer.retry_after)
    if answer.is_good or delay is None:
        row.state = DeliveryState.DELIVERED.value if answer.is_good else DeliveryState.FAILED.value
        row.next_at, row.ended_at = None, timezone.now()
    else:
        row.next_at = timezone.now() + timedelta(seconds=delay)


def _count(hook: WebHook, answer: Answer) -> None:
    """Let a hook know how it does, and switch one off that is of no use. Its row is locked."""
    now = timezone.now()
    if answer.is_good:
        if hook.failures:
            hook.failures, hook.failing_since = 0, None
            hook.save(update_fields=["failures", "failing_since"])
        return
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    hook.save(update_fields=["failures", "failing_since"])
    if not hook.active:
        return
    if answer.status == GONE:
        webhooks.switch_off(hook, "the receiver answered 410 Gone")
    elif now - hook.failing_since >= FAILING_FOR:
        since = hook.failing_since.strftime("%Y-%m-%d %H:%M UTC")
        webhooks.switch_off(hook, f"no attempt succeeded since {since}; the last one: {answer.error}")


class Dispatch:
    """The scheduler's chore: sees to it that a dispatcher is at work while anything is due."""

    def __init__(self) -> None:
        self._courier = Courier()
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self) -> int:
        """Look whether something is due; the work is another thread's. Returns 0."""
        if is_due():
            with self._lock:
                self._woken.set()
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
                    self._thread.start()
        return 0

    def _run(self) -> None:
        """Work as long as there is something to do; then end, and take the connection along."""
        try:
            while self._is_wanted():
                self._woken.clear()
                self._work()
        finally:
            connection.close()
            with self._lock:
                self._thread = None

    def _is_wanted(self) -> bool:
        return self._woken.wait(POLL_SECONDS if self._courier.under_way else IDLE_SECONDS) or bool(
            self._courier.under_way
        )

    def _work(self) -> None:
        """Do rounds while they move something or something is under way, for some seconds."""
        until = time.monotonic() + IDLE_SECONDS
        try:
            while time.monotonic() < until and (
                self._courier.round(wait_seconds=POLL_SECONDS) or self._courier.under_way
            ):
                pass
        except (DatabaseError, InterfaceError) as error:
            log.warning("webhooks_wait", reason=str(error).strip())
            connection.close()
