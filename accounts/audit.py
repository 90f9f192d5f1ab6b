"""The audit chain: what security acts there were, each bound to all before it.

    1 ─hash─> 2 ─hash─> 3 ... ─hash─> head ──> anchor (a line outside of the database)

`record` writes in its caller's transaction: an act that is rolled back leaves no record, and one that cannot be
recorded does not happen. Writers take turns by an advisory lock, so numbers have no gap; take it as the last thing
that a transaction locks. A hash is SHA-256 over the hash before and the row as canonical JSON. The database refuses
UPDATE and DELETE; who gets around that (its owner can) breaks the chain, and who rebuilds the chain no longer fits
the anchors. Never put a secret into `details`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import TypeAlias

import structlog
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import AuditRecord, User
from wrenchai_project import request_ids

log = structlog.get_logger(__name__)

LOCK = 0x5752_4155_4449_5400  # "WRAUDIT": all who write to the chain take it
GENESIS = "0" * 64  # what the first row follows

Detail: TypeAlias = str | int | bool | list["Detail"] | dict[str, "Detail"] | None
"""What JSON gives back as it was: a float might not hash the same after jsonb."""


class Act(StrEnum):
    """What is recorded."""

    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGN_OUT = "sign_out"
    ENTRY_LINK_MADE = "entry_link.made"
    ENTRY_LINK_USED = "entry_link.used"
    SESSION_REVOKED = "session.revoked"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_DELETED = "user.deleted"
    ROLE_GIVEN = "role.given"
    ROLE_CHANGED = "role.changed"
    ROLE_TAKEN = "role.taken"
    TEAM_CREATED = "team.created"
    TEAM_CHANGED = "team.changed"
    TEAM_DELETED = "team.deleted"
    INVITATION_CREATED = "invitation.created"
    INVITATION_SENT = "invitation.sent"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_ACCEPTED = "invitation.accepted"
    INVITATION_DECLINED = "invitation.declined"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_MOVED = "project.moved"
    PROJECT_EMPTIED = "project.emptied"
    PROJECT_DELETED = "project.deleted"
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    CREDENTIAL_CREATED = "credential.created"
    CREDENTIAL_REPLACED = "credential.replaced"
    CREDENTIAL_DELETED = "credential.deleted"
    KEYS_ROTATED = "keys.rotated"
    APPROVAL_DECIDED = "approval.decided"
    FINDING_DISMISSED = "finding.dismissed"
    FINDINGS_SWEPT = "findings.swept"
    FINDINGS_EXPORTED = "findings.exported"
    REPORT_EXPORTED = "report.exported"
    AUDIT_EXPORTED = "audit.exported"
    RUN_DELETED = "run.deleted"
    SHARE_CREATED = "share.created"
    SHARE_REVOKED = "share.revoked"
    SCHEDULE_DELETED = "schedule.deleted"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 - the name of an act


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last row of the chain. `number` 0: there is none yet."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    actor: str
    actor_id: int | None
    way: str
    address: str


_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)


@contextmanager
def during(request: HttpRequest) -> Iterator[None]:
    """Record acts as those of whoever makes this request."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def record(
    act: Act,
    *,
    subject: str = "",
    project_id: int | None = None,
    details: Mapping[str, Detail] | None = None,
    by: User | None = None,
    way: str = "",
) -> AuditRecord:
    """Append an act to the chain, in the caller's transaction. `by` and `way` are the request's unless given."""
    origin = _origin(by, way)
    with transaction.atomic():
        head = _locked_head()
        row = AuditRecord(
            number=head.number + 1,
            at=timezone.now(),
            act=act.value,
            actor=_storable(origin.actor)[:150],
            actor_id=origin.actor_id,
            way=origin.way[:60],
            address=origin.address[:60],
            project_id=project_id,
            subject=_storable(subject)[:200],
            details=_clean(dict(details or {})),
            request_id=request_ids.current(),
            previous=head.hash,
        )
        row.hash = hash_of(row)
        row.save(force_insert=True)
    log.info("audit", number=row.number, act=row.act, subject=row.subject, hash=row.hash)
    return row


def hash_of(row: AuditRecord) -> str:
    """Give the hash that a row must have for what is in it."""
    body = json.dumps(_content(row), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(row.previous.encode() + b"\n" + body.encode()).hexdigest()


def _content(row: AuditRecord) -> dict[str, object]:
    told = {
        "number": row.number,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "act": row.act,
        "actor": row.actor,
        "actor_id": row.actor_id,
        "way": row.way,
        "address": row.address,
        "project_id": row.project_id,
        "subject": row.subject,
        "details": row.details,
    }
    return {**told, "request_id": row.request_id} if row.request_id else told  # older records have none


def _locked_head() -> Head:
    """Take the chain's lock until the transaction ends, then look: what others appended is seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    last = AuditRecord.objects.order_by("-number").only("number", "hash").first()
    return Head(number=0, hash=GENESIS) if last is None else Head(number=last.number, hash=last.hash)


def _origin(by: User | None, way: str) -> _Origin:
    request = _request.get()
    if request is None:
        return _Origin(
            actor=by.get_username() if by else "",
            actor_id=by.pk if by else None,
            way=way or "process",
            address="",
        )
    person = by
    if person is None and isinstance(getattr(request, "user", None), User):
        person = request.user if request.user.is_authenticated else None
    return _Origin(
        actor=person.get_username() if person else "",
        actor_id=person.pk if person else None,
        way=way or _way_of(request, person),
        address=str(request.META.get("REMOTE_ADDR", "")),
    )


def _way_of(request: HttpRequest, person: User | None) -> str:
    if person is not None and person.bounds is not None:
        return f"key:{person.bounds.key}"
    return "token" if "Authorization" in request.headers else "session"


def _clean(value: Detail) -> Detail:
    if isinstance(value, str):
        return _storable(value)[:1000]
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {_storable(key): _clean(one) for key, one in value.items()}
    if value is None or isinstance(value, int):
        return value
    raise TypeError(
        f"an audit record holds text, whole numbers, lists and objects, not {type(value).__name__}"
    )


def _storable(text: str) -> str:
    """Take out what PostgreSQL cannot store: names of failed attempts are anybody's to choose."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
