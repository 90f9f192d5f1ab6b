"""The shape of what `read` gives. The driver writes it as JSON, pydantic reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

Token = str | tuple[str, str]  # text, or (text, qualified name it stands for)
Tokens = tuple[Token, ...]
Kind = Literal["module", "class", "function", "attribute", "alias"]

RECEIVERS = frozenset({"self", "cls", "mcs", "mcls", "metacls"})
"""What Python fills in itself, by convention: no docstring lists it and no caller gives it."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Shape):
    """One entry of a docstring's section: a parameter, an error, a returned value. Its `line` is 0 if unknown."""

    name: str = ""
    annotation: Tokens = ()
    default: str = ""
    description: str = ""
    line: int = 0


class Section(_Shape):
    """A part of a docstring: `text` for prose and admonitions, `items` for lists; examples are pairs in `items`."""

    kind: str
    title: str = ""
    text: str = ""
    items: tuple[Item, ...] = ()


class Warned(_Shape):
    """What griffe says of a docstring that it parsed."""

    line: int
    message: str


class Docstring(_Shape):
    """A docstring. `style` is "" where nothing in it tells one."""

    text: str
    line: int
    end_line: int
    style: Literal["", "google", "numpy", "sphinx"] = ""
    sections: tuple[Section, ...] = ()
    warnings: tuple[Warned, ...] = ()


class Parameter(_Shape):
    """A parameter of a function as it is written."""

    name: str
    kind: str
    annotation: Tokens = ()
    default: str | None = None


class Overload(_Shape):
    """One of several forms in which a function may be called."""

    parameters: tuple[Parameter, ...] = ()
    returns: Tokens = ()
    line: int = 0


class Raised(_Shape):
    """An error that a function's own body raises."""

    name: str
    target: str = ""
    line: int


class Symbol(_Shape):
    """Something with a name. `target` is what an alias stands for."""

    name: str
    path: str
    kind: Kind
    line: int = 0
    end_line: int = 0
    public: bool
    labels: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    bases: tuple[Tokens, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    returns: Tokens = ()
    overloads: tuple[Overload, ...] = ()
    annotation: Tokens = ()
    value: str | None = None
    docstring: Docstring | None = None
    raises: tuple[Raised, ...] = ()
    returns_value: bool = False
    yields: bool = False
    is_stub: bool = False  # its body is nothing but `...`, `pass` or `raise NotImplementedError`
    target: str = ""
    members: tuple[Symbol, ...] = ()

    def walk(self) -> Iterator[Symbol]:
        """Yield it and everything below it."""
        yield self
        for member in self.members:
            yield from member.walk()


class Module(Symbol):
    """A module and its file, relative to the tree."""

    file: str
    exported: tuple[str, ...] | None = None  # __all__


class Problem(_Shape):
    """A file that could not be read as Python."""

    path: str
    reason: str


class Symbols(_Shape):
    """All modules of a tree, by name. `style` is the docstring style that most docstrings with sections have."""

    modules: tuple[Module, ...]
    failed: tuple[Problem, ...] = ()
    style: Literal["", "google", "numpy", "sphinx"] = ""
    griffe: str = ""

    def walk(self) -> Iterator[tuple[Module, Symbol]]:
        """Yield every symbol with its module."""
        for module in self.modules:
            for symbol in module.walk():
                yield module, symbol


def text_of(tokens: Tokens) -> str:
    """The tokens as people write them."""
    return "".join(token if isinstance(token, str) else token[0] for token in tokens)
