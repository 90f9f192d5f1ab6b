"""What the engine knows of frameworks and libraries. A new table is one module here and one line below.

`Tables` answers what is known of a dotted name; `rows` is the manual.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from agents.inspector.taint.tables import (
    aiohttp,
    builtin,
    clients,
    databases,
    directories,
    django,
    documents,
    fastapi,
    flask,
    gateways,
    logins,
    processes,
    pyramid,
    serialisation,
    settings,
    stdlib,
    templating,
    tornado,
    xml,
)
from agents.inspector.taint.tables.rows import BadRow, Row, Rules

TABLES = (
    builtin.ROWS,
    stdlib.ROWS,
    processes.ROWS,
    serialisation.ROWS,
    databases.ROWS,
    directories.ROWS,
    xml.ROWS,
    clients.ROWS,
    templating.ROWS,
    flask.ROWS,
    django.ROWS,
    fastapi.ROWS,
    aiohttp.ROWS,
    tornado.ROWS,
    pyramid.ROWS,
    gateways.ROWS,
    logins.ROWS,
    documents.ROWS,
    settings.ROWS,
)


class Tables:
    """All rows by name."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rules: dict[str, Rules] = {}
        self._aliases: dict[str, str] = {}
        self._found: dict[str, Rules | None] = {}
        self.requests: dict[str, str] = {}
        self.handlers: dict[str, list[Row]] = {}  # by the base of the class
        self.signatures: list[Row] = []
        self.constants: dict[str, str | int] = {}
        self.shared: set[str] = set()
        self._types: set[str] = set()
        self._members: dict[
            str, str
        ] = {}  # types whose attributes are of the other type, unless a row says more
        for row in rows:
            self._add(row)
        self.tops = frozenset(  # of the libraries that the rows speak of
            name.lstrip("@").partition(".")[0] for name in (*self._rules, *self._aliases) if name[:1] != "."
        )

    def _add(self, row: Row) -> None:
        match row.effect:
            case "same":
                self._add_alias(row)
            case "request":
                self.requests[row.name] = row.target
            case "handler":
                self.handlers.setdefault(row.name, []).append(row)
            case "constant":
                self.constants[row.name] = row.literal
            case "shared":
                self.shared.add(row.name)
            case "signature":
                self.signatures.append(row)
            case _:
                self._add_rule(row)

    def _add_alias(self, row: Row) -> None:
        if row.name.endswith(".*"):
            self._members[row.name[:-2]] = row.target
        elif self._aliases.get(row.name, row.target) != row.target:
            raise BadRow(f"{row.name!r} is the same as two things")
        else:
            self._aliases[row.name] = row.target

    def _add_rule(self, row: Row) -> None:
        if row.name.startswith("@"):
            self._types.add(row.name.rpartition(".")[0])
        rules = self._rules.setdefault(row.name, Rules())
        match row.effect:
            case "source":
                if rules.sources:
                    raise BadRow(f"{row.name!r} is a source twice")
                rules.sources.append(row)
            case "sink":
                rules.sinks.append(row)
            case "wrong":
                rules.wrongs.append(row)
            case "guard":
                rules.guards.append(row)
            case "gives":
                if rules.gives not in ("", row.target):
                    raise BadRow(f"{row.name!r} gives two types: {rules.gives} and {row.target}")
                rules.gives = row.target
            case "clean":
                rules.cleans |= row.bits
            case "stops":
                rules.stops = True
            case "passes":
                rules.passes = True
            case "exits":
                rules.exits = True
            case "special":
                rules.special = row.target
            case "entry":
                rules.entry = row
            case _:
                raise BadRow(f"{row.name!r}: nobody knows the effect {row.effect!r}")

    def canonical(self, name: str) -> str:
        """The name under which the tables speak of it."""
        seen = 0
        while name in self._aliases and seen < 8:
            name = self._aliases[name]
            seen += 1
        owner, _, last = name.rpartition(".")
        if owner in self._members and name not in self._rules and not last.startswith("__"):
            return self._members[owner]
        return name

    def own(self, name: str) -> str:
        """The canonical name if there are rules for exactly this one, else ""."""
        name = self.canonical(name)
        return name if name in self._rules else ""

    def is_type(self, name: str) -> bool:
        """Tell whether the tables know attributes of instances of this type."""
        return name in self._types

    def of(self, name: str) -> Rules | None:
        """The rules of a dotted name, or those of its owner for every attribute."""
        if name not in self._found:
            found = self._rules.get(name)
            if found is None:
                owner = name.rpartition(".")[0]
                found = self._rules.get(f"{owner}.*") if owner else None
            self._found[name] = found
        return self._found[name]

    def of_method(self, name: str) -> Rules | None:
        """The rules of a method of this name on an object of which nothing is known."""
        return self._rules.get(f".{name}")


@cache
def load() -> Tables:
    """All tables. Raises BadRow."""
    return Tables(row for table in TABLES for row in table)
