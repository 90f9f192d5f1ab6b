"""Expressions that are neither calls nor comparisons."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from agents.inspector.taint import attributes, fields, kinds, reviews, texts
from agents.inspector.taint.frames import Frame, evaluates
from agents.inspector.taint.states import joined
from agents.inspector.taint.structures import Arguments, Class, Function, Instance
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import (
    KEYS,
    MAX_ITEMS,
    MISSING,
    NO_FACTS,
    UNKNOWN,
    WEAKEN,
    Attribute,
    Facts,
    Value,
    all_facts,
    common_facts,
    constant,
    deep_taints,
    element,
    join,
)

_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.Pow: operator.pow,
}
_LARGE = 1 << 64


@evaluates(ast.Constant)
def literal(frame: Frame, node: ast.Constant) -> Value:
    """A literal. Long texts are known by their begin alone."""
    value = node.value
    if isinstance(value, str) and len(value) > texts.MAX_TEXT:
        return Value(prefix=value[: texts.MAX_TEXT])
    if value is Ellipsis:
        return UNKNOWN
    return constant(value)


@evaluates(ast.Name)
def name(frame: Frame, node: ast.Name) -> Value:
    """A variable, global or builtin."""
    return lookup(frame, node.id)


GLOBAL = "@"  # begins no name of a variable


def lookup(frame: Frame, wanted: str) -> Value:
    """What a name stands for here."""
    found = frame.state.variables.get(wanted)
    if found is not None:
        return found
    outer = frame.parent
    while outer is not None:
        found = outer.state.variables.get(wanted)
        if found is not None and not outer.is_module:
            return frame.doubt(found)
        outer = outer.parent
    found = frame.state.variables.get(global_key(frame, wanted))
    if found is not None:
        return found
    found = frame.engine.project.global_value(frame.module, wanted)
    if found.items is not None or found.rest is not None:
        is_table = found.shape == "tuple" or (found.exact and frame.module.keeps(wanted))
        return found if is_table else frame.doubt(found)  # others may have changed it
    return found


def global_key(frame: Frame, name: str) -> str:
    """Under what a state remembers a global that the function, or one that it called, has changed."""
    return f"{GLOBAL}{frame.module.name}:{name}"


@evaluates(ast.Attribute)
def attribute(frame: Frame, node: ast.Attribute) -> Value:
    """`value.attr`."""
    of = node.value
    if node.attr != "data" or not isinstance(of, ast.Attribute):
        return attributes.read(frame, node, frame.evaluate(of), node.attr)
    form = frame.evaluate(of.value)
    found = fields.data(frame, node, form, of.attr)
    if found is not None:
        return found
    return attributes.read(frame, node, attributes.read(frame, of, form, of.attr), "data")


@evaluates(ast.Subscript)
def subscript(frame: Frame, node: ast.Subscript) -> Value:
    """`value[index]`."""
    from agents.inspector.taint import calls, containers, forms, guards

    holder = frame.evaluate(node.value)
    if isinstance(node.slice, ast.Slice):
        return containers.sliced(frame, holder, node.slice)
    if holder.name.endswith(".Literal"):
        return holder  # `Period = Literal["day", "month"]`, the name of a type
    key = frame.evaluate(node.slice)
    if isinstance(node.ctx, ast.Load) and reviews.is_namespace(node.value, holder):
        words = f"{ast.unparse(node.value)}[...]"
        frame.hit(kinds.KINDS["code"].bit, key.taints, node, words, weak=1)
        reviews.look(frame, kinds.KINDS["code"].bit, node, key, words)
    if key.known and forms.is_parsed(frame, node, key.const):
        return UNKNOWN
    if isinstance(holder.ref, Instance):
        method = attributes.read(frame, node, holder, "__getitem__")
        if method.ref is not None:
            return calls.apply(frame, node, method, Arguments([key], nodes=[node.slice]))
    if (
        isinstance(holder.ref, Class) and key.taints
    ):  # of an enumeration: it raises unless it is one of the names
        return Value(ref=Instance(holder.ref), shape="object", items={})
    found = containers.item(frame, node, holder, key)
    if isinstance(node.ctx, ast.Load) and key.taints and containers.is_table(holder):
        frame.state.assume(guards.member_facts(key, holder)[0])  # it raises unless it is one of the keys
    return forms.treated(frame, node, key.const, found) if key.known else found


@evaluates(ast.BinOp)
def binary(frame: Frame, node: ast.BinOp) -> Value:
    """Arithmetic and concatenation. Long chains of + are walked, not nested."""
    if isinstance(node.op, ast.Add):
        pieces: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            pieces.append(left.right)
            left = left.left
        value = frame.evaluate(left)
        values = [value, *(frame.evaluate(piece) for piece in reversed(pieces))]
        return added(frame, node, values)
    return operated(frame, node, node.op, frame.evaluate(node.left), frame.evaluate(node.right))


_MARKUP = "@markupsafe.Markup"  # escapes what is put into it


def added(frame: Frame, node: ast.AST, values: list[Value]) -> Value:
    """The sum of some values: numbers, lists or texts."""
    if all(one.known and isinstance(one.const, (int, float)) for one in values):
        return _folded(ast.Add(), values)
    if values[0].shape in ("list", "tuple"):
        from agents.inspector.taint import containers

        whole = values[0]
        for one in values[1:]:
            whole = containers.extended(whole, one)
        return whole
    if any(one.name == _MARKUP for one in values):
        values = [one if one.name == _MARKUP else texts.cleaned(one, kinds.mask("xss")) for one in values]
    if any(one.name == "@pathlib.Path" for one in values):
        return concatenate_path(frame, node, values)
    return texts.concatenated(frame, node, values, "put into a text by +")


def _folded(op: ast.operator, values: list[Value]) -> Value:
    total = values[0].const
    for one in values[1:]:
        total = _calculate(op, total, one.const)
        if total is MISSING:
            return UNKNOWN
    return constant(total)


def concatenate_path(frame: Frame, node: ast.AST, values: list[Value]) -> Value:
    """A path made of parts."""
    return texts.concatenated(frame, node, values, "put into a path").but(name="@pathlib.Path")


def _is_path(left: Value, right: Value) -> bool:
    """Tell whether `left / right` joins paths: one is known to be a path, or the right one is text from outside."""
    if any(one.known and isinstance(one.const, (int, float)) for one in (left, right)):
        return False
    return any(one.name.startswith("@pathlib.") for one in (left, right)) or bool(right.taints)


def operated(frame: Frame, node: ast.AST, op: ast.operator, left: Value, right: Value) -> Value:
    """`left op right`."""
    if isinstance(op, ast.Add):
        return added(frame, node, [left, right])
    if isinstance(op, ast.Mod) and not isinstance(left.const, (int, float)):
        made = texts.percent(frame, node, left, right)
        return texts.cleaned(made, kinds.mask("xss")) if left.name == _MARKUP and not left.taints else made
    if isinstance(op, ast.Div) and _is_path(left, right):
        return concatenate_path(frame, node, [left, right])
    if left.known and right.known:
        value = _calculate(op, left.const, right.const)
        return UNKNOWN if value is MISSING else constant(value)
    if isinstance(op, ast.BitOr) and left.shape in ("dict", "set"):
        return join(left, right)
    if isinstance(op, (ast.BitOr, ast.BitAnd)):
        from agents.inspector.taint import special_settings

        joined_flags = special_settings.joined_flags(op, left, right)
        if joined_flags is not None:
            return joined_flags
    taints = merged(deep_taints(left), deep_taints(right))
    if isinstance(op, ast.Mult) and left.shape == "list":
        return Value(taints, shape="list", rest=element(left))
    name = left.name if left.name.startswith("@") else ""
    return Value(taints, name=name) if taints or name else UNKNOWN


def _calculate(op: ast.operator, left: Any, right: Any) -> Any:
    """The result of constants, or MISSING. Nothing large is made."""
    function = _OPERATORS.get(type(op))
    if (
        function is None
        or not isinstance(left, (int, float, str, bytes))
        or not isinstance(right, (int, float, str))
    ):
        return MISSING
    if isinstance(op, (ast.Pow, ast.LShift, ast.Mult)):
        sized = [len(one) if isinstance(one, (str, bytes)) else abs(one) for one in (left, right)]
        if sized[0] > 10_000 or sized[1] > (64 if isinstance(op, (ast.Pow, ast.LShift)) else 10_000):
            return MISSING
    try:
        value = function(left, right)
    except Exception:  # whatever the program's own operation would raise: no constant comes of it
        return MISSING
    if isinstance(value, (str, bytes)) and len(value) > texts.MAX_TEXT:
        return MISSING
    if isinstance(value, int) and abs(value) > _LARGE:
        return MISSING
    return value if isinstance(value, (int, float, str, bytes)) else MISSING


@evaluates(ast.UnaryOp)
def unary(frame: Frame, node: ast.UnaryOp) -> Value:
    """`not`, and signs."""
    value = tested(frame, node.operand) if isinstance(node.op, ast.Not) else frame.evaluate(node.operand)
    if isinstance(node.op, ast.Not):
        truth = truth_of(value)
        facts = (value.facts[1], value.facts[0]) if value.facts else None
        return Value(const=MISSING if truth is None else not truth, facts=facts)
    if value.known and isinstance(value.const, (int, float)):
        if isinstance(node.op, ast.USub):
            return constant(-value.const)
        if isinstance(node.op, ast.Invert) and isinstance(value.const, int):
            return constant(~value.const)
        return value
    if isinstance(node.op, ast.Invert):
        from agents.inspector.taint import special_settings

        return special_settings.without_flags(value) or (Value(value.taints) if value.taints else UNKNOWN)
    return Value(value.taints) if value.taints else UNKNOWN


def truth_of(value: Value) -> bool | None:
    """Whether a value is true, if that is known."""
    if value.known:
        return bool(value.const)
    if value.exact and value.shape in ("list", "tuple", "dict", "set") and value.items is not None:
        return bool(value.items)
    if value.ref is not None and not value.taints:
        return True
    return None


@evaluates(ast.BoolOp)
def boolean(frame: Frame, node: ast.BoolOp) -> Value:
    """`and` and `or`: what comes later is evaluated knowing what came before."""
    is_and = isinstance(node.op, ast.And)
    first = tested(frame, node.values[0])
    results = [first]
    true, false = first.facts or (NO_FACTS, NO_FACTS)
    after = frame.state  # the first part is always evaluated; names bound in later parts may be
    frame.state = after.copy()
    for part in node.values[1:]:
        if truth_of(results[-1]) is (not is_and):
            break
        frame.state.assume(true if is_and else false)
        value = tested(frame, part)
        one = value.facts or (NO_FACTS, NO_FACTS)
        if is_and:
            true, false = all_facts(true, one[0]), _either(false, one[1])
        else:
            true, false = _either(true, one[0]), all_facts(false, one[1])
        results.append(value)
    after.variables = frame.state.variables
    frame.state = after
    if is_and:  # a text from outside that is false is empty
        results[:-1] = [_if_false(one) for one in results[:-1]]
    return _of_boolean(results, is_and=is_and, facts=(true, false))


def _if_false(value: Value) -> Value:
    """What a plain text or container is that is false: nothing of it is left."""
    is_plain = bool(value.taints) and not value.name and value.ref is None and not value.items
    return Value(facts=value.facts) if is_plain else value


def _either(first: Facts, second: Facts) -> Facts:
    """What holds when one of both holds: what is proved on one way only is a doubt."""
    found = dict(common_facts(first, second))
    for key, bits in (*first.items(), *second.items()):
        if bits & kinds.EVERYTHING & ~found.get(key, 0):
            found[key] = found.get(key, 0) | WEAKEN
    return found


def tested(frame: Frame, node: ast.expr) -> Value:
    """A part of a condition. A text from outside that is false is empty, and harms nobody."""
    value = frame.evaluate(node)
    is_text = isinstance(node, ast.Name) and bool(value.taints) and not value.name  # a match of it is none
    if is_text and all(_is_itself(one) for one in value.taints):
        true, false = value.facts or (NO_FACTS, NO_FACTS)
        empty = {(key, 0): kinds.EVERYTHING for one in value.taints for key in one.source.keys}
        return value.but(facts=(true, all_facts(false, empty)))
    return value


def _is_itself(taint: Taint) -> bool:
    """Tell whether it is what came in, not something that was made of it."""
    hops = taint.trail.hops() if taint.trail else []
    return taint.source.origin != "label" and all(
        one.what.startswith(("comes from", "assigned to")) for one in hops
    )


def _of_boolean(results: list[Value], *, is_and: bool, facts: tuple[Facts, Facts]) -> Value:
    """The value of `and` or `or`: the first part that decides, else the last one."""
    possible = [one for one in results[:-1] if truth_of(one) is not is_and]
    possible.append(results[-1])
    found = possible[0]
    for one in possible[1:]:
        found = join(found, one)
    return found.but(facts=facts if facts[0] or facts[1] else None)


@evaluates(ast.IfExp)
def conditional(frame: Frame, node: ast.IfExp) -> Value:
    """`a if test else b`, each side knowing the test."""
    test = tested(frame, node.test)
    truth = truth_of(test)
    facts = test.facts or (NO_FACTS, NO_FACTS)
    if truth is not None:
        return frame.evaluate(node.body if truth else node.orelse)
    before = frame.state
    frame.state = before.copy()
    frame.state.assume(facts[0])
    first, one = frame.evaluate(node.body), frame.state
    first = one.settled(first)
    first = frame.as_asked_for(first, node.test)
    frame.state = before.copy()
    frame.state.assume(facts[1])
    second, other = frame.evaluate(node.orelse), frame.state
    second = other.settled(second)
    frame.state = joined(one, other)
    return join(first, second)


@evaluates(ast.NamedExpr)
def walrus(frame: Frame, node: ast.NamedExpr) -> Value:
    """`name := value`."""
    value = frame.evaluate(node.value)
    value = frame.moved(value, node, node.target.id, f"assigned to {node.target.id}")
    frame.state.variables[node.target.id] = value
    return value


@evaluates(ast.List, ast.Tuple, ast.Set)
def sequence(frame: Frame, node: ast.List | ast.Tuple | ast.Set) -> Value:
    """A display of elements."""
    shape = "list" if isinstance(node, ast.List) else "tuple" if isinstance(node, ast.Tuple) else "set"
    items: dict[Any, Value] = {}
    rest: Value | None = None
    for part in node.elts:
        if isinstance(part, ast.Starred):
            inner = frame.evaluate(part.value)
            if inner.exact and inner.items is not None and rest is None and inner.shape in ("list", "tuple"):
                for one in inner.items.values():
                    items[len(items)] = one
                continue
            one = element(inner)
            rest = one if rest is None else join(rest, one)
            continue
        value = frame.evaluate(part)
        if rest is None and len(items) < MAX_ITEMS:
            items[len(items)] = value
        else:
            rest = value if rest is None else join(rest, value)
    return Value(shape=shape, items=items, rest=rest, exact=rest is None)


@evaluates(ast.Dict)
def mapping(frame: Frame, node: ast.Dict) -> Value:
    """A display of keys and values."""
    from agents.inspector.taint import containers, sinks

    items: dict[Any, Value] = {}
    rest: Value | None = None
    taints: tuple[Taint, ...] = ()
    for key, value_node in zip(node.keys, node.values, strict=True):
        value = frame.evaluate(value_node)
        if key is None:
            if value.items is not None:
                items.update({k: v for k, v in value.items.items() if k != KEYS})
                taints = merged(taints, containers.keys_of(value.but(taints=())))
            more = containers.beyond(value)
            if more is not None:
                rest = more if rest is None else join(rest, more)
            continue
        known = frame.evaluate(key)
        if isinstance(known.const, str):
            sinks.named_key(frame, key, known.const, value)
        if known.known and containers.hashable(known.const) and len(items) < MAX_ITEMS:
            items[known.const] = value
        else:
            rest = value if rest is None else join(rest, value)
            taints = merged(taints, known.taints)
    made = Value(shape="dict", items=items, rest=rest, exact=rest is None)
    return containers.with_key(made, taints)


@evaluates(ast.Lambda)
def anonymous(frame: Frame, node: ast.Lambda) -> Value:
    """A function without a name, seeing this frame's variables."""
    return Value(ref=Function(node=node, module=frame.module, name="<lambda>", parent=frame))


