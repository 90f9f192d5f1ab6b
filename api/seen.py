"""Which project a request is about, for counting: without a query each time, and only if the caller sees it.

Others must not be able to use up what belongs to a project, so a name or an id counts for those alone who see the
project. What was found is believed for SEEN_SECONDS; whether anything is allowed is never decided here.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q
from rest_framework.request import Request

from accounts import access
from accounts.models import User
from tasks.models import Approval, Run

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which reads the settings, which name what imports this

SEEN_SECONDS = 10.0
MOST_SEEN = 10_000
_NAME = re.compile(r"[-a-zA-Z0-9_]{1,60}(/[-a-zA-Z0-9_]{1,60})?\Z")

Seen = tuple[int, str] | None
"""A project that the person sees: its id, and team/slug."""


def project_of(request: Request, view: APIView) -> Seen:
    """Give the project that a request is about. Raises what `request.data` raises for a body that is none."""
    user = request.user
    if not isinstance(user, User):
        return None
    named: Mapping[str, Any] = getattr(view, "kwargs", {})
    for word, find in _FINDERS.items():
        if word in named:
            return _remembered(user, named[word], find)
    name = request.query_params.get("project") or _in_body(request)
    if isinstance(name, str) and _NAME.match(name):
        return _remembered(user, name, _by_name)
    return None


def forget() -> None:
    """Look everything up anew."""
    with _lock:
        _held.clear()


def _in_body(request: Request) -> object:
    kind = (request.content_type or "").split(";")[0].strip().lower()
    if request.method in {"GET", "HEAD", "OPTIONS"} or kind != "application/json":
        return None
    data: object = request.data
    return data.get("project") if isinstance(data, dict) else None


def _remembered(user: User, wanted: UUID | str, find: Callable[[User, Any], Seen]) -> Seen:
    key, now = (user.pk, wanted), time.monotonic()
    with _lock:
        held = _held.get(key)
    if held is not None and held[0] > now:
        return held[1]
    found = find(user, wanted)
    with _lock:
        _held[key] = (now + SEEN_SECONDS, found)
        _held.move_to_end(key)
        while len(_held) > MOST_SEEN:
            _held.popitem(last=False)
    return found


_held: OrderedDict[tuple[int, UUID | str], tuple[float, Seen]] = OrderedDict()
_lock = threading.Lock()


def _of_run(user: User, run_id: UUID) -> Seen:
    return _single(user, Q(pk__in=Run.objects.filter(public_id=run_id).values("project")))


def _of_approval(user: User, approval_id: UUID) -> Seen:
    return _single(user, Q(pk__in=Approval.objects.filter(public_id=approval_id).values("run__project")))


def _by_name(user: User, name: str) -> Seen:
    team, _, slug = name.rpartition("/")
    return _single(user, Q(slug=slug, team__slug=team) if team else Q(slug=slug))


def _single(user: User, which: Q) -> Seen:
    rows = list(access.visible_projects(user).filter(which).values_list("pk", "team__slug", "slug")[:2])
    if len(rows) != 1:
        return None
    pk, team, slug = rows[0]
    return pk, f"{team}/{slug}"


_FINDERS: Mapping[str, Callable[[User, Any], Seen]] = {"run_id": _of_run, "approval_id": _of_approval}
