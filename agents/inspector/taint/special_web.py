"""Calls that answer a browser: responses, pages of templates, cookies."""

from __future__ import annotations

import ast
import re

from agents.inspector.taint import containers, guards, kinds, reviews, sinks, strings
from agents.inspector.taint.expressions import truth_of
from agents.inspector.taint.frames import SET_LATER, UNNAMED, Frame
from agents.inspector.taint.specials import known_as
from agents.inspector.taint.structures import Arguments, Function, Instance
from agents.inspector.taint.taints import merged
from agents.inspector.taint.values import (
    NONE,
    UNKNOWN,
    Attribute,
    Value,
    constant,
    deep_taints,
    parts,
    prefix_of,
)


@known_as("response")
def response(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """A response object whose type may still change: judged when a view returns it."""
    body = given.at(0, "response") or UNKNOWN
    if body.name in ("@flask.Response", "@starlette.responses.HTMLResponse"):
        return body
    items: dict[object, Value] = {Attribute("data"): body}
    for attribute in ("mimetype", "content_type", "headers"):
        if attribute in given.keywords:
            items[Attribute(attribute)] = given.keywords[attribute]
    headers = given.at(2)
    if headers is None:
        second = given.at(1)
        headers = second if second is not None and second.shape in ("dict", "list") else None
    if headers is not None and Attribute("headers") not in items:
        items[Attribute("headers")] = headers
    chosen = items.get(Attribute("headers"))
    if chosen is not None:
        _header_names(frame, node, chosen)
        sinks.leads(frame, node, chosen, given.at(1, "status"))
    if body.shape == "tuple" and body.items:
        body = items[Attribute("data")] = body.items.get(0, UNKNOWN)
    if len(items) == 1 and body.shape == "dict" and callee.name == "flask.make_response":
        items[Attribute("content_type")] = constant("application/json")
    if len(items) == 1:  # HTML, as far as it says
        reviews.look(frame, kinds.KINDS["xss"].bit, node, body, f"{callee.name}()")
    return Value(name="@flask.Response", items=items)


@known_as("set_body")
def set_body(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """response.set_data(): judged when a view returns it."""
    if receiver is not None:
        body = given.at(0, "value") or UNKNOWN
        changed = receiver.but(items={**(receiver.items or {}), Attribute("data"): body})
        containers.put_back(frame, node, receiver, changed)
    return NONE


@known_as("page_part")
def page_part(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """HttpResponse.write(): one more part of a page, if it is one."""
    kind = ((receiver.items if receiver is not None else None) or {}).get(Attribute("~kind"))
    part = given.at(0, "content")
    if part is not None and (kind is None or not isinstance(kind.const, str) or sinks.renders(kind.const)):
        frame.hit(kinds.KINDS["xss"].bit, deep_taints(part), node, f"{callee.name.lstrip('@')}()")
    return NONE


@known_as("page")
def page(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """A response that is HTML unless its type says otherwise (Django, Starlette, aiohttp)."""
    name = callee.name.removeprefix("@")
    is_aiohttp = name.startswith("aiohttp")
    body = given.at(0, "content") if not is_aiohttp else None
    for keyword in ("text", "body", "content", "streaming_content"):
        body = given.keywords.get(keyword, body)
    if body is not None:
        sinks.sent(frame, node, body)
    kind = given.at(-1, "content_type") or given.at(-1, "media_type") or given.at(-1, "mimetype")
    if kind is None and name.startswith("django") and len(given.positional) > 1:
        kind = given.positional[1]
    html = kind is None or (kind.known and kind.const is None)
    html = (
        name.startswith(("django", "pyramid", "starlette.responses.HTML")) if html else not _is_no_page(kind)
    )
    if body is not None and html and not (name.startswith("django") and _is_errors(node)):
        weak = 2 if kind is not None and not kind.known else 0  # it may be any, and mostly is no page
        frame.hit(kinds.KINDS["xss"].bit, deep_taints(body), node, f"{name}()", weak=weak)
        if not weak:
            reviews.look(frame, kinds.KINDS["xss"].bit, node, body, f"{name}()")
    return Value(name=f"@{name}", items={Attribute("~kind"): kind} if kind is not None else None)


_NO_PAGES = ("video/", "audio/", "font/")  # of images one, SVG, runs scripts


def _is_no_page(kind: Value | None) -> bool:
    """Tell whether what is known of a type says that no browser renders it."""
    if kind is None:
        return False
    if isinstance(kind.const, str):
        return not sinks.renders(kind.const)
    return kind.prefix.startswith(_NO_PAGES)


def _is_errors(node: ast.expr) -> bool:
    """Tell whether it is sent what is wrong with a form or a serializer: of a dictionary, its keys are sent."""
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    return isinstance(first, ast.Attribute) and first.attr == "errors"


@known_as("set_header")
def set_header(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """handler.set_header(name, value): where a redirect leads, what a browser makes of the body."""
    name, value = given.at(0, "name") or UNKNOWN, given.at(1, "value") or UNKNOWN
    _header(frame, node, name, value, splits=not callee.name.startswith("@tornado"))
    if isinstance(name.const, str) and name.const.lower() == "content-type" and receiver is not None:
        changed = receiver.but(items={**(receiver.items or {}), _TYPE: value.but()})
        containers.put_back(frame, node, receiver, changed)
    return NONE


_TYPE = Attribute("~type")


def _header_names(frame: Frame, node: ast.AST, headers: Value) -> None:
    """Names of headers that input chooses; in values the server refuses line ends."""
    taints = containers.keys_of(headers)
    for pair in parts(headers):
        if pair.shape == "tuple" and pair.items and 0 in pair.items:
            taints = merged(taints, deep_taints(pair.items[0]))
    frame.hit(kinds.KINDS["header"].bit, taints, node, "the name of a header")


@known_as("header_names")
def header_names(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """headers.extend(), headers.update(): several at once."""
    for one in given.every():
        _header_names(frame, node, one)
    return NONE


def _header(frame: Frame, node: ast.AST, name: Value, value: Value, *, splits: bool) -> None:
    """`splits`: line ends in it would begin another header."""
    if not sinks.led(frame, node, name.const, value) and splits:
        for one in (name, value):
            frame.hit(kinds.KINDS["header"].bit, deep_taints(one), node, "a header of the response", weak=1)


@known_as("own_path")
def own_path(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """request.get_full_path(): the own path, or its variant with a slash more."""
    slash = given.at(0, "force_append_slash")
    if slash is None or truth_of(slash) is False:
        return callee.but(name="")
    return Value(tuple(strings.variant_of_own_path(one) for one in callee.taints))


@known_as("must_resolve")
def must_resolve(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """django.urls.resolve(path): raises unless the path leads to a view of this program."""
    path = given.at(0, "path") or UNKNOWN
    frame.state.assume(guards.about_begin(deep_taints(path), kinds.mask("redirect")))
    return UNKNOWN


_NAMES_OF_FILES = kinds.mask("path template redirect ssrf code")


@known_as("must_find")
def must_find(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """get_object_or_404(Page, kind=kind): ends unless a row holds just this, so it is what the program stored.

    What is shown or asked of a database may be a stranger's text, stored or not.
    """
    for name, value in given.keywords.items():
        if not name.rpartition("__")[1] or name.endswith("__exact"):
            bits = kinds.INJECTIONS if _OF_A_ROW.search(name) else _NAMES_OF_FILES
            frame.state.assume(guards.about(deep_taints(value), bits))
    return UNKNOWN


_OF_A_ROW = re.compile(r"^(?:id|pk|uuid)$|_(?:id|pk|uuid)$")  # numbers, drawn by the program
_STAYS = re.compile(r"^(?:[^/\\:?#]+[/?#]|/[^/\\]|[?#])")  # no begin of another scheme or host


@known_as("joined_address")
def joined_address(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """urljoin(base, address): an address that begins with a path of the program's own stays on the base's host."""
    base, address = given.at(0, "base") or UNKNOWN, given.at(1, "url") or UNKNOWN
    joined = deep_taints(address)
    if _STAYS.match(prefix_of(address)):
        joined = tuple(one.with_cleaned(kinds.BASED | kinds.mask("redirect ssrf")) for one in joined)
    value = Value(merged(deep_taints(base), joined))
    return frame.moved(value, node, "", f"passed through {callee.name}()") if value.taints else value


@known_as("write_page")
def write_page(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """handler.write(chunk): HTML unless a header said otherwise; a dictionary becomes JSON."""
    chunk = given.at(0, "chunk")
    if chunk is not None:
        sinks.sent(frame, node, chunk)
    if chunk is None or chunk.shape == "dict":
        return NONE
    kind = ((receiver.items if receiver is not None else None) or {}).get(_TYPE)
    kind = _default_type(frame, node, receiver) if kind is None and receiver is not None else kind
    if kind is None or (isinstance(kind.const, str) and sinks.renders(kind.const)):
        frame.hit(kinds.KINDS["xss"].bit, deep_taints(chunk), node, "the page that the handler writes")
    return NONE


def _default_type(frame: Frame, node: ast.expr, handler: Value) -> Value | None:
    """The type that a handler of the tree sets before or after its method is called; None if it sets none."""
    from agents.inspector.taint import summaries

    for name in ("set_default_headers", "prepare", "finish"):
        member = handler.ref.cls.member(name) if isinstance(handler.ref, Instance) else None
        if member is None or not isinstance(member.ref, Function) or frame.function is member.ref:
            continue
        _, changed = summaries.call_with_receiver(frame, node, member.ref, Arguments([handler], nodes=[None]))
        kind = (changed.items or {}).get(_TYPE)
        if kind is not None:
            return kind
    return None


@known_as("start_response")
def start_response(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """start_response(status, headers) of WSGI."""
    headers = given.at(1, "headers") or UNKNOWN
    for pair in parts(headers):
        if pair.items is not None and 0 in pair.items and 1 in pair.items:
            _header(frame, node, pair.items[0], pair.items[1], splits=True)
    return NONE


def _is_jar_or_gone(given: Arguments) -> bool:
    """Tell whether a whole cookie is put into a client's jar, or an empty one replaces what there was."""
    if given.double_star is not None or given.star:
        return False
    value = given.at(1, "value")
    if value is None:
        return len(given.positional) == 1 and not given.keywords
    lasts = [one.const for one in (given.at(2, "max_age"), given.at(3, "expires")) if one is not None]
    return value.const in ("", None) and not value.taints and 0 in lasts


@known_as("set_cookie")
def set_cookie(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """response.set_cookie(): flags, and what is in it; a cookie that is taken away holds nothing."""
    if _is_jar_or_gone(given):
        return NONE
    for one in (given.at(0, "key"), given.at(1, "value")):
        if one is not None:
            frame.hit(kinds.KINDS["cookie"].bit, deep_taints(one), node, "set_cookie()", weak=2)
            frame.hit(kinds.RANDOM, sinks.secret_taints(one), node, "the cookie's value", weak=1)
    missing, explicit = [], False
    if given.double_star is None and not given.star:
        for place, flag in ((6, "secure"), (7, "httponly")):
            value = given.at(place, flag)
            if value is None or truth_of(value) is False:
                missing.append(flag)
                explicit = explicit or value is not None
    if missing:
        weak, note = 0 if explicit else 1 if "secure" in missing else 2, ""
        if not sinks.is_secret_name(_name_of_cookie(node, given)):
            weak, note = 2, f", {UNNAMED}"  # a preference; what names a session matters
        what = f"the cookie is set without {' and '.join(missing)}{note}"
        if _is_set_later(frame):
            weak, what = 3, f"{what}, {SET_LATER}"
        frame.flag(kinds.KINDS["cookie_flags"].bit, node, what, "set_cookie()", weak=weak)
    return NONE


@known_as("morsel")
def morsel(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """Morsel.OutputString(), SimpleCookie.output(): a cookie is written with those flags that were set by key."""
    if receiver is None:
        return UNKNOWN
    each = {"": receiver}
    if receiver.name.startswith("@"):
        each = {key: one for key, one in (receiver.items or {}).items() if isinstance(key, str)}
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of = node.func.value
        key = of.slice.value if isinstance(of, ast.Subscript) and isinstance(of.slice, ast.Constant) else ""
        each = {str(key): receiver}
    for name, one in each.items():
        if _lacks_secure(one):
            weak, note = (0, "") if sinks.is_secret_name(name) else (2, f", {UNNAMED}")
            what = f"the cookie is set without secure{note}"
            frame.flag(kinds.KINDS["cookie_flags"].bit, node, what, "the Set-Cookie header", weak=weak)
    return Value(deep_taints(receiver))


def _lacks_secure(cookie: Value) -> bool:
    """Tell whether all that was set of a cookie is known, and `secure` was not, or was turned off."""
    if not (cookie.known or cookie.shape == "dict") or cookie.rest is not None:
        return False
    secure = (cookie.items or {}).get("secure")
    return secure is None or truth_of(secure) is False


_NAME_OF_COOKIE = re.compile(r"(?i)(\w+)_cookie_name(?:['\"]\])?$")


def _name_of_cookie(node: ast.expr, given: Arguments) -> str:
    """What the cookie is called, or what holds its name: `settings.SESSION_COOKIE_NAME` is of a session."""
    name = given.at(0, "key")
    if name is not None and isinstance(name.const, str):
        return name.const
    call = node if isinstance(node, ast.Call) else None
    written = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "key")] if call else []
    holder = _NAME_OF_COOKIE.search(ast.unparse(written[0])) if written else None
    return holder[1] if holder is not None else ""


def _is_set_later(frame: Frame) -> bool:
    """Tell whether the function sets a flag by hand: `response.cookies[key]["secure"] = True`."""
    return any(
        isinstance(one, ast.Subscript)
        and isinstance(one.ctx, ast.Store)
        and isinstance(one.slice, ast.Constant)
        and one.slice.value == "secure"
        and isinstance(one.value, ast.Subscript)
        and ast.unparse(one.value.value).endswith("cookies")
        for statement in (frame.function.body if frame.function is not None else ())
        for one in ast.walk(statement)
    )
