"""Calls of builtins and of small functions of the standard library."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from agents.inspector.taint import attributes, comprehensions, containers, guards, kinds, texts
from agents.inspector.taint.expressions import KNOWN_ELEMENTS, element_of, elements_of
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.specials import all_taints, known_as
from agents.inspector.taint.structures import Arguments, Instance, Partial, Super
from agents.inspector.taint.summaries import shown
from agents.inspector.taint.taints import merged
from agents.inspector.taint.values import (
    KEYS,
    MISSING,
    NO_FACTS,
    NONE,
    NUMBER,
    STORED,
    UNKNOWN,
    Attribute,
    OrNone,
    Value,
    constant,
    deep_taints,
    element,
    is_seen,
    join,
)


@known_as("number")
def number(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """int(), float(): what comes out is a number, and if this did not raise, so was what went in."""
    value = given.at(0) or constant(0)
    name = callee.name.rpartition(".")[2]
    if value.known and len(given.positional) == 1 and not given.keywords:
        try:
            return constant(
                int(value.const)
                if name == "int"
                else float(value.const)
                if name == "float"
                else bool(value.const)
            )
        except (ValueError, TypeError, OverflowError):
            frame.state.alive = False
            return UNKNOWN
    taints = deep_taints(value)
    frame.raised = merged(frame.raised, tuple(one.weaker() for one in taints))
    if taints and name in ("int", "float") and len(given.positional) == 1:
        frame.state.assume(guards.about(taints, kinds.INJECTIONS))
    return NUMBER.but(taints=tuple(one.with_cleaned(kinds.INJECTIONS) for one in taints))


@known_as("text")
def text(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """str(), bytes(), repr()."""
    value = shown(frame, node, given.at(0) or constant(""))
    if (
        value.known
        and isinstance(value.const, (str, int, float))
        and callee.name.endswith("str")
        and len(given.positional) == 1
    ):
        return constant(str(value.const))
    taints = merged(deep_taints(value), all_taints(Arguments(given.positional[1:], given.keywords)))
    if callee.name.endswith("repr") or value.shape in texts.WRITTEN:  # line ends are written as such
        taints = tuple(one.with_cleaned(texts.ONE_LINE) for one in taints)
    found = tuple(one.without_marks(kinds.STRUCTURE) for one in taints)
    return Value(found, prefix=value.prefix, seen=is_seen(value))


@known_as("translated")
def translated(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """gettext(text): in another language, with the same places for values."""
    return given.at(0, "message") or UNKNOWN


@known_as("length")
def length(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """len()."""
    value = given.at(0) or UNKNOWN
    if isinstance(value.const, (str, bytes)):
        return constant(len(value.const))
    if value.exact and value.items is not None and value.shape:
        return constant(len(value.items))
    return NUMBER


@known_as("character")
def character(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """chr(), ord()."""
    value = given.at(0) or UNKNOWN
    try:
        if isinstance(value.const, int) and callee.name.endswith("chr"):
            return constant(chr(value.const))
        if isinstance(value.const, str) and callee.name.endswith("ord"):
            return constant(ord(value.const))
    except (ValueError, TypeError, OverflowError):
        return UNKNOWN
    return Value(deep_taints(value)) if callee.name.endswith("chr") else UNKNOWN


@known_as("sequence")
def sequence(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """list(), tuple(), set(), sorted(), reversed(), deque(), iter()."""
    name = callee.name.rpartition(".")[2]
    shape = {"tuple": "tuple", "set": "set", "frozenset": "set"}.get(name, "list")
    value = given.at(0)
    if value is None:
        return Value(shape=shape, items={}, exact=True)
    if isinstance(value.const, str) and len(value.const) <= 64:
        letters = sorted(value.const) if name == "sorted" else list(value.const)
        if name == "reversed":
            letters.reverse()
        return Value(shape=shape, items={n: constant(one) for n, one in enumerate(letters)}, exact=True)
    if value.exact and value.items is not None and value.shape in ("list", "tuple"):
        every = list(value.items.values())
        if name == "reversed":
            every.reverse()
        if name != "sorted":
            return Value(value.taints, shape=shape, items=dict(enumerate(every)), exact=True)
    if value.shape in ("list", "tuple") and value.rest is not None and name in ("list", "tuple", "iter"):
        return containers.extended(Value(shape=shape, items={}, exact=True), value)
    named = attributes.name_in(frame, value)
    if named is not None:
        return Value(shape=shape, rest=named)
    return Value(value.taints, shape=shape, rest=element_of(frame, value), name="")


@known_as("chain")
def chained(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """itertools.chain(), chain.from_iterable(): the elements of one after the other."""
    every = given.positional
    if callee.name.endswith("from_iterable"):
        outer = given.at(0) or UNKNOWN
        known = elements_of(outer)
        every = [Value(shape="list", rest=element(element(outer)))] if known is None else known
    made = Value(shape="list", items={}, exact=True)
    for one in every:
        listed = sequence(frame, node, Arguments([one]), None, Value(name="builtins.list"))
        made = containers.extended(made, listed)
    return made if given.star is None else containers.with_more(made, element(given.star))


@known_as("mapping")
def mapping(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """dict(), OrderedDict(), defaultdict()."""
    made = Value(shape="dict", items={}, exact=True)
    first = given.at(0)
    if callee.name.endswith("defaultdict"):
        first = given.at(1)
    if first is not None and first.shape in ("list", "tuple", "set"):
        for pair in (first.items or {}).values():
            if pair.items is not None and 0 in pair.items and 1 in pair.items:
                made = containers.with_item(made, pair.items[0], pair.items[1])
        if first.rest is not None or first.taints:
            pair = element(first)
            if pair.items is not None and 0 in pair.items and 1 in pair.items:
                made = containers.with_item(made, pair.items[0].but(const=MISSING), pair.items[1])
            else:
                made = containers.with_more(made, element(pair))
    elif first is not None:
        items = {k: v for k, v in (first.items or {}).items() if not isinstance(k, Attribute) or k == KEYS}
        made = Value(first.taints, shape="dict", items=items, rest=first.rest, exact=first.exact)
    for key, value in given.keywords.items():
        made = containers.with_item(made, constant(key), value)
    made = containers.spread(made, given.double_star)
    return made.but(exact=False) if callee.name.endswith("defaultdict") else made


def _pair(*values: Value) -> Value:
    return Value(shape="tuple", items=dict(enumerate(values)), exact=True)


def _exact(values: Iterable[Value]) -> Value:
    return Value(shape="list", items=dict(enumerate(values)), exact=True)


@known_as("range")
def numbers(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """range(); few numbers are told apart."""
    bounds = [one.const for one in given.positional]
    if 1 <= len(bounds) <= 3 and all(type(one) is int for one in bounds) and bounds[2:] != [0]:
        every = range(*bounds)
        if len(every) <= KNOWN_ELEMENTS:
            return _exact(map(constant, every))
    return Value(shape="list", rest=UNKNOWN)


@known_as("enumerate")
def enumerated(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """enumerate()."""
    start = given.at(1, "start") or constant(0)
    every = elements_of(given.at(0) or UNKNOWN)
    if every is not None and isinstance(start.const, int):
        return _exact(_pair(constant(start.const + n), one) for n, one in enumerate(every))
    pair = Value(shape="tuple", items={0: Value(), 1: element_of(frame, given.at(0) or UNKNOWN)}, exact=True)
    return Value(shape="list", rest=pair)


@known_as("zip")
def zipped(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """zip()."""
    known = [elements_of(one) for one in given.positional]
    if given.star is None and all(one is not None for one in known):
        return _exact(_pair(*row) for row in zip(*(one or [] for one in known), strict=False))
    items = {n: element_of(frame, one) for n, one in enumerate(given.positional)}
    return Value(shape="list", rest=Value(shape="tuple", items=dict(items), exact=True))


@known_as("map")
def mapped(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """map(), filter()."""
    from agents.inspector.taint import calls

    function = given.at(0) or UNKNOWN
    every = elements_of(given.at(1) or UNKNOWN) if len(given.positional) == 2 else None
    if every is not None and len(every) <= KNOWN_ELEMENTS and callee.name.endswith("map"):
        return _exact([calls.apply(frame, node, function, Arguments([one])) for one in every])
    elements = [element_of(frame, one) for one in given.positional[1:]]
    result = calls.apply(frame, node, function, Arguments(list(elements)))
    if callee.name.endswith("filter"):
        kept = elements[0] if elements else UNKNOWN
        if result.facts is not None and kept.taints:
            facts = result.facts[0]
            bits = {key[0]: known for key, known in facts.items()}
            kept = kept.but(
                taints=tuple(
                    one.with_cleaned(bits.get(one.source.key, 0) & kinds.EVERYTHING) for one in kept.taints
                )
            )
        return Value(shape="list", rest=kept)
    return Value(shape="list", rest=result)


@known_as("next")
def following(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """next(), min(), max(), random.choice-like: one of the elements."""
    value = given.at(0) or UNKNOWN
    found = element(value)
    default = given.at(1, "default")
    if default is None:
        return found
    written = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if default.const is None and isinstance(written, ast.GeneratorExp):
        facts = comprehensions.proved(
            frame, written
        )  # `next((row for row in rows if row.name == name), None)`
        return join(found, default).but(facts=OrNone((facts, NO_FACTS)) if facts else None)
    return join(found, default)


@known_as("any", "all")
def quantified(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """any(), all(): facts about each element are facts about the text that they are of."""
    value = given.at(0) or UNKNOWN
    one = value.rest
    if one is None or one.facts is None:
        return UNKNOWN
    if callee.name.endswith("all"):
        return Value(facts=(one.facts[0], NO_FACTS))
    return Value(facts=(NO_FACTS, one.facts[1]))


@known_as("isinstance")
def is_instance(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """isinstance()."""
    value, kind = given.at(0) or UNKNOWN, given.at(1) or UNKNOWN
    facts = guards.type_facts(value, kind)
    return Value(facts=(facts, NO_FACTS)) if facts else UNKNOWN


@known_as("getattr")
def get_attribute(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """getattr() with a constant name."""
    holder, name, default = given.at(0) or UNKNOWN, given.at(1) or UNKNOWN, given.at(2)
    if holder.name == STORED:
        return default or UNKNOWN
    if isinstance(name.const, str):
        value = attributes.read(frame, node, holder, name.const)
        return join(value, default) if default is not None and value is UNKNOWN else value
    return Value(tuple(one.weaker() for one in merged(holder.taints, name.taints)))


@known_as("imported")
def imported(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """__import__("os"): the package, whatever follows its first dot."""
    name = (given.at(0, "name") or UNKNOWN).const
    return (
        frame.engine.project.imported(name.partition(".")[0]) if isinstance(name, str) and name else UNKNOWN
    )


@known_as("setattr")
def set_attribute(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """setattr() with a constant name."""
    holder, name, value = given.at(0) or UNKNOWN, given.at(1) or UNKNOWN, given.at(2) or UNKNOWN
    if isinstance(name.const, str) and given.nodes and given.nodes[0] is not None:
        changed = holder.but(items={**(holder.items or {}), Attribute(name.const): value})
        containers.store(frame, given.nodes[0], holder, changed)
    else:  # which of its attributes it was is not known
        frame.doubtful = True
    return NONE


@known_as("super")
def parent(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """super()."""
    function = frame.function
    outer: Frame | None = frame
    while outer is not None and (outer.function is None or outer.function.owner is None):
        outer = outer.parent
    if function is None or outer is None or outer.function is None or outer.function.owner is None:
        return UNKNOWN
    names = [one.arg for one in outer.function.parameters]
    held = outer.state.variables.get(names[0]) if names else None
    return Value(ref=Super(outer.function.owner, held or outer.receiver or UNKNOWN))


@known_as("type")
def type_of(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """type(x)."""
    value = given.at(0) or UNKNOWN
    if isinstance(value.ref, Instance):
        return Value(ref=value.ref.cls)
    return Value(items={guards.TYPE_OF: value}) if value.taints else UNKNOWN


@known_as("partial")
def partial(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """functools.partial()."""
    target = given.at(0) or UNKNOWN
    made = Partial(target, tuple(given.positional[1:]), dict(given.keywords), frame.engine.ledger.time)
    return Value(all_taints(given), ref=made)


@known_as("reduce")
def reduced(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """functools.reduce()."""
    return Value(all_taints(given))


@known_as("identity")
def identity(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """copy.copy(), typing.cast() and other functions that give back an argument."""
    last = given.at(len(given.positional) - 1) if given.positional else None
    return last.but() if last is not None else UNKNOWN


_WRITES = frozenset({"write_into", "page_part", "write_page"})


@known_as("print")
def printed(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """print(..., file=buffer): written into the buffer, as its own write() does it."""
    from agents.inspector.taint import calls

    file, where = given.keywords.get("file"), given.keyword_nodes.get("file")
    if file is None or where is None:
        return NONE
    write = attributes.read(frame, where, file, "write")
    rules = frame.engine.tables.of(write.name) if write.name else None
    if rules is None or rules.special not in _WRITES:
        return NONE
    text = Value(all_taints(Arguments(given.positional, star=given.star)))
    method = ast.copy_location(
        ast.Call(ast.copy_location(ast.Attribute(where, "write"), where), [], []), node
    )
    calls.apply(frame, method, write, Arguments([text]), receiver=file)
    return NONE


@known_as("ignore")
def ignore(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """Neither takes nor gives anything that matters."""
    return UNKNOWN
