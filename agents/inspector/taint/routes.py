"""Addresses that lead to functions: what Django's `path()` and `re_path()` say of a view's parameters.

A view is a function like any other until some list of addresses names it. That is noted among the globals of the
view's module, so that what is kept of a run depends on it.
"""

from __future__ import annotations

import ast
import re

from agents.inspector.taint import attributes, kinds
from agents.inspector.taint.charsets import excluded
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.ledger import BEFORE_ROOTS
from agents.inspector.taint.structures import Function
from agents.inspector.taint.values import UNKNOWN, Value

_CONVERTED = re.compile(r"<(?:\w+_)?(?:int|uuid|slug|date|hex)(?:_\w+)?:(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>([^()]+)\)")
_NAMED = re.compile(r"<(?:[^<>:]+:)?(\w+)>|\(\?P<(\w+)>")
# What cannot hold a slash: `<name>` and `<str:name>` of `path()`, `[^/]+` of a pattern.
_SEGMENT = re.compile(r"(?<!\?P)<(?:str:)?(\w+)>")
_NO_SLASH = re.compile(r"\[\^[^\]]*/[^\]]*\][+*]?\??")
_ANY = "*"  # names of an address that is not known
_HARMLESS = kinds.mask("sql command path xss")  # whoever rules out these rules out the others
_OF_DJANGO = frozenset({"GET", "POST", "COOKIES", "FILES", "META"})


def lead(frame: Frame, address: Value, view: Value) -> None:
    """Note that an address leads to a function, and which of its parts are harmless: numbers, slugs."""
    function = view.ref
    if not isinstance(function, Function) or isinstance(function.node, ast.Lambda):
        return
    text = address.const if isinstance(address.const, str) else ""
    harmless = {found[1] for found in _CONVERTED.finditer(text)}
    for name, pattern in _GROUP.findall(text):
        if excluded(pattern, "fullmatch") & _HARMLESS == _HARMLESS:
            harmless.add(name)
    segments = {found[1] for found in _SEGMENT.finditer(text)}
    segments |= {name for name, pattern in _GROUP.findall(text) if _NO_SLASH.fullmatch(pattern)}
    names = (
        {one or other for one, other in _NAMED.findall(text)} if isinstance(address.const, str) else {_ANY}
    )
    known = _noted(frame, function)
    if known is not None:  # by another address: harmless is what is so in both
        segments = {
            one for one in segments | known[2] if one in segments & known[2] or one not in names & known[1]
        }
        harmless &= known[0]
        names |= known[1]
    value = Value(const="|".join(" ".join(sorted(one)) for one in (harmless, names, segments)))
    place = ("global", function.module, _name(function))
    frame.engine.ledger.write(function.module.variables, place, value, BEFORE_ROOTS)


def _name(function: Function) -> str:
    return f"_~route.{function.name}"


def _noted(frame: Frame, function: Function) -> tuple[set[str], set[str], set[str]] | None:
    """The harmless names of the addresses that lead to a function, all their names, those that hold no slash."""
    value = frame.engine.project.variable(function.module, _name(function))
    if value is None or not isinstance(value.const, str):
        return None
    harmless, names, segments = value.const.split("|")
    return set(harmless.split()), set(names.split()), set(segments.split())


def given(frame: Frame, function: Function, parameter: ast.arg, number: int) -> Value | None:
    """What an address gives to a parameter of a view; None if no address leads there."""
    known = _noted(frame, function) if function.owner is None else None
    if known is None:
        return None
    harmless, names, segments = known
    if number == 0:
        return Value(name=frame.engine.tables.requests["django"])
    is_named = parameter.arg in names or _ANY in names
    if parameter.arg in harmless or (not is_named and parameter.arg in function.defaults):
        return UNKNOWN  # nobody gives what no address names and what need not be given
    marks = kinds.SEGMENT | kinds.STRIPPED if parameter.arg in segments else 0
    what = "a part of the address"
    return Value((attributes.fresh_taint(frame, parameter, what, "remote", parameter.arg, marks=marks),))


def reads_request(function: Function, name: str) -> bool:
    """Tell whether a function reads of this parameter what only a request of Django has."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in _OF_DJANGO
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        for statement in function.body
        for node in ast.walk(statement)
    )
