"""Every list of the API: filters, an order, and pages by cursor.

    GET /things?limit=50&ordering=-created_at      {"results": [...], "next": "/things?...&cursor=..." | null}

A page begins after the last row of the one before, by the values that the list is ordered by and the key that breaks
ties. So rows that come or go while somebody pages make none appear twice and none be missed, and the hundredth page
costs what the first one did. A cursor belongs to its ordering; what it holds is no secret, and it gives no right.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import ValidationError as FieldFault
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from api import formats
from api.bodies import StrictSerializer

MAX_LIMIT = 200
MAX_CURSOR = 2_000
MAX_TEXTS = 20

Row = TypeVar("Row", bound=Model)


class ManyOf(serializers.MultipleChoiceField):
    """Some of the choices: `?state=failed&state=cancelled`, or `?state=failed,cancelled`."""

    def to_internal_value(self, data: Any) -> Any:
        given = dict.fromkeys(str(data).split(","))  # in their order, each once
        unknown = [name for name in given if name not in self.choices]
        if unknown:
            known = ", ".join(map(str, self.choices))
            raise serializers.ValidationError([f"{unknown[0][:100]!r} is none of {known}"])
        return list(given)


class AnyOf(serializers.CharField):
    """Some texts: `?rule=a&rule=b`, or `?rule=a,b`; at most MAX_TEXTS of them. `max_length` is of all together."""

    def to_internal_value(self, data: Any) -> Any:
        given = list(dict.fromkeys(super().to_internal_value(data).split(",")))
        if len(given) > MAX_TEXTS:
            raise serializers.ValidationError([f"at most {MAX_TEXTS} of them"])
        return given

    def run_validators(self, value: Any) -> None:
        super().run_validators(",".join(value))


class ListQuery(StrictSerializer):
    """The query of a list. A subclass adds its filters, and says how the list may be ordered.

    `orderings` maps each public name to a column that is never null; the first one is the default, descending if
    `newest_first`.
    """

    orderings: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    newest_first: ClassVar[bool] = True

    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=50, help_text="rows per page")
    cursor = serializers.CharField(
        required=False,
        max_length=MAX_CURSOR,
        help_text="where a page begins, as `next` of the page before says",
    )

    def get_fields(self) -> dict[str, Any]:
        signs = ("-", "") if self.newest_first else ("", "-")
        names = [sign + name for name in self.orderings for sign in signs]
        ordering = serializers.ChoiceField(
            choices=names, default=names[0], help_text="the order; a leading - turns it round"
        )
        return {**super().get_fields(), "ordering": ordering}


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of a list, and where the next page is."""

    rows: list[Row]
    next: str | None


def asked(request: Request, query: type[serializers.Serializer[Any]]) -> dict[str, str]:
    """Give what a request's query says, a text per name; several ones of a `ManyOf` or `AnyOf` joined by commas."""
    fields, params = query().fields, request.query_params
    return {
        name: ",".join(params.getlist(name))
        if isinstance(fields.get(name), ManyOf | AnyOf)
        else str(params[name])
        for name in params
    }


def page_of(
    request: Request, query: type[ListQuery], found: QuerySet[Row], wanted: Mapping[str, Any]
) -> Page[Row]:
    """Give the page that a query asks for. `wanted` is what the query serializer accepted.

    Raises ValidationError for a cursor that is none of this list and ordering.
    """
    ordering: str = wanted["ordering"]
    column, backwards = query.orderings[ordering.lstrip("-")], ordering.startswith("-")
    if "cursor" in wanted:
        found = found.filter(_after(found.model, column, wanted["cursor"], ordering=ordering))
    sign = "-" if backwards else ""
    by = [f"{sign}{column}"] if column == "pk" else [f"{sign}{column}", f"{sign}pk"]
    rows = list(found.order_by(*by)[: wanted["limit"] + 1])
    shown = rows[: wanted["limit"]]
    if len(rows) == len(shown):
        return Page(shown, None)
    following = {**asked(request, query), "cursor": _cursor(ordering, column, shown[-1])}
    return Page(shown, f"{request.path}?{urlencode(following)}")


def _cursor(ordering: str, column: str, row: Model) -> str:
    return write_cursor(ordering, _value_of(row, column), row.pk)


def write_cursor(ordering: str, value: Any, key: Any) -> str:
    """Write down where a page of a list in this order ends: the value that it is ordered by, and what breaks ties."""
    place = [ordering, *(known if isinstance(known, int) else _text(known) for known in (value, key))]
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _value_of(row: Model, column: str) -> Any:
    value: Any = row
    for part in column.split("__"):
        value = getattr(value, part)
    return value


def _after(model: type[Model], column: str, cursor: str, *, ordering: str) -> Q:
    """Give the condition for what comes after a cursor."""
    told, value, key = _read(cursor)
    if told != ordering:
        raise refused_cursor(f"it belongs to ordering={told}; start without a cursor")
    beyond = "lt" if ordering.startswith("-") else "gt"
    try:
        key = model._meta.pk.to_python(key)
        if column == "pk":
            return Q(**{f"pk__{beyond}": key})
        field = _column(model, column)
        value = field.to_python(value)
        field.run_validators(value)
    except (FieldFault, TypeError) as error:  # a number for a moment is neither read nor refused by the field
        raise refused_cursor("start without a cursor") from error
    if isinstance(value, datetime) and timezone.is_naive(value):
        raise refused_cursor("start without a cursor")
    return Q(**{f"{column}__{beyond}": value}) | Q(**{column: value, f"pk__{beyond}": key})


def _column(model: type[Model], path: str) -> Any:
    field: Any = None
    for part in path.split("__"):
        field = model._meta.get_field(part)
        model = field.related_model or model
    return field


def _read(cursor: str) -> tuple[str, Any, Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        told, value, key = formats.loads(raw)
    except (binascii.Error, ValueError, TypeError, ParseError) as error:
        raise refused_cursor("start without a cursor") from error
    if (
        not isinstance(told, str)
        or not isinstance(value, str | int | float)
        or not isinstance(key, str | int)
    ):
        raise refused_cursor("start without a cursor")
    return told, value, key


def read_cursor(cursor: str, *, ordering: str) -> tuple[datetime, str | int]:
    """Read the moment and the key of a cursor of a list that is made of several tables. Raises ValidationError."""
    told, value, key = _read(cursor)
    if told != ordering:
        raise refused_cursor(f"it belongs to ordering={told}; start without a cursor")
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise refused_cursor("start without a cursor") from error
    if timezone.is_naive(at):
        raise refused_cursor("start without a cursor")
    return at, key


def refused_cursor(advice: str) -> serializers.ValidationError:
    """Make the fault of a cursor that is none of the list."""
    return serializers.ValidationError({"cursor": [f"this is no cursor of this list; {advice}"]})
