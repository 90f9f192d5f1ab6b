"""What a PostgreSQL database holds, as its catalogue tells it: tables, columns, keys. No row of a table is read.

Owns: the questions' order, their bounds, the shapes. Refuses to know what is drawn of it.
Invariant: what a bound cuts off is counted; rows are the planner's estimate, and None where it has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from agents.databases import statements
from agents.databases.errors import CatalogueUnreadable, SchemaUnknown
from agents.databases.sessions import Row, Session

MOST_SCHEMAS = 1_000
MOST_TABLES = 2_000
MOST_COLUMNS = 60_000
MOST_KEYS = 20_000
MOST_ENUMS = 500
MOST_VALUES = 100  # of an enum
TableKind = Literal["table", "partitioned table", "view", "materialised view", "foreign table"]
_KINDS: dict[str, TableKind] = {
    "r": "table", "p": "partitioned table", "v": "view", "m": "materialised view", "f": "foreign table",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; `type` is written as people do, such as "numeric(10,2)"."""

    name: str
    type: str
    is_required: bool
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table or view. `unique`: the columns that together are unique; `key` is the primary one, or empty.

    `parents` are tables that it inherits from; `partitions` and `partition_key` are of a partitioned table.
    `rows` is what the planner's statistics say; None: they say nothing.
    """

    id: int
    schema: str
    name: str
    kind: TableKind
    comment: str = ""
    rows: int | None = None
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    parents: tuple[int, ...] = ()
    partitions: int = 0
    partition_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """`columns` of the table `source` refer to `target_columns` of the table `target`, which may be out of sight."""

    name: str
    source: int
    target: int
    target_schema: str
    target_name: str
    columns: tuple[str, ...]
    target_columns: tuple[str, ...]
    is_valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Enum:
    """An enum type and its values; `is_cut` if there are more."""

    schema: str
    name: str
    values: tuple[str, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What was read. `tables_in_all` counts those beyond the bound too; `cut` names the other lists that were cut."""

    version: str
    is_replica: bool
    is_superuser: bool
    schemas: tuple[str, ...]
    tables: tuple[Table, ...]
    tables_in_all: int
    of_extensions: int
    foreign_keys: tuple[ForeignKey, ...]
    enums: tuple[Enum, ...]
    cut: tuple[str, ...] = ()

    @property
    def is_cut(self) -> bool:
        """Tell whether a bound kept something out."""
        return bool(self.cut) or self.tables_in_all > len(self.tables)


@dataclass(slots=True)
class _Reading:
    """A reading under way. `schemas`: first those that are wanted, then those that are read."""

    session: Session
    schemas: list[str]
    oids: list[int] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def rows(self, statement: str, what: str = "", most: int = 0) -> list[Row]:
        """Ask, and cut a list at its bound."""
        given = {"schemas": self.schemas, "oids": self.oids, "most": most + 1}
        found = self.session.rows(statement, given)
        if most and len(found) > most:
            self.cut.append(f"only the first {most:,} {what} were read")
            del found[most:]
        return found


def read(session: Session, *, schemas: Sequence[str] = ()) -> Catalogue:
    """Read the catalogue, or some schemas of it. Raises DatabaseError's children, DatabaseCancelled."""
    version, number, is_replica, is_superuser = session.rows(statements.SERVER)[0]
    if number < statements.OLDEST:
        raise CatalogueUnreadable(f"the server is PostgreSQL {version}; 12 and later are read")
    reading = _Reading(session, list(schemas))
    there = [row[0] for row in reading.rows(statements.SCHEMAS, "schemas", MOST_SCHEMAS)]
    if schemas:
        reading.cut.clear()  # the wanted ones come first: what was cut off is none of them
    reading.schemas = _chosen(there, schemas)
    listed = session.rows(statements.RELATIONS, {"schemas": reading.schemas, "most": MOST_TABLES})
    reading.oids = [row[0] for row in listed]
    tables = _tables(listed, reading, least=0 if number >= statements.TELLS_UNCOUNTED else 1)
    return Catalogue(
        version=version,
        is_replica=is_replica,
        is_superuser=is_superuser,
        schemas=tuple(reading.schemas),
        tables=tables,
        tables_in_all=listed[0][-1] if listed else 0,
        of_extensions=reading.rows(statements.OF_EXTENSIONS)[0][0],
        foreign_keys=_foreign_keys(reading),
        enums=_enums(reading),
        cut=tuple(reading.cut),
    )


def _chosen(there: list[str], wanted: Sequence[str]) -> list[str]:
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise SchemaUnknown(
            f"the database has no schema {missing[0]!r}; it has {', '.join(map(repr, there[:20])) or 'none'}"
        )
    return [name for name in there if name in set(wanted)] if wanted else there


def _tables(listed: list[Row], reading: _Reading, *, least: int) -> tuple[Table, ...]:
    columns: dict[int, list[Column]] = defaultdict(list)
    for oid, name, kind, is_required, comment in reading.rows(statements.COLUMNS, "columns", MOST_COLUMNS):
        columns[oid].append(Column(name=name, type=kind, is_required=is_required, comment=comment or ""))
    keys: dict[int, tuple[str, ...]] = {}
    unique: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for oid, is_primary, names in reading.rows(statements.UNIQUE, "unique keys", MOST_KEYS):
        unique[oid].append(tuple(names))
        if is_primary:
            keys[oid] = tuple(names)
    partitioned = {oid: rest for oid, *rest in reading.rows(statements.PARTITIONS)}
    found = []
    for oid, schema, name, kind, rows, comment, parents, _ in listed:
        by, many, in_partitions = partitioned.get(oid, ("", 0, rows))
        found.append(Table(
            id=oid, schema=schema, name=name, kind=_KINDS[kind], comment=comment or "",
            rows=None if kind == "v" else _estimate(in_partitions, least), columns=tuple(columns[oid]),
            key=keys.get(oid, ()), unique=tuple(unique[oid]), parents=tuple(parents), partitions=many,
            partition_key=by,
        ))  # fmt: skip
    return tuple(found)


def _estimate(rows: float | None, least: int) -> int | None:
    """-1 says that nobody has counted yet; so did 0 before PostgreSQL 14."""
    return None if rows is None or rows < least else round(rows)


def _foreign_keys(reading: _Reading) -> tuple[ForeignKey, ...]:
    return tuple(
        ForeignKey(
            name=name, source=source, target=target, columns=tuple(columns), target_columns=tuple(theirs),
            is_valid=is_valid, target_schema=schema, target_name=table,
        )
        for name, source, target, columns, theirs, is_valid, schema, table in reading.rows(
            statements.FOREIGN_KEYS, "foreign keys", MOST_KEYS
        )
    )  # fmt: skip


def _enums(reading: _Reading) -> tuple[Enum, ...]:
    return tuple(
        Enum(schema=schema, name=name, values=tuple(values[:MOST_VALUES]), is_cut=len(values) > MOST_VALUES)
        for schema, name, values in reading.rows(statements.ENUMS, "enum types", MOST_ENUMS)
    )
