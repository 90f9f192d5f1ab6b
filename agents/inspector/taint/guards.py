"""Checks: what a condition's being true or false proves about its operands.

A check counts only if it is sufficient for a kind of danger. Facts speak of sources, so they reach every value
that was made of them. Insufficient checks (a literal looked for in the text, a begin that a path may share with
its neighbour) are remembered as WEAKEN: the claim stays, less sure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from agents.inspector.taint import charsets, kinds
from agents.inspector.taint.charsets import excluded
from agents.inspector.taint.frames import Frame, evaluates
from agents.inspector.taint.letters import BEGINS_WITH_ONE, BEGINS_WITH_SLASH, absent
from agents.inspector.taint.structures import Arguments
from agents.inspector.taint.tables.rows import ArgumentNames, Row
from agents.inspector.taint.taints import Source, Taint
from agents.inspector.taint.values import (
    MISSING,
    NO_FACTS,
    UNKNOWN,
    WEAKEN,
    Attribute,
    FactKey,
    Facts,
    OrNone,
    Value,
    all_facts,
    deep_taints,
)

Both = tuple[Facts, Facts]
_ADDRESSES = kinds.mask("redirect ssrf")
_PATH = kinds.mask("path")
_REDIRECT = kinds.mask("redirect")
_CUT = re.compile(r"~\d+:\d+")  # a part of a text, as a selector names it
_HOST = "://"
_OWN_HOSTS = ("host_url", "url_root")  # of a request: its host and a slash
TYPE_OF = Attribute("~of")  # of a type: whose it is


def about(taints: tuple[Taint, ...], bits: int, need: int = 0, *, whole: bool = False) -> Facts:
    """The facts that these taints' sources are clean for these kinds; `whole`: and what they are parts of."""
    found: dict[FactKey, int] = {}
    for one in taints:
        source: Source | None = one.source
        left = bits
        while source is not None and left:
            for key in source.keys:
                found[(key, need)] = left | found.get((key, need), 0)
            left &= ~0 if whole else ~source.veil
            source = source.parent
    return found


def about_begin(taints: tuple[Taint, ...], bits: int) -> Facts:
    """The same of a text, and of what it was cut out of: `next[:next.index("?")]` begins as `next` does."""
    found: Facts = NO_FACTS
    for one in taints:
        source: Source | None = one.source
        while source is not None:
            found = all_facts(found, {(key, 0): bits for key in source.keys})
            parent = source.parent
            cut = source.selector.removeprefix(parent.selector) if parent is not None else ""
            source = parent if _CUT.fullmatch(cut) else None
    return found


def contained(taints: tuple[Taint, ...]) -> Facts:
    """A path lies below a folder. If it was resolved, the same path unresolved leads to the same file."""
    is_resolved = all(one.cleaned & kinds.RESOLVED for one in taints)
    return about(taints, _PATH, 0 if is_resolved else kinds.RESOLVED)


def is_below(value: Value) -> bool:
    """Tell whether it is a path told relative to a folder."""
    return bool(value.taints) and all(one.cleaned & kinds.BELOW for one in value.taints)


@evaluates(ast.Compare)
def compare(frame: Frame, node: ast.Compare) -> Value:
    """A comparison, folded if it is constant."""
    left = frame.evaluate(node.left)
    true: Facts = NO_FACTS
    false: Facts = NO_FACTS
    known: bool | None = True
    for op, written in zip(node.ops, node.comparators, strict=True):
        right = frame.evaluate(written)
        result = _fold(op, left, right)
        facts = _facts(op, left, right)
        true = all_facts(true, facts[0])
        false = facts[1] if len(node.ops) == 1 else NO_FACTS
        known = result if known is True else known
        left = right
    const = MISSING if known is None else known
    return Value(const=const, facts=(true, false) if true or false else None)


