"""Calls of functions of the tree: each is executed once per shape of its arguments.

The shape of an argument is everything but where its taint came from: each source is replaced by a label, so that
all calls with, say, "first argument tainted, second the constant 3" share one execution. What comes out speaks of
labels and is translated at each call. Closures and lambdas see their makers' variables, so they are executed in
place. Recursion ends at a fixed point after at most MAX_ROUNDS; a function with very many shapes is widened to
"tainted or not" per argument.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

from agents.inspector.taint import shapes
from agents.inspector.taint.belongings import is_own
from agents.inspector.taint.expressions import GLOBAL
from agents.inspector.taint.frames import MAX_CALLS, Exhausted, Frame
from agents.inspector.taint.guards import TYPE_OF
from agents.inspector.taint.states import State, joined
from agents.inspector.taint.structures import (
    Arguments,
    Class,
    Function,
    Hit,
    Instance,
    Summary,
)
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.translation import Back, Labels
from agents.inspector.taint.values import (
    DEEP,
    STORED,
    UNKNOWN,
    Attribute,
    Value,
    constant,
    deep_taints,
    element,
    join,
)

MAX_SHAPES = 24  # of one function; then constants and elements are not told apart any more
MOST_SHAPES = 72  # then an argument is tainted or not, whatever it holds
MAX_ROUNDS = 3
_THROWN = f"{GLOBAL}!"  # stands among what a call has written for the errors that it raises


def call(frame: Frame, node: ast.expr, function: Function, given: Arguments) -> Value:
    """The result of a call; changed arguments are written back, facts and hits taken over."""
    return call_with_receiver(frame, node, function, given)[0]


def call_with_receiver(
    frame: Frame, node: ast.expr, function: Function, given: Arguments
) -> tuple[Value, Value]:
    """The result, and the first argument as the call left it."""
    first = given.positional[0] if given.positional else UNKNOWN
    if frame.level >= MAX_CALLS:
        return _opaque(given), first
    bound, written = bind(function, given)
    if frame.engine.caught:
        from agents.inspector.taint import doors

        if doors.catches(frame, function, bound):
            return UNKNOWN, first
    if function.parent is not None:
        result, after = _in_place(frame, node, function, bound)
    else:
        result, after = _by_summary(frame, node, function, bound)
    for number, value in after.items():
        name = list(bound)[number]
        old = bound[name]
        if number == 0 and given.positional and old is first:
            first = value
        _write_back(frame, written.get(name), old, value)
    return result, first


def shown(frame: Frame, node: ast.expr, value: Value) -> Value:
    """The text of a value: what an object's __str__ gives; of a row, hardly what it was found by."""
    if TYPE_OF in (value.items or {}):
        return UNKNOWN  # what a type is called
    if value.name == STORED:
        return Value(tuple(one.weaker() for one in value.taints))
    if not isinstance(value.ref, Instance):
        return _without_what_was_set(value)
    for name in ("__str__", "__repr__", "__format__"):
        member = value.ref.cls.member(name)
        if member is not None and isinstance(member.ref, Function):
            given = [value, constant("")] if name == "__format__" else [value]
            return call(frame, node, member.ref, Arguments(given, nodes=[None for _ in given]))
    return (
        value if _shows_fields(value.ref.cls) else _without_what_was_set(value, is_all_known(value.ref.cls))
    )


# Bases and decorators whose text tells what is in it.
_SHOWING = re.compile(
    r"(?i)(?:^|\.)(?:str|bytes|dict|list|tuple|set|ordereddict|defaultdict|counter|user(?:dict|list|string)|namedtuple"
    r"|typeddict|simplenamespace|struct|basemodel|\w*(?:exception|error|warning|enum|markup|path)|dataclass|define|attrs"
    r"|attributes|frozen|mutable|s)$"
)
_MODELS = re.compile(
    r"(?:^|\.)(?:object|ABC|Generic|Protocol|Model|DeclarativeBase|Base|\w*View|\w*Resource)$"
)


def _shows_fields(cls: Class) -> bool:
    """Tell whether the text of such an object holds its fields though no method of the tree makes it."""
    written = [ast.unparse(one).partition("(")[0] for part in cls.order() for one in part.node.decorator_list]
    return any(_SHOWING.search(name) for name in (*cls.outside(), *written))


def is_all_known(cls: Class) -> bool:
    """Tell whether each base says nothing of its own fields: `<Page object at 0x7f>`."""
    return all(_MODELS.search(name) for name in cls.outside())


def _without_what_was_set(value: Value, is_known: bool = False) -> Value:
    """The text of an object: what was put into its attributes is hardly in there, and not if its type is known."""
    if not value.items or not any(_is_plain(key) for key in value.items):
        return value
    kept = {key: one for key, one in value.items.items() if not _is_plain(key)}
    taints = value.taints
    for key, one in value.items.items():
        if _is_plain(key) and not is_known:
            taints = merged(taints, tuple(taint.weaker(2) for taint in deep_taints(one)))
    return value.but(items=kept or None, taints=taints)


