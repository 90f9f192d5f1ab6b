"""Texts put together of parts: +, %, format, f-strings, join, templates.

What the constant begin of a text rules out is decided here: an address whose host is constant cannot be turned to
another host, a path that begins with `/x` cannot become a redirect to elsewhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from agents.inspector.taint import kinds, letters, strings, summaries
from agents.inspector.taint.frames import Frame, evaluates
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import (
    DOUBTED,
    MISSING,
    SEEN,
    Value,
    constant,
    deep_taints,
    is_seen,
    prefix_of,
)

MAX_TEXT = 4_000  # of a folded constant
_HOST = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#{}%]+[/?#]|^mailto:")
# Also what is no scheme, so that no host follows: `pages/`, `rights_`.
_LOCAL = re.compile(r"^/[^/\\]|^[?#]|^\./|^\w[\w.+~-]*[/?#]|^[A-Za-z0-9.+-]*_")
_ADDRESSES = kinds.mask("ssrf redirect")
_PATH = kinds.mask("path")
_JOINED = ("joined into a path", "put into a path")
_LITERAL = kinds.mask("xpath sql")
_SQL = kinds.mask("sql")
_QUERY = re.compile(
    r"(?is)^\s*(?:\(|--.*?\n|/\*.*?\*/|\s)*(select|insert|update|delete|create|drop|alter|with|replace|truncate|exec|call|merge|grant|pragma|set|show|explain|describe)\b"
)
_AS_REPR = (114, 97)  # !r and !a
ONE_LINE = kinds.mask("log header code")  # repr() writes line ends as such, and all of it is a literal
_REDIRECT = kinds.mask("redirect")
_SPECIFIER = re.compile(r"%(?:\((?P<name>[^)]*)\))?[#0\- +]*(?:\*|\d+)?(?:\.\d+)?(?P<type>[a-zA-Z%])")


def concatenated(frame: Frame, node: ast.AST, pieces: Sequence[Value], what: str) -> Value:
    """The text made of these pieces in this order."""
    begin, known, taints = "", True, ()  # type: tuple[str, bool, tuple[Taint, ...]]
    opaque = False  # an unknown, untainted piece came before
    whole = True
    quote = ""  # that is open
    is_query = False  # `?` of our own came before: whose host it is was said
    is_parted = what in _JOINED or any("/" in (_text_of(one) or "") for one in pieces[1:])
    ups = is_parted and sum(any(map(strings.is_slashless, deep_taints(one))) for one in pieces) > 1
    for number, piece in enumerate(pieces):
        found = deep_taints(piece)
        if found and ups:
            found = tuple(strings.rejoined(one, "/") for one in found)
        if found:
            if quote:
                found = _quoted(frame, found, quote)
            if what not in _JOINED and (opaque or "/" in begin):
                found = tuple(_below(frame, one) for one in found)
            cleaned = (
                _ADDRESSES if is_query else _fixed(begin + (piece.prefix if known else ""), opaque=opaque)
            )
            is_based = bool(not whole or begin or opaque)
            if is_based:
                cleaned |= kinds.BASED
            elif _slash_follows(pieces[number + 1 :]):
                found = tuple(strings.variant_of_own_path(one) for one in found)
            marks = (
                kinds.STRUCTURE | kinds.LETTER | (kinds.BEGIN if is_based else kinds.RESOLVED) | letters.ALL
            )
            taints = merged(taints, tuple(_placed(one, begin, cleaned).without_marks(marks) for one in found))
        text = _text_of(piece)
        quote = _open_quote(quote, text or "")
        is_query = is_query or (number > 0 and what not in _JOINED and _begins_query(text))
        if text is None:
            if known:
                # of a tainted piece `/` alone says nothing of what follows it
                begin += piece.prefix if not found or len(piece.prefix) > 1 else ""
            elif opaque and isinstance(piece.const, str):
                begin += piece.const
            known = False
            whole = False
            opaque = opaque or all(_is_harmless(one) for one in found)
        elif known or opaque:
            begin += text
    value = _witnessed(frame, node, pieces, taints)
    if not taints and known and len(begin) <= MAX_TEXT:
        return constant(begin)
    return frame.moved(value, node, "", what) if taints else value


def _witnessed(frame: Frame, node: ast.AST, pieces: Sequence[Value], taints: tuple[Taint, ...]) -> Value:
    """The text that these pieces make; a query's text is dangerous where it is made, whoever executes it."""
    if any(piece.seen == DOUBTED for piece in pieces):
        frame.doubtful = True
    prefix = _constant_begin(pieces)
    value = Value(taints, prefix=prefix[:MAX_TEXT], seen=all(map(is_seen, pieces)))
    if is_query_text(prefix):
        frame.witness(_SQL, node, value)
    return value


