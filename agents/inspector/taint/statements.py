"""Statements: how each changes the state."""

from __future__ import annotations

import ast
from typing import Any

from agents.inspector.taint import attributes, containers, definitions, expressions, guards, sinks
from agents.inspector.taint.expressions import truth_of
from agents.inspector.taint.frames import EXECUTORS, Frame, executes
from agents.inspector.taint.states import State, joined
from agents.inspector.taint.structures import Class, Instance
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import (
    NO_FACTS,
    NONE,
    UNKNOWN,
    WEAKEN,
    Facts,
    Value,
    all_facts,
    common_facts,
    deep_taints,
    element,
    join,
)


@executes(ast.Expr)
def expression(frame: Frame, node: ast.Expr) -> None:
    """A call for its effect; also what a check that raises has proved."""
    value = frame.evaluate(node.value)
    if value.name == "!exit":
        frame.state.alive = False
    elif value.facts is not None:  # `validate(x)`: it came back
        frame.state.assume(common_facts(*value.facts))


@executes(ast.Assign)
def assignment(frame: Frame, node: ast.Assign) -> None:
    """`a = b = value`."""
    value = frame.evaluate(node.value)
    for target in node.targets:
        assign(frame, target, value)


@executes(ast.AnnAssign)
def annotated(frame: Frame, node: ast.AnnAssign) -> None:
    """`a: type = value`."""
    if node.value is not None:
        assign(frame, node.target, frame.evaluate(node.value))


@executes(ast.AugAssign)
def augmented(frame: Frame, node: ast.AugAssign) -> None:
    """`a += value`."""
    left = frame.evaluate(node.target)
    right = frame.evaluate(node.value)
    if isinstance(node.op, ast.Add) and left.shape == "list":
        containers.store(frame, node.target, left, containers.extended(left, right))
        return
    assign(frame, node.target, expressions.operated(frame, node, node.op, left, right))


