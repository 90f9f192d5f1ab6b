"""Names for what is shared that are equal in two runs only if no function could tell the two things apart.

A value's token is a digest of all that it holds: constants, sources, trails with their lines, elements in order,
functions with their text and its place. Containers of modules and classes also bear the place where they are first
held, since whoever changes a list changes it under all its names. What a root made itself (closures, local classes)
has no such name, `Nameless` is raised, but for what it left (`estates`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from agents.inspector.taint.frames import Frame
from agents.inspector.taint.origins import Origins
from agents.inspector.taint.structures import (
    Bound,
    Class,
    Function,
    Hit,
    Instance,
    Module,
    Partial,
    Shape,
    Summary,
    Super,
)
from agents.inspector.taint.taints import Taint, Trail
from agents.inspector.taint.values import FALSE, MISSING, NONE, TRUE, UNKNOWN, Choice, Facts, OrNone, Value

SINGLE = {id(UNKNOWN): "U", id(NONE): "N", id(TRUE): "T", id(FALSE): "F"}
CONSTANTS = (str, bytes, int, float, complex, bool, type(None))
_EMPTY: dict[type, str] = {tuple: "()", str: "'' ", frozenset: "{}"}
_ENCODING = re.compile(rb"coding[:=]")
LEVELS = 3  # of containers whose sharing is told


class Nameless(Exception):
    """No other run could know this by a name."""


def digest(text: str) -> str:
    """Sixteen letters that stand for a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class _Within:
    """What was told so far in one token. `mark` begins the labels of the summary that is told of."""

    __slots__ = ("mark", "seen")

    def __init__(self, mark: str = "") -> None:
        self.mark = mark
        self.seen: dict[int, int] = {}


