"""Secrets by name: what a log should not hold.

A name is believed if it can mean nothing else: `password`, `user.api_key`, `form["secret_key"]`, `get_password()`.
What is made of a secret (its length, its hash, whether it is there) is none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from agents.inspector.taint import kinds
from agents.inspector.taint.frames import Frame

_NAME = re.compile(
    r"(?i)(?:^|_)(?:passwords?|passwd|passphrase|secret_?keys?|api_?keys?|private_?keys?|access_?tokens?|refresh_?tokens?"
    r"|auth_?tokens?|session_?keys?|client_?secrets?|credit_?cards?|card_?numbers?|cvv|ssn)$"
)
_GETTER = re.compile(r"(?i)^(?:get|read|load|fetch|decrypt)_")
_KEEPING = frozenset(
    {"str", "repr", "format", "join", "strip", "decode", "encode", "lower", "upper", "get", "pop"}
)
_HIDER = re.compile(r"(?i)mask|redact|censor|obfuscat|obscure|anonymi[sz]")
_STARS = re.compile(r"^\W*(?:\*+|[xX]{3,}|\.{3})\W*$")
MAX_NODES = 60  # of one call that are looked at


def logged(frame: Frame, node: ast.expr, *, weak: int) -> None:
    """Report a call that writes a secret into a log."""
    if not isinstance(node, ast.Call):
        return
    for written in [
        *node.args,
        *(one.value for one in node.keywords if one.arg not in ("exc_info", "stack_info")),
    ]:
        found = _secret(frame, written)
        if found:
            bit = kinds.KINDS["secret_log"].bit
            frame.flag(
                bit,
                node,
                f"{found}, which its name calls a secret, is written into a log",
                "the log",
                weak=weak,
            )
            return


def _secret(frame: Frame, written: ast.expr) -> str:
    """The name of a secret that the text written shows, or ""."""
    waiting: list[ast.AST] = [written]
    for _ in range(MAX_NODES):
        if not waiting:
            break
        one = waiting.pop()
        name = _name(one)
        if name and _NAME.search(name) and not _is_masked(frame, one):
            value = frame.evaluate(one) if isinstance(one, ast.expr) else None
            if value is not None and not value.known:
                return name
        elif isinstance(one, ast.Call):
            waiting += _kept(one)
        elif isinstance(
            one, (ast.BinOp, ast.JoinedStr, ast.FormattedValue, ast.Tuple, ast.List, ast.Dict, ast.Starred)
        ):
            waiting += [part for part in ast.iter_child_nodes(one) if isinstance(part, ast.expr)]
    return ""


def _is_masked(frame: Frame, node: ast.AST) -> bool:
    """Tell whether it was replaced by its begin and asterisks, or by what hides it: `key = key[:4] + "***"`."""
    if not isinstance(node, ast.Name) or frame.function is None:
        return False
    for one in _in_order(frame.function.body):
        if one is node:
            break
        if (
            isinstance(one, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in one.targets)
            and any(_hides(part) for part in ast.walk(one.value))
        ):
            return True
    return False


def _in_order(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for one in nodes:
        yield one
        yield from _in_order(ast.iter_child_nodes(one))


def _hides(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _HIDER.search(_name(node.func)) is not None
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _STARS.search(node.value) is not None
    )


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    if isinstance(node, ast.Call) and not node.args and not node.keywords:
        called = _name(node.func)
        return called if _GETTER.match(called) else ""
    return ""


def _kept(call: ast.Call) -> list[ast.AST]:
    """What of a call's parts is in what it gives."""
    last = _name(call.func)
    if last not in _KEEPING:
        return []
    if last in ("get", "pop"):
        return [ast.Subscript(value=call.func, slice=one, ctx=ast.Load()) for one in call.args[:1]]
    receiver = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return [*receiver, *call.args, *(one.value for one in call.keywords)]
