"""What `def` and `class` bind, and what decorators make of it."""

from __future__ import annotations

import ast

from agents.inspector.taint import fields, special_reviews
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.states import State
from agents.inspector.taint.structures import Bound, Class, Function
from agents.inspector.taint.values import UNKNOWN, Value

_KINDS = {
    "staticmethod": "static",
    "classmethod": "class",
    "property": "property",
    "cached_property": "property",
    "functools.cached_property": "property",
    "django.utils.functional.cached_property": "property",
    "abc.abstractproperty": "property",
}
_TRANSPARENT = frozenset(
    {"functools.wraps", "functools.lru_cache", "functools.cache", "contextlib.contextmanager"}
)


def function(frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: Class | None = None) -> Value:
    """The value that the function's name gets."""
    nested = frame.function is not None
    made = Function(
        node=node,
        module=frame.module,
        name=f"{owner.name}.{node.name}" if owner else _qualified(frame, node.name),
        owner=owner or None,
        parent=frame if nested else None,
        is_generator=frame.module.yields(node),
    )
    special_reviews.of_function(frame, node)
    for name, default in made.written_defaults():
        made.defaults[name] = frame.evaluate(default)
    decorators = [frame.evaluate(_target(one)) for one in node.decorator_list]
    made.decorators = tuple(decorators)
    for one in decorators:
        if one.name in _KINDS:
            made.kind = _KINDS[one.name]
    if not nested:
        frame.module.functions.append(made)
    else:
        frame.engine.nested(frame, made)
    value = Value(ref=made)
    for written, one in zip(reversed(node.decorator_list), reversed(decorators), strict=True):
        value = _decorated(frame, written, one, value)
    if (
        value.ref is not made
        and owner is None
        and isinstance(value.ref, Function)
        and value.ref.parent is not None
    ):
        made.decorated = value
    return value


def _target(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _decorated(frame: Frame, written: ast.expr, decorator: Value, value: Value) -> Value:
    """A decorator of the tree is called; one from outside is taken to keep the function what it is."""
    if not isinstance(decorator.ref, (Function, Bound, Class)) or decorator.name in _TRANSPARENT:
        return value
    if isinstance(decorator.ref, Class):
        return value
    from agents.inspector.taint import calls
    from agents.inspector.taint.structures import Arguments

    if isinstance(written, ast.Call):
        decorator = frame.evaluate(written)
        if not isinstance(decorator.ref, (Function, Bound)):
            return value
    made = calls.apply(frame, written, decorator, Arguments([value]))
    return made if isinstance(made.ref, (Function, Bound)) else value


def _qualified(frame: Frame, name: str) -> str:
    return f"{frame.function.name}.{name}" if frame.function else name


def cls(frame: Frame, node: ast.ClassDef) -> Value:
    """The value that the class's name gets; its body is executed once."""
    made = Class(node=node, module=frame.module, name=_qualified(frame, node.name))
    made.bases = [frame.evaluate(one) for one in node.bases]
    special_reviews.of_class(frame, node, made.bases)
    made.born = frame.engine.ledger.time
    if made.born < 0:
        frame.engine.ledger.register(made)
    outer = frame.state
    frame.state = State(dict(outer.variables))
    names = set(outer.variables)
    for statement in node.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            value = function(frame, statement, made)
            setter = _set_by(statement)
            if setter and isinstance(value.ref, Function):  # the property itself keeps its name
                made.setters[setter] = value.ref
                continue
            frame.state.variables[statement.name] = value
            made.members[statement.name] = value
        else:
            frame.execute([statement])
            _gather(frame, made, statement)
    for name, value in frame.state.variables.items():
        if name not in names and name not in made.members:
            made.members[name] = value
    fields.declare(frame, made)
    frame.state = outer
    return Value(ref=made)


def _set_by(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The property that a method sets, by its decorator `@name.setter`, or ""."""
    for one in node.decorator_list:
        if isinstance(one, ast.Attribute) and one.attr == "setter" and isinstance(one.value, ast.Name):
            return one.value.id
    return ""


def _gather(frame: Frame, made: Class, statement: ast.stmt) -> None:
    """Names that a statement of the class's body binds, also if they hide an outer name."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    for target in targets:
        if isinstance(target, ast.Name):
            made.members[target.id] = frame.state.variables.get(target.id, UNKNOWN)
