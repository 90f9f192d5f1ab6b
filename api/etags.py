"""ETags of resources that people edit: nobody overwrites what somebody else has just changed.

    GET    answers with ETag; If-None-Match that names it gets a 304 without a body
    PATCH  PUT  DELETE with If-Match: done only if the resource is still that one, else a problem 412

A tag is made of what the resource looks like, so there is no counter to forget. Look and write in one transaction,
with the row locked: `demand` after `select_for_update`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

MAX_HEADER = 4_000


class PreconditionFailed(APIException):
    """The resource is not the one that If-Match names."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "changed_meanwhile"
    default_detail = "this was changed since you read it; read it again, and make your change to that"


def tag_of(shape: Mapping[str, Any]) -> str:
    """Give the strong tag of what a resource looks like."""
    text = json.dumps(shape, sort_keys=True, default=str, separators=(",", ":"))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def answer(
    request: Request,
    shape: Mapping[str, Any],
    *,
    of: Mapping[str, Any] | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a resource and its tag; 304 to a GET whose If-None-Match names it.

    `of`: the part that people edit, of a resource of which other parts move by themselves. The tag is that part's, so
    that their moving refuses nobody's edit; there is no 304 then.
    """
    tag = tag_of(shape if of is None else of)
    told = {**(headers or {}), "ETag": tag}
    if of is None and request.method in {"GET", "HEAD"} and _names(request, "If-None-Match", tag, weak=True):
        return Response(status=304, headers=told)
    return Response(shape, status=status, headers=told)


def demand(request: Request, shape: Mapping[str, Any]) -> None:
    """Let pass what changes the resource that the caller has read. Raises PreconditionFailed.

    A request without If-Match passes: the last one wins, as the caller wished.
    """
    if "If-Match" in request.headers and not _names(request, "If-Match", tag_of(shape), weak=False):
        raise PreconditionFailed(f"{PreconditionFailed.default_detail} (its ETag is {tag_of(shape)} now)")


def is_held(request: Request, tag: str) -> bool:
    """Tell whether the caller has what a tag names already: If-None-Match says so."""
    return "If-None-Match" in request.headers and _names(request, "If-None-Match", tag, weak=True)


def _names(request: Request, header: str, tag: str, *, weak: bool) -> bool:
    given = request.headers.get(header, "")
    if len(given) > MAX_HEADER:
        raise ValidationError({header: [f"at most {MAX_HEADER} characters"]})
    named = parse_etags(given)
    if "*" in named:
        return True
    return tag in named or (weak and f"W/{tag}" in named)
