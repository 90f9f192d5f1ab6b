"""Lists, tuples, dictionaries, sets: reading, changing, and putting the changed one back."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from agents.inspector.taint import attributes, kinds
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.structures import Arguments, Instance
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import (
    FALSE,
    KEYS,
    MAX_ITEMS,
    MISSING,
    NO_FACTS,
    NONE,
    STORED,
    TRUE,
    UNKNOWN,
    Attribute,
    OrNone,
    Value,
    constant,
    element,
    join,
    part_of_text,
)

_SHARED = {id(UNKNOWN), id(NONE), id(TRUE), id(FALSE)}


def store(frame: Frame, target: ast.expr | None, old: Value, new: Value) -> None:
    """Put a changed container where the old one was: in every variable that holds it, else at its expression."""
    if id(old) not in _SHARED and frame.state.replace(old, new):
        return
    if isinstance(target, ast.Name):
        outer = None if target.id in frame.state.variables else frame.around(target.id)
        if outer is not None:
            frame.engine.ledger.put(outer.state.variables, target.id, new, outer)
            return
        from agents.inspector.taint import expressions

        is_global = not frame.is_module and target.id not in frame.state.variables
        name = expressions.global_key(frame, target.id) if is_global else target.id
        frame.state.variables[name] = new
    elif isinstance(target, ast.Attribute):
        attributes.write(frame, target, new)
    elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
        set_item(frame, target, new)


def put_back(frame: Frame, node: ast.expr, old: Value, new: Value) -> None:
    """Put an object that a call of its method has changed where it was."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        store(frame, node.func.value, old, new)


def set_item(frame: Frame, target: ast.Subscript, value: Value) -> None:
    """`holder[key] = value`."""
    holder = frame.evaluate(target.value)
    if isinstance(target.slice, ast.Slice):
        changed = with_more(_unordered(holder) if holder.shape == "list" else holder, element(value))
    else:
        key = frame.evaluate(target.slice)
        from agents.inspector.taint import sinks

        sinks.item_assigned(frame, target, holder, key, value)
        if isinstance(key.const, str) and f"{holder.name}.__getitem__" in frame.engine.tables.shared:
            attributes.keep(frame, holder.name, f"[{key.const}]", value)
        if isinstance(holder.ref, Instance):
            from agents.inspector.taint import calls

            method = attributes.read(frame, target, holder, "__setitem__")
            if method.ref is not None:
                calls.apply(frame, target, method, Arguments([key, value], nodes=[target.slice, None]))
                return
        changed = with_item(holder, key, value)
    store(frame, target.value, holder, changed)


def with_item(holder: Value, key: Value, value: Value) -> Value:
    """The container with one element replaced or, if the key is unknown, one more possible element."""
    if key.known and hashable(key.const):
        index = key.const
        items = dict(holder.items or {})
        if isinstance(index, int) and not isinstance(index, bool) and index < 0 and holder.shape == "list":
            if not holder.exact:
                return with_more(holder, value)
            index += len(items)
        if index in items or len(items) < MAX_ITEMS:
            items[index] = value
            return holder.but(items=items, shape=holder.shape or "dict")
    if holder.shape == "list":
        return with_more(_unordered(holder), value)
    return with_key(with_more(holder, value), key.taints)


def with_more(holder: Value, value: Value) -> Value:
    """The container with one more possible element at an unknown place."""
    rest = value if holder.rest is None else join(holder.rest, value)
    return holder.but(rest=rest, exact=False, shape=holder.shape or "dict")


def beyond(holder: Value) -> Value | None:
    """What else a container may hold than the elements that are known; None if there is no more."""
    if holder.rest is None and not holder.taints:
        return None if holder.exact else UNKNOWN
    return element(Value(holder.taints, rest=holder.rest, name=holder.name))


def spread(made: Value, given: Value | None) -> Value:
    """The dictionary with what `**given` gives besides."""
    if given is None:
        return made
    for key, value in (given.items or {}).items():
        if isinstance(key, str):
            made = with_item(made, constant(key), value)
    more = beyond(given)
    return made if more is None else with_more(made, more)


def is_table(holder: Value) -> bool:
    """Tell whether it is a dictionary of which all keys are known, and none was chosen by input."""
    keys = holder.items or {}
    return holder.shape == "dict" and holder.exact and not holder.taints and bool(keys) and KEYS not in keys


def with_key(holder: Value, taints: tuple[Taint, ...]) -> Value:
    """The dictionary with one more key that somebody chose: it says nothing of the values."""
    if not taints:
        return holder
    known = (holder.items or {}).get(KEYS, UNKNOWN)
    key = Value(merged(known.taints, taints))
    return holder.but(items={**(holder.items or {}), KEYS: key}, exact=False)


def hashable(value: Any) -> bool:
    """Tell whether a constant can be a key here."""
    return isinstance(value, (str, int, bytes, float)) or value is None


