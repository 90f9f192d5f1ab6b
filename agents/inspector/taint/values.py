"""What a variable may hold: the abstract values, and how two of them become one.

Invariant: nothing here is ever changed after it was made; an operation that changes a list makes another value. Two
variables hold the same list if they hold the same object, so whoever replaces a container replaces it everywhere in
its state (`states.State.replace`). What a value is tainted by: `taints`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, Final, NamedTuple

from agents.inspector.taint.letters import closed
from agents.inspector.taint.taints import SourceKey, Taint, merged

SEEN = 1  # each part of a value is a literal, a number or input that bears its taint
DOUBTED = 2  # it may be something else, too: on one of the ways that met here nothing was known of it
MAX_ITEMS = 64  # of a container whose elements are told apart
DEEP = 4  # levels of containers that are looked through


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()  # "no constant is known", since None is a constant


FactKey = tuple[SourceKey, int]  # a source's key, and marks that its taint must bear
Facts = Mapping[FactKey, int]  # what such a taint is known to be clean for; WEAKEN if only doubtful
NO_FACTS: Facts = {}
WEAKEN = 1 << 50  # a check that is not sufficient: the claim becomes less sure


class Value:
    """What is known of a variable's content."""

    __slots__ = (
        "const",
        "exact",
        "facts",
        "items",
        "name",
        "prefix",
        "ref",
        "rest",
        "seen",
        "shape",
        "taints",
    )

    def __init__(
        self,
        taints: tuple[Taint, ...] = (),
        *,
        const: Any = MISSING,
        prefix: str = "",
        name: str = "",
        ref: Any = None,
        shape: str = "",
        items: dict[Any, Value] | None = None,
        rest: Value | None = None,
        exact: bool = False,
        facts: tuple[Facts, Facts] | None = None,
        seen: int = 0,
    ) -> None:
        self.taints = taints
        self.const = const
        self.prefix = prefix  # constant begin of a text that is not wholly known
        self.name = name  # dotted name of something outside the tree; `@name` is an instance of it
        self.ref = ref  # function, class, module, method of the tree
        self.shape = shape  # "list", "tuple", "dict", "set", "object" or ""
        self.items = items  # elements by constant key; attributes by `Attribute(name)`
        self.rest = rest  # all elements whose key is not known
        self.exact = exact  # `items` are all elements that there are
        self.facts = facts  # what holds when this value is true, and when it is false
        self.seen = seen  # 0, SEEN or DOUBTED

    @property
    def known(self) -> bool:
        """Tell whether it is one constant."""
        return self.const is not MISSING

    def but(self, **changes: Any) -> Value:
        """The same with some fields changed."""
        made = Value.__new__(Value)
        made.const, made.exact, made.facts, made.items = self.const, self.exact, self.facts, self.items
        made.name, made.prefix, made.ref = self.name, self.prefix, self.ref
        made.rest, made.seen, made.shape, made.taints = self.rest, self.seen, self.shape, self.taints
        for field, value in changes.items():
            setattr(made, field, value)
        return made

    def __repr__(self) -> str:
        parts = [
            f"{field}={getattr(self, field)!r}"
            for field in ("const", "prefix", "name", "ref", "shape", "items", "rest")
            if getattr(self, field) not in (MISSING, "", None)
        ]
        sources = ",".join(f"{one.source.what}{one.source.selector}/{one.cleaned:x}" for one in self.taints)
        return f"Value({sources} {' '.join(parts)})"


class OrNone(tuple[Any, Any]):
    """Facts of a value that is None or was found: its not being None says as much as its being true."""

    __slots__ = ()


class Attribute(NamedTuple):
    """Key of an attribute among a value's items."""

    attribute: str


class Choice(NamedTuple):
    """That a value is one of several functions or classes of the tree."""

    options: tuple[Any, ...]


KEYS = Attribute("~keys")  # of a dictionary whose keys somebody chooses: any of these


# The name of what an unknown function found by what it was given: its attributes are what was stored.
STORED = "@stored"

UNKNOWN = Value()
NUMBER = Value(seen=SEEN)  # whichever: it injects nothing
NONE = Value(const=None)
TRUE = Value(const=True)
FALSE = Value(const=False)


def constant(value: Any) -> Value:
    """The value that is this constant."""
    if value is None:
        return NONE
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    return Value(const=value)


