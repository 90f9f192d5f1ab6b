"""The summaries whose content was kept, so that no root need be executed to have them.

A content lies under its token, which tells all of it: what is equal by its token is equal. Only summaries are kept
that somebody asked for; most are asked for by the function that made them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from agents.inspector.taint import contents
from agents.inspector.taint.ledger import BEFORE_ROOTS, Entry, Ghost, Ledger, Place, Version
from agents.inspector.taint.origins import AT, OF, Origins
from agents.inspector.taint.project import Project
from agents.inspector.taint.records import Name, Record
from agents.inspector.taint.structures import SERIALS, Class, Function, Module, Summary
from agents.inspector.taint.values import Value

LEFT = "="  # before the token of what is no summary


def _no_root(root: str, what: str) -> int:
    raise LookupError(root)


class Shelf:
    """The contents of an earlier run's summaries."""

    def __init__(self, ledger: Ledger, project: Project, origins: Origins, before: dict[str, str]) -> None:
        self._ledger = ledger
        self._project = project
        self._origins = origins
        self._before = before
        self.functions: dict[Name, Function] = {}
        self.names: dict[Function, Name] = {}
        self.bring: Callable[[str, str], int] = _no_root  # what a root left; gives the root's number
        self._referred: set[str] = set()  # summaries whose objects others hold

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
            root, _, what = name.partition(OF)
            number = self.bring(root, what)
            if self._origins.named(name) is None:
                self._ledger.recall(number)
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

    def filled(self, records: Iterable[Record], token_of: Callable[[Entry], str]) -> dict[str, str]:
        """The contents that a later run may need, of the summaries of these records."""
        found: dict[str, str] = {}
        unasked: dict[str, Entry] = {}
        for made in (one for record in records for one in record.made if one is not None):
            token = made if isinstance(made, str) else made.token
            if token in self._before:
                found[token] = self._before[token]
            elif isinstance(made, Entry) and token:
                self._fill(found, made)
            elif isinstance(made, Entry):
                unasked[made.digest] = made
        while self._referred:
            of = unasked.pop(self._referred.pop(), None)
            if of is not None:
                token_of(of)
                self._fill(found, of)
        return found

    def _fill(self, found: dict[str, str], entry: Entry) -> None:
        if entry.token[0] != "?" and entry.token not in found and entry.digest[0] != "~":
            with suppress(contents.Unwritable):
                holder = self._holder_but(entry.digest)
                found[entry.token] = contents.written(entry.summary, self._named, holder)

    def fill_left(
        self,
        found: dict[str, str],
        versions: dict[Place, list[Version]],
        name_at: Callable[[int, Place], str],
    ) -> None:
        """Add what roots left at places, if nobody held it before."""
        for place, one in ((place, one) for place, every in versions.items() for one in every):
            key = f"{LEFT}{one.token}"
            known = self._before.get(key)
            if known is not None:
                found[key] = known
            elif (
                key not in found
                and one.value is not None
                and one.token[:1] not in ("", "?")
                and self._origins.name_of(one.value) == name_at(one.born, place)
            ):
                with suppress(contents.Unwritable):
                    found[key] = contents.written_value(one.value, self._named)

    def _holder_but(self, own: str) -> contents.Holder:
        """Tells who held an object first, unless it was the summary of this name."""
        mine = f"{own}{AT}"

        def holder(value: Value) -> str:
            name = self._origins.name_of(value)
            if not name:
                raise contents.Unwritable
            if name.startswith(mine):
                return ""
            self._referred.add(name.rpartition(AT)[0])
            return name

        return holder
