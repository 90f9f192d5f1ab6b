"""The summaries whose content was kept, so that no root need be executed to have them.

A content lies under its token, which tells all of it: what is equal by its token is equal. Only summaries are kept
that somebody asked for; most are asked for by the function that made them alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agents.inspector.taint import closures, contents
from agents.inspector.taint.closures import Maker
from agents.inspector.taint.estates import Estates
from agents.inspector.taint.ledger import BEFORE_ROOTS, Entry, Ghost, Ledger, Place, Version
from agents.inspector.taint.origins import AT, OF, Origins
from agents.inspector.taint.project import Project
from agents.inspector.taint.records import Name, Record
from agents.inspector.taint.structures import SERIALS, Class, Function, Module, Summary
from agents.inspector.taint.tokens import Nameless, Tokens
from agents.inspector.taint.values import Value

if TYPE_CHECKING:
    from agents.inspector.taint.engine import Engine

LEFT = "="  # before the token of what is no summary
SEES = "^"  # before the token of what sees variables of a call
_LEFT = re.compile(r'\["left","(\w+)"\]|"\^(\w+)\\t')


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
        self._held: dict[Function, str] = {}  # closures that were made before all roots
        self._held_at: dict[str, Function] = {}
        self._estates: Estates
        self._tokens: Tokens
        self._maker: Maker

    def begin(self, estates: Estates, tokens: Tokens, engine: Engine) -> None:
        """What roots leave is found at these."""
        self._estates = estates
        self._tokens = tokens
        self._maker = Maker(engine, self._find, self._given)
        for module in engine.project.loaded():
            self._hold(module.path, module.variables)
            for cls in module.classes:
                self._hold(tokens.cls(cls), cls.members)

    def _hold(self, name: str, held: dict[str, Value]) -> None:
        """Name closures that were made before all roots by where they are held."""
        for member, value in held.items():
            ref = value.ref
            if isinstance(ref, Function) and ref.parent is not None and ref not in self._held:
                self._held[ref] = f"{name}.{member}"
                self._held_at[f"{name}.{member}"] = ref

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
            value = contents.made_value(text, self._find, self._given)
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
        if name[:1] == SEES:
            self._left(name[1:].partition(OF)[0])
        elif holder is None:
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

    def _find(self, told: list[Any]) -> Any:
        """A function, class or module, or what a root left, by what `_named` gave. Raises LookupError."""
        found: Any = None
        match told:
            case ["function", path, name, number]:
                found = self.functions.get((path, name, number))
            case ["class", path, name, number]:
                found = self._ledger.classes[path, name][number]
            case ["module", path]:
                found = self._project.at(path)
            case ["held", place, token]:
                found = self._held_at.get(place)
                if found is not None and self._tokens.function(found) != token:
                    found = None  # it holds another one now
            case ["left", token]:
                found = self._left(token)
        if found is None:
            raise LookupError(told)
        return found

    def _left(self, token: str) -> Any:
        """What a root left under a token. Raises LookupError."""
        found = self._estates.find(token)
        return found or self._estates.add(token, self._maker.made(self._before[f"{SEES}{token}"]))

    def _named(self, thing: Any) -> list[Any]:
        """What finds it again in another run. Raises Unwritable."""
        token = "" if isinstance(thing, (Module, Class)) else self._estates.token(thing)
        if token:
            return ["left", token]
        if isinstance(thing, Module):
            return ["module", thing.path]
        if isinstance(thing, Function):
            if thing in self._held:
                return ["held", self._held[thing], self._tokens.function(thing)]
            if thing in self.names:
                return ["function", *self.names[thing]]
        if not isinstance(thing, Class):
            raise contents.Unwritable
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
            with suppress(contents.Unwritable, Nameless):
                holder = self._holder_but(entry.digest)
                found[entry.token] = contents.written(entry.summary, self._named, holder)

    def fill_left(
        self,
        found: dict[str, str],
        versions: dict[Place, list[Version]],
        name_at: Callable[[int, Place], str],
    ) -> None:
        """Add what roots left at places."""
        for place, one in ((place, one) for place, every in versions.items() for one in every):
            key = f"{LEFT}{one.token}"
            known = self._before.get(key)
            if known is not None:
                found[key] = known
            elif key not in found and one.value is not None and one.token[:1] not in ("", "?"):
                holder = self.other_holder(one.value, name_at(one.born, place))
                with suppress(contents.Unwritable, Nameless):
                    found[key] = contents.written_value(one.value, self._named, holder)

    def other_holder(self, value: Value, name: str) -> str:
        """Who held an object first, if it was another than this and can tell that: what has no parts is equal."""
        if value.items is None and value.rest is None and not value.shape:
            return ""
        holder = self._origins.name_of(value)
        return "" if holder == name else holder

    def fill_seeing(self, found: dict[str, str]) -> None:
        """Add the closures, bound methods and partials that all this refers to."""
        waiting = list(found.values())
        while waiting:
            for one in _LEFT.finditer(waiting.pop()):
                token = one[1] or one[2]
                key = f"{SEES}{token}"
                text = self._before.get(key)
                ref = self._estates.find(token)
                if key in found:
                    continue
                if text is None and ref is not None:
                    with suppress(contents.Unwritable, Nameless):
                        text = closures.written(ref, self._named, self._own(key))
                if text is not None:
                    found[key] = text
                    waiting.append(text)

    def _own(self, key: str) -> contents.Holder:
        """Tells who held an object first, unless it was what is left under this key."""

        def holder(value: Value) -> str:
            name = self._origins.name_of(value)
            return "" if name.startswith(key) else name

        return holder

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
