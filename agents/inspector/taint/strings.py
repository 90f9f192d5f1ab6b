"""Methods of texts: folded where everything is constant, else what was in is in the result."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from agents.inspector.taint import attributes, containers, guards, kinds, letters, texts
from agents.inspector.taint.charsets import hidden
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.letters import absent
from agents.inspector.taint.structures import Arguments
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import NUMBER, UNKNOWN, Value, constant, deep_taints, element, is_seen

_PATH = kinds.mask("path")
Method = Callable[[Frame, ast.Call, Value, Arguments], Value]
# What gives a text of the same letters, what tells something of it, and what counts in it.
_SAME = (
    "upper", "lower", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase", "replace", "split", "rsplit",
    "splitlines", "zfill", "ljust", "rjust", "center", "partition", "rpartition", "removeprefix", "removesuffix",
    "encode", "decode", "casefold", "expandtabs", "translate",
)  # fmt: skip
_ASKED = (
    "startswith", "endswith", "isdigit", "isalpha", "isalnum", "isupper", "islower", "isspace", "isnumeric",
    "isdecimal", "isidentifier",
)  # fmt: skip
_COUNTED = ("find", "rfind", "index", "rindex", "count")
_FOLDED = frozenset([*_SAME, *_ASKED, *_COUNTED, "hex"])


_LEAVING = frozenset({"replace", "split", "rsplit", "splitlines", "partition", "rpartition", "translate",
                      "removeprefix", "removesuffix"})  # fmt: skip


_ESCAPING = ("unicode_escape", "unicode-escape", "idna", "punycode")


def _folded(receiver: Value, method: str, given: Arguments) -> Any:
    if not isinstance(receiver.const, (str, bytes)) or given.keywords or given.star or method not in _FOLDED:
        return None
    if not all(one.known for one in given.positional):
        return None
    try:
        result = getattr(receiver.const, method)(*(one.const for one in given.positional))
    except Exception:  # whatever the program's own call would raise: no constant comes of it
        return None
    if isinstance(result, (str, bytes)) and len(result) > texts.MAX_TEXT:
        return None
    return result


def _same_content(frame: Frame, node: ast.Call, receiver: Value, given: Arguments) -> Value:
    """A method whose result is made of the text and its arguments."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    result = _folded(receiver, method, given)
    if isinstance(result, (list, tuple)):
        shape = "list" if isinstance(result, list) else "tuple"
        return Value(
            shape=shape,
            items={n: constant(one) for n, one in enumerate(result[:64])},
            exact=len(result) <= 64,
        )
    if result is not None:
        return constant(result)
    taints = receiver.taints
    if method == "replace":
        for one in given.positional[-1:]:
            taints = merged(taints, deep_taints(one))
    if method in _LEAVING and taints:
        taken = [one.const for one in given.positional[:1] if isinstance(one.const, str)]
        known = taken and method in ("replace", "split", "rsplit")
        taints = attributes.rest_of(frame, node, taints, hidden(taken[0]) if known else -1)
    seen = is_seen(receiver) and all(map(is_seen, given.every()))
    value = Value(taints, seen=seen)
    if method == "replace":
        value = _replaced(value, given)
    elif method in ("split", "rsplit", "splitlines") and taints:
        apart = (
            "\r\n"
            if method == "splitlines"
            else "\t\r\n"
            if not given.positional
            else given.positional[0].const
        )
        if len(given.positional) < 2 and not given.keywords and isinstance(apart, str):
            is_each = len(apart) == 1 or method == "splitlines" or not given.positional
            value = texts.cleaned(value, absent(apart if is_each else ""))
        value = value.but(shape="list")
    elif method in ("partition", "rpartition") and taints:
        return frame.moved(_parted(value, method, given.at(0) or UNKNOWN), node, "", f"parted by {method}()")
    elif method == "translate":
        value = _translated(value, given.at(0))
    elif method == "encode" and given.positional and given.positional[0].const in _ESCAPING:
        value = texts.cleaned(value, kinds.mask("log header"))
    elif method in ("strip", "lstrip", "rstrip", "removesuffix") and taints:
        value = _stripped(value, method, given.at(0))
    if not taints:
        return value if seen else UNKNOWN
    return frame.moved(value, node, "", f"changed by {method}()")


def _stripped(value: Value, method: str, gone: Value | None) -> Value:
    """`x.lstrip("/")`: what begins with no slash names no host and no root."""
    if gone is None or not isinstance(gone.const, str) or "/" not in gone.const:
        return value
    if method in ("rstrip", "removesuffix"):
        return value.but(taints=tuple(variant_of_own_path(one) for one in value.taints))
    return value.but(taints=tuple(without_root(one) for one in value.taints))


def variant_of_own_path(taint: Taint) -> Taint:
    """The request's path with a slash more or less at its end: redirecting there answers any path, `//host` too."""
    if not taint.cleaned & kinds.OWN:
        return taint
    return taint.without_marks(kinds.OWN | kinds.mask("redirect")).weaker()


def without_root(taint: Taint) -> Taint:
    """A text whose leading slashes were cut off."""
    below = kinds.mask("path") if taint.cleaned & kinds.ROOTED else 0
    return taint.with_cleaned(kinds.STRIPPED | below)


