"""Templates: files of the tree, texts in the program, the environments that they are made in."""

from __future__ import annotations

import ast
import re

from agents.inspector.taint import attributes, fields, kinds, reviews
from agents.inspector.taint.expressions import truth_of
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.pages import unescaped
from agents.inspector.taint.specials import all_taints, known_as
from agents.inspector.taint.structures import Arguments, Bound, Function
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import KEYS, UNKNOWN, Attribute, Value, constant, deep_taints, is_seen

_TEXT, _ESCAPES, _NAME = Attribute("~text"), Attribute("~escapes"), Attribute("~name")
_TEXTS = Attribute("~texts")  # of an environment whose templates stand in the program, by name
_XSS = kinds.mask("xss")
_PLAIN = (".txt", ".md", ".sql", ".csv", ".conf", ".sh")


@known_as("template_string")
def template_string(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """render_template_string(): who writes the template runs code; what it does not escape is in the page."""
    text = given.at(0, "source") or UNKNOWN
    frame.hit(kinds.mask("template"), deep_taints(text), node, f"{callee.name}()")
    reviews.look(frame, kinds.mask("template"), node, text, f"{callee.name}()")
    return _written(frame, node, text, Value(items={}), given, escaping=True)


@known_as("environment")
def environment(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """jinja2.Environment(): escapes only if it is told to."""
    chosen = given.at(-1, "autoescape")
    escapes = given.double_star is not None if chosen is None else truth_of(chosen) is not False
    items: dict[object, Value] = {_ESCAPES: constant(escapes)}
    texts = (given.keywords.get("loader", UNKNOWN).items or {}).get(_TEXTS)
    if texts is not None:
        items[_TEXTS] = texts
    return Value(name="@jinja2.Environment", items=items)


@known_as("templates_by_name")
def templates_by_name(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """jinja2.DictLoader(): templates that stand in the program."""
    texts = given.at(0, "mapping") or UNKNOWN
    texts = texts.but(items={name: one for name, one in (texts.items or {}).items() if name != KEYS})
    frame.hit(kinds.mask("template"), deep_taints(texts), node, f"{callee.name}()")
    return Value(name="@jinja2.DictLoader", items={_TEXTS: texts.but(taints=())})


@known_as("template_of_text")
def template_of_text(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """jinja2.Template(), Environment.from_string()."""
    text = given.at(0, "source") or UNKNOWN
    frame.hit(kinds.mask("template"), deep_taints(text), node, f"{callee.name.lstrip('@')}()")
    reviews.look(frame, kinds.mask("template"), node, text, f"{callee.name.lstrip('@')}()")
    escapes = given.at(-1, "autoescape") or ((receiver.items if receiver else None) or {}).get(_ESCAPES)
    items = {_TEXT: text.but(taints=()), _ESCAPES: escapes or constant(False)}
    return Value(name="@jinja2.Template", items=items)


def _written(
    frame: Frame, node: ast.expr, text: Value, context: Value, given: Arguments, *, escaping: bool
) -> Value:
    """The page made of a template's text: what is written without escaping is in it."""
    if not isinstance(text.const, str):
        if escaping:
            return UNKNOWN
        return Value(merged(deep_taints(context), all_taints(given)))
    taints: tuple[Taint, ...] = ()
    for name in sorted(unescaped(text.const, escaping=escaping)):
        value = given.keywords.get(name) or (context.items or {}).get(name)
        if value is None and (context.rest is not None or context.taints):
            value = context.rest or Value(context.taints)
        taints = merged(taints, deep_taints(value) if value is not None else ())
    return frame.moved(Value(taints), node, "", "written by a template without escaping")


@known_as("render")
def render(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """A template of the tree with a context: unescaped variables are sinks."""
    offset = 1 if callee.name.startswith("django.shortcuts") or "TemplateResponse" in callee.name else 0
    name = given.at(offset, "template_name") or given.at(offset, "template") or UNKNOWN
    if "render_to_string" in callee.name:
        name = given.at(0, "template_name") or UNKNOWN
        offset = 0
    if name.taints:
        frame.hit(kinds.KINDS["template"].bit, name.taints, node, f"{callee.name}(), as the template", weak=1)
    context = given.at(offset + 1, "context") or Value(items={})
    if callee.name == "flask.render_template":
        _as_it_is(frame, node, name, given)
    if isinstance(name.const, str):
        is_text = "render_to_string" in callee.name
        _holes(frame, node, name.const, context, given, is_text=is_text)
    return Value(name="@page")


def _look(frame: Frame, node: ast.expr, given: Arguments) -> None:
    if any(map(_may_vary, given.every())):
        what = "a page, as its markup says, whose variables are written as they are"
        reviews.fact(frame, _XSS, node, what, "jinja2.Template.render()")


def _is_page(text: Value) -> bool:
    """Tell whether a template's text has markup and variables."""
    return isinstance(text.const, str) and "{{" in text.const and _MARKUP.search(text.const) is not None


_MARKUP = re.compile(r"<(?:html|body|div|p|a|span|h[1-6]|table|ul|li|script|img|b|i)\b", re.IGNORECASE)
_ESCAPED = (".html", ".htm", ".xml", ".xhtml", ".svg")  # by Flask, which asks the name alone


def _as_it_is(frame: Frame, node: ast.expr, name: Value, given: Arguments) -> None:
    """A template that Flask does not escape, of which the tree shows no text: what it is given may be in the page."""
    end = _end(node.args[0]) if isinstance(node, ast.Call) and node.args else ""
    passed = [*given.positional[1:], *given.keywords.values()]
    passed += [one for one in (given.star, given.double_star) if one is not None]
    is_known = isinstance(name.const, str) and frame.engine.pages.knows(name.const)
    if not end or end.endswith(_ESCAPED) or is_known or not any(map(_may_vary, passed)):
        return
    words = f"the template {end}, which Flask does not escape"
    reviews.fact(frame, _XSS, node, "what it is given is written as it is", words)


def _may_vary(value: Value) -> bool:
    return not is_seen(value) or bool(deep_taints(value))


def _end(written: ast.expr) -> str:
    """The end of the name of a template as it is written: `"page.txt"`, `name + ".txt"`, `"{}.txt".format(name)`."""
    if isinstance(written, ast.Constant):
        return written.value if isinstance(written.value, str) else ""
    if isinstance(written, ast.BinOp):
        return _end(written.right if isinstance(written.op, ast.Add) else written.left)
    if isinstance(written, ast.JoinedStr) and written.values:
        return _end(written.values[-1])
    if (
        isinstance(written, ast.Call)
        and isinstance(written.func, ast.Attribute)
        and written.func.attr == "format"
    ):
        return _end(written.func.value)
    return ""


@known_as("get_template")
def get_template(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """env.get_template(name)."""
    name = given.at(0) or UNKNOWN
    known = (receiver.items if receiver else None) or {}
    text = (known[_TEXTS].items or {}).get(name.const) if _TEXTS in known and name.known else None
    if text is not None:
        return Value(name="@jinja2.Template", items={_TEXT: text.but(taints=()), _ESCAPES: known[_ESCAPES]})
    return Value(name="@jinja2.Template", items={_NAME: name})


@known_as("render_object")
def render_object(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """template.render(context)."""
    known = (receiver.items if receiver else None) or {}
    text = known.get(_TEXT)
    if text is not None:
        context = given.at(0) or Value(items={})
        if truth_of(known[_ESCAPES]) is False and _is_page(text) and not reviews.is_input_followed(frame):
            _look(frame, node, given)
        return _written(frame, node, text, context, given, escaping=truth_of(known[_ESCAPES]) is not False)
    name = known.get(_NAME, UNKNOWN)
    context = given.at(0) or Value(items={})
    if isinstance(name.const, str):
        _holes(frame, node, name.const, context, given)
        return Value(name="@page")
    return Value(all_taints(given))


def _holes(
    frame: Frame, node: ast.expr, name: str, context: Value, given: Arguments, *, is_text: bool = False
) -> None:
    """`is_text`: it is made a text, and not the answer, which is HTML if nobody says otherwise."""
    holes = frame.engine.pages.holes(name)
    frame.engine.ledger.note(("template", name), holes)
    for hole in holes:
        if is_text and hole.path.endswith(_PLAIN):
            continue  # of a message, say, which no browser renders
        value = given.keywords.get(hole.variable)
        if value is None and context.items is not None:
            value = context.items.get(hole.variable)
        if value is None and (context.rest is not None or context.taints):
            value = Value(deep_taints(context))
            # whether the context holds the variable at all is not known
            value = value.but(taints=tuple(one.weaker(2) for one in value.taints))
        if value is not None and (hole.is_data or not fields.writes_itself(value)):
            value = _part(frame, node, value, hole.parts)
            what = f"what {hole.filtered} makes of {hole.variable}" if hole.filtered else hole.variable
            words = f"the template {hole.path}, line {hole.line}, which writes {what} without escaping"
            # what a filter of the project's own makes may be anything: HTML of a text, a picture for a name
            frame.hit(kinds.KINDS["xss"].bit, deep_taints(value), node, words, weak=1 if hole.filtered else 0)


def _part(frame: Frame, node: ast.expr, value: Value, names: tuple[str, ...]) -> Value:
    """What a template writes of a value by `value.name.name`: what stands in its other attributes is not written."""
    for name in names:
        if value.shape not in ("", "object"):
            return value  # of a dictionary or a list, it may be an element or what a method gives
        found = (value.items or {}).get(Attribute(name))
        if found is None:
            found = attributes.read(frame, node, value, name) if value.ref is not None else UNKNOWN
        if isinstance(found.ref, (Function, Bound)):
            return value  # a template calls it, and it may give anything of its object
        if value.taints and not deep_taints(found):
            return Value(value.taints)
        value = found
    return value
