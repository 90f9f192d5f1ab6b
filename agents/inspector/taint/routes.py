"""Addresses that lead to functions: what Django's `path()` and `re_path()` say of a view's parameters.

A view is a function like any other until some list of addresses names it. That is noted among the globals of the
view's module, so that what is kept of a run depends on it.
"""

from __future__ import annotations

import ast
import re

from agents.inspector.taint import attributes, kinds
from agents.inspector.taint.charsets import of_group
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.ledger import BEFORE_ROOTS
from agents.inspector.taint.structures import Bound, Class, Function, Module
from agents.inspector.taint.values import SEEN, UNKNOWN, Value

_CONVERTED = re.compile(r"<(?:\w+_)?(?:int|uuid|slug|date|hex)(?:_\w+)?:(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>([^()]+)\)")
_NAMED = re.compile(r"<(?:[^<>:]+:)?(\w+)>|\(\?P<(\w+)>")
# What cannot hold a slash: `<name>` and `<str:name>` of `path()`, `[^/]+` of a pattern.
_SEGMENT = re.compile(r"(?<!\?P)<(?:str:)?(\w+)>")
_NO_SLASH = re.compile(r"\[\^[^\]]*/[^\]]*\][+*]?\??")
_ANY = "*"  # names of an address that is not known
_HARMLESS = kinds.mask("sql command path xss")  # whoever rules out these rules out the others
_OF_DJANGO = frozenset({"GET", "POST", "COOKIES", "FILES", "META"})


def lead(frame: Frame, address: Value, view: Value, written: ast.expr | None, fixed: Value | None) -> None:
    """Note that an address leads to a function, and which of its parts are harmless: numbers, slugs.

    `written` is the address as it is written, `fixed` what the program itself gives the view besides.
    """
    function = view.ref
    text = address.const if isinstance(address.const, str) else _read(frame, written)
    if view.name.endswith(".include()") and text is not None:
        _note(frame, frame.engine.project.common(), _INCLUDED, _parts(text))
    if not isinstance(function, Function) or isinstance(function.node, ast.Lambda):
        return
    harmless, names, segments = (set(), {_ANY}, set()) if text is None else _parts(text)
    chosen = {one for one in (fixed.items if fixed is not None else None) or {} if isinstance(one, str)}
    _note(frame, function.module, _name(function), (harmless | chosen, names | chosen, segments))


def mark(frame: Frame, written: ast.expr, view: Value) -> None:
    """Note that addresses lead to something of a module: to a function, or to a class by `Class.as_view()`."""
    one = view.ref.function if isinstance(view.ref, Bound) else view.ref
    if isinstance(written, ast.Call) and isinstance(written.func, ast.Attribute):
        one = frame.evaluate(written.func.value).ref if written.func.attr == "as_view" else one
    if isinstance(one, (Function, Class)):
        variables = one.module.variables
        frame.engine.ledger.write(variables, ("global", one.module, _ROUTED), Value(const=True), BEFORE_ROOTS)


def is_left_out(frame: Frame, function: Function) -> bool:
    """Tell whether addresses lead to others of its module and not to it, so that only callers give it something."""
    node = function.node
    if function.owner is not None or isinstance(node, ast.Lambda) or node.decorator_list:
        return False
    if frame.engine.project.variable(function.module, _ROUTED) is None:
        return False
    return _noted(frame, function.module, _name(function)) is None


def undecorated(frame: Frame, written: ast.expr, view: Value) -> Value:
    """The function of a module that `views.show` names, whatever its decorators put in its place."""
    if not isinstance(written, ast.Attribute):
        return view
    of = frame.evaluate(written.value).ref
    found = (one for one in of.functions if one.name == written.attr) if isinstance(of, Module) else ()
    one = next(iter(found), None)
    return view if one is None else Value(ref=one)


Parts = tuple[set[str], set[str], set[str]]  # harmless names, all names, names of what holds no slash
_ROUTED = "_~routed"  # the global that tells that addresses lead to something of the module
_INCLUDED = "_~included"  # the global that tells of what stands before the addresses of other modules


def _parts(text: str) -> Parts:
    harmless = {found[1] for found in _CONVERTED.finditer(text)}
    segments = {found[1] for found in _SEGMENT.finditer(text)}
    names = {one or other for one, other in _NAMED.findall(text)}
    for name in re.findall(r"\(\?P<(\w+)>", text):
        if of_group(text, name) & _HARMLESS == _HARMLESS:
            harmless.add(name)
    segments |= {name for name, pattern in _GROUP.findall(text) if _NO_SLASH.fullmatch(pattern)}
    return harmless, names, segments


