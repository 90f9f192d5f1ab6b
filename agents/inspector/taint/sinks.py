"""Where values become dangerous: arguments of calls, assigned attributes, returned pages, names of secrets."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from agents.inspector.taint import kinds, reviews, secrets, texts
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.guards import chosen
from agents.inspector.taint.structures import Arguments
from agents.inspector.taint.tables.rows import Condition, Row
from agents.inspector.taint.taints import Taint
from agents.inspector.taint.values import Attribute, Value, deep_taints, prefix_of

_SECRET = re.compile(
    r"(?i)token|secret|passw|passwd|pwd|session|remember_?me|otp|nonce|salt|csrf|activation|(?<!o)auth(?!or|enticator)"
    r"|(?:api|access|private|secret|signing|reset|remember\w*|crypt\w*|enc\w*)_?key|verification|invite_?code|reset_?code|(?:^|_)sid(?:$|_)|(?:^|_)key$"
)
_SECRET_KEY = re.compile(
    r"(?i)(?:token|secret|passw(?:or)?d|otp|nonce|csrf_?\w*|session_?(?:id|key)|(?:api|access|private|secret|signing)_?key)$"
)
# By which something is found again, mostly: `db_key`, `prototype_key`.
_OF_A_TABLE = re.compile(
    r"(?i)_*key|_*(?!(?:\w*_)?(?:api|access|private|secret|signing|session|reset|auth|token|crypt|enc))\w+_key"
)
_MAKER = re.compile(r"(?i)^_*(?:new|make|gen|generate|create|random|build)_|_(?:generator|factory)$")
# `token_count`, `session_url`: about a secret, and none.
_ABOUT = re.compile(
    r"(?i)(?:ur[il]|name|count(?:er)?|type|path|index|number|length|len|size|time|delay|timeout|interval|expir\w*|prefix"
    r"|pattern|public_?key|file|error|message|enabled|disabled|required|valid|exempt|exists|allowed|checked|used)s?$"
)
_PIECES = re.compile(
    r"(?i)(?:^|_)(?:max|min|num|n|total|prompt|completion|input|output)_(?:new_)?tokens?$"
)  # of texts
OF_A_FILE = "whoever can write the file chooses what is built, or run"
_BODY = Attribute("data")
_LOG_BIT = kinds.KINDS["log"].bit
_SQL_BIT = kinds.KINDS["sql"].bit
_CURSOR = re.compile(r"(?i)cur(?:sor)?|conn(?:ection)?|db|session|engine")

# What execute() of databases takes by name.
_BESIDE_A_QUERY = frozenset(
    {
        *("sql", "query", "statement", "operation", "stmt", "command", "commit", "fetch", "size", "timeout"),
        *("args", "arg", "params", "parameters", "param", "vars", "values", "bindings", "bind_arguments"),
        *("multi", "many", "map_results", "prepare", "binary", "buffered", "as_dict", "using"),
        *("execution_options", "stream_results", "conn", "connection", "cursor"),
    }
)


def check(
    frame: Frame, node: ast.expr, row: Row, name: str, given: Arguments, receiver: Value | None
) -> None:
    """Report tainted arguments that a row calls dangerous."""
    if row.arguments.assigned or not all(_holds(one, given) for one in row.conditions):
        return
    if row.bits == _SQL_BIT and row.name[:1] == ".":
        if row.name == ".execute" and not _BESIDE_A_QUERY.issuperset(given.keywords):
            return  # of a use case, a command, a task
        if _hands_cursor(node):
            given = replace(given, positional=given.positional[1:])
    for value in chosen(row.arguments, given, receiver):
        report(frame, node, row, value, name)
    if row.bits == kinds.SECRETS:
        secrets.logged(frame, node, weak=1 + row.weak)


def _hands_cursor(node: ast.expr) -> bool:
    """Tell whether a function of that name is given a cursor and then the query: `spec.execute(cursor, query)`."""
    given = node.args if isinstance(node, ast.Call) else []
    return len(given) > 1 and isinstance(given[0], ast.Name) and _CURSOR.fullmatch(given[0].id) is not None


def _is_known(condition: Condition, given: Arguments) -> bool:
    """Tell whether what is wrong by itself can be seen to be: a setting that somebody chooses is not."""
    value = given.at(condition.position, condition.keyword)
    return value is None or value.known or bool(value.name)


def _holds(condition: Condition, given: Arguments) -> bool:
    value = given.at(condition.position, condition.keyword)
    if condition.form == "absent":
        return value is None and given.double_star is None and given.star is None
    if condition.form == "below":
        return value is not None and isinstance(value.const, int) and value.const < condition.literal
    if condition.form == "named":
        return value is not None and value.name.removeprefix("@").removesuffix("()") in condition.literal
    if value is None:
        return not condition.equal
    if not value.known:
        return True if not condition.equal else bool(value.taints) or not value.name
    same = value.const == condition.literal and isinstance(value.const, bool) == isinstance(
        condition.literal, bool
    )
    if condition.literal is True:
        same = bool(value.const)
    return same is condition.equal


def sent(frame: Frame, node: ast.AST, value: Value) -> None:
    """A value goes to whoever asked: a stack trace should not, unless whoever runs the program wants it."""
    taints = tuple(one for one in deep_taints(value) if one.source.origin in ("trace", "label"))
    if taints:
        weak = 2 if frame.is_asked_for(kinds.EXPOSURE) else 0
        frame.hit(kinds.EXPOSURE, taints, node, "the answer", weak=weak)


def judge(frame: Frame, node: ast.expr, row: Row, name: str, given: Arguments) -> None:
    """Report a call that is wrong by itself."""
    if all(_is_known(one, given) and _holds(one, given) for one in row.conditions):
        if row.is_review:
            reviews.fact(frame, row.bits, node, row.what, _short(name))
        else:
            frame.flag(row.bits, node, row.what, _short(name), weak=row.weak)


def _short(name: str) -> str:
    return name.lstrip("@.").removeprefix("builtins.")


def report(frame: Frame, node: ast.AST, row: Row, value: Value, name: str) -> None:
    """Report one value at a sink."""
    if row.bits == _LOG_BIT and value.shape in ("list", "tuple", "dict", "set"):
        return  # written as repr() does, on one line
    if not row.names_file:
        frame.witness(row.bits, node, value)
    taints = deep_taints(value)
    words = row.what or f"{name.lstrip('@.').removeprefix('builtins.')}()"
    if not taints:
        if row.names_file:
            reviews.fact(frame, row.bits, node, OF_A_FILE, words)
        else:
            reviews.look(frame, row.bits, node, value, words)
        return
    if row.bits == kinds.KINDS["path"].bit and value.name.startswith("@io."):
        return  # an open file, not its name
    weak = row.weak
    if (
        row.bits == kinds.KINDS["sql"].bit
        and name.startswith(".")
        and not texts.is_query_text(prefix_of(value))
    ):
        weak += 1
    if row.whole:
        taints = tuple(one for one in taints if not one.cleaned & kinds.BASED)
    frame.hit(row.bits, taints, node, words, weak=weak)


def is_secret_name(name: str) -> bool:
    """Tell whether a name says that it holds a secret."""
    return bool(_SECRET.search(name)) and not _ABOUT.search(name) and not _PIECES.search(name)


def named(frame: Frame, node: ast.AST, name: str, value: Value) -> None:
    """A variable whose name says that it is a secret must not be made of predictable numbers."""
    if not value.taints or not is_secret_name(name):
        return
    taints = tuple(one for one in value.taints if one.source.origin in ("random", "label"))
    if taints:
        weak = 3 * bool(_OF_A_TABLE.fullmatch(name)) or "salt" in name.lower()  # a salt is no secret
        frame.hit(kinds.RANDOM, taints, node, f"{name}, which its name calls a secret", weak=weak)


def named_key(frame: Frame, node: ast.AST, key: str, value: Value) -> None:
    """The same for a key in a display of keys and values; plain words are keys of other things too."""
    if _SECRET_KEY.search(key):
        named(frame, node, key, value)


def made(frame: Frame, node: ast.AST, value: Value) -> None:
    """A function whose name says that it makes a secret must not return predictable numbers."""
    name = frame.function.name.rpartition(".")[2] if frame.function is not None else ""
    if value.taints and _MAKER.search(name):
        named(frame, node, name, value)


def item_assigned(frame: Frame, node: ast.Subscript, holder: Value, key: Value, value: Value) -> None:
    """`holder[key] = value`: sessions, headers, cookies, and secrets by key."""
    if isinstance(key.const, str):
        named(frame, node, key.const, value)
        if key.const.lower() == "set-cookie":
            _cookie_header(frame, node, value)
    if not holder.name:
        return
    led(frame, node, key.const, value)
    rules = frame.engine.tables.of(f"{holder.name}.__setitem__")
    for row in rules.sinks if rules else ():
        given = Arguments([key, value])
        check(frame, node, row, f"{holder.name}[]", given, holder)
    for row in rules.wrongs if rules else ():
        judge(frame, node, row, f"{holder.name}[]", Arguments([key, value]))


def _cookie_header(frame: Frame, node: ast.AST, value: Value) -> None:
    if isinstance(value.const, str) and "secure" not in value.const.lower():
        bit = kinds.KINDS["cookie_flags"].bit
        frame.flag(bit, node, "the cookie is set without secure", "the Set-Cookie header")


def returned(frame: Frame, node: ast.AST, value: Value) -> None:
    """What a view returns: a text is sent as HTML where the framework does so."""
    sent(frame, node, value)
    if value.shape == "tuple" and value.items:
        headers = [one for key, one in value.items.items() if key != 0]
        for one in headers if frame.route == "html" else ():
            leads(frame, node, one, value.items.get(1))
        if any(_says_other(one) for one in headers):
            return
        value = next(iter(value.items.values()))
    if frame.route == "cloud" and value.shape == "dict" and value.items:
        kind, body = value.items.get("headers"), value.items.get("body")
        if kind is not None and body is not None and _says_html(kind):
            frame.hit(kinds.KINDS["xss"].bit, deep_taints(body), node, "the page that the function returns")
    if frame.route != "html" or value.shape in ("dict", "list"):
        return
    if value.name.startswith("@"):
        _response(frame, node, value)
        return
    weak = 2 if _is_of_unknown_call(frame, node) else 0  # whether it is a text is not known either
    frame.hit(kinds.KINDS["xss"].bit, value.taints, node, "the page that the view returns", weak=weak)


def leads(frame: Frame, node: ast.AST, headers: Value, status: Value | None) -> None:
    """Headers of an answer: browsers follow a Location, unless the status says that it is no redirect."""
    told = str(status.const)[:1] if status is not None and isinstance(status.const, (int, str)) else "3"
    if told != "3":
        return
    pairs = list((headers.items or {}).items()) if headers.shape == "dict" else []
    for pair in (headers.items or {}).values() if headers.shape in ("list", "tuple") else ():
        if pair.shape == "tuple" and pair.items and 0 in pair.items and 1 in pair.items:
            pairs.append((pair.items[0].const, pair.items[1]))
    for name, value in pairs:
        led(frame, node, name, value)


def led(frame: Frame, node: ast.AST, name: object, value: Value) -> bool:
    """Tell whether browsers follow a header of this name; then its value is judged."""
    is_location = isinstance(name, str) and name.lower() == "location"
    if is_location:
        frame.hit(kinds.KINDS["redirect"].bit, deep_taints(value), node, "the Location header")
    return is_location


def _is_of_unknown_call(frame: Frame, node: ast.AST) -> bool:
    """Tell whether what is returned is what a function gives of which nothing is known: an answer, as likely."""
    from agents.inspector.taint import strings

    called = node.value if isinstance(node, ast.Return) else None
    if not isinstance(called, ast.Call):
        return False
    if isinstance(called.func, ast.Attribute) and called.func.attr in strings.METHODS:
        return False
    callee = frame.evaluate(called.func)
    return callee.ref is None and not callee.name


def _says_other(value: Value) -> bool:
    """Tell whether headers name a type that browsers do not render."""
    kind = _content_type(value)
    return kind is not None and not renders(kind)


def _says_html(value: Value) -> bool:
    """Tell whether headers name a type that browsers render."""
    kind = _content_type(value)
    return kind is not None and renders(kind)


def _content_type(value: Value) -> str | None:
    if value.shape == "dict":
        for key, one in (value.items or {}).items():
            if isinstance(key, str) and key.lower() == "content-type" and isinstance(one.const, str):
                return one.const
    return None


def renders(content_type: str) -> bool:
    """Tell whether a browser runs scripts in content of this type."""
    return any(word in content_type.lower() for word in ("html", "xml", "svg"))


def _response(frame: Frame, node: ast.AST, value: Value) -> None:
    items = value.items or {}
    body = items.get(_BODY)
    if body is None:
        return
    for attribute in ("mimetype", "content_type"):
        one = items.get(Attribute(attribute))
        if one is not None and isinstance(one.const, str) and not renders(one.const):
            return
    headers = items.get(Attribute("headers"))
    if headers is not None and _says_other(headers.but(shape="dict")):
        return
    frame.hit(kinds.KINDS["xss"].bit, deep_taints(body), node, "the page that the view returns")


def secret_taints(value: Value) -> tuple[Taint, ...]:
    """The predictable numbers in a value."""
    return tuple(one for one in deep_taints(value) if not one.cleaned & kinds.RANDOM)
