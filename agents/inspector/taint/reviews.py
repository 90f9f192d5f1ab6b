"""What somebody should look at: a value of unknown origin where it could be dangerous, which nothing refutes.

    unknown     a parameter of a function that nobody in the tree calls, a name that the tree does not define, what
                an unknown function gave
    not told    what was seen (literals, numbers, input that was followed: `witness`), objects of known types, what
                bears any taint, what a caller in the tree passes, and anything in a function that reads input itself:
                what it reads is followed, so the rest is hardly a stranger's

SQL, markup, XPath and LDAP need a text that was put together here; a query that was handed over as a whole is what
wrappers are for. Commands, code, templates and serialised objects need no more than that they are not known.

Such a claim is information of low confidence, in no gate and behind everything that is proved. Invariant: whoever
says more of the same place speaks instead (`keeping.rank`).
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from agents.inspector.taint import kinds
from agents.inspector.taint.structures import Function, Hit
from agents.inspector.taint.taints import Source, Taint
from agents.inspector.taint.values import DOUBTED, Value, deep_taints, is_seen

if TYPE_CHECKING:
    from agents.inspector.taint.frames import Frame

ORIGIN = "review"
TITLES = {
    "sql": "SQL put together from what is not known",
    "command": "command of unknown origin",
    "code": "code of unknown origin",
    "template": "template text of unknown origin",
    "deserialisation": "object deserialised from what is not known",
    "xss": "HTML put together from what is not known",
    "xpath": "XPath put together from what is not known",
    "ldap": "LDAP query put together from what is not known",
    "cipher": "encryption",
}


def title(kind: kinds.Kind) -> str:
    """The title of what asks for a review of this kind."""
    return f"To be reviewed: {TITLES.get(kind.name) or kind.title[:1].lower() + kind.title[1:]}"


# What holds all functions of a module by name: whoever chooses the name chooses what is called.
NAMESPACES = frozenset({"@builtins.globals", "@builtins.locals"})
CONDITION = "a condition of a query"
PUT_TOGETHER = "a text of which a part is of unknown origin"
WHOLE = "a value of unknown origin"
_HANDED_OVER = sum(kinds.KINDS[name].bit for name in ("command", "code", "template", "deserialisation"))
# What a text begins like that is put together for it.
_BEGINS = {
    kinds.KINDS["sql"].bit: re.compile(
        r"(?i)\W*(?:select|insert|update|delete|replace|with|create|drop|alter|merge|call|exec|truncate|grant|show)\b"
    ),
    kinds.KINDS["xss"].bit: re.compile(r"[^<]*<[a-zA-Z!/]"),
    kinds.KINDS["xpath"].bit: re.compile(r".*[/\[(]"),
    kinds.KINDS["ldap"].bit: re.compile(r"\W*\("),
}
_SQL = kinds.KINDS["sql"].bit
_FINDS_TAGS = re.compile(
    r"\.(?:find|findall|iterfind|findtext)\(\)$"
)  # by a namespace that was put before their name
# Plugins are loaded by name, and what is compiled is not executed yet.
_OF_PROGRAMMERS = re.compile(r"(?:import|compile)")


def look(frame: Frame, bit: int, node: ast.AST, value: Value, sink: str) -> None:
    """Tell that a value of unknown origin reaches a sink, if it is one, and if this is so for every call."""
    if frame.level or frame.route:
        return
    what = _what(bit, value, sink)
    if what and not is_input_followed(frame):
        tell(frame, bit, node, what, sink)


def is_namespace(written: ast.expr, value: Value) -> bool:
    """Tell whether it holds all functions of a module by name: `globals()`, `function.__globals__`."""
    return value.name in NAMESPACES or (isinstance(written, ast.Attribute) and written.attr == "__globals__")


def tell(frame: Frame, bit: int, node: ast.AST, what: str, sink: str) -> None:
    """Tell that something reaches a sink; not if callers in the tree say what the function is given."""
    hit = _hit(frame, bit, node, what, sink)
    if frame.function is not None and _takes_anything(frame.function):
        frame.engine.suspect(hit, frame.function)
    else:
        frame.engine.claim(hit, frame)


def fact(frame: Frame, bit: int, node: ast.AST, what: str, sink: str) -> None:
    """Tell what somebody should look at wherever values come from: `what` says it, `sink` where."""
    frame.engine.claim(_hit(frame, bit, node, what, sink), frame)


def _hit(frame: Frame, bit: int, node: ast.AST, what: str, sink: str) -> Hit:
    place = frame.place(node)
    taint = Taint(Source(what, place, ORIGIN), 0, None, 3)
    end = getattr(node, "end_lineno", 0) or place.line
    return Hit(bit, taint, place.path, place.line, place.column, end, sink, None)


def message(what: str, sink: str) -> str:
    """The claim in words."""
    begin = f"{what[:1].upper()}{what[1:]}"
    if what in (WHOLE, PUT_TOGETHER):
        return f"{begin} reaches {sink}: see who can choose it."
    return f"{begin}: {sink}."


def _takes_anything(function: Function) -> bool:
    given = function.node.args
    return bool(function.parameters or given.kwonlyargs or given.vararg or given.kwarg)


def is_input_followed(frame: Frame) -> bool:
    """Tell whether the function has input of its own, which is followed: then what bears none is something else."""
    return frame.function is not None and any(
        deep_taints(one) or one.name.endswith("Request") for one in frame.state.variables.values()
    )


def _what(bit: int, value: Value, sink: str) -> str:
    """What the value is, in words; "" if there is nothing to look at."""
    if not is_unknown(value) or _FINDS_TAGS.search(sink):
        return ""
    begins = _BEGINS.get(bit)
    if sink.endswith("format_html()"):
        return (
            PUT_TOGETHER if value.prefix else WHOLE
        )  # what it is given to put in is escaped, the rest is not
    if bit == _SQL and ("." in sink or sink == CONDITION) and value.prefix:
        return PUT_TOGETHER  # what is known to take SQL takes conditions, too
    if begins is not None:
        return PUT_TOGETHER if begins.match(value.prefix) else ""
    if not bit & _HANDED_OVER or _OF_PROGRAMMERS.search(sink):
        return ""
    return PUT_TOGETHER if value.prefix else WHOLE


def is_unknown(value: Value) -> bool:
    """Tell whether nobody knows where a value or a part of it comes from."""
    if value.known or value.ref is not None or value.seen == DOUBTED:
        return False
    if value.name and not value.name.endswith("()"):
        return False
    if value.shape in ("list", "tuple"):
        return False  # arguments one by one
    return not deep_taints(value) and not is_seen(value)
