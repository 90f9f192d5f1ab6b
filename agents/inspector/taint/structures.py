"""Modules, classes and functions of the tree, as the interpreter refers to them (`Value.ref`)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Union

from agents.inspector.taint import sources
from agents.inspector.taint.sources import Position, Told
from agents.inspector.taint.taints import Trail
from agents.inspector.taint.values import UNKNOWN, Facts, Value, join

if TYPE_CHECKING:
    from agents.inspector.taint.frames import Frame
    from agents.inspector.taint.ledger import Ledger

SERIALS = count(1)  # of summaries' labels
AnyFunction = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]  # noqa: UP007 (read by isinstance too)


@dataclass(slots=True, eq=False)
class Module:
    """One file. `variables` are its globals, once it was executed."""

    name: str
    path: str
    tree: ast.Module
    is_package: bool
    in_test_code: bool = False
    state: str = "fresh"  # then "executing", then "done"
    variables: dict[str, Value] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)  # without those that a function makes
    told: Told = field(kw_only=True)
    source: bytes = b""
    blank: dict[Position, bool] = field(
        default_factory=dict
    )  # functions without their bodies: do they yield?
    needed: set[Position] = field(default_factory=set)  # functions that were executed before all roots
    ledger: Ledger = field(kw_only=True)
    names: dict[AnyFunction, frozenset[str]] = field(default_factory=dict)  # that stand in closures

    @property
    def imports(self) -> frozenset[str]:
        """The top names of what it imports."""
        return self.told.imports

    @property
    def rebound(self) -> frozenset[str]:
        """Globals that a function changes."""
        return self.told.rebound

    def keeps(self, name: str) -> bool:
        """Tell whether a name in capitals stands for what this file binds to it, and changes nowhere."""
        is_bound = re.search(rf"(?m)^{re.escape(name)}\s*(?::[^=\n]+)?=(?!=)".encode(), self.source)
        return name.isupper() and name not in self.rebound and is_bound is not None

    def body(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """A function's statements."""
        position = (node.lineno, node.col_offset)
        if self.ledger.trace is None:
            self.needed.add(position)
        if position in self.blank:
            self.fill()
        return node.body

    def fill(self) -> None:
        """Parse the whole file if that was not done yet. Raises Stale."""
        if self.blank:
            sources.fill(self.tree, self.source, self.path, self.blank, self.told.lines)
            self.blank = {}

    def yields(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Tell whether a function is a generator."""
        known = self.blank.get((node.lineno, node.col_offset))
        if known is not None:
            return known
        return sources.yields(node, self.told.yielding, self.told.lines)


@dataclass(slots=True, eq=False)
class Function:
    """A function, method or lambda. `parent` is the frame whose variables it sees, if it is nested."""

    node: AnyFunction
    module: Module
    name: str  # qualified
    owner: Class | None = None
    parent: Frame | None = None
    kind: str = ""  # "static", "class", "property" or ""
    decorators: tuple[Value, ...] = ()
    decorated: Value | None = None  # what decorators of the tree made of it
    is_generator: bool = False
    defaults: dict[str, Value] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The names that stand in it."""
        known = self.module.names
        if self.node not in known:
            known[self.node] = frozenset(one.id for one in ast.walk(self.node) if isinstance(one, ast.Name))
        return known[self.node]

    @property
    def parameters(self) -> list[ast.arg]:
        """Those that may be given by position."""
        return [*self.node.args.posonlyargs, *self.node.args.args]

    def written_defaults(self) -> Iterator[tuple[str, ast.expr]]:
        """The defaults as they are written, by the parameter's name."""
        arguments = self.node.args
        for parameter, default in zip(reversed(self.parameters), reversed(arguments.defaults), strict=False):
            yield parameter.arg, default
        for parameter, keyword in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if keyword is not None:
                yield parameter.arg, keyword

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements; a lambda's is one return."""
        if isinstance(self.node, ast.Lambda):
            return [ast.copy_location(ast.Return(value=self.node.body), self.node.body)]
        if self.parent is None:  # who refers to it depends on its head alone, who reads its body on all of it
            self.module.ledger.note(("text", self), None)
        return self.module.body(self.node)


@dataclass(slots=True, eq=False)
class Class:
    """A class of the tree. `fields` are what methods put on `self`, in any order."""

    node: ast.ClassDef
    module: Module
    name: str
    bases: list[Value] = field(default_factory=list)
    members: dict[str, Value] = field(default_factory=dict)
    fields: dict[str, Value] = field(default_factory=dict)
    told: str | None = None  # the tables' name for its instances, once asked for
    born: int = -1  # the time of the root that made it (`ledger`)
    number: int = 0  # among those of its name
    kind: str | None = None  # of what kind its fields are (`fields`), once asked for
    setters: dict[str, Function] = field(default_factory=dict)  # of its properties, by name
    _order: list[Class] | None = None

    def order(self) -> list[Class]:
        """Itself and its bases in the tree, nearest first (depth first, which is enough here)."""
        if self.born < 0:
            self.module.ledger.note(("class", self), None)
        if self._order is None:
            found: list[Class] = [self]
            self._order = found
            for base in self.bases:
                if isinstance(base.ref, Class):
                    found += [one for one in base.ref.order() if one not in found]
        return self._order

    def annotated(self) -> list[str]:
        """The names that its body annotates, which a dataclass takes by position."""
        return [
            part.target.id
            for part in self.node.body
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
        ]

    def outside(self) -> Iterator[str]:
        """The dotted names of bases outside the tree."""
        for one in self.order():
            for base in one.bases:
                if base.name:
                    yield base.name

    def member(self, name: str) -> Value | None:
        """What its body, or a base's, gives this name."""
        return self._found("member", self.order(), name)

    def setter(self, name: str) -> Function | None:
        """What its body, or a base's, has called when this attribute is set."""
        return next((one.setters[name] for one in self.order() if name in one.setters), None)

    def inherited(self, name: str) -> Value | None:
        """What a base's body gives this name."""
        return self._found("member", self.order()[1:], name)

    def remembered(self, name: str) -> Value | None:
        """What some method puts into this attribute of `self`."""
        return self._found("field", self.order(), name)

    def _found(self, what: str, order: list[Class], name: str) -> Value | None:
        for one in order:
            found = one.own(what, name)
            if found is not None:
                return found
        return None

    def own(self, what: str, name: str) -> Value | None:
        """A "member" or "field" of this class itself, as it is seen now."""
        first = (self.members if what == "member" else self.fields).get(name)
        ledger = self.module.ledger
        if ledger.trace is None:
            return first
        place = (what, self, name)
        if self.born >= 0:
            return ledger.trace.written.get(place, first)
        found: Value | None = ledger.read(place, first)
        return found

    def bind(self, name: str, value: Value) -> None:
        """Give the class a member that its body did not."""
        if self.own("member", name) is None:
            self.module.ledger.write(self.members, ("member", self, name), value, self.born)

    def remember(self, name: str, value: Value) -> None:
        """Note what a method puts into an attribute. Taints of parameters belong to calls, not to the class."""
        kept = tuple(one.weaker() for one in value.taints if one.source.origin not in ("label",))
        general = Value(kept, name=value.name, ref=value.ref, shape=value.shape)
        old = self.own("field", name)
        general = general if old is None else join(old, general)
        self.module.ledger.write(self.fields, ("field", self, name), general, self.born)


@dataclass(frozen=True, slots=True)
class Instance:
    """That a value is an instance of a class of the tree."""

    cls: Class


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A method together with its `self` (or its class)."""

    function: Function
    receiver: Value
    node: Any = None  # the expression that gave the receiver, to write changes back to
    born: int = -1  # the time of the root that made it


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """functools.partial and its like."""

    target: Value
    positional: tuple[Value, ...]
    keywords: dict[str, Value]
    born: int = -1  # the time of the root that made it


@dataclass(frozen=True, slots=True)
class Super:
    """What super() gives."""

    cls: Class
    receiver: Value


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """That a taint reaches a sink."""

    kind: int
    source: Any  # the Taint
    path: str
    line: int
    column: int
    end_line: int
    sink: str  # in words
    trail: Trail | None


@dataclass(slots=True, eq=False)
class Summary:
    """What a call of a function does, told in terms of labels for what its arguments bear."""

    result: Value = UNKNOWN
    after: dict[int, Value] = field(default_factory=dict)  # changed arguments, by number
    written: dict[str, Value] = field(default_factory=dict)  # globals that were changed
    facts: Facts = field(default_factory=dict)  # what holds when it has returned
    hits: list[Hit] = field(default_factory=list)
    returns: bool = True
    doubtful: bool = False  # what it tells may rest on what others have changed in between
    recursive: bool = False
    serial: int = 0  # of its labels

    def become(self, other: Summary) -> None:
        """Tell what another one tells, in its labels and with its objects."""
        self.result, self.after, self.written = other.result, other.after, other.written
        self.doubtful = other.doubtful
        self.facts, self.hits, self.returns, self.serial = (
            other.facts,
            other.hits,
            other.returns,
            other.serial,
        )


class Shape(tuple[Any, ...]):
    """What makes an argument the same for a summary (`summaries`)."""

    __slots__ = ()


@dataclass(slots=True)
class Arguments:
    """What a call passes. `star` and `double_star` stand for an unknown number of more."""

    positional: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    star: Value | None = None
    double_star: Value | None = None
    nodes: list[ast.expr | None] = field(
        default_factory=list
    )  # expressions of `positional`, to write back to
    keyword_nodes: dict[str, ast.expr] = field(default_factory=dict)

    def every(self) -> list[Value]:
        """All values, whatever their place."""
        found = [*self.positional, *self.keywords.values()]
        return found + [one for one in (self.star, self.double_star) if one is not None]

    def at(self, position: int, name: str = "") -> Value | None:
        """The value at a position or under a name."""
        if name and name in self.keywords:
            return self.keywords[name]
        if 0 <= position < len(self.positional):
            return self.positional[position]
        if position >= len(self.positional) and self.star is not None and position >= 0:
            return self.star
        if (
            name
            and self.double_star is not None
            and self.double_star.items
            and name in self.double_star.items
        ):
            return self.double_star.items[name]
        return None