def _fold(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    if isinstance(op, (ast.In, ast.NotIn)):
        return _fold_membership(op, left, right)
    if not (left.known and right.known):
        return _fold_identity(op, left, right)
    try:
        match op:
            case ast.Eq() | ast.Is():
                return bool(left.const == right.const)
            case ast.NotEq() | ast.IsNot():
                return bool(left.const != right.const)
            case ast.Lt():
                return bool(left.const < right.const)
            case ast.LtE():
                return bool(left.const <= right.const)
            case ast.Gt():
                return bool(left.const > right.const)
            case ast.GtE():
                return bool(left.const >= right.const)
    except TypeError:
        return None
    return None


def _fold_identity(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    if (
        right.known
        and right.const is None
        and left.ref is not None
        and not left.taints
        and isinstance(op, (ast.Is, ast.IsNot))
    ):
        return isinstance(op, ast.IsNot)
    return None


def _fold_membership(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    if not left.known:
        return None
    found: bool | None = None
    if isinstance(right.const, str) and isinstance(left.const, str):
        found = left.const in right.const
    elif right.exact and right.items is not None and right.shape == "dict":
        found = left.const in right.items
    elif right.exact and right.items is not None:
        if any(one.known and one.const == left.const for one in right.items.values()):
            found = True
        elif all(one.known for one in right.items.values()):
            found = False
    return found if found is None or isinstance(op, ast.In) else not found


def _facts(op: ast.cmpop, left: Value, right: Value) -> Both:
    if right.known and right.const is None and isinstance(left.facts, OrNone):
        found, missing = left.facts
        return (missing, found) if isinstance(op, (ast.Is, ast.Eq)) else (found, missing)
    match op:
        case ast.Eq() | ast.Is():
            return equal_facts(left, right), NO_FACTS
        case ast.NotEq() | ast.IsNot():
            return NO_FACTS, equal_facts(left, right)
        case ast.In():
            return member_facts(left, right)
        case ast.NotIn():
            true, false = member_facts(left, right)
            return false, true
    return NO_FACTS, NO_FACTS


def equal_facts(left: Value, right: Value) -> Facts:
    """What holds when both are equal."""
    for one, other in ((left, right), (right, left)):
        of = (one.items or {}).get(TYPE_OF)
        if of is not None:
            return type_facts(of, other)
    for one, other in ((left, right), (right, left)):
        if one.taints and not deep_taints(other) and not (other.known and other.const is None):
            return _trusted(one, other)
    for one in (left, right):
        if one.name == "@hmac.Digest":
            return about(one.taints, kinds.EVERYTHING)
    if left.taints and right.taints:
        return _unchanged(left, right)
    return NO_FACTS


def _trusted(value: Value, other: Value) -> Facts:
    """`value` equals something that no stranger chooses."""
    if value.name == "@commonpath":
        return contained(value.taints)
    if value.name == "@commonprefix":
        return about(value.taints, WEAKEN)
    if all(one.cleaned & kinds.PARSED for one in value.taints):
        if other.known and not other.const:
            return about(value.taints, WEAKEN)  # no host at all: browsers also follow `///host`
        return about(value.taints, _ADDRESSES)
    if all(one.source.selector.endswith(".parent") and one.cleaned & kinds.RESOLVED for one in value.taints):
        owners = [Taint(one.source.parent or one.source, one.cleaned, None) for one in value.taints]
        return all_facts(contained(tuple(owners)), about(value.taints, kinds.EVERYTHING))
    if value.name.startswith("@pathlib.") and all(
        one.source.selector.endswith(".parent") for one in value.taints
    ):
        # as it is written: nothing but a name follows the folder, which may be `..`
        owners = [Taint(one.source.parent or one.source, one.cleaned, None) for one in value.taints]
        return about(tuple(owners), WEAKEN)
    return about(value.taints, kinds.EVERYTHING)


def _unchanged(left: Value, right: Value) -> Facts:
    """`basename(x) == x`: what the function would have removed was not there."""
    plain, treated = (left, right) if len(left.taints) <= len(right.taints) else (right, left)
    sources = {one.source.key: one for one in treated.taints}
    facts: dict[tuple[object, int], int] = {}
    for one in plain.taints:
        twin = sources.get(one.source.key)
        if twin is None:
            return NO_FACTS
        bits = (one.cleaned | twin.cleaned) & ~(one.cleaned & twin.cleaned) & kinds.EVERYTHING
        if bits:
            facts[(one.source.key, 0)] = bits
    return facts  # type: ignore[return-value]  # the keys are FactKeys; mypy loses that in the mixed tuple


def member_facts(left: Value, right: Value) -> Both:
    """What `left in right` proves, and what its being false does."""
    of = (left.items or {}).get(TYPE_OF)
    if of is not None:
        return type_facts(of, right.but(shape="tuple")), NO_FACTS
    if left.taints:
        if deep_taints(right):
            return NO_FACTS, NO_FACTS
        return _trusted(left, UNKNOWN), about(left.taints, without(left, right))
    if right.name == "@pathlib.Path.parents":
        owners = tuple(Taint(one.source.parent or one.source, one.cleaned, None) for one in right.taints)
        return contained(owners), NO_FACTS
    if left.const == ".." and is_below(right):
        return NO_FACTS, about(right.taints, _PATH, whole=True)
    if right.taints and (not right.shape or (right.items is None and right.rest is None)):
        mark = (
            absent(left.const)
            if isinstance(left.const, str) and (len(left.const) == 1 or left.const == "..")
            else 0
        )
        return NO_FACTS, about(right.taints, WEAKEN | mark)  # a literal that is not in the text
    return NO_FACTS, NO_FACTS


def without(value: Value, others: Value) -> int:
    """What is known of a text of which no letter, one by one, is among these."""
    if not value.taints or not all(one.cleaned & kinds.LETTER for one in value.taints):
        return 0
    if isinstance(others.const, str):
        return absent(others.const)
    if others.shape == "dict":
        written = "".join(str(one.const) for one in (others.items or {}).values() if one.known)
        return absent(
            "".join(key for key in others.items or {} if isinstance(key, str) and key not in written)
        )
    known = [one.const for one in (others.items or {}).values()]
    return absent("".join(one for one in known if isinstance(one, str)))


_NO_TEXTS = frozenset(
    [
        "int",
        "float",
        "bool",
        "complex",
        "UUID",
        "Decimal",
        "date",
        "datetime",
        "time",
        "timedelta",
        "IPv4Address",
        "IPv6Address",
    ]
)


def type_facts(value: Value, kind: Value) -> Facts:
    """What `isinstance(value, kind)` proves, or that its type is this one."""
    types = list((kind.items or {}).values()) if kind.shape == "tuple" and kind.exact else [kind]
    if types and all(one.name.rpartition(".")[2] in _NO_TEXTS for one in types):
        return about(value.taints, kinds.INJECTIONS)
    if types and all(one.name.rpartition(".")[2] in _MADE for one in types):
        return about(value.taints, WEAKEN)  # the program has made it
    return NO_FACTS


_MADE = frozenset(["Path", "PurePath", "PosixPath", "PathLike"])
_ALPHANUMERIC = frozenset(["isdigit", "isalpha", "isalnum", "isnumeric", "isdecimal", "isidentifier"])


def of_text_test(
    node: ast.Call, method: str, receiver: Value, given: Arguments, body: Sequence[ast.stmt] = ()
) -> Both | None:
    """What a text's method proves. `body` is that of the function around, which may name the begin before."""
    if not receiver.taints:
        return None
    if method in _ALPHANUMERIC:
        return about(receiver.taints, kinds.INJECTIONS), NO_FACTS
    if method in ("startswith", "endswith"):
        begin = given.at(0)
        if begin is None or deep_taints(begin):
            return None
        if method == "startswith":
            return _begins(_as_written(node.args[0], body) if node.args else None, receiver, begin)
        return about(receiver.taints, WEAKEN), NO_FACTS
    return None


def _as_written(node: ast.expr, body: Sequence[ast.stmt]) -> ast.expr:
    """What a variable was set to, if that is done once."""
    if not isinstance(node, ast.Name):
        return node
    found = [
        one
        for part in body
        for one in ast.walk(part)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and one.id == node.id
    ]
    values = [
        one.value
        for part in body
        for one in ast.walk(part)
        if isinstance(one, ast.Assign) and len(found) == 1 and one.targets == found
    ]
    return values[0] if values else node


def _begins(written: ast.expr | None, receiver: Value, begin: Value) -> Both:
    options = list((begin.items or {}).values()) if begin.shape == "tuple" else [begin]
    sure = all(_ends_closed(one, written) for one in options)
    facts: Facts = contained(receiver.taints) if sure else about(receiver.taints, WEAKEN, kinds.RESOLVED)
    texts_ = [one.const for one in options if isinstance(one.const, str)]
    names_host = len(texts_) == len(options) and all(
        _HOST in text and text.count("/") >= 3 for text in texts_
    )
    if names_host or _is_own_host(written):
        facts = all_facts(facts, about(receiver.taints, _ADDRESSES))
    else:
        facts = all_facts(facts, about(receiver.taints, WEAKEN))
    if not sure and not all(one.cleaned & kinds.RESOLVED for one in receiver.taints):
        facts = all_facts(facts, about(receiver.taints, WEAKEN))
    if texts_ == ["/"]:
        facts = all_facts(facts, about(receiver.taints, BEGINS_WITH_SLASH))
    if is_below(receiver) and any(text.startswith("..") for text in texts_):
        return NO_FACTS, about(receiver.taints, _PATH, whole=True)
    one = BEGINS_WITH_ONE if {"//", "/\\"} <= set(texts_) else 0
    # The negative: `if x.startswith("/"): refuse` keeps out absolute paths, not `..`.
    refused = about(receiver.taints, WEAKEN | one)
    if texts_ == ["//"] and all(one.source.identity for one in receiver.taints):
        refused = all_facts(refused, about(receiver.taints, _REDIRECT))
    return facts, refused


def _is_own_host(written: ast.expr | None) -> bool:
    return isinstance(written, ast.Attribute) and written.attr in _OWN_HOSTS


def _ends_closed(begin: Value, written: ast.expr | None) -> bool:
    """Tell whether a folder's name ends with its separator: `/srv/www` is also the begin of `/srv/www-private`."""
    if isinstance(begin.const, str):
        return len(begin.const) > 1 and begin.const.endswith(("/", "\\"))
    if isinstance(written, ast.BinOp) and isinstance(written.op, ast.Add):
        last = written.right
        return (isinstance(last, ast.Constant) and last.value in ("/", "\\")) or (
            isinstance(last, ast.Attribute) and last.attr in ("sep", "path_sep")
        ) or (isinstance(last, ast.Name) and last.id == "sep")  # fmt: skip
    if isinstance(written, ast.JoinedStr) and written.values:
        end = written.values[-1]
        if isinstance(end, ast.Constant):
            return str(end.value).endswith(("/", "\\"))
        return (
            isinstance(end, ast.FormattedValue)
            and isinstance(end.value, ast.Attribute)
            and end.value.attr == "sep"
        )
    if isinstance(written, ast.Call) and written.args:
        tail = written.args[-1]
        return isinstance(tail, ast.Constant) and tail.value == ""  # os.path.join(base, "")
    return False


def by_row(row: Row, given: Arguments, receiver: Value | None) -> Both | None:
    """What a guard of the tables proves."""
    facts: Facts = NO_FACTS
    for value in chosen(row.arguments, given, receiver):
        facts = all_facts(facts, about(deep_taints(value), row.bits, row.need, whole=row.whole))
    if not facts:
        return None
    return (facts, NO_FACTS) if row.holds else (NO_FACTS, facts)


def chosen(names: ArgumentNames, given: Arguments, receiver: Value | None) -> list[Value]:
    """The arguments that a row speaks of."""
    if names.every:
        return given.every()
    found: list[Value] = []
    if names.itself and receiver is not None:
        found.append(receiver)
    for position in names.positions:
        if position < len(given.positional):
            found.append(given.positional[position])
        elif given.star is not None:
            found.append(given.star)
    for keyword in names.keywords:
        if keyword in given.keywords:
            found.append(given.keywords[keyword])
        elif given.double_star is not None:
            inner = given.double_star
            found.append(
                inner.items[keyword] if inner.items and keyword in inner.items else Value(inner.taints)
            )
    return found


def of_pattern(value: Value, pattern: Value, *, how: str) -> Both | None:
    """What a regular expression's match proves; `how` is match, fullmatch or search."""
    taints = deep_taints(value)
    if not taints:
        return None
    bits = excluded(pattern.const, how) if isinstance(pattern.const, str) else None
    if bits:
        return about(taints, bits), NO_FACTS
    without = charsets.refused(pattern.const) if isinstance(pattern.const, str) and how == "search" else 0
    return about(taints, WEAKEN), about(taints, WEAKEN | without)