def assign(frame: Frame, target: ast.expr, value: Value) -> None:
    """Bind a target, whatever its form."""
    if isinstance(target, ast.Name):
        _bind(frame, target, value)
    elif isinstance(target, ast.Attribute):
        sinks.named(frame, target, target.attr, value)
        value = frame.moved(value, target, _written(target), f"stored in {_written(target)}")
        attributes.write(frame, target, value)
    elif isinstance(target, ast.Subscript):
        containers.set_item(frame, target, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(frame, target.elts, value)
    elif isinstance(target, ast.Starred):
        assign(frame, target.value, Value(value.taints, shape="list", rest=value))


def _bind(frame: Frame, target: ast.Name, value: Value) -> None:
    sinks.named(frame, target, target.id, value)
    value = frame.moved(value, target, target.id, f"assigned to {target.id}")
    if target.id in frame.written_globals:
        frame.engine.project.write_global(frame.module, target.id, value)
        frame.state.variables[expressions.global_key(frame, target.id)] = value
    frame.state.variables[target.id] = value
    if target.id in frame.nonlocals:
        outer = frame.around(target.id)
        if outer is not None:
            frame.engine.ledger.put(outer.state.variables, target.id, value, outer)


def _written(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "…")
    return ".".join(reversed(parts))


def _unpack(frame: Frame, targets: list[ast.expr], value: Value) -> None:
    star = next((n for n, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
    if value.exact and value.items is not None and value.shape in ("tuple", "list") and star is None:
        every = list(value.items.values())
        for number, target in enumerate(targets):
            assign(frame, target, every[number] if number < len(every) else UNKNOWN)
        return
    if star is not None and _unpack_around(frame, targets, star, value):
        return
    for number, target in enumerate(targets):
        part = element(value)
        if value.taints and not value.items and value.rest is None and star is None:
            part = Value(attributes.parts_of(value.taints, f"[{number}]"))
        elif value.items is not None and number in value.items and (star is None or number < star):
            part = value.items[number]
        assign(frame, target, part)


def _unpack_around(frame: Frame, targets: list[ast.expr], star: int, value: Value) -> bool:
    """`first, *others, last = value` where all of the value is known. Tells whether it is."""
    starred = targets[star]
    if not (value.exact and value.items is not None and value.shape in ("tuple", "list")):
        return False
    every = list(value.items.values())
    behind = len(targets) - star - 1
    if len(every) < star + behind or not isinstance(starred, ast.Starred):
        return False
    end = len(every) - behind
    for target, one in zip(targets[:star], every[:star], strict=True):
        assign(frame, target, one)
    items = dict(enumerate(every[star:end]))
    assign(frame, starred.value, Value(value.taints, shape="list", items=dict(items), exact=True))
    for target, one in zip(targets[star + 1 :], every[end:], strict=True):
        assign(frame, target, one)
    return True


@executes(ast.Delete)
def deletion(frame: Frame, node: ast.Delete) -> None:
    """`del a[k]`, `del a`."""
    for target in node.targets:
        if isinstance(target, ast.Name):
            frame.state.variables.pop(target.id, None)
        elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            holder, key = frame.evaluate(target.value), frame.evaluate(target.slice)
            if (
                holder.items is not None
                and key.known
                and containers.hashable(key.const)
                and key.const in holder.items
            ):
                items = {k: v for k, v in holder.items.items() if k != key.const}
                if holder.shape == "list":
                    items = dict(enumerate(items.values()))
                containers.store(frame, target.value, holder, holder.but(items=items))


def is_for_types(node: ast.stmt) -> bool:
    """Tell whether it is `if TYPE_CHECKING:`, whose imports may go in circles."""
    test = node.test if isinstance(node, ast.If) else None
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def _opposite(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(op=ast.Not(), operand=test)


@executes(ast.If)
def branch(frame: Frame, node: ast.If) -> None:
    """Both ways, unless the test is constant; each way knows what the test says."""
    test = expressions.tested(frame, node.test)
    if not frame.state.alive:
        return
    if is_for_types(node):
        frame.execute(node.orelse)  # the engine executes the body once all modules are there
        return
    truth = truth_of(test)
    facts = test.facts or (NO_FACTS, NO_FACTS)
    if truth is not None:
        frame.state.assume(facts[0] if truth else facts[1])
        frame.execute(node.body if truth else node.orelse)
        return
    no = frame.state.copy()
    frame.state.assume(facts[0])
    frame.chosen.append(node.test)
    frame.execute(node.body)
    yes, frame.state = frame.state, no
    no.assume(facts[1])
    frame.chosen[-1] = _opposite(node.test)
    frame.execute(node.orelse)
    frame.chosen.pop()
    frame.state = joined(yes, frame.state) if yes.alive or frame.state.alive else frame.state


@executes(ast.Return)
def returning(frame: Frame, node: ast.Return) -> None:
    """The value goes to the caller, together with what is known where it was returned."""
    value = NONE if node.value is None else frame.evaluate(node.value)
    if frame.state.alive:
        finish(frame, node, value)


def finish(frame: Frame, node: ast.AST, value: Value) -> None:
    """End the body here with this value."""
    if frame.route:
        sinks.returned(frame, node, value)
    sinks.made(frame, node, value)
    if frame.state.facts:
        known = frame.state.facts
        own = value.facts or (NO_FACTS, NO_FACTS)
        value = frame.state.settled(value, 1).but(facts=(all_facts(known, own[0]), all_facts(known, own[1])))
        value = _with_verdict(value, known)
    frame.returns.append(value)
    frame.exits.append(frame.state.copy())
    frame.state.alive = False


def _with_verdict(value: Value, known: Facts) -> Value:
    """`return True, ""`: the first part says what a check came to; the rest is told to people."""
    first = (value.items or {}).get(0)
    if value.shape != "tuple" or first is None or not isinstance(first.const, bool):
        return value
    return value.but(items={**(value.items or {}), 0: first.but(facts=(known, known))})


@executes(ast.Raise)
def raising(frame: Frame, node: ast.Raise) -> None:
    """No way on from here; who catches the error has what it holds."""
    if node.exc is not None:
        value = frame.evaluate(node.exc)
        if value.ref is not None or value.taints:
            frame.thrown.append(frame.state.settled(value))
    frame.state.alive = False


@executes(ast.Assert)
def asserting(frame: Frame, node: ast.Assert) -> None:
    """Counts as a check: production rarely runs with -O."""
    test = frame.evaluate(node.test)
    if test.facts:
        frame.state.assume(test.facts[0])


def _try(frame: Frame, node: Any) -> None:
    before = frame.state.copy()
    outer, frame.raised = frame.raised, ()
    before_it, frame.thrown = frame.thrown, []
    frame.execute(node.body)
    told, frame.raised = frame.raised, merged(outer, frame.raised)
    thrown, frame.thrown = frame.thrown, before_it
    after = frame.state
    meeting = joined(before, State(after.variables, after.facts))  # wherever it was left
    meeting = State(dict(meeting.variables), before.facts)
    if after.alive:
        frame.execute(node.orelse)
    ends = [frame.state]
    for handler in node.handlers:
        frame.state = meeting.copy()
        _assume_keys(frame, node, handler)
        caught, thrown = _caught(frame, handler, thrown)
        if handler.name:
            frame.state.variables[handler.name] = _error(told, caught)
        frame.execute(handler.body)
        ends.append(frame.state)
    frame.thrown += thrown
    result = ends[0]
    for one in ends[1:]:
        result = joined(result, one) if result.alive or one.alive else result
    frame.state = result
    if node.finalbody:
        was_alive = result.alive
        if not was_alive:
            frame.state = meeting.copy()
        frame.execute(node.finalbody)
        frame.state.alive = frame.state.alive and was_alive


_KEYS = frozenset({"id", "pk", "uuid"})


def _assume_keys(frame: Frame, node: Any, handler: ast.ExceptHandler) -> None:
    """`except DoesNotExist` after `rows.get(id=text)`: the database took it for a number; of most keys, that is."""
    if handler.type is None or "DoesNotExist" not in ast.unparse(handler.type):
        return
    asked = [one for part in node.body for one in ast.walk(part) if isinstance(one, ast.Call)]
    for given in (keyword for one in asked for keyword in one.keywords):
        if given.arg in _KEYS and isinstance(given.value, ast.Name):
            value = expressions.lookup(frame, given.value.id)
            frame.state.assume(guards.about(deep_taints(value), WEAKEN))


def _error(told: tuple[Taint, ...], caught: list[Value]) -> Value:
    """What a handler's name holds: any of the errors that were raised, or one of the language's own."""
    found = Value(told) if told else None
    for one in caught:
        found = one if found is None else join(found, one)
    return found or UNKNOWN


def _caught(frame: Frame, handler: ast.ExceptHandler, thrown: list[Value]) -> tuple[list[Value], list[Value]]:
    """Those of the raised errors that a handler gets, and those that the next ones and the callers get."""
    if handler.type is None or not thrown:
        return thrown, []
    written = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    kinds_ = [frame.evaluate(one) for one in written]
    caught = [one for one in thrown if any(_is_of(one, kind) for kind in kinds_)]
    return caught, [one for one in thrown if one not in caught]


def _is_of(error: Value, kind: Value) -> bool:
    """Tell whether an error may be of a kind: known classes are compared, of others the names."""
    cls = error.ref.cls if isinstance(error.ref, Instance) else None
    if isinstance(kind.ref, Class):
        return cls is not None and kind.ref in cls.order()
    name = kind.name.rpartition(".")[2]
    if not name or name in ("Exception", "BaseException"):
        return True
    if cls is not None:
        return any(base.rpartition(".")[2] == name for base in cls.outside())
    return error.name.rpartition(".")[2].removesuffix("()") in (name, "")


EXECUTORS[ast.Try] = _try
if hasattr(ast, "TryStar"):
    EXECUTORS[ast.TryStar] = _try


@executes(ast.With, ast.AsyncWith)
def context(frame: Frame, node: ast.With | ast.AsyncWith) -> None:
    """`with value as name`: what __enter__ gives, or the value itself."""
    for item in node.items:
        value = frame.evaluate(item.context_expr)
        if isinstance(value.ref, Instance):
            from agents.inspector.taint import calls

            enter = attributes.read(frame, item.context_expr, value, "__enter__")
            if enter.ref is not None:
                value = calls.apply(frame, item.context_expr, enter)
        elif value.shape == "list" and value.rest is not None:
            value = value.rest  # a generator made a context manager
        if item.optional_vars is not None:
            assign(frame, item.optional_vars, value)
    frame.execute(node.body)


@executes(ast.Match)
def matching(frame: Frame, node: ast.Match) -> None:
    """Cases in turn; a constant subject chooses."""
    from agents.inspector.taint import patterns

    patterns.match(frame, node)


@executes(ast.Global)
def declared_global(frame: Frame, node: ast.Global) -> None:
    """These names are the module's."""
    frame.written_globals.update(node.names)


@executes(ast.Nonlocal)
def declared_nonlocal(frame: Frame, node: ast.Nonlocal) -> None:
    """These names are an outer function's; they are read there and, once changed, known here only."""
    for name in node.names:
        frame.state.variables[name] = expressions.lookup(frame, name)
        frame.nonlocals.add(name)


@executes(ast.FunctionDef, ast.AsyncFunctionDef)
def function(frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Bind the function's name, decorated."""
    frame.state.variables[node.name] = definitions.function(frame, node)


@executes(ast.ClassDef)
def cls(frame: Frame, node: ast.ClassDef) -> None:
    """Bind the class's name."""
    frame.state.variables[node.name] = definitions.cls(frame, node)


@executes(ast.Import)
def importing(frame: Frame, node: ast.Import) -> None:
    """`import a.b as c`."""
    for alias in node.names:
        if alias.asname:
            frame.state.variables[alias.asname] = frame.engine.project.imported(alias.name)
        else:
            top = alias.name.partition(".")[0]
            frame.state.variables[top] = frame.engine.project.imported(top)
            frame.engine.project.imported(alias.name)


@executes(ast.ImportFrom)
def importing_from(frame: Frame, node: ast.ImportFrom) -> None:
    """`from a import b as c`, also relative ones and stars."""
    project = frame.engine.project
    name = project.absolute(frame.module, node.module or "", node.level)
    for alias in node.names:
        if alias.name == "*":
            frame.state.variables.update(project.public(name))
        else:
            frame.state.variables[alias.asname or alias.name] = project.imported_from(name, alias.name)
