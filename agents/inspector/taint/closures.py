"""What roots left that sees variables, as it is written down and made again (`estates`)."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any

from agents.inspector.taint import contents
from agents.inspector.taint.contents import Finder, Giver, Holder, Namer, Unwritable, Written
from agents.inspector.taint.estates import LeftFrame, left_frame
from agents.inspector.taint.structures import Bound, Function, Module, Partial
from agents.inspector.taint.values import Value

At = Callable[[str], Module | None]  # the module of a path


def written(ref: Any, name: Namer, holder: Holder) -> str:
    """A closure, a bound method or a partial as text. Raises Unwritable."""
    writer = contents.Writer("#0.", name, holder)
    if isinstance(ref, Bound):
        told: Written = ["bound", name(ref.function), writer.value(ref.receiver)]
    elif isinstance(ref, Partial):
        told = [
            "partial",
            writer.value(ref.target),
            [writer.value(one) for one in ref.positional],
            _named(writer, ref.keywords),
        ]
    else:
        told = [
            "closure",
            _head(ref, name),
            ref.kind,
            ref.is_generator,
            [writer.value(one) for one in ref.decorators],
            None if ref.decorated is None else [writer.value(ref.decorated)],
            _named(writer, ref.defaults),
            _frames(writer, ref.parent, name),
        ]
    return contents.text_of(told)


def _frames(writer: contents.Writer, frame: Any, name: Namer) -> Written:
    """The frames that it sees, nearest first."""
    told: list[Written] = []
    while frame is not None:
        if not isinstance(frame, LeftFrame):
            raise Unwritable
        told.append([_head(frame.function, name), _named(writer, frame.state.variables)])
        frame = frame.parent
    return told


def _named(writer: contents.Writer, values: dict[str, Value]) -> Written:
    return [[name, writer.value(one)] for name, one in values.items()]


def _head(function: Any, name: Namer) -> Written:
    node = function.node
    owner = None if function.owner is None else name(function.owner)
    return [function.module.path, type(node).__name__, node.lineno, node.col_offset, function.name, owner]


class Maker:
    """Makes again what was written."""

    def __init__(self, engine: Any, find: Finder, give: Giver) -> None:
        self._engine = engine
        self._find = find
        self._give = give
        self._nodes: dict[str, dict[tuple[str, int, int], Any]] = {}

    def made(self, text: str) -> Any:
        """What a text tells of. Raises LookupError."""
        reader = contents.Reader("#0.", self._find, self._give)
        kind, *told = json.loads(text)
        if kind == "bound":
            return Bound(self._find(told[0]), reader.value(told[1]))
        if kind == "partial":
            target = reader.value(told[0])
            positional = tuple(reader.value(one) for one in told[1])
            return Partial(target, positional, self._named(reader, told[2]))
        head, kind, is_generator, decorators, decorated, defaults, frames = told
        made = self._function(head)
        made.kind, made.is_generator = kind, is_generator
        made.decorators = tuple(reader.value(one) for one in decorators)
        made.decorated = None if decorated is None else reader.value(decorated[0])
        made.defaults = self._named(reader, defaults)
        variables = [self._named(reader, one) for _, one in frames]  # as they were written
        for (outer, _), values in zip(reversed(frames), reversed(variables), strict=True):
            function = self._function(outer)
            function.parent, made.parent = made.parent, None
            made.parent = left_frame(self._engine, function, values)
        return made

    def _named(self, reader: contents.Reader, told: Written) -> dict[str, Value]:
        return {name: reader.value(one) for name, one in told}

    def _function(self, head: Written) -> Function:
        path, kind, line, column, name, owner = head
        module = self._engine.project.at(path)
        if module is None:
            raise LookupError(path)
        if path not in self._nodes:
            module.fill()
            self._nodes[path] = {
                (type(one).__name__, one.lineno, one.col_offset): one
                for one in ast.walk(module.tree)
                if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            }
        node = self._nodes[path][kind, line, column]
        return Function(node, module, name, None if owner is None else self._find(owner))
