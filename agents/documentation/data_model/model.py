"""The shapes of a data model, whether it was read from source or from a live database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Cardinality = Literal["one", "many"]
MANY: Cardinality = "many"
ONE: Cardinality = "one"
Dialect = Literal["django", "sqlalchemy", "postgresql", "foreign"]
NOTHING = "No Django model and no SQLAlchemy class was found."


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column or attribute; `kind` is the declared type, such as "CharField(200)". `line`: 0 in a database."""

    name: str
    kind: str
    line: int = 0
    is_key: bool = False
    is_unique: bool = False
    is_optional: bool = False
    doc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """`source` refers to `target` by `field`; `ends` are the cardinalities at both.

    `columns`: those that refer together, if there are several; `field` then names them all. `note`: what more is to
    be told of it.
    """

    source: str
    target: str
    field: str
    ends: tuple[Cardinality, Cardinality]
    is_optional: bool = False
    columns: tuple[str, ...] = ()
    note: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the columns, one or more."""
        return self.columns or (self.field,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One table. `name` is unique: "app.Model" for Django, the class for SQLAlchemy, "schema.table" in a database.

    `kind` is told if it is no plain table; `notes` are sentences for people.
    """

    name: str
    title: str
    dialect: Dialect
    group: str = ""
    path: str = ""
    line: int = 0
    doc: str = ""
    fields: tuple[Field, ...] = ()
    kind: str = ""
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it was seen: a file and line, or a table of a database."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueList:
    """A type whose values are listed, as PostgreSQL's enums are."""

    name: str
    values: tuple[str, ...]
    is_cut: bool = False


@dataclass(slots=True, kw_only=True)
class DataModel:
    """What was found; problems are sentences for people. `origin`: sentences that say where it was read, if that is
    no source; `nothing` is told of an empty model; `types` are those whose values are listed.
    """

    entities: list[Entity] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    user_model: str = ""  # what a settings file says: "app.Model"
    origin: tuple[str, ...] = ()
    nothing: str = NOTHING
    types: tuple[ValueList, ...] = ()

    @property
    def own(self) -> list[Entity]:
        """Those that are declared there, and not only referred to."""
        return [entity for entity in self.entities if entity.dialect != "foreign"]
