"""Texts that are put together, taken apart: "a" + x, f"a{x}", "a%s" % x, "a{}".format(x).

A template is a row of pieces: source text of a literal, as it stands between the quotes, and holes with the
expression that fills each. Refuses what it cannot put together again: raw strings mixed with others, format
specifications, bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import libcst as cst

from agents.inspector.fixes.site import Refused, Site, positional

_PERCENT = re.compile(r"%(?:\((?P<name>\w+)\))?(?P<kind>[-#0 +]*\d*(?:\.\d+)?[a-zA-Z%])")
_BRACES = re.compile(r"\{\{|\}\}|\{(?P<field>[^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Text:
    """Source text of a literal."""

    source: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that an expression fills."""

    value: cst.BaseExpression


@dataclass(slots=True)
class Template:
    """A taken apart text. `prefix` and `quote` are those of its literals."""

    pieces: list[Text | Hole] = field(default_factory=list)
    prefix: str = ""
    quote: str = ""

    @property
    def holes(self) -> list[Hole]:
        return [piece for piece in self.pieces if isinstance(piece, Hole)]

    def add_literal(self, prefix: str, quote: str) -> None:
        """Note how a literal is written. Raises Refused if it differs from the others."""
        kind = "".join(sorted(prefix.lower().replace("f", "").replace("u", "")))
        if "b" in kind:
            raise Refused("it is made of bytes")
        if self.quote and (kind, quote) != (self.prefix, self.quote):
            raise Refused("it is put together from literals with different quotes or prefixes")
        self.prefix, self.quote = kind, quote


def take_apart(node: cst.BaseExpression, site: Site) -> Template:
    """Take a text apart. Raises Refused. An expression that is no literal is one hole."""
    made = Template()
    _take(node, site, made)
    return made


def _take(node: cst.BaseExpression, site: Site, made: Template) -> None:
    match node:
        case cst.SimpleString():
            made.add_literal(node.prefix, node.quote)
            made.pieces.append(Text(node.raw_value))
        case cst.FormattedString():
            made.add_literal(node.prefix, node.end)
            _take_formatted(node, made)
        case cst.ConcatenatedString():
            _take(node.left, site, made)
            _take(node.right, site, made)
        case cst.BinaryOperation(operator=cst.Add()):
            _take(node.left, site, made)
            _take(node.right, site, made)
        case cst.BinaryOperation(operator=cst.Modulo()) if _is_literal(node.left):
            _fill(node.left, site, made, _PERCENT, _Percent(node.right, site))
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name("format"))) if _is_literal(inner):
            _fill(inner, site, made, _BRACES, _Format(node))
        case _:
            made.pieces.append(Hole(node))


def _is_literal(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.SimpleString) or (
        isinstance(node, cst.ConcatenatedString) and _is_literal(node.left) and _is_literal(node.right)
    )


def _take_formatted(node: cst.FormattedString, made: Template) -> None:
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            made.pieces.append(Text(part.value.replace("{{", "{").replace("}}", "}")))
        elif isinstance(part, cst.FormattedStringExpression):
            if part.format_spec or part.conversion not in (None, "s") or part.equal:
                raise Refused("a value is formatted on its way into the text")
            made.pieces.append(Hole(part.expression))


def _fill(
    node: cst.BaseExpression,
    site: Site,
    made: Template,
    pattern: re.Pattern[str],
    values: _Percent | _Format,
) -> None:
    plain = Template()
    _take(node, site, plain)
    made.add_literal(plain.prefix, plain.quote)
    for piece in plain.pieces:
        assert isinstance(piece, Text)
        at = 0
        for match in pattern.finditer(piece.source):
            made.pieces.append(Text(piece.source[at : match.start()]))
            made.pieces.append(values.of(match))
            at = match.end()
        made.pieces.append(Text(piece.source[at:]))
    values.check_all_used()


class _Percent:
    """The values at the right of a %."""

    def __init__(self, right: cst.BaseExpression, site: Site) -> None:
        self._named: dict[str, cst.BaseExpression] = {}
        self._row: list[cst.BaseExpression] = []
        self._taken = 0
        if isinstance(right, cst.Tuple):
            self._row = [element.value for element in right.elements if isinstance(element, cst.Element)]
            if len(self._row) < len(right.elements):
                raise Refused("its values are starred")
        elif isinstance(right, cst.Dict):
            for pair in right.elements:
                if not isinstance(pair, cst.DictElement) or not isinstance(pair.key, cst.SimpleString):
                    raise Refused("its values come from a dictionary whose keys are not known here")
                self._named[str(pair.key.evaluated_value)] = pair.value
        else:
            if isinstance(right, cst.Name):
                value = site.only_value(right)
                if value is not None and isinstance(value.value, cst.Tuple | cst.Dict):
                    raise Refused("its values come from another variable")
            self._row = [right]

    def of(self, match: re.Match[str]) -> Text | Hole:
        kind = match["kind"]
        if kind == "%":
            return Text("%")
        if kind not in ("s", "d", "i"):
            raise Refused("a value is formatted on its way into the text")
        if match["name"] is not None:
            if match["name"] not in self._named:
                raise Refused("a value of its dictionary is not known here")
            return Hole(self._named[match["name"]])
        if self._taken >= len(self._row):
            raise Refused("it has more places than values")
        self._taken += 1
        return Hole(self._row[self._taken - 1])

    def check_all_used(self) -> None:
        if self._taken < len(self._row):
            raise Refused("it has more values than places")


class _Format:
    """The arguments of format()."""

    def __init__(self, call: cst.Call) -> None:
        self._row = [arg.value for arg in positional(call)]
        self._named = {arg.keyword.value: arg.value for arg in call.args if arg.keyword}
        self._next = 0

    def of(self, match: re.Match[str]) -> Text | Hole:
        name = match["field"]
        if name is None:
            return Text(match[0][0])
        if name == "":
            name, self._next = str(self._next), self._next + 1
        if name.isdigit() and int(name) < len(self._row):
            return Hole(self._row[int(name)])
        if name in self._named:
            return Hole(self._named[name])
        raise Refused("a value is formatted or looked up on its way into the text")

    def check_all_used(self) -> None:
        """format() ignores what is left over."""
