"""What a reference is made of: pages of entries, and the place of every name.

Owns the shapes. Invariant: `Places.find` gives only places that some page really has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.documentation.product import Gap
from agents.symbols import Module, Symbol, Tokens

MAX_HOPS = 20  # from one name to the next, until it is seen as a circle


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What a class has from another one of the tree: names, and where each is defined."""

    base: str
    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One documented thing. `path` is the name by which people reach it, `symbol.path` the one of its definition."""

    path: str
    symbol: Symbol
    file: str
    members: tuple[Entry, ...] = ()
    inherited: tuple[Inherited, ...] = ()
    also: tuple[str, ...] = ()  # other public names

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    def walk(self) -> Iterator[Entry]:
        """Yield it and everything below it."""
        yield self
        for member in self.members:
            yield from member.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One module. `exports` are names that are documented elsewhere, `lost` those of __all__ that lead nowhere."""

    name: str
    module: Module
    entries: tuple[Entry, ...] = ()
    exports: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()

    def walk(self) -> Iterator[Entry]:
        """Yield every entry."""
        for entry in self.entries:
            yield from entry.walk()


@dataclass(slots=True, kw_only=True)
class Places:
    """Where each name is documented: qualified name -> (page, anchor). The anchor of a page itself is ""."""

    known: dict[str, tuple[str, str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    inherited: dict[str, str] = field(default_factory=dict)  # Child.method -> Base.method
    tails: dict[str, str] = field(
        default_factory=dict
    )  # tail that only one name has -> that name; "" if several

    def find(self, path: str) -> tuple[str, str] | None:
        """Give the place of a qualified name, through re-exports and base classes."""
        for _ in range(MAX_HOPS):
            if path in self.known:
                return self.known[path]
            following = self._next(path)
            if following is None:
                return None
            path = following
        return None

    def _next(self, path: str) -> str | None:
        if path in self.inherited:
            return self.inherited[path]
        head, rest = path, ""
        while head:
            if head in self.aliases:
                return self.aliases[head] + rest
            head, _, last = head.rpartition(".")
            rest = f".{last}{rest}"
        return None

    def named(self, text: str, scope: str) -> tuple[str, str] | None:
        """Give the place of what a docstring in `scope` names, as its author may have written it."""
        name = text.removesuffix("()").lstrip("~.")
        while scope:
            if (found := self.find(f"{scope}.{name}")) is not None:
                return found
            scope = scope.rpartition(".")[0]
        whole = self.find(name)
        if whole is not None:
            return whole
        tail = self.tails.get(name, "") if "." in name or name[:1].isupper() else ""
        return self.known.get(tail) if tail else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The whole of it: pages by module name, in order."""

    title: str
    revision: str
    pages: dict[str, Page]
    places: Places
    gaps: tuple[Gap, ...]
    is_private: bool = False

    def entries(self) -> Iterator[tuple[Page, Entry]]:
        """Yield every entry with its page."""
        for page in self.pages.values():
            for entry in page.walk():
                yield page, entry


def base_of(tokens: Tokens) -> str:
    """The qualified name of a base class as it is written: `Generic[T]` is `typing.Generic`."""
    found = ""
    for token in tokens:
        if isinstance(token, str):
            if "[" in token or "(" in token:
                break
        else:
            found = token[1]
    return found