@evaluates(ast.Await)
def awaited(frame: Frame, node: ast.Await) -> Value:
    """What the awaited thing gives."""
    return frame.evaluate(node.value)


@evaluates(ast.Yield)
def yielded(frame: Frame, node: ast.Yield) -> Value:
    """One more element of the generator."""
    if node.value is not None:
        frame.yields.append(frame.evaluate(node.value))
    return UNKNOWN


@evaluates(ast.YieldFrom)
def yielded_from(frame: Frame, node: ast.YieldFrom) -> Value:
    """All elements of another one."""
    value = frame.evaluate(node.value)
    frame.yields.append(element(value))
    return UNKNOWN


@evaluates(ast.Starred)
def starred(frame: Frame, node: ast.Starred) -> Value:
    """Outside calls and displays it does not stand alone."""
    return frame.evaluate(node.value)


KNOWN_ELEMENTS = 12  # of a comprehension that are told apart


def elements_of(iterated: Value) -> list[Value] | None:
    """What a loop over the value gives, time after time; None if that is not known."""
    if isinstance(iterated.const, str):
        return [constant(letter) for letter in iterated.const]
    if not iterated.exact or iterated.items is None or iterated.taints:
        return None
    if iterated.shape in ("list", "tuple"):
        return list(iterated.items.values())
    if iterated.shape == "dict":
        return [constant(key) for key in iterated.items if not isinstance(key, Attribute)]
    return None


def element_of(frame: Frame, iterated: Value) -> Value:
    """What a loop over the value gives each time."""
    if isinstance(iterated.const, str):
        return UNKNOWN
    if iterated.shape == "dict":
        from agents.inspector.taint import containers

        taints = containers.keys_of(iterated)
        return Value(taints) if taints else UNKNOWN
    if iterated.shape or iterated.name or iterated.items or iterated.rest is not None:
        return attributes.name_in(frame, iterated) or element(iterated)
    is_text = not any(one.cleaned & kinds.STRUCTURE for one in iterated.taints)
    return texts.cleaned(element(iterated), kinds.LETTER) if is_text else element(iterated)
