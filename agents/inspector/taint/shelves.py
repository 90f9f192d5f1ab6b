"""The summaries whose content was kept, so that no root need be executed to have them.

A content lies under its token, which tells all of it: what is equal by its token is equal. Only summaries are kept
that somebody asked for; most are asked for by the function that made them alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from agents.inspector.taint import contents
from agents.inspector.taint.ledger import BEFORE_ROOTS, Entry, Ghost, Ledger
from agents.inspector.taint.origins import AT, OF, Origins
from agents.inspector.taint.project import Project
from agents.inspector.taint.records import Name, Record
from agents.inspector.taint.structures import SERIALS, Class, Function, Module, Summary
from agents.inspector.taint.values import Value

LEFT = "="  # before the token of what is no summary


class Shelf:
    """The contents of an earlier run's summaries."""

    def __init__(self, ledger: Ledger, project: Project, origins: Origins, before: dict[str, str]) -> None:
        self._ledger = ledger
        self._project = project
        self._origins = origins
        self._before = before
        self.functions: dict[Name, Function] = {}
        self.names: dict[Function, Name] = {}
        self.times: dict[str, int] = {}  # of the roots that were taken over, by their names

    def has(self, token: str) -> bool:
        """Tell whether a summary of this token was kept."""
        return token in self._before

    def content(self, ghost: Ghost) -> Summary | None:
        """The summary that is known to exist, if its content was kept; its root may have been executed meanwhile."""
        text = self._before.get(ghost.token)
        if text is None:
            return None
        again = self._ledger.made_again.setdefault(ghost.born, {})
        if ghost.digest not in again:
            try:
                summary = contents.made(text, next(SERIALS), self._find, self._given)
            except LookupError:
                return None
            if self._ledger.names[ghost.digest][0] is not ghost:
                return None
            if ghost.digest not in again:
                again[ghost.digest] = summary
                self._origins.tell(summary, ghost.digest)
        return again[ghost.digest]

    def value(self, token: str, name: str) -> Value | None:
        """What a root left under this name, if it was kept."""
        text = self._before.get(f"{LEFT}{token}")
        if text is None:
            return None
        try:
            value = contents.made_value(text, self._find)
        except LookupError:
            return None
        self._origins.hold(value, name)
        return value

    def _given(self, name: str) -> Value:
        """An object by where it was held first. Raises LookupError."""
        value = self._origins.named(name)
        if value is not None:
            return value
        of = name.rpartition(AT)[0]
        holder = self._ledger.names.get(of)
        if holder is None:
            self._ledger.recall(self.times[name.partition(OF)[0]])
        elif isinstance(holder[0], Ghost) and self.content(holder[0]) is None:
            self._ledger.recall(holder[0].born)
        value = self._origins.named(name)
        if value is None:
            raise LookupError(name)
        return value

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
            elif isinstance(made, Entry) and token not in seen and made.digest[0] != "~":
                seen.add(token)
                with suppress(contents.Unwritable):
                    found[token] = contents.written(made.summary, self._named, self._holder_but(made.digest))
        return found

    def fill_left(self, found: dict[str, str], token: str, value: Value | None, name: str) -> None:
        """Add what a root left under this name, if nobody held it before."""
        key = f"{LEFT}{token}"
        if not token or token[0] == "?" or key in found:
            return
        if key in self._before:
            found[key] = self._before[key]
        elif value is not None and self._origins.name_of(value) == name:
            with suppress(contents.Unwritable):
                found[key] = contents.written_value(value, self._named)

    def _holder_but(self, own: str) -> contents.Holder:
        """Tells who held an object first, unless it was the summary of this name."""
        mine = f"{own}{AT}"

        def holder(value: Value) -> str:
            name = self._origins.name_of(value)
            if not name:
                raise contents.Unwritable
            return "" if name.startswith(mine) else name

        return holder