# What a name of a pattern promises: `r"^(?P<key>" + settings.UUID_REGEX + ")/$"`.
_PROMISED = {
    re.compile(r"(?i)(?:^|_)uuid"): "[0-9a-fA-F-]+",
    re.compile(r"(?i)(?:^|_)(?:int|integer|number|digits|pk|year)(?:_|$)"): "[0-9]+",
    re.compile(r"(?i)(?:^|_)slug"): "[-a-zA-Z0-9_]+",
    re.compile(r"(?i)(?:^|_)(?:hex|sha1|sha256|sha)(?:_|$)"): "[0-9a-f]+",
}


def _read(frame: Frame, written: ast.expr | None) -> str | None:
    """An address as it is written, also with patterns of which only the name is known; None if it is not known."""
    if isinstance(written, ast.BinOp) and isinstance(written.op, ast.Add):
        parts = [_read(frame, written.left), _read(frame, written.right)]
    elif isinstance(written, ast.BinOp) and isinstance(written.op, ast.Mod):
        given = written.right.elts if isinstance(written.right, ast.Tuple) else [written.right]
        between = (_read(frame, written.left) or "").split("%s")
        if len(between) != len(given) + 1:
            return None
        parts = [between[0]]
        for one, text in zip(given, between[1:], strict=True):
            parts += [_read(frame, one), text]
    elif isinstance(written, ast.JoinedStr):
        parts = [_read(frame, one) for one in written.values]
    elif isinstance(written, ast.FormattedValue):
        return _read(frame, written.value)
    elif isinstance(written, (ast.Constant, ast.Name, ast.Attribute)):
        known = frame.evaluate(written).const
        name = "" if isinstance(written, ast.Constant) else ast.unparse(written).rpartition(".")[2]
        promised = next((one for pattern, one in _PROMISED.items() if pattern.search(name)), None)
        return known if isinstance(known, str) else promised
    else:
        return None
    return None if None in parts else "".join(one for one in parts if one is not None)


def _note(frame: Frame, module: Module, name: str, parts: Parts) -> None:
    harmless, names, segments = parts
    known = _noted(frame, module, name)
    if known is not None:
        # by another address: harmless is what is so in both, or is given by one of them only
        harmless, segments = (
            {one for one in mine | other if _holds(one, mine, names) and _holds(one, other, known[1])}
            for mine, other in ((harmless, known[0]), (segments, known[2]))
        )
        names = names | known[1]
    value = Value(const="|".join(" ".join(sorted(one)) for one in (harmless, names, segments)))
    frame.engine.ledger.write(module.variables, ("global", module, name), value, BEFORE_ROOTS)


def _holds(name: str, among: set[str], names: set[str]) -> bool:
    return name in among or names.isdisjoint((name, _ANY))


def _name(function: Function) -> str:
    return f"_~route.{function.name}"


def _noted(frame: Frame, module: Module, name: str) -> Parts | None:
    """What was noted under a name."""
    value = frame.engine.project.variable(module, name)
    if value is None or not isinstance(value.const, str):
        return None
    harmless, names, segments = value.const.split("|")
    return set(harmless.split()), set(names.split()), set(segments.split())


def given(frame: Frame, function: Function, parameter: ast.arg, number: int) -> Value | None:
    """What an address gives to a parameter of a view; None if no address leads there."""
    known = _noted(frame, function.module, _name(function)) if function.owner is None else None
    if known is None:
        return None
    harmless, names, segments = known
    if parameter.arg not in names and _ANY not in names:  # what stands before it in another list
        before = _noted(frame, frame.engine.project.common(), _INCLUDED)
        if before is not None and parameter.arg in before[0]:
            return UNKNOWN
    if number == 0:
        return Value(name=frame.engine.tables.requests["django"])
    is_named = parameter.arg in names or _ANY in names
    if parameter.arg in harmless or (not is_named and parameter.arg in function.defaults):
        return UNKNOWN  # nobody gives what no address names and what need not be given
    marks = kinds.SEGMENT | kinds.STRIPPED if parameter.arg in segments else 0
    what = "a part of the address"
    taint = attributes.fresh_taint(frame, parameter, what, "remote", parameter.arg, marks=marks)
    return Value((taint,), seen=SEEN)


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