def item(frame: Frame, node: ast.expr, holder: Value, key: Value) -> Value:
    """`holder[key]`."""
    text = part_of_text(holder, key.const) if isinstance(key.const, int) and not holder.shape else None
    if text is not None:
        return text
    drawn = tuple(one for one in key.taints if not one.cleaned & kinds.RANDOM)
    if drawn:  # what is chosen by a predictable number is predictable
        every = element(holder)
        return every.but(taints=merged(every.taints, drawn), const=MISSING)
    found = _known_item(holder, key)
    if found is not None:
        return found if holder.exact else frame.doubt(found)
    if holder.name:
        return _named_item(frame, node, holder, key)
    if key.known and holder.taints and holder.rest is None:
        return Value(attributes.parts_of(holder.taints, f"[{key.const!r}]"), seen=holder.seen)
    if holder.exact and key.known and holder.shape in ("dict", "list", "tuple"):
        return UNKNOWN  # the program would raise
    if isinstance(key.const, int) and key.const < 0 and holder.shape in ("list", "tuple"):
        return element(holder)
    if key.known or (key.taints and not holder.shape):  # under a name that input chose, too, it is a part
        return _beside(holder, key)
    return element(holder)


def _beside(holder: Value, key: Value) -> Value:
    """An element under a key that is not among the known ones."""
    selector = f"[{key.const!r}]" if key.known else "[…]"
    taints = attributes.parts_of(holder.taints, selector) if holder.taints else ()
    if holder.rest is None:
        return Value(taints, seen=holder.seen) if taints else UNKNOWN
    return holder.rest.but(taints=merged(holder.rest.taints, taints), const=MISSING)


def _known_item(holder: Value, key: Value) -> Value | None:
    if holder.items is None or not key.known or not hashable(key.const):
        return None
    index = key.const
    if isinstance(index, int) and index < 0 and holder.shape in ("list", "tuple"):
        if not holder.exact:
            return None
        index += len(holder.items)
    return holder.items.get(index)


def _named_item(frame: Frame, node: ast.expr, holder: Value, key: Value) -> Value:
    """An element of something outside: the rules of its `[]`."""
    if holder.name == STORED and isinstance(key.const, str):
        return UNKNOWN
    rules = frame.engine.tables.of(f"{holder.name}.__getitem__")
    if isinstance(key.const, str) and f"{holder.name}.__getitem__" in frame.engine.tables.shared:
        return attributes.kept(frame, holder.name, f"[{key.const}]") or UNKNOWN
    if rules is not None and rules.sources:
        return attributes.source_part(frame, node, rules, f"{holder.name}[]", key)
    if rules is not None and rules.stops:
        return UNKNOWN
    selector = f"[{key.const!r}]" if key.known else "[…]"  # what is proved of it says nothing of the whole
    taints = attributes.parts_of(holder.taints, selector) if selector and holder.taints else holder.taints
    name = rules.gives if rules is not None else ""
    if holder.items or holder.rest is not None:
        return element(holder)
    return Value(taints, name=name, seen=holder.seen and bool(taints)) if taints or name else UNKNOWN


def sliced(frame: Frame, holder: Value, part: ast.Slice) -> Value:
    """`holder[a:b:c]`."""
    bounds = [None if one is None else frame.evaluate(one) for one in (part.lower, part.upper, part.step)]
    if all(one is None or (one.known and isinstance(one.const, int)) for one in bounds):
        cut = slice(*(None if one is None else one.const for one in bounds))
        text = part_of_text(holder, cut) if not holder.shape else None
        if text is not None:
            return text
        if holder.exact and holder.items is not None and holder.shape in ("list", "tuple") and cut.step != 0:
            chosen = list(holder.items.values())[cut]
            return Value(shape=holder.shape, items=dict(enumerate(chosen)), exact=True, taints=holder.taints)
    if holder.shape in ("list", "tuple") and (holder.items or holder.rest is not None):
        return Value(holder.taints, shape=holder.shape, rest=element(holder))
    taints = holder.taints
    if bounds[0] is not None and bounds[0].const == 1:
        taints = tuple(_after_first(one) for one in taints)
    return Value(attributes.rest_of(frame, part, taints), shape=holder.shape) if taints else UNKNOWN


def _after_first(taint: Taint) -> Taint:
    """`path[1:]` of an absolute path."""
    return taint.with_cleaned(kinds.mask("path")) if taint.cleaned & kinds.ROOTED else taint