def deep_taints(value: Value, depth: int = DEEP) -> tuple[Taint, ...]:
    """The taints of a value and of all that it holds."""
    found = value.taints
    if depth and (value.items or value.rest is not None):
        for part in parts(value):
            found = merged(found, deep_taints(part, depth - 1))
    return found


def is_seen(value: Value, depth: int = DEEP) -> bool:
    """Tell whether nothing is in the value but literals, numbers and input that bears its taint."""
    if value.known:
        return value.seen != DOUBTED
    if value.items is None and value.rest is None:
        return value.seen == SEEN
    if value.shape not in ("list", "tuple", "set", "dict") or not (value.exact or value.rest is not None):
        return False
    return depth > 0 and all(is_seen(one, depth - 1) for one in parts(value))


def parts(value: Value) -> Iterable[Value]:
    """Everything that a container or object holds."""
    if value.items:
        yield from value.items.values()
    if value.rest is not None:
        yield value.rest


def element(value: Value) -> Value:
    """Any element of a container."""
    found: Value | None = value.rest
    if value.items:
        for key, one in value.items.items():
            if not isinstance(key, Attribute):
                found = one if found is None else join(found, one)
    if found is None:
        return Value(value.taints, seen=value.seen) if value.taints or value.seen else UNKNOWN
    if value.taints:
        return found.but(taints=merged(found.taints, value.taints), const=MISSING)
    return found


def join(first: Value, second: Value, depth: int = DEEP) -> Value:
    """What may be one or the other."""
    if first is second:
        return first
    if first is UNKNOWN and not (second.taints or second.items or second.ref or second.name or second.rest):
        return first
    if depth == 0:
        return Value(merged(deep_taints(first, 2), deep_taints(second, 2)))
    same = (
        first.known
        and second.known
        and first.const == second.const
        and type(first.const) is type(second.const)
    )
    items, rest, exact = _joined_items(first, second, depth)
    return Value(
        merged(first.taints, second.taints),
        const=first.const if same else MISSING,
        prefix="" if same else common_prefix(prefix_of(first), prefix_of(second)),
        name=_either(first, second, "name") or "",
        ref=_either_ref(first.ref, second.ref),
        shape=_either(first, second, "shape") or "",
        items=items,
        rest=rest,
        exact=exact,
        facts=_joined_facts(first, second),
        seen=_joined_seen(first, second),
    )


def _joined_seen(first: Value, second: Value) -> int:
    if DOUBTED in (first.seen, second.seen):
        return DOUBTED
    return SEEN if (first.known or first.seen) and (second.known or second.seen) else 0


def _doubted(value: Value, *, is_lacking: bool) -> Value:
    """A part that only one of two containers is known to have; the other lacks it for sure, or nobody knows."""
    is_plain = value.items is None and value.rest is None and (value.known or bool(value.seen))
    return value.but(seen=DOUBTED) if is_plain and not is_lacking else value


def _or_within(value: Value, other: Value, key: Any) -> Value:
    """An element, or what input that may be there in place of its container holds under this key."""
    if not other.taints or isinstance(key, Attribute):
        return value
    within = tuple(
        Taint(one.source.part(f"[{key!r}]"), one.cleaned, one.trail, one.weak) for one in other.taints
    )
    return value.but(taints=merged(value.taints, within), const=MISSING)


def _either(first: Value, second: Value, field: str) -> Any:
    """A type is kept if the other side is None or nothing is known of it."""
    one, other = getattr(first, field), getattr(second, field)
    if one == other:
        return one
    if not other:
        return one
    if not one:
        return other
    return one


MAX_CHOICES = 8


def _either_ref(first: Any, second: Any) -> Any:
    if first is None or first == second:
        return second
    if second is None:
        return first
    options: list[Any] = []
    for one in (first, second):
        options += [o for o in (one.options if isinstance(one, Choice) else (one,)) if o not in options]
    return Choice(tuple(options[:MAX_CHOICES]))