def is_query_text(begin: str) -> bool:
    """Tell whether a text that begins so is SQL."""
    return _QUERY.match(begin) is not None


def _begins_query(text: str | None) -> bool:
    """Tell whether a literal after an address ends its host and path: `?next=`, `#part-`."""
    return text is not None and text.startswith(("?", "#"))


def _is_harmless(taint: Taint) -> bool:
    """Tell whether nobody can do anything by it: a number, an address that the program's own routes gave."""
    return taint.cleaned & kinds.INJECTIONS == kinds.INJECTIONS


def _placed(taint: Taint, begin: str, cleaned: int) -> Taint:
    """The taint after this begin. Behind `/`, a text that begins with no slash stays on this host."""
    if begin == "/" and taint.cleaned & kinds.STRIPPED:
        cleaned |= _REDIRECT
    return taint.with_cleaned(cleaned)


def _slash_follows(pieces: Sequence[Value]) -> bool:
    following = next((one for one in pieces if one.const != ""), None)
    return following is not None and isinstance(following.const, str) and following.const.startswith("/")


def _below(frame: Frame, taint: Taint) -> Taint:
    """After a folder's name, a text without `..` leads to nothing outside; if it is joined as a path, `/x` does."""
    known = frame.state.settled_taint(taint)
    return known.with_cleaned(_PATH) if known.cleaned & letters.NO_PARENT else taint


def _open_quote(quote: str, text: str) -> str:
    """The quotation mark that is open after this text."""
    for letter in text:
        if letter == quote:
            quote = ""
        elif not quote and letter in kinds.WITHIN:
            quote = letter
    return quote


def _quoted(frame: Frame, taints: tuple[Taint, ...], quote: str) -> tuple[Taint, ...]:
    """Between quotation marks, a text without that mark stays the literal that it is meant to be."""
    known = (frame.state.settled_taint(one) for one in taints)
    mark = letters.BIT[quote]
    return tuple(one.with_cleaned(_LITERAL if one.cleaned & mark else kinds.WITHIN[quote]) for one in known)


def _constant_begin(pieces: Sequence[Value]) -> str:
    begin = ""
    for piece in pieces:
        text = _text_of(piece)
        if text is None:
            return begin + piece.prefix
        begin += text
    return begin


def _fixed(begin: str, *, opaque: bool) -> int:
    """What a begin rules out for the piece after it."""
    if opaque:  # a base address from elsewhere, then at least one separator of our own
        return 0 if begin.endswith("://") else _ADDRESSES
    if _HOST.search(begin):
        return _ADDRESSES
    if _LOCAL.search(begin):
        return _REDIRECT
    return 0


def _text_of(value: Value) -> str | None:
    if not value.known:
        return None
    if isinstance(value.const, str):
        return value.const
    if isinstance(value.const, bytes):
        return value.const.decode("latin-1")
    return str(value.const) if isinstance(value.const, (int, float, bool)) or value.const is None else None


@evaluates(ast.JoinedStr)
def joined_string(frame: Frame, node: ast.JoinedStr) -> Value:
    """An f-string."""
    return concatenated(frame, node, [frame.evaluate(part) for part in node.values], "put into a text")


@evaluates(ast.FormattedValue)
def formatted_value(frame: Frame, node: ast.FormattedValue) -> Value:
    """One replacement field; a numeric format lets numbers through only."""
    value = summaries.shown(frame, node, frame.evaluate(node.value))
    if node.conversion in _AS_REPR and value.shape in WRITTEN and not value.known:
        value = written(value)
    elif node.conversion in _AS_REPR:
        value = cleaned(value, ONE_LINE)
    elif value.shape in WRITTEN and node.format_spec is None:
        return written(value)
    if node.format_spec is not None:
        spec = frame.evaluate(node.format_spec)
        if isinstance(spec.const, str) and spec.const[-1:] in "dfeEgGxXobn%" and spec.const:
            return cleaned(value, kinds.INJECTIONS)
        return value.but(const=MISSING, seen=SEEN) if value.known else value
    if node.conversion == 114 and value.known:  # !r
        return constant(repr(value.const))
    return value


def cleaned(value: Value, bits: int) -> Value:
    """The value cleaned for some kinds, or of some letters."""
    if not value.taints or not bits:
        return value
    return value.but(
        taints=tuple(one.with_cleaned(letters.closed(one.cleaned | bits)) for one in value.taints)
    )


WRITTEN = ("list", "tuple", "dict", "set")


def written(value: Value) -> Value:
    """A container as a text: its elements are written as repr() does."""
    return cleaned(Value(deep_taints(value), seen=is_seen(value)), ONE_LINE)


