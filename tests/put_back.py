"""Tests that commit leave the database as Django's own flush would, in a few milliseconds.

Django truncates all tables after each of them, which makes and deletes hundreds of files, and then tells all apps
that a migration is over, which asks a hundred queries. Here that is done once. What stands in the tables after it is
remembered, and from then on what a test left is deleted and what had stood there is put back. All is truncated again
once the tables have grown large, or when the tables are no longer those that were remembered.

Meanwhile no trigger and no foreign key acts. A given server whose user may not have it so is flushed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.test import TransactionTestCase

MOST_BYTES = 4_000_000  # of all tables; rows that were deleted keep their place, which makes reading slower
TABLES = """
    SELECT c.relname, NOT c.relispartition, pg_relation_size(c.oid)
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1"""
COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""

_flush = TransactionTestCase._fixture_teardown


@dataclass(frozen=True, slots=True)
class Ground:
    """The tables after a flush, and the statements that make them so again."""

    tables: tuple[str, ...]
    statements: str


_ground: Ground | None = None


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    TransactionTestCase._fixture_teardown = _put_back


def _put_back(case: TransactionTestCase) -> None:
    global _ground
    plain = not (case.reset_sequences or case.serialized_rollback or case.available_apps)
    if not plain or set(case._databases_names(include_mirrors=False)) != {DEFAULT_DB_ALIAS} or not _may():
        _ground = None
        _flush(case)
        return
    tables, size = _tables()
    if _ground is None or _ground.tables != tables or size > MOST_BYTES:
        _flush(case)
        _ground = _read(tables)
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ground.statements)


def _may() -> bool:
    """Tell whether the user may pass by triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


@cache
def _of_models() -> frozenset[str]:
    return frozenset(connection.introspection.django_table_names(include_views=False))


def _tables() -> tuple[tuple[str, ...], int]:
    """The models' tables that there are, and the bytes of all their rows."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        rows = cursor.fetchall()
    names = tuple(name for name, is_whole, _ in rows if is_whole and name in _of_models())
    return names, sum(size for _, _, size in rows)


def _read(tables: tuple[str, ...]) -> Ground:
    """Remember what stands in the tables. The locks let whoever still writes come to an end, as truncation does."""
    quoted = [connection.ops.quote_name(name) for name in tables]
    parts = [
        "SET LOCAL session_replication_role = replica",
        f"LOCK TABLE {', '.join(quoted)} IN EXCLUSIVE MODE",
    ]
    parts += [f"DELETE FROM {name}" for name in quoted]
    with connection.cursor() as cursor:
        for name in quoted:
            cursor.execute(f"SELECT json_agg(t)::text FROM {name} t")
            if (rows := cursor.fetchone()[0]) is None:
                continue
            cursor.execute(COLUMNS, [name])
            columns = cursor.fetchone()[0]
            back = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{name}, %s)"
            parts.append(cursor.mogrify(back, [rows]).decode())
    return Ground(tables, ";\n".join(parts))
