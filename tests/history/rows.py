"""What the tests of versions read: the versions of a row, as little tuples."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Model

from history import versions
from history.tracking import Tracked, find, tracked_models


def tracked_of(model: type[Model]) -> Tracked:
    found = find(model)
    assert found is not None
    return found


def rows_of(row: Model, pk: Any = None) -> list[Any]:
    """The versions of a row, oldest first."""
    return list(versions.of_row(tracked_of(type(row)), pk or row.pk))[::-1]


def labels(row: Model, pk: Any = None) -> list[str]:
    return [version.pgh_label for version in rows_of(row, pk)]


def stamps(row: Model, pk: Any = None) -> list[dict[str, Any]]:
    return [version.pgh_context for version in rows_of(row, pk)]


def counts() -> dict[str, int]:
    """How many versions there are, by model."""
    return {one.label: one.versions.objects.count() for one in tracked_models()}


def all_text() -> str:
    """Everything that any version holds, as PostgreSQL has it."""
    told = []
    with connection.cursor() as cursor:
        for one in tracked_models():
            cursor.execute(
                f"SELECT coalesce(string_agg(v::text, E'\\n'), '') FROM {one.versions._meta.db_table} v"
            )
            told.append(cursor.fetchone()[0])
    return "\n".join(told)