def _joined_items(
    first: Value, second: Value, depth: int
) -> tuple[dict[Any, Value] | None, Value | None, bool]:
    if first.items is None and second.items is None:
        return None, _join_rest(first.rest, second.rest, depth), False
    if (first.rest is not None or second.rest is not None) and _is_ordered(first) and _is_ordered(second):
        return _joined_places(first, second, depth)
    one, other = first.items or {}, second.items or {}
    items: dict[Any, Value] = {}
    for key, value in one.items():
        twin = other.get(key)
        if twin is None:
            items[key] = _or_within(_doubted(value, is_lacking=second.exact), second, key)
        else:
            items[key] = value if twin is value else join(value, twin, depth - 1)
    for key, value in other.items():
        if key not in items and len(items) < MAX_ITEMS:
            items[key] = _or_within(_doubted(value, is_lacking=first.exact), first, key)
    exact = first.exact and second.exact and one.keys() == other.keys()
    return items, _join_rest(first.rest, second.rest, depth), exact


def _is_ordered(value: Value) -> bool:
    return value.shape in ("list", "tuple")


def _joined_places(
    first: Value, second: Value, depth: int
) -> tuple[dict[Any, Value] | None, Value | None, bool]:
    """Lists of which one has elements at unknown places: a place is sure only if both have it for sure.

    A list with `items` and `rest` has all of `items` there; without `rest` and not exact, it may lack some.
    """
    rest = _join_rest(first.rest, second.rest, depth)
    sure = [one.items or {} if one.exact or one.rest is not None else {} for one in (first, second)]
    items: dict[Any, Value] = {}
    for key, value in [*(first.items or {}).items(), *(second.items or {}).items()]:
        if isinstance(key, Attribute) or (key in sure[0] and key in sure[1]):
            items[key] = value if key not in items else join(items[key], value, depth - 1)
        else:
            rest = _join_rest(rest, value, depth)
    return items, rest, False


def _join_rest(first: Value | None, second: Value | None, depth: int) -> Value | None:
    if first is None or second is None:
        return first or second
    return join(first, second, depth - 1)


def _joined_facts(first: Value, second: Value) -> tuple[Facts, Facts] | None:
    """Facts of two possible values: those of the only one that can be true, or what both agree on."""
    if first.facts is None and second.facts is None:
        return None
    true = _agreed(
        [one.facts[0] if one.facts else NO_FACTS for one in (first, second) if may_be(one, truth=True)]
    )
    false = _agreed(
        [one.facts[1] if one.facts else NO_FACTS for one in (first, second) if may_be(one, truth=False)]
    )
    return (true, false) if true or false else None


def may_be(value: Value, *, truth: bool) -> bool:
    """Tell whether the value may be true (or false)."""
    return not value.known or bool(value.const) is truth


def _agreed(every: list[Facts]) -> Facts:
    if not every:
        return NO_FACTS
    found = every[0]
    for other in every[1:]:
        found = common_facts(found, other)
    return found


def common_facts(first: Facts, second: Facts) -> Facts:
    """What holds in both."""
    if first is second:
        return first
    if not first or not second:
        return NO_FACTS
    return {key: both for key, bits in first.items() if (both := bits & second.get(key, 0))}


def all_facts(first: Facts, second: Facts) -> Facts:
    """What holds when both hold."""
    if not second or first is second:
        return first
    if not first:
        return second
    found = dict(first)
    for key, bits in second.items():
        old = found.get(key, 0)
        found[key] = closed(old | bits) if old else bits
    return found


def common_prefix(first: str, second: str) -> str:
    """The begin that two texts share."""
    pairs = zip(first, second, strict=False)
    return (
        first if first == second else first[: sum(1 for _ in takewhile(lambda two: two[0] == two[1], pairs))]
    )


def part_of_text(value: Value, part: int | slice) -> Value | None:
    """`text[part]`, if it is known: of a constant, or of what lies wholly within a constant begin."""
    if isinstance(value.const, (str, bytes)):
        try:
            return constant(value.const[part])
        except (IndexError, ValueError):
            return UNKNOWN  # the program would raise
    if not isinstance(part, slice):
        return constant(value.prefix[part]) if 0 <= part < len(value.prefix) else None
    first, last, step = part.start or 0, part.stop, 1 if part.step is None else part.step
    is_inside = last is not None and first >= 0 and 0 <= last <= len(value.prefix) and step > 0
    return constant(value.prefix[part]) if is_inside else None


def prefix_of(value: Value) -> str:
    """The constant begin of a text, if any."""
    return value.const if isinstance(value.const, str) else value.prefix