def extended(first: Value, second: Value) -> Value:
    """`first + second` for lists and tuples."""
    if not first.exact and first.rest is None:
        first = _unordered(first)
    every = list(_places(first))
    if first.exact:
        every += _places(second)
    if len(every) > MAX_ITEMS:
        return Value(shape=first.shape, rest=join(element(first), element(second)))
    items = dict(enumerate(every))
    if first.exact and second.exact and second.items is not None:
        return Value(shape=first.shape, items=items, exact=True)
    found = element(second)
    if not first.exact:
        found = join(element(first.but(items=None)), found)
    return Value(merged(first.taints, second.taints), shape=first.shape, items=items, rest=found)


def _places(value: Value) -> Iterator[Value]:
    """The elements whose places are sure, first to last."""
    items = (
        value.items if value.shape in ("list", "tuple") and (value.exact or value.rest is not None) else None
    )
    for number in range(len(items or ())):
        if items is None or number not in items:
            return
        yield items[number]


Method = Callable[[Frame, ast.Call, Value, Arguments], "tuple[Value, Value | None]"]


def append(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """list.append, set.add, deque.append."""
    value = given.at(0) or UNKNOWN
    if holder.exact and holder.shape == "list" and holder.items is not None and len(holder.items) < MAX_ITEMS:
        return NONE, holder.but(items={**holder.items, len(holder.items): value})
    if holder.shape == "list" and holder.rest is None:
        holder = _unordered(holder)
    changed = with_more(holder, value)
    return NONE, changed.but(shape=holder.shape or "list")


def insert(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """list.insert."""
    position, value = given.at(0) or UNKNOWN, given.at(1) or UNKNOWN
    if holder.exact and holder.items is not None and isinstance(position.const, int):
        every = list(holder.items.values())
        every.insert(position.const, value)
        return NONE, holder.but(items=dict(enumerate(every[:MAX_ITEMS])))
    every = list(_places(holder))
    if isinstance(position.const, int) and 0 <= position.const <= len(every) < MAX_ITEMS:
        every.insert(position.const, value)
        return NONE, holder.but(items=dict(enumerate(every)))
    return NONE, with_more(_unordered(holder), value)


def _unordered(holder: Value) -> Value:
    """A list whose positions are not known any more."""
    if not holder.items:
        return holder
    kept = {key: one for key, one in holder.items.items() if isinstance(key, Attribute)}
    bare = holder.but(items={k: v for k, v in holder.items.items() if k not in kept}, taints=())
    return holder.but(items=kept, rest=element(bare), exact=False)


def extend(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """list.extend, set.update with sequences."""
    value = given.at(0) or UNKNOWN
    if holder.shape == "list" and value.shape in ("list", "tuple"):
        return NONE, extended(holder, value)
    return NONE, with_more(_unordered(holder) if holder.shape == "list" else holder, element(value))


def pop(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """list.pop, dict.pop, set.pop, popleft."""
    key = given.at(0)
    if holder.shape == "list" and holder.exact and holder.items:
        position = -1 if key is None else key.const if isinstance(key.const, int) else MISSING
        if isinstance(node.func, ast.Attribute) and node.func.attr == "popleft":
            position = 0
        every = list(holder.items.values())
        if isinstance(position, int) and -len(every) <= position < len(every):
            value = every.pop(position)
            return value, holder.but(items=dict(enumerate(every)))
    if holder.shape == "list" and holder.items:
        return element(holder), _unordered(holder)
    if (
        holder.shape == "dict"
        and key is not None
        and key.known
        and hashable(key.const)
        and holder.items is not None
    ) and key.const in holder.items:
        value = holder.items[key.const]
        return value, holder.but(items={k: v for k, v in holder.items.items() if k != key.const})
    value = item(frame, node, holder, key) if key is not None and holder.shape != "list" else element(holder)
    default = given.at(1)
    return (join(value, default) if default is not None else value), None


def remove(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """list.remove, reverse, sort: positions are lost."""
    value = given.at(0)
    if holder.exact and holder.items is not None and value is not None and value.known:
        every = list(holder.items.values())
        for number, one in enumerate(every):
            if one.known and one.const == value.const:
                del every[number]
                return NONE, holder.but(items=dict(enumerate(every)))
            if not one.known:
                break
    return NONE, _unordered(holder)


def reverse(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """list.reverse."""
    if holder.exact and holder.items is not None:
        return NONE, holder.but(items=dict(enumerate(reversed(list(holder.items.values())))))
    return NONE, _unordered(holder)


def clear(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """list.clear, dict.clear."""
    return NONE, Value(shape=holder.shape, items={}, exact=True)


def get(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """dict.get."""
    key, default = given.at(0) or UNKNOWN, given.at(1, "default")
    if holder.exact and key.known and hashable(key.const) and key.const not in (holder.items or {}):
        return default or NONE, None
    value = item(frame, node, holder, key)
    if holder.items is not None and key.known and hashable(key.const) and key.const in holder.items:
        return value, None
    if default is not None and holder.exact and _is_same(key, default):  # `table.get(letter, letter)`
        from agents.inspector.taint import guards, texts

        default = texts.cleaned(default, guards.without(default, holder))
    found = join(value, NONE if default is None else default)
    if not holder.exact:
        frame.doubt(found)
    if default is None and key.taints and holder.shape == "dict":
        from agents.inspector.taint import guards

        proved = guards.member_facts(key, holder)[0]  # `if table.get(name):` is `if name in table:`
        found = found.but(facts=OrNone((proved, NO_FACTS))) if proved else found
    return found, None


def _is_same(first: Value, second: Value) -> bool:
    """Tell whether two values are the same text."""
    return bool(first.taints) and [(one.source.key, one.cleaned) for one in first.taints] == [
        (one.source.key, one.cleaned) for one in second.taints
    ]


def setdefault(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """dict.setdefault."""
    key, default = given.at(0) or UNKNOWN, given.at(1) or NONE
    if key.known and hashable(key.const) and key.const in (holder.items or {}):
        return item(frame, node, holder, key), None
    is_new = holder.exact and key.known
    found = default if is_new else join(item(frame, node, holder, key), default)
    return found, with_item(holder, key, found)


def update(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """dict.update, set.update."""
    changed = holder
    for other in given.positional:
        if holder.shape == "set" or (other.shape in ("list", "set") and holder.shape != "dict"):
            changed = with_more(changed, element(other))
            continue
        items = {**(changed.items or {}), **{k: v for k, v in (other.items or {}).items() if k != KEYS}}
        changed = changed.but(items=items, exact=changed.exact and other.exact)
        changed = with_key(changed, keys_of(other))
        changed = with_more(changed, more) if (more := beyond(other)) is not None else changed
    for key, value in given.keywords.items():
        changed = with_item(changed, constant(key), value)
    return NONE, spread(changed, given.double_star)


def values(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """dict.values."""
    if holder.exact and not holder.taints and holder.items is not None:
        every = [one for key, one in holder.items.items() if not isinstance(key, Attribute)]
        return Value(shape="list", items=dict(enumerate(every)), exact=True), None
    return Value(shape="list", rest=element(holder)), None


def keys(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """dict.keys: tainted only if unknown keys were put in."""
    known = {k: constant(k) for k in (holder.items or {}) if not isinstance(k, Attribute)}
    if holder.exact and not holder.taints:
        return Value(shape="list", items=dict(enumerate(known.values())), exact=True), None
    return Value(shape="list", rest=Value(keys_of(holder))), None


def keys_of(holder: Value) -> tuple[Taint, ...]:
    """The taints of a dictionary's keys."""
    chosen = (holder.items or {}).get(KEYS)
    return holder.taints if chosen is None else merged(holder.taints, chosen.taints)


def items_of(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """dict.items."""
    if holder.exact and not holder.taints and holder.items is not None:
        pairs = [
            Value(shape="tuple", items={0: constant(key), 1: one}, exact=True)
            for key, one in holder.items.items()
            if not isinstance(key, Attribute)
        ]
        return Value(shape="list", items=dict(enumerate(pairs)), exact=True), None
    pair = Value(shape="tuple", items={0: Value(keys_of(holder)), 1: element(holder)}, exact=True)
    return Value(shape="list", rest=pair), None


def copied(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """A shallow copy: another object with the same content."""
    return holder.but(), None


def index(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """Numbers only."""
    return UNKNOWN, None


def union(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """set.union and its like."""
    found = holder
    for one in given.positional:
        found = with_more(found, element(one))
    return found.but(), None


def taken(frame: Frame, node: ast.Call, holder: Value, given: Arguments) -> tuple[Value, Value | None]:
    """dict.get(key), and queue.get(): the first or, of a LifoQueue, the last."""
    if holder.shape != "list":
        return get(frame, node, holder, given)
    if not holder.exact or not holder.items:
        return element(holder), None
    every = list(holder.items.values())
    value = every.pop(-1 if "Lifo" in holder.name else 0)
    return value, holder.but(items=dict(enumerate(every)))


METHODS: dict[str, Method] = {
    **dict.fromkeys(("append", "add", "appendleft", "put", "put_nowait", "push"), append),
    **dict.fromkeys(("pop", "popleft", "popitem"), pop),
    **dict.fromkeys(("remove", "discard", "sort"), remove),
    **dict.fromkeys(("copy", "__copy__"), copied),
    **dict.fromkeys(("index", "count", "__len__", "__contains__"), index),
    **dict.fromkeys(("union", "difference", "intersection", "symmetric_difference"), union),
    "insert": insert,
    "extend": extend,
    "reverse": reverse,
    "clear": clear,
    **dict.fromkeys(("get", "get_nowait"), taken),
    "__getitem__": get,
    "setdefault": setdefault,
    "update": update,
    "values": values,
    "keys": keys,
    "items": items_of,
}