def _replaced(value: Value, given: Arguments) -> Value:
    """`x.replace("'", "''")` and the like: a filter that somebody wrote by hand makes the claim less sure."""
    old, new = given.at(0), given.at(1)
    if old is not None and old.const == "\r\n":
        return texts.cleaned(value, kinds.mask("log header"))
    if old is None or not isinstance(old.const, str) or not value.taints:
        return value
    if len(old.const) == 1 and len(given.positional) == 2 and not deep_taints(new or UNKNOWN):
        is_gone = new is not None and isinstance(new.const, str) and old.const not in new.const
        value = texts.cleaned(value, absent(old.const) if is_gone else 0)
    if any(letter in old.const for letter in "'\"<>&;|`$./\\*()"):
        return value.but(taints=tuple(one.weaker() for one in value.taints))
    return value


def _parted(value: Value, method: str, apart: Value) -> Value:
    """`x.partition(":")`: what stands before the mark does not hold it."""
    is_letter = isinstance(apart.const, str) and len(apart.const) == 1
    free = texts.cleaned(value, absent(apart.const)) if is_letter else value
    items = {0: free, 1: apart, 2: value} if method == "partition" else {0: value, 1: apart, 2: free}
    return Value(shape="tuple", items=dict(items), exact=True)


def _translated(value: Value, table: Value | None) -> Value:
    """`x.translate(table)`: letters that the table replaces by something else are gone."""
    gone = ""
    for key, new in ((table.items if table is not None else None) or {}).items():
        letter = chr(key) if isinstance(key, int) and 0 <= key < 128 else key
        if isinstance(letter, str) and len(letter) == 1 and new.known and letter not in str(new.const):
            gone += letter
    return texts.cleaned(value, absent(gone)) if gone else value


def _boolean(frame: Frame, node: ast.Call, receiver: Value, given: Arguments) -> Value:
    """A test; what its being true means for the text is a guard's affair."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    result = _folded(receiver, method, given)
    if result is not None:
        return constant(result)
    body = frame.function.body if frame.function is not None else ()
    return Value(facts=guards.of_text_test(node, method, receiver, given, body))


def _number(frame: Frame, node: ast.Call, receiver: Value, given: Arguments) -> Value:
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    result = _folded(receiver, method, given)
    return NUMBER if result is None else constant(result)


def _format(frame: Frame, node: ast.Call, receiver: Value, given: Arguments) -> Value:
    if given.star is not None or given.double_star is not None:
        extra = [one for one in (given.star, given.double_star) if one is not None]
        keywords = dict(given.keywords)
        if given.double_star is not None and given.double_star.items:
            keywords.update({k: v for k, v in given.double_star.items.items() if isinstance(k, str)})
        return texts.formatted(frame, node, receiver, [*given.positional, *extra], keywords)
    return texts.formatted(frame, node, receiver, given.positional, given.keywords)


def _format_map(frame: Frame, node: ast.Call, receiver: Value, given: Arguments) -> Value:
    values = given.at(0) or UNKNOWN
    keywords = {key: one for key, one in (values.items or {}).items() if isinstance(key, str)}
    return texts.formatted(frame, node, receiver, [values], keywords)


def _join(frame: Frame, node: ast.Call, receiver: Value, given: Arguments) -> Value:
    parts = given.at(0) or UNKNOWN
    if parts.shape == "dict":
        parts = containers.keys(frame, node, parts, Arguments())[0]
    if parts.exact and parts.items is not None and parts.shape in ("list", "tuple"):
        pieces: list[Value] = []
        for one in parts.items.values():
            if pieces:
                pieces.append(receiver)
            pieces.append(one)
        return texts.concatenated(frame, node, pieces, "joined into a text")
    found: tuple[Taint, ...] = merged(deep_taints(element(parts)), receiver.taints)
    found = merged(found, parts.taints)
    apart = receiver.const if isinstance(receiver.const, str) else None
    seen = is_seen(parts) and is_seen(receiver)
    value = Value(tuple(rejoined(one, apart) for one in found), seen=seen)
    if not found:
        return value if seen else UNKNOWN
    return frame.moved(value, node, "", "joined into a text")


def rejoined(taint: Taint, apart: str | None) -> Taint:
    """One of many pieces that are joined: what separates them occurs in the result; `..`, `..` lead out again."""
    marks = kinds.RESOLVED | kinds.LETTER | (letters.ALL if apart is None else letters.marks(apart))
    if not apart or apart.strip(".") != apart:
        marks |= letters.NO_PARENT
    if is_slashless(taint) and (apart is None or "/" in apart):
        marks |= _PATH
    return taint.without_marks(marks)


def is_slashless(taint: Taint) -> bool:
    """Tell whether it is harmless for paths only as long as it is the only part of its kind: it may be `..`."""
    return bool(taint.cleaned & letters.BIT["/"]) and not taint.cleaned & letters.NO_PARENT


METHODS: dict[str, Method] = {
    **dict.fromkeys(_SAME, _same_content),
    **dict.fromkeys(_ASKED, _boolean),
    **dict.fromkeys(_COUNTED, _number),
    "format": _format,
    "format_map": _format_map,
    "join": _join,
}