def percent(frame: Frame, node: ast.AST, left: Value, right: Value) -> Value:
    """`left % right`, where left is a text or may be one."""
    pieces: list[Value] = []
    template = left.const if isinstance(left.const, str) else None
    if template is None:
        given = [*(right.items or {}).values()] if right.shape == "tuple" and right.exact else [right]
        if isinstance(node, ast.expr):
            given = [summaries.shown(frame, node, one) for one in given]
        return concatenated(frame, node, [left, *given], "put into a text by %")
    position = last = 0
    for found in _SPECIFIER.finditer(template):
        pieces.append(constant(template[last : found.start()]))
        last = found.end()
        if found["type"] == "%":
            pieces.append(constant("%"))
            continue
        pieces.append(_argument(frame, node, right, found, position))
        position += 1
    pieces.append(constant(template[last:]))
    return concatenated(frame, node, pieces, "put into a text by %")


def _argument(frame: Frame, node: ast.AST, right: Value, found: re.Match[str], position: int) -> Value:
    items = right.items if right.shape in ("tuple", "dict") else None
    key: Any = found["name"] if found["name"] is not None else position
    if items is not None and key in items:
        value = items[key]
    elif right.rest is not None and right.shape in ("tuple", "dict"):
        value = right.rest
    else:
        value = right
    if found["type"] in "diouxXeEfFgGc":
        return cleaned(value, kinds.INJECTIONS)
    if isinstance(node, ast.expr):
        value = summaries.shown(frame, node, value)
    if value.shape in WRITTEN:
        return written(value)
    if found["type"] in "ra":
        return constant(repr(value.const)) if value.known else cleaned(value, ONE_LINE)
    return value


_FIELD = re.compile(r"\{(?P<name>[^{}:!]*)(?:!(?P<conversion>[rsa]))?(?::(?P<spec>[^{}]*))?\}|\{\{|\}\}")


def formatted(
    frame: Frame, node: ast.AST, template: Value, positional: Sequence[Value], keywords: dict[str, Value]
) -> Value:
    """`template.format(...)`."""
    if not isinstance(template.const, str):
        given = [*positional, *keywords.values()]
        if isinstance(node, ast.expr):
            given = [summaries.shown(frame, node, one) for one in given]
        return concatenated(frame, node, [template, *given], "put into a text by format()")
    pieces: list[Value] = []
    last = automatic = 0
    for found in _FIELD.finditer(template.const):
        pieces.append(constant(template.const[last : found.start()]))
        last = found.end()
        if found[0] in ("{{", "}}"):
            pieces.append(constant(found[0][0]))
            continue
        name = re.split(r"[.\[]", found["name"])[0]
        if not name:
            name, automatic = str(automatic), automatic + 1
        pieces.append(_field(frame, node, name, found, positional, keywords))
    pieces.append(constant(template.const[last:]))
    return concatenated(frame, node, pieces, "put into a text by format()")


_STEP = re.compile(r"\.(\w+)|\[([^\]]*)\]")


def _within(frame: Frame, node: ast.AST, value: Value, steps: str) -> Value:
    """What `{0.name}` and `{0[key]}` read of a value."""
    from agents.inspector.taint import attributes, containers

    if not isinstance(node, ast.expr):
        return value
    for attribute, key in _STEP.findall(steps):
        if attribute:
            value = attributes.read(frame, node, value, attribute)
        else:
            value = containers.item(frame, node, value, constant(int(key) if key.isdecimal() else key))
    return value


def _field(
    frame: Frame, node: ast.AST, name: str, found: re.Match[str], positional: Sequence[Value],
    keywords: dict[str, Value],
) -> Value:  # fmt: skip
    if name.isdecimal() and int(name) < len(positional):
        value = positional[int(name)]
    elif name in keywords:
        value = keywords[name]
    else:
        taints: tuple[Taint, ...] = ()
        for one in (*positional, *keywords.values()):
            taints = merged(taints, deep_taints(one))
        value = Value(taints)
    value = _within(frame, node, value, found["name"][len(re.split(r"[.\[]", found["name"])[0]) :])
    if isinstance(node, ast.expr):
        value = summaries.shown(frame, node, value)
    if value.shape in WRITTEN and not found["spec"]:
        return written(value)
    if found["conversion"] in ("r", "a"):
        value = cleaned(value, ONE_LINE)
    if found["spec"] and found["spec"][-1:] in "dfeEgGxXobn":
        return cleaned(value, kinds.INJECTIONS)
    return value.but(const=MISSING, seen=SEEN) if value.known and found["spec"] else value


def known_prefix(value: Value) -> str:
    """The constant begin of a value that is a text, or ""."""
    return prefix_of(value)