def _is_plain(key: object) -> bool:
    return isinstance(key, Attribute) and not key.attribute.startswith("~")


def _write_back(frame: Frame, target: ast.expr | None, old: Value, new: Value) -> None:
    from agents.inspector.taint import containers

    if target is not None or old.items is not None:
        containers.store(frame, target, old, new)


def _opaque(given: Arguments) -> Value:
    taints: tuple[Taint, ...] = ()
    for one in given.every():
        taints = merged(taints, tuple(taint.weaker() for taint in deep_taints(one)))
    return Value(taints) if taints else UNKNOWN


def bind(function: Function, given: Arguments) -> tuple[dict[str, Value], dict[str, ast.expr | None]]:
    """Parameters with their values, and the expressions that were passed for them."""
    from agents.inspector.taint import containers

    arguments = function.node.args
    bound: dict[str, Value] = {}
    written: dict[str, ast.expr | None] = {}
    names = [one.arg for one in function.parameters]
    keywords = dict(given.keywords)
    for number, name in enumerate(names):
        if number < len(given.positional):
            bound[name] = given.positional[number]
            written[name] = given.nodes[number] if number < len(given.nodes) else None
        else:
            bound[name] = _named(function, name, keywords, given, by_position=True)
            written[name] = given.keyword_nodes.get(name)
    if arguments.vararg is not None:
        extra = given.positional[len(names) :]
        bound[arguments.vararg.arg] = Value(
            shape="tuple", items=dict(enumerate(extra)), rest=given.star, exact=given.star is None
        )
    for parameter in arguments.kwonlyargs:
        bound[parameter.arg] = _named(function, parameter.arg, keywords, given, by_position=False)
        written[parameter.arg] = given.keyword_nodes.get(parameter.arg)
    if arguments.kwarg is not None:
        made = Value(shape="dict", items=dict(keywords), exact=given.double_star is None)
        named = {one.arg for one in (*function.parameters, *arguments.kwonlyargs)}
        more = given.double_star
        if more is not None and more.items:
            more = more.but(items={key: one for key, one in more.items.items() if key not in named})
        bound[arguments.kwarg.arg] = containers.spread(made, more)
    return bound, written


def _named(
    function: Function, name: str, keywords: dict[str, Value], given: Arguments, *, by_position: bool
) -> Value:
    if name in keywords:
        return keywords.pop(name)
    default = function.defaults.get(name, UNKNOWN)
    for extra in (given.star if by_position else None, given.double_star):
        if extra is not None:
            found = extra.items.get(name) if extra.items else None
            one = found if found is not None else element(extra) if extra is given.double_star else extra
            return join(one, default)
    return default


def _in_place(
    frame: Frame, node: ast.expr, function: Function, bound: dict[str, Value]
) -> tuple[Value, dict[int, Value]]:
    """Execute a closure or lambda with the values themselves."""
    if frame.engine.active.get(id(function), 0) >= 2:
        return Value(merged_all(bound.values())), {}
    frame.engine.active[id(function)] = frame.engine.active.get(id(function), 0) + 1
    try:
        inner = Frame(frame.engine, function.module, frame.budget, function=function, caller=frame)
        own = {name: value.but() for name, value in bound.items()}
        _execute(inner, own)
    finally:
        frame.engine.active[id(function)] -= 1
    frame.hits += inner.hits
    frame.thrown += inner.thrown
    frame.doubtful = frame.doubtful or inner.doubtful
    end = _end(inner)
    if end is None and not inner.yields:
        if not isinstance(function.node, ast.Lambda):
            frame.state.alive = frame.state.alive and bool(inner.returns)
        return inner.result(), {}
    if end is not None:
        frame.state.assume(end.facts)
        frame.state.variables.update(
            {name: value for name, value in end.variables.items() if name.startswith(GLOBAL)}
        )
        return inner.result(), _changes(end, list(own.values()))
    return inner.result(), {}


def merged_all(given: Iterable[Value]) -> tuple[Taint, ...]:
    """The taints of all arguments."""
    taints: tuple[Taint, ...] = ()
    for one in given:
        taints = merged(taints, deep_taints(one))
    return taints


def _as_unknown(bound: dict[str, Value], *, has_self: bool = False) -> Value:
    """What a function gives of which nothing is known but its arguments; of what its object holds, hardly."""
    own, *given = bound.values() if has_self and bound else (UNKNOWN, *bound.values())
    held = tuple(one.weaker(2) for one in deep_taints(own))
    return Value(merged(tuple(one.weaker() for one in merged_all(given)), held))


def _execute(inner: Frame, own: dict[str, Value]) -> None:
    for number, value in enumerate(own.values()):
        inner.state.variables[f"*{number}"] = value
    inner.state.variables.update(own)
    inner.receiver = next(iter(own.values()), None)
    assert inner.function is not None
    inner.execute(inner.function.body)
    if inner.state.alive:
        inner.exits.append(inner.state)
        if not inner.yields and inner.returns:
            from agents.inspector.taint.values import NONE

            facts = inner.state.facts
            inner.returns.append(NONE.but(facts=(facts, facts)) if facts else NONE)