class Tokens:
    """Tokens of one run, after its modules' bodies were executed and before anything else is."""

    def __init__(
        self, modules: Iterable[Module], classes: Iterable[Class], origins: Origins | None = None
    ) -> None:
        self._origins = origins or Origins()
        self.left: dict[Any, str] = {}  # what roots left that is known by what it tells (`estates`)
        self._shared: dict[int, str] = {}
        self._values: dict[int, tuple[str, bool]] = {}  # only of what is shared, and so never goes away
        self._functions: dict[
            Function, tuple[str, bool]
        ] = {}  # the token, and whether no frame is told in it
        self._texts: dict[Function, str] = {}
        self._spans: dict[Function, tuple[int, int, int]] = {}
        self._keys: dict[tuple[Any, ...], str] = {}
        self._lines: dict[str, list[bytes]] = {}
        self._imports: dict[str, str] = {}
        self._trails: dict[int, tuple[Trail, str]] = {}
        self._told: dict[int, int] = {}  # frame -> its number among those of the token that is made
        self._depth = 0  # of functions and shared values that are told within each other
        self._frames = 0  # how often a frame was told
        for module in modules:
            for name, value in module.variables.items():
                self._share(value, f"{module.path}:{name}", LEVELS)
        for cls in classes:
            for held in (cls.members, cls.fields):
                for name, value in held.items():
                    self._share(value, f"{self.cls(cls)}.{name}", LEVELS)

    def _share(self, value: Value, name: str, levels: int) -> None:
        if id(value) in SINGLE or id(value) in self._shared:
            return
        held = self._origins.hold(value, name)
        if value.ref is not None:
            self._share_within(value.ref, name)
        if value.items is None and value.rest is None and not value.shape:
            if held != name and value.ref is None and held.partition(":")[0] == name.partition(":")[0]:
                self._shared[id(value)] = held  # under two names of one module
            return
        self._shared[id(value)] = name
        if levels:
            for key, one in (value.items or {}).items():
                self._share(one, f"{name}[{key!r}]", levels - 1)
            if value.rest is not None:
                self._share(value.rest, f"{name}[]", levels - 1)

    def _share_within(self, ref: Any, name: str) -> None:
        if isinstance(ref, (Bound, Partial)):
            self._shared.setdefault(id(ref), name)
        elif isinstance(ref, Function) and ref.parent is not None and not ref.parent.is_module:
            for variable, value in ref.parent.state.variables.items():
                self._origins.hold(value, f"{name}^{variable}")

    def value(self, value: Value) -> str:
        """The token of a shared value. Raises Nameless."""
        return digest(self._value(value, _Within()))

    def summary(self, summary: Summary, sharing: str) -> str:
        """The token of what a call of a function does; `sharing` tells of its objects. Raises Nameless."""
        within = _Within(f"#{summary.serial}.")
        parts = [
            f"{summary.returns}{sharing}",
            self._value(summary.result, within),
            self._facts(summary.facts, within),
        ]
        for changed in (summary.after, summary.written):
            parts += [f"{name}:{self._value(one, within)}" for name, one in changed.items()]
        parts += [self._hit(one, within) for one in summary.hits]
        return digest("\n".join(parts))

    def key(self, key: Any) -> str:
        """The name of a summary's key. One that holds objects which a root made has none but "~"."""
        try:
            return digest(self._part(key))
        except Nameless:
            return "~"

    def cls(self, cls: Class) -> str:
        """The name of a class that was made before all roots."""
        if cls.born >= 0:
            raise Nameless
        return f"{cls.module.path}:{cls.name}#{cls.number}"

    def bases(self, cls: Class) -> str:
        """The token of a class's bases, decorators and annotated names, and those of its bases."""
        parts: list[str] = []
        for one in cls.order():
            parts.append(self.cls(one))
            parts += [self._value(base, _Within()) for base in one.bases]
            parts += [*one.annotated(), *map(ast.unparse, one.node.decorator_list)]
            parts += [f"{name}={self.function(setter)}" for name, setter in one.setters.items()]
        return digest("\n".join(parts))

    def function(self, function: Function) -> str:
        """The token of a reference to a function: its head, where it is written, its defaults and what it sees.

        Its body is told only of one that sees a frame: all others note when somebody reads it (`text`).
        """
        return self.left.get(function) or self._known(
            self._functions, function, lambda: self._function(function)
        )

    def text(self, function: Function) -> str:
        """The token of all that is written of a function, and of what its module says of itself."""
        found = self._texts.get(function)
        if found is None:
            start, _, end = self._span(function)
            module = function.module
            head = f"{self._head(module)}\n{module.told.lines.between(start, end)}\n".encode(
                "utf-8", "surrogatepass"
            )
            text = b"".join(self._of(module)[start - 1 : end])
            found = self._texts[function] = blake2b(head + text, digest_size=8).hexdigest()
        return found

    def reference(self, ref: Any) -> str:
        """The token of a function, a bound method or a partial that roots leave. Raises Nameless."""
        return digest(self._ref(ref, _Within()))

    def is_shared(self, value: Value) -> bool:
        """Tell whether a value was held by a module or a class before all roots."""
        return id(value) in self._shared

    def root(self, function: Function) -> str:
        """The token of a function that is executed from outside."""
        return f"{self.function(function)}{self.text(function)}"

    def _known(self, known: dict[Any, tuple[str, bool]], key: Any, tell: Callable[[], str]) -> str:
        """The token of a function or a shared value, made once.

        Frames go in circles, so each is told once in a token and then by its number. What tells of frames therefore
        depends on where the telling began, and is taken from `known` only where nothing was told before.
        """
        found = known.get(key)
        if found is not None and (found[1] or not self._depth):
            return found[0]
        if not self._depth:
            self._told = {}
        before, is_outermost = self._frames, not self._depth
        self._depth += 1
        try:
            token = digest(tell())
        finally:
            self._depth -= 1
        if is_outermost or self._frames == before:
            known[key] = (token, self._frames == before)
        return token

    def _function(self, function: Function) -> str:
        module, node = function.module, function.node
        start, begun, end = self._span(function)
        if function.parent is None:
            end = begun
        parts = [
            module.path, function.name, f"{function.kind}{function.is_generator:d}",
            module.told.lines.between(start, end), str(node.col_offset), self._text(module, start, end),
            self._head(module) if function.parent is not None else self._coding(module),
        ]  # fmt: skip
        if function.owner is not None:
            parts.append(self.cls(function.owner))
        parts += [self._value(one, _Within()) for one in function.decorators]
        parts += [f"{name}={self._value(one, _Within())}" for name, one in function.defaults.items()]
        if function.decorated is not None:
            parts.append(self._value(function.decorated, _Within()))
        if function.parent is not None:
            parts.append(self._frame(function.parent))
        return "\n".join(parts)

    def _span(self, function: Function) -> tuple[int, int, int]:
        """The first line of a function, the last before its body, and its last one. They may all be one."""
        found = self._spans.get(function)
        if found is None:
            found = self._spans[function] = self._lines_of(function)
        return found

    def _lines_of(self, function: Function) -> tuple[int, int, int]:
        node, lines = function.node, function.module.told.lines
        start = end = lines.line(node.lineno)
        if isinstance(node, ast.Lambda):
            return start, end, lines.line(node.end_lineno or node.lineno)
        for one in node.decorator_list:
            start = min(start, lines.line(one.lineno))
        first = node.body[0]
        begun = min(
            [first.lineno, *(one.lineno for one in getattr(first, "decorator_list", ()))], key=lines.line
        )
        return start, max(end, lines.line(begun) - 1), lines.line(node.end_lineno or node.lineno)

    def _head(self, module: Module) -> str:
        found = self._imports.get(module.path)
        if found is None:
            coding = self._coding(module)
            found = self._imports[module.path] = f"{sorted(module.imports)}{module.in_test_code}{coding}"
        return found

    def _coding(self, module: Module) -> str:
        return "".join(repr(line) for line in self._of(module)[:2] if _ENCODING.search(line))

    def _of(self, module: Module) -> list[bytes]:
        found = self._lines.get(module.path)
        if found is None:
            found = self._lines[module.path] = module.source.splitlines(keepends=True)
        return found

    def _text(self, module: Module, start: int, end: int) -> str:
        return b"".join(self._of(module)[start - 1 : end]).decode("latin-1")

    def _frame(self, frame: Frame) -> str:
        """A frame that a function sees: its variables, and what it sees itself."""
        if frame.is_module:
            return frame.module.path
        if frame.born >= 0:
            raise Nameless
        self._frames += 1
        number = self._told.get(id(frame))
        if number is not None:
            return f"~{number}"
        self._told[id(frame)] = len(self._told)
        parts = [
            f"{name}={self._value(one, _Within())}" for name, one in sorted(frame.state.variables.items())
        ]
        if frame.function is not None and frame.function.owner is not None:
            parts.append(self.cls(frame.function.owner))
        if frame.receiver is not None:
            parts.append(self._value(frame.receiver, _Within()))
        if frame.parent is not None:
            parts.append(self._frame(frame.parent))
        return "\n".join(parts)

    def _value(self, value: Value, within: _Within) -> str:
        single = SINGLE.get(id(value))
        if single is not None:
            return single
        name = self._shared.get(id(value), "")
        if name:
            return self._known(self._values, id(value), lambda: name + self._content(value, _Within()))
        if value.items is None and value.rest is None and not value.shape:
            return self._content(value, within)
        number = within.seen.get(id(value))
        if number is not None:
            return f"={number}"
        within.seen[id(value)] = len(within.seen)
        return self._content(value, within)

    def _content(self, value: Value, within: _Within) -> str:
        parts = [f"{value.name!r}{value.prefix!r}{value.shape}{value.exact:d}{value.seen:d}"]
        if value.const is not MISSING:
            if type(value.const) not in CONSTANTS:
                raise Nameless
            parts.append(repr(value.const))
        parts += [self._taint(one, within) for one in value.taints]
        if value.ref is not None:
            parts.append(f"->{self._ref(value.ref, within)}")
        if value.items is not None:
            parts += [f"[{key!r}]{self._value(one, within)}" for key, one in value.items.items()]
            parts.append("[]")
        if value.rest is not None:
            parts.append(f"*{self._value(value.rest, within)}")
        if value.facts is not None:
            parts += [self._facts(one, within) for one in value.facts]
            parts.append("or none" if isinstance(value.facts, OrNone) else "")
        return f"({' '.join(parts)})"

    def _ref(self, ref: Any, within: _Within) -> str:
        if isinstance(ref, Function):
            return f"f{self.function(ref)}"
        if isinstance(ref, Class):
            return f"c{self.cls(ref)}"
        if isinstance(ref, Module):
            return f"m{ref.path}"
        if isinstance(ref, Instance):
            return f"i{self.cls(ref.cls)}"
        if isinstance(ref, Choice):
            return f"?{'|'.join(self._ref(one, within) for one in ref.options)}"
        if isinstance(ref, Super):
            return f"s{self.cls(ref.cls)}{self._value(ref.receiver, within)}"
        if isinstance(ref, (Bound, Partial)) and ref in self.left:
            return self.left[ref]
        if isinstance(ref, Bound):
            node = ref.node
            place = f"{type(node).__name__}{node.lineno}:{node.col_offset}" if node is not None else ""
            name = self._shared.get(id(ref), "")
            return f"b{name}{place}{self._ref(ref.function, within)}{self._value(ref.receiver, within)}"
        if isinstance(ref, Partial):
            given = [self._value(one, within) for one in ref.positional]
            given += [f"{name}={self._value(one, within)}" for name, one in ref.keywords.items()]
            return f"p{self._shared.get(id(ref), '')}{self._value(ref.target, within)}{','.join(given)}"
        raise Nameless

    def _taint(self, taint: Taint, within: _Within) -> str:
        source = taint.source
        what = self._label(source.what, within)
        lineage = [f"{one.selector!r}{one.veil}{one.identity!r}{one.cleaned}" for one in source.lineage()]
        encoded = "" if source.encoded is None else self._taint(source.encoded, within)
        return (
            f"<{what!r}{source.place}{source.origin}{lineage}{encoded}{taint.cleaned}.{taint.weak}"
            f"{self._trail(taint.trail)}>"
        )

    def _label(self, what: str, within: _Within) -> str:
        """A label without the serial number of its summary, which differs between runs."""
        if what[:1] != "#":
            return what
        if within.mark and not what.startswith(within.mark):
            raise Nameless
        return f"#{what.rpartition('.')[2]}"

    def _trail(self, trail: Trail | None) -> str:
        if trail is None:
            return ""
        found = self._trails.get(id(trail))
        if found is None:
            text = "|".join(f"{one.place}{one.variable!r}{one.what!r}" for one in trail.hops())
            found = self._trails[id(trail)] = (trail, digest(text))
        return found[1]

    def _facts(self, facts: Facts, within: _Within) -> str:
        told = [
            f"{self._label(key[0], within)!r}{key[1]}{key[2]!r}{need}={bits}"
            for (key, need), bits in facts.items()
        ]
        return f"{{{' '.join(told)}}}"

    def _hit(self, hit: Hit, within: _Within) -> str:
        taint: Taint = hit.source
        where = f"{hit.path!r}{hit.line}.{hit.column}.{hit.end_line}{hit.sink!r}"
        return f"!{hit.kind}{where}{self._taint(taint, within)}{self._trail(hit.trail)}"

    def _part(self, key: Any) -> str:
        parts: list[str] = []
        self._key(key, parts)
        return "".join(parts)

    def _key(self, key: Any, parts: list[str]) -> None:
        kind = type(key)
        if kind is tuple or kind is Shape:
            if kind is Shape:  # most stand in many keys
                known = self._keys.get(key)
                if known is not None:
                    parts.append(known)
                    return
            start = len(parts)
            parts.append("(")
            for one in key:
                if one is None or one is False:  # most of a key: without a call, since keys are many
                    parts.append("N " if one is None else "F ")
                elif not one and type(one) in _EMPTY:
                    parts.append(_EMPTY[type(one)])
                elif type(one) is int:
                    parts.append(f"{one} ")
                else:
                    self._key(one, parts)
            parts.append(")")
            if kind is Shape:
                self._keys[key] = "".join(parts[start:])
        elif kind in CONSTANTS:
            is_label = kind is str and key[:1] == "#" and key[1:2].isdigit()
            parts.append(f"#{key.rpartition('.')[2]}" if is_label else repr(key))
            parts.append(" ")
        elif kind is frozenset:
            parts.append("{" + ",".join(sorted(map(self._part, key))) + "}")
        elif isinstance(key, ast.AST):
            parts.append(f"{kind.__name__}{getattr(key, 'lineno', 0)}:{getattr(key, 'col_offset', 0)}")
        elif kind is Choice:
            for one in key.options:
                self._key(one, parts)
                parts.append("|")
        elif isinstance(key, tuple):
            parts.append(repr(key))
        elif isinstance(key, Super) or (isinstance(key, (Bound, Partial)) and key.born >= 0):
            raise Nameless
        else:
            parts.append(self._ref(key, _Within()))
