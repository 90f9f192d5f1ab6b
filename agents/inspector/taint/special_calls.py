"""Calls that call something else, now or later, and calls that make containers and records."""

from __future__ import annotations

import ast

from agents.inspector.taint.frames import Frame
from agents.inspector.taint.specials import known_as
from agents.inspector.taint.states import State
from agents.inspector.taint.structures import Arguments, Class, Instance
from agents.inspector.taint.taints import merged
from agents.inspector.taint.values import UNKNOWN, Attribute, Value, deep_taints, element

FACTORY = Attribute("~factory")
_FIELDS = Attribute("~fields")


@known_as("url_pattern")
def url_pattern(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """django.urls.path(route, view): an address leads to a function."""
    from agents.inspector.taint import routes

    written = node.args if isinstance(node, ast.Call) else []
    address, view = given.at(0, "route") or UNKNOWN, given.at(1, "view") or UNKNOWN
    if len(written) > 1:
        view = routes.undecorated(frame, written[1], view)
        routes.mark(frame, written[1], view)
    routes.lead(frame, address, view, written[0] if written else None, given.at(2, "kwargs"))
    return UNKNOWN


@known_as("started")
def started(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """threading.Thread(target=f, args=(...)), Timer(seconds, f, args): it is called once it is started."""
    from agents.inspector.taint import calls

    is_timer = callee.name.endswith("Timer")
    target = given.at(1, "function" if is_timer else "target")
    passed = given.at(2 if is_timer else 3, "args")
    named = given.at(3 if is_timer else 4, "kwargs")
    if target is not None and target.ref is not None:
        before = frame.state.copy()
        calls.apply(frame, node, target, _unpacked(passed, named))
        _go_on(frame, before)
        frame.state.facts = before.facts  # what it has looked at so far nobody knows
    return Value(name=f"@{callee.name}")


def _go_on(frame: Frame, before: State) -> None:
    """What runs elsewhere may never end, as most workers; who began it goes on."""
    if not frame.state.alive:
        frame.state = before


def _unpacked(passed: Value | None, named: Value | None) -> Arguments:
    given = Arguments()
    if passed is not None and passed.exact and passed.items is not None:
        given.positional = list(passed.items.values())
        given.nodes = [None for _ in given.positional]
    elif passed is not None:
        given.star = element(passed)
    if named is not None and named.exact and named.items is not None:
        given.keywords = {key: one for key, one in named.items.items() if isinstance(key, str)}
    elif named is not None:
        given.double_star = named
    return given


def _call_after(frame: Frame, node: ast.expr, given: Arguments, position: int) -> Value:
    from agents.inspector.taint import calls

    target = given.at(position) or UNKNOWN
    rest = Arguments(
        given.positional[position + 1 :], given.keywords, given.star, given.double_star,
        given.nodes[position + 1 :], given.keyword_nodes,
    )  # fmt: skip
    before = frame.state.copy()
    result = calls.apply(frame, node, target, rest)
    _go_on(frame, before)
    return result


@known_as("handed_over")
def handed_over(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """executor.submit(f, ...), asyncio.to_thread(f, ...): what f gives, awaited or asked for."""
    return _call_after(frame, node, given, 0).but(facts=None)


@known_as("in_executor")
def in_executor(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """loop.run_in_executor(executor, f, ...)."""
    return _call_after(frame, node, given, 1).but(facts=None)


@known_as("queue")
def queue(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """queue.Queue(): what is put in first comes out first; of a LifoQueue, last."""
    return Value(name=f"@{callee.name}", shape="list", items={}, exact=True)


@known_as("replaced")
def replaced(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """dataclasses.replace(record, name=value), record._replace(name=value)."""
    is_method = callee.name.startswith("@")
    old = receiver if is_method and receiver is not None else given.at(0, "obj") or UNKNOWN
    new: dict[object, Value] = {Attribute(name): one for name, one in given.keywords.items()}
    if given.double_star is not None:
        old = old.but(taints=merged(old.taints, deep_taints(given.double_star)))
    return old.but(items={**(old.items or {}), **new})


@known_as("as_dictionary")
def as_dictionary(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """dataclasses.asdict(record), record._asdict(), vars(record): its fields by name."""
    is_method = callee.name.startswith("@")
    old = receiver if is_method and receiver is not None else given.at(0, "obj") or UNKNOWN
    if not isinstance(old.ref, Instance) or not old.items:
        return Value(deep_taints(old))
    fields = {
        key.attribute: one
        for key, one in old.items.items()
        if isinstance(key, Attribute) and not key.attribute.startswith("~")
    }
    return Value(old.taints, shape="dict", items=dict(fields))


@known_as("as_manager")
def as_manager(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """OrderQuery.as_manager(): a manager with the methods of that class of queries."""
    of = receiver.ref if receiver is not None else None
    return Value(ref=Instance(of), shape="object", items={}) if isinstance(of, Class) else UNKNOWN


@known_as("from_queryset")
def from_queryset(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """Manager.from_queryset(OrderQuery): a class of managers with the methods of that class of queries."""
    of = given.at(0, "queryset_class")
    return Value(ref=of.ref) if of is not None and isinstance(of.ref, Class) else UNKNOWN


@known_as("named_tuple")
def named_tuple(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """collections.namedtuple("Pair", "a b")."""
    return Value(name="@namedtuple", items={_FIELDS: given.at(1, "field_names") or UNKNOWN})


@known_as("new_named_tuple")
def new_named_tuple(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """Pair(1, 2): its elements by number and by name."""
    told = (callee.items or {}).get(_FIELDS, UNKNOWN)
    names = told.const.replace(",", " ").split() if isinstance(told.const, str) else []
    names = names or [one.const for one in (told.items or {}).values() if isinstance(one.const, str)]
    values = dict(zip(names, given.positional, strict=False)) | given.keywords
    items: dict[object, Value] = {Attribute(name): one for name, one in values.items()}
    items |= {number: values[name] for number, name in enumerate(names) if name in values}
    return Value(shape="tuple", items=items, rest=given.star)


@known_as("dataclass_field")
def dataclass_field(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """dataclasses.field(): what an attribute is unless it is given."""
    if "default_factory" in given.keywords:
        return Value(name="@dataclasses.Field", items={FACTORY: given.keywords["default_factory"]})
    return given.keywords.get("default", UNKNOWN)