def _end(inner: Frame) -> State | None:
    """The state after the call, over all ways out of it; None if it never returns."""
    end: State | None = None
    for one in inner.exits:
        one.alive = True
        end = one if end is None else joined(end, one)
    return end


def _changes(end: State, own: list[Value]) -> dict[int, Value]:
    """Arguments that are not the same object any more: they were changed, not bound anew."""
    found: dict[int, Value] = {}
    for number, value in enumerate(own):
        last = end.variables.get(f"*{number}")
        if (
            last is not None
            and last is not value
            and (last.items is not None or last.rest is not None or value.shape)
        ):
            found[number] = last
    return found


def _by_summary(
    frame: Frame, node: ast.expr, function: Function, bound: dict[str, Value]
) -> tuple[Value, dict[int, Value]]:
    labels = Labels()
    ledger = frame.engine.ledger
    widened = 2 if ledger.widened(function, MOST_SHAPES) else int(ledger.widened(function, MAX_SHAPES))
    own: dict[str, Value] = {}
    keys: list[Any] = []
    for name, value in bound.items():
        value = shapes.flat(value) if widened > 1 else value
        own[name], key = shapes.shape(value, labels, 1 if widened else DEEP - 1, widened=bool(widened))
        keys.append(key)
    labels.is_private = labels.is_private or is_own(function)
    summary = _summary(frame, function, own, (function, tuple(keys)), labels)
    frame.doubtful = frame.doubtful or summary.doubtful
    back = Back(frame, node, function, labels.taints, f"#{summary.serial}.")
    frame.state.assume(back.facts(summary.facts))
    for hit in summary.hits:
        back.hit(hit)
    if not summary.returns:
        frame.state.alive = False
    for name, value in summary.written.items():
        if name == _THROWN:
            frame.thrown.append(back.value(value))
        else:
            frame.state.variables[name] = back.value(value)
    after = {number: back.value(value) for number, value in summary.after.items()}
    return back.value(summary.result), after


def _summary(frame: Frame, function: Function, own: dict[str, Value], key: Any, labels: Labels) -> Summary:
    ledger = frame.engine.ledger
    found = ledger.find(key)
    if found is not None:
        if frame.engine.open.get(key):
            found.recursive = True
        return found
    summary = Summary(result=UNKNOWN, returns=True, serial=labels.serial)
    ledger.create(key, summary, function, is_private=labels.is_private)
    frame.engine.open[key] = True
    try:
        for _ in range(MAX_ROUNDS):
            summary.recursive = False
            before = {(one.source.key, one.cleaned) for one in deep_taints(summary.result)}
            _run(frame, function, own, summary)
            after = {(one.source.key, one.cleaned) for one in deep_taints(summary.result)}
            if not summary.recursive or before == after:
                break
    except Exhausted as reason:
        if frame.budget.steps <= 0 or frame.budget.late or frame.level == 0:
            ledger.drop(key)
            raise
        frame.engine.not_analysed(function, str(reason))
        summary.result, summary.doubtful = _as_unknown(own), True
    finally:
        frame.engine.open.pop(key, None)
    ledger.finish(key, summary)
    return summary


def _best(hits: list[Hit]) -> list[Hit]:
    """The surest and shortest way of each label to each sink: ways through many callers multiply."""
    best: dict[Any, Hit] = {}
    for one in hits:
        key = (one.kind, one.path, one.line, one.column, one.source.source.key, one.source.cleaned)
        old = best.get(key)
        if old is None or _rank(one) < _rank(old):
            best[key] = one
    return list(best.values())


def _rank(hit: Hit) -> tuple[int, int]:
    return hit.source.weak, hit.trail.length if hit.trail is not None else 0


def _is_left_to_others(function: Function) -> bool:
    """Tell whether a method does nothing but say that subclasses do it."""
    last = function.body[-1]
    is_all = function.owner is not None and len(function.body) <= 2  # a docstring stands before
    raised = last.exc if is_all and isinstance(last, ast.Raise) else None
    name = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(name, ast.Name) and name.id == "NotImplementedError"


def _run(frame: Frame, function: Function, own: dict[str, Value], summary: Summary) -> None:
    inner = Frame(frame.engine, function.module, frame.budget, function=function, caller=frame)
    values = {name: value.but() for name, value in own.items()}
    _execute(inner, values)
    end = _end(inner)
    summary.result = inner.result()
    summary.doubtful = inner.doubtful
    summary.hits = _best(inner.hits)
    summary.returns = end is not None or bool(inner.yields)
    if not summary.returns and _is_left_to_others(function):
        summary.returns = summary.doubtful = True
        summary.result = _as_unknown(own, has_self=function.kind != "static")
    if end is not None:
        summary.facts = {key: bits for key, bits in end.facts.items() if key[0][0].startswith("#")}
        summary.after = _changes(end, list(values.values()))
        summary.written = {name: value for name, value in end.variables.items() if name.startswith(GLOBAL)}
    for one in inner.thrown:
        old = summary.written.get(_THROWN)
        summary.written[_THROWN] = one if old is None else join(old, one)
