"""Faults as RFC 9457 problem details: `type`, `title`, `status`, `detail`, and `errors` by field.

Every fault that a caller can cause leaves here with a status of 4xx and a sentence that says what to do. What is
not known here is a fault of our own and becomes a 500 without details.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError
from django.http import Http404, HttpRequest, JsonResponse
from psycopg2.errors import ForeignKeyViolation
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.attempts import TooManyAttempts
from accounts.limits.engine import LimitReached
from accounts.refusals import (
    AlreadyMember,
    InvitationOver,
    LastOwner,
    MovedMeanwhile,
    NameTaken,
    NotMember,
    NotYours,
    RoleFromTeam,
    RoleTooHigh,
    StillInUse,
    TeamRefused,
    TooMany,
)
from agents.workspace.errors import WorkspaceError
from tasks.database import is_away
from tasks.errors import (
    ApprovalDecided,
    ApprovalNotFound,
    ControlRefused,
    IdempotencyConflict,
    NothingToRetry,
    PlanInvalid,
    RunIsOver,
    RunNotFound,
    RunNotOver,
    RunReferredTo,
    StepNotFound,
    UnknownOperation,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 100

FieldError = dict[str, str]

REFUSED: Mapping[type[ControlRefused], str] = {
    RunIsOver: "run-is-over",
    RunNotOver: "run-not-over",
    RunReferredTo: "run-referred-to",
    NothingToRetry: "nothing-to-retry",
    ApprovalDecided: "approval-decided",
    ControlRefused: "state-conflict",
}
"""How programs tell the orders that do not fit the state of things: the last part of a 409's `type`."""


TEAM_REFUSED: Mapping[type[TeamRefused], tuple[int, str]] = {
    RoleTooHigh: (403, "role-too-high"),
    NotYours: (403, "not-yours"),
    NotMember: (404, "not-a-member"),
    AlreadyMember: (409, "already-a-member"),
    LastOwner: (409, "last-owner"),
    NameTaken: (409, "name-taken"),
    TooMany: (409, "too-many"),
    RoleFromTeam: (409, "role-from-team"),
    MovedMeanwhile: (409, "moved-meanwhile"),
    StillInUse: (409, "still-in-use"),
    InvitationOver: (410, "invitation-over"),
}
"""What is refused about teams and their people: status, and the last part of `type`."""


def problem(
    status: int, detail: str, *, kind: str = "", errors: list[FieldError] | None = None
) -> dict[str, Any]:
    """Make the body of a problem. `kind` names it for programs; plain statuses need none."""
    body: dict[str, Any] = {
        "type": f"urn:wrenchai:problem:{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    if errors:
        body["errors"] = errors[:MAX_ERRORS]
    return body


def limit_problem(reached: LimitReached) -> dict[str, Any]:
    """Make the body of the 429 of a rate limit. `rule` names the limit."""
    limiting = reached.verdict.limiting
    body = problem(429, str(reached), kind="rate-limited")
    return {**body, "rule": limiting.rule.name if limiting else "", "retry_after": reached.retry_after}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn an exception of a view into a problem response; None for our own faults (a 500). For REST_FRAMEWORK."""
    known = _known(error)
    if known is None:
        return None
    body, headers = known
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)


def respond(request: HttpRequest, status: int, detail: str) -> JsonResponse:
    """Answer outside of a view, as for an unknown path."""
    return JsonResponse(problem(status, detail), status=status, content_type=MEDIA_TYPE)


def _known(error: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    if isinstance(error, PlanInvalid):
        faults = [{"field": f"steps.{fault.key}", "message": fault.message} for fault in error.faults]
        return problem(400, str(error), kind="plan-invalid", errors=faults), {}
    if isinstance(error, UnknownOperation):
        return problem(400, str(error), kind="unknown-operation"), {}
    if isinstance(error, IdempotencyConflict):
        return problem(422, str(error), kind="idempotency-conflict"), {}
    if isinstance(error, ControlRefused):
        return problem(409, str(error), kind=REFUSED.get(type(error), "state-conflict")), {}
    if isinstance(error, StepNotFound):
        return problem(404, str(error), kind="step-not-found"), {}
    if isinstance(error, RunNotFound | ApprovalNotFound):  # deleted since the view looked
        return problem(404, str(error)), {}
    if isinstance(error, WorkspaceError):
        faults = [{"field": "target", "message": str(error)}]
        return problem(400, str(error), kind="target-invalid", errors=faults), {}
    if isinstance(error, TeamRefused):
        status, kind = TEAM_REFUSED[type(error)]
        return problem(status, str(error), kind=kind), {}
    if isinstance(error, IntegrityError) and isinstance(error.__cause__, ForeignKeyViolation):
        told = (
            "something that this belongs to was deleted, or used, in this moment; look again, then try again"
        )
        return problem(409, told, kind="gone-meanwhile"), {}
    if isinstance(error, Http404):
        return problem(404, str(error) or "there is no such thing here"), {}
    if isinstance(error, PermissionDenied):
        return problem(403, str(error) or "you may not do this"), {}
    if isinstance(error, RequestDataTooBig):
        return problem(413, "the body is too large"), {}
    if isinstance(error, SuspiciousOperation):
        return problem(400, "the request was refused"), {}
    if isinstance(error, TooManyAttempts):
        return problem(429, str(error), kind="too-many-attempts"), {"Retry-After": str(error.retry_after)}
    if isinstance(error, LimitReached):
        return limit_problem(error), {"Retry-After": str(error.retry_after)}
    if is_away(error):
        log.error("database_unreachable", reason=str(error))
        return problem(503, "the database does not answer; try again soon"), {"Retry-After": "5"}
    if isinstance(error, exceptions.APIException):
        return _of_framework(error), _headers(error)
    return None


def _of_framework(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_flat(error.detail))
        named = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors[:5])
        return problem(error.status_code, named, kind="invalid", errors=errors)
    detail: Any = error.detail
    if isinstance(detail, dict):  # simplejwt puts its sentence into a dictionary
        detail = detail.get("detail", error.default_detail)
    kind = str(error.default_code).replace("_", "-")
    return problem(error.status_code, str(detail), kind=kind, errors=getattr(error, "errors", None))


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers | getattr(error, "headers", {})


def _flat(detail: Any, field: str = "") -> Iterator[FieldError]:
    """Walk DRF's nested details into (field.path, message)."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            inner = field if key == "non_field_errors" else f"{field}.{key}".lstrip(".")
            yield from _flat(value, inner)
    elif isinstance(detail, list | tuple):
        for value in detail:
            yield from _flat(value, field)
    else:
        yield {"field": field, "message": str(detail)}
