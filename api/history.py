"""Versions of what people configure: who changed what, from what to what, in which request.

GET /api/v1/history   newest first; ?model= &id= &project= &by= &request= &after= &limit= &cursor= &ordering=at|-at

Staff see all of them, others those of rows of projects in which they are maintainers. No version holds a secret.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError as FieldFault
from django.db.models import Q
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from accounts import access
from api import lists
from api.bodies import valid
from api.describe import Page, operation
from api.lists import ListQuery
from api.lookup import PROJECT, find_project
from api.shapes import Moment, moment
from history import versions
from history.tracking import CHANGED, CREATED, DELETED, FOUND, Tracked, tracked_models
from history.versions import Place, Version

ALL = "history.all"


class HistoryQuery(ListQuery):
    """Which versions are wanted."""

    orderings = {"at": "pgh_created_at"}

    model = serializers.ChoiceField(
        choices=[one.label for one in tracked_models()], required=False, help_text="only of rows of this kind"
    )
    id = serializers.CharField(
        max_length=80, required=False, help_text="only of the row with this key; needs `model`"
    )
    project = serializers.RegexField(PROJECT, required=False, help_text="only of rows of this project")
    by = serializers.CharField(max_length=150, required=False, help_text="only by this username")
    request = serializers.CharField(
        max_length=128, required=False, help_text="only of the request with this X-Request-ID"
    )
    after = serializers.DateTimeField(required=False, help_text="only later than this moment")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "id" in attrs:
            attrs["id"] = _key(attrs.get("model"), attrs["id"])
        return attrs


class ChangeShape(TypedDict):
    """What a field was and is."""

    before: Annotated[Any, Field(description="null also if there was no row")]
    after: Annotated[Any, Field(description="null also if there is no row any more")]


class VersionShape(TypedDict):
    """A version of a row: what became of it, by whom, and what is another since the version before."""

    model: Annotated[str, Field(examples=["accounts.project"])]
    id: Annotated[str, Field(description="key of the row")]
    version: Annotated[int, Field(description="number among the versions of this model")]
    what: Annotated[
        str,
        Field(
            description="found: it was there when its model began to be tracked",
            json_schema_extra={"enum": [CREATED, CHANGED, DELETED, FOUND]},
        ),
    ]
    at: Moment
    project_id: Annotated[int | None, Field(description="null: it belongs to no project")]
    by: Annotated[str | None, Field(description="username at that time; null: nobody was signed in")]
    by_id: int | None
    key: Annotated[str | None, Field(description="id of the API key that the person came with")]
    through: Annotated[
        str | None,
        Field(
            description="rest, admin, page, web, worker, process or `command <name>`; null: past this program"
        ),
    ]
    request: Annotated[str | None, Field(description="X-Request-ID")]
    note: Annotated[dict[str, Any], Field(description="reverted_to or restored_from: a version's number")]
    changes: Annotated[
        dict[str, ChangeShape] | None, Field(description="by field; null: the version before is kept no more")
    ]


_VERSION = {
    "model": "accounts.project",
    "id": "12",
    "version": 31,
    "what": "changed",
    "at": "2026-11-25T09:00:00.000000Z",
    "project_id": 12,
    "by": "alice",
    "by_id": 7,
    "key": None,
    "through": "rest",
    "request": "0af7651916cd43dd8448eb211c80319c",
    "note": {},
    "changes": {"name": {"before": "Shop", "after": "The shop"}},
}


class HistoryView(APIView):
    """List versions."""

    required_action = "history.view"

    @operation(
        "history_list",
        query=HistoryQuery,
        returns=Page[VersionShape],
        example={"results": [_VERSION], "next": "/api/v1/history?limit=1&cursor=WyItYXQiXQ"},
    )
    def get(self, request: Request) -> Response:
        """List what was configured, newest first: who changed which row, from what to what, in which request.

        Staff see all versions (`history.all`), others those of rows of projects in which they are maintainers.
        Passwords, keys and other secrets are in no version.
        """
        wanted = valid(HistoryQuery(data=lists.asked(request, HistoryQuery)))
        sees_all = access.may(request.user, ALL)
        of_project = None
        if "project" in wanted:
            project = find_project(request, wanted["project"])
            if not sees_all:
                self.check_object_permissions(request, project)
            of_project = {project.pk}
        mine = (
            None
            if sees_all
            else set(access.projects_for(request.user, "history.view").values_list("pk", flat=True))
        )
        projects = of_project if of_project is not None else mine
        backwards, most = wanted["ordering"].startswith("-"), wanted["limit"]
        chosen = [one for one in tracked_models() if wanted.get("model", one.label) == one.label]
        if projects is not None:
            chosen = [one for one in chosen if one.project]
        filters = {one.label: _filter(one, wanted, projects) for one in chosen}
        found = versions.feed(chosen, filters, most=most + 1, beyond=_beyond(wanted), backwards=backwards)
        shown, following = found[:most], None
        if len(found) > most:
            cursor = _cursor(wanted["ordering"], shown[-1].place)
            following = (
                f"{request.path}?{urlencode({**lists.asked(request, HistoryQuery), 'cursor': cursor})}"
            )
        return Response({"results": [version_shape(one, mine) for one in shown], "next": following})


def version_shape(version: Version, mine: set[int] | None) -> VersionShape:
    """A version in JSON, for who sees the projects `mine` (None: all): what a row was elsewhere is not told."""
    if version.before is not None and mine is not None:
        elsewhere = replace(version, row=version.before).project_id not in mine
        version = replace(version, before=None) if elsewhere else version
    stamp, changes = version.stamp, version.changes
    return {
        "model": version.tracked.label,
        "id": str(version.row.pgh_obj_id),
        "version": version.row.pgh_id,
        "what": version.row.pgh_label,
        "at": moment(version.row.pgh_created_at),
        "project_id": version.project_id,
        "by": stamp.get("by"),
        "by_id": stamp.get("by_id"),
        "key": stamp.get("key"),
        "through": stamp.get("through"),
        "request": stamp.get("request"),
        "note": stamp.get("note", {}),
        "changes": None
        if changes is None
        else {one.field: {"before": _told(one.before), "after": _told(one.after)} for one in changes},
    }


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)


def _filter(tracked: Tracked, wanted: dict[str, Any], projects: set[int] | None) -> Q:
    asked = Q()
    if projects is not None:
        asked &= Q(**{f"{tracked.project}__in": projects})
    if "id" in wanted:
        asked &= Q(pgh_obj_id=wanted["id"])
    if "after" in wanted:
        asked &= Q(pgh_created_at__gt=wanted["after"])
    for name in ("by", "request"):
        if name in wanted:
            asked &= Q(**{f"pgh_context__{name}": wanted[name]})
    return asked


def _key(model: str | None, text: str) -> Any:
    """Read the key of a row. Raises ValidationError for what is none of that model."""
    tracked = next((one for one in tracked_models() if one.label == model), None)
    if tracked is None:
        raise serializers.ValidationError({"id": ["say of which `model`"]})
    field: Any = tracked.model._meta.pk
    try:
        key = field.to_python(text)
        field.run_validators(key)
    except FieldFault as error:
        raise serializers.ValidationError({"id": [f"{text!r} is no key of {model}"]}) from error
    return key


def _cursor(ordering: str, place: Place) -> str:
    at, label, number = place
    return lists.write_cursor(ordering, at, f"{label}:{number}")


def _beyond(wanted: dict[str, Any]) -> Place | None:
    if "cursor" not in wanted:
        return None
    at, key = lists.read_cursor(wanted["cursor"], ordering=wanted["ordering"])
    label, _, number = str(key).rpartition(":")
    if label not in {one.label for one in tracked_models()} or not number.isascii() or not number.isdigit():
        raise lists.refused_cursor("start without a cursor")
    if int(number) >= 2**31:
        raise lists.refused_cursor("start without a cursor")
    return at, label, int(number)
