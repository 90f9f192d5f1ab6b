"""The summaries whose content was kept, so that no root need be executed to have them.

A content lies under its token, which tells all of it: what is equal by its token is equal. Only summaries are kept
that somebody asked for; most are asked for by the function that made them alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agents.inspector.taint import contents
from agents.inspector.taint.ledger import BEFORE_ROOTS, Entry, Ghost, Ledger
from agents.inspector.taint.origins import Origins
from agents.inspector.taint.project import Project
from agents.inspector.taint.records import Name, Record
from agents.inspector.taint.structures import SERIALS, Class, Function, Module, Summary


class Shelf:
    """The contents of an earlier run's summaries."""

    def __init__(self, ledger: Ledger, project: Project, origins: Origins, before: dict[str, str]) -> None:
        self._ledger = ledger
        self._project = project
        self._origins = origins
        self._before = before
        self.functions: dict[Name, Function] = {}
        self.names: dict[Function, Name] = {}

    def has(self, token: str) -> bool:
        """Tell whether a summary of this token was kept."""
        return token in self._before

    def content(self, ghost: Ghost) -> Summary | None:
        """The summary that is known to exist, if its content was kept."""
        text = self._before.get(ghost.token)
        if text is None:
            return None
        try:
            summary = contents.made(text, next(SERIALS), self._find)
        except LookupError:
            return None
        self._origins.tell(summary, ghost.digest)
        return summary

    def _find(self, told: list[Any]) -> Function | Class | Module:
        """A function, class or module by what `_named` gave. Raises LookupError."""
        found: Any = None
        match told:
            case ["function", path, name, number]:
                found = self.functions.get((path, name, number))
            case ["class", path, name, number]:
                found = self._ledger.classes[path, name][number]
            case ["module", path]:
                found = self._project.at(path)
        if not isinstance(found, (Function, Class, Module)):
            raise LookupError(told)
        return found

    def _named(self, thing: Function | Class | Module) -> list[Any]:
        """What finds it again in another run. Raises Unwritable."""
        if isinstance(thing, Module):
            return ["module", thing.path]
        if isinstance(thing, Function):
            if thing not in self.names:
                raise contents.Unwritable
            return ["function", *self.names[thing]]
        if thing.born != BEFORE_ROOTS:
            raise contents.Unwritable
        return ["class", thing.module.path, thing.name, thing.number]

    def filled(self, records: Iterable[Record]) -> dict[str, str]:
        """The contents that a later run may need, of the summaries of these records."""
        found: dict[str, str] = {}
        seen: set[str] = set()
        for made in (one for record in records for one in record.made if one is not None):
            token = made if isinstance(made, str) else made.token
            if not token or token[0] == "?" or token in found:
                continue
            if token in self._before:
                found[token] = self._before[token]
            elif isinstance(made, Entry) and token not in seen and not made.sharing and made.digest[0] != "~":
                seen.add(token)
                try:
                    found[token] = contents.written(made.summary, self._named)
                except contents.Unwritable:
                    continue
        return found
