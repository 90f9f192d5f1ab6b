"""The catalogue of a live database as a data model: a group for each schema, an entity for each table and view.

Whether one or many rows refer to one is told by uniqueness: of columns that are unique, or hold columns that are, at
most one row each refers. Invariant: two tables never share an entity's name, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from agents.databases import Catalogue
from agents.databases.catalogue import Column, ForeignKey, Table
from agents.documentation.data_model.model import MANY, ONE, DataModel, Entity, Field, Relation, ValueList
from agents.reporting.model import plural


def of_catalogue(catalogue: Catalogue, *, database: str, at: datetime) -> DataModel:
    """Make the model of what was read at a time. `database` is the name of the stored database URL."""
    names = {table.id: _name(table.schema, table.name) for table in catalogue.tables}
    tables = {table.id: table for table in catalogue.tables}
    when = at.strftime("%Y-%m-%d %H:%M:%S %Z")
    model = DataModel(
        origin=tuple(_origin(catalogue, database, when)),
        nothing=f"The database {database} has no table and no view in {_schemas(catalogue)}.",
        problems=list(_problems(catalogue)),
        types=tuple(
            ValueList(name=_name(one.schema, one.name), values=one.values, is_cut=one.is_cut)
            for one in catalogue.enums
        ),
    )
    inside = [_entity(table, names, f"database {database}, read {when}") for table in catalogue.tables]
    outside: dict[int, Entity] = {}
    for key in _distinct(catalogue.foreign_keys):
        if key.target not in names:
            name = _name(key.target_schema, key.target_name)
            outside[key.target] = Entity(name=name, title=name, dialect="foreign")
        target = names.get(key.target) or outside[key.target].name
        model.relations.append(_relation(key, tables[key.source], names[key.source], target))
    model.entities = sorted(inside, key=lambda one: (one.group, one.name))
    model.entities += sorted(outside.values(), key=lambda one: one.name)
    return model


def _name(schema: str, name: str) -> str:
    return f"{_part(schema)}.{_part(name)}"


def _part(name: str) -> str:
    """A name that holds a dot or a quote is quoted as in SQL: "a.b".c and a."b.c" are two tables."""
    return '"' + name.replace('"', '""') + '"' if set(name) & set('."') else name


def _entity(table: Table, names: dict[int, str], seen: str) -> Entity:
    name = names[table.id]
    alone = {columns[0] for columns in table.unique if len(columns) == 1}
    return Entity(
        name=name,
        title=table.name,
        dialect="postgresql",
        group=table.schema,
        path=f"{seen}: {name}",
        doc=table.comment,
        fields=tuple(_field(column, table, alone) for column in table.columns),
        kind="" if table.kind == "table" else table.kind,
        notes=tuple(_notes(table, names)),
    )


def _field(column: Column, table: Table, alone: set[str]) -> Field:
    return Field(
        name=column.name,
        kind=column.type,
        is_key=column.name in table.key,
        is_unique=column.name in alone,
        is_optional=not column.is_required and table.kind not in ("view", "materialised view"),
        doc=column.comment,
    )


def _notes(table: Table, names: dict[int, str]) -> Iterator[str]:
    if table.kind == "partitioned table":
        yield f"Partitioned by {table.partition_key}: {plural(table.partitions, 'partition')}."
    if table.parents:
        yield f"Inherits from {', '.join(names.get(one, 'a table out of sight') for one in table.parents)}."
    together = [columns for columns in table.unique if len(columns) > 1 and columns != table.key]
    for columns in together:
        yield f"Unique together: {', '.join(columns)}."
    if table.rows is not None:
        yield f"{f'About {table.rows:,}' if table.rows else 'No'} rows by the planner's statistics."


def _distinct(keys: Iterable[ForeignKey]) -> Iterator[ForeignKey]:
    """A table and one of its partitions may say the same; it is told once."""
    seen = set()
    for key in keys:
        if (key.source, key.columns, key.target, key.target_columns) not in seen:
            seen.add((key.source, key.columns, key.target, key.target_columns))
            yield key


def _relation(key: ForeignKey, table: Table, source: str, target: str) -> Relation:
    referring = set(key.columns)
    is_one = any(referring.issuperset(columns) for columns in table.unique)
    required = {column.name for column in table.columns if column.is_required}
    return Relation(
        source=source,
        target=target,
        field=", ".join(key.columns),
        columns=key.columns,
        ends=(ONE if is_one else MANY, ONE),
        is_optional=not referring <= required,
        note="" if key.is_valid else "not validated: older rows may break it",
    )


def _origin(catalogue: Catalogue, database: str, when: str) -> Iterator[str]:
    kind = "a replica of PostgreSQL" if catalogue.is_replica else "PostgreSQL"
    yield (
        f"Read from the catalogue of the live database {database}, {kind} {catalogue.version}, at {when}. "
        "No row of a table was read."
    )
    if catalogue.is_superuser:
        yield (
            "The stored database URL is of a superuser, who may do everything there. Any role that may connect "
            "can tell the structure: store the URL of one without rights on the tables."
        )


def _problems(catalogue: Catalogue) -> Iterator[str]:
    if beyond := catalogue.tables_in_all - len(catalogue.tables):
        read = len(catalogue.tables)
        yield f"{beyond:,} more tables and views than the {read:,} that are read; name some schemas in the goal"
    if catalogue.of_extensions:
        yield f"{plural(catalogue.of_extensions, 'table')} or views that extensions bring"
    yield from catalogue.cut


def _schemas(catalogue: Catalogue) -> str:
    listed = ", ".join(catalogue.schemas[:20])
    return f"the schemas {listed}" if listed else "any schema"
