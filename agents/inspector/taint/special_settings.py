"""Calls whose dangers depend on settings made elsewhere: TLS contexts, tokens; and queries of document databases."""

from __future__ import annotations

import ast

from agents.inspector.taint import containers, kinds
from agents.inspector.taint.expressions import truth_of
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.specials import all_taints, known_as
from agents.inspector.taint.structures import Arguments, Instance
from agents.inspector.taint.taints import Taint
from agents.inspector.taint.values import NONE, UNKNOWN, Attribute, Value, constant, deep_taints

_PROTOCOL = Attribute("~protocol")
_OPTIONS = Attribute("options")
UNTIL = "until its signature is looked at, as is done nearby"
_LOW = ("SSLv2", "SSLv3", "TLSv1", "TLSv1_1", "MINIMUM_SUPPORTED")
_ANY = ("PROTOCOL_TLS", "PROTOCOL_SSLv23", "SSLv23_METHOD", "TLS_METHOD")
_BY_HAND = ("PROTOCOL_TLS_CLIENT", "PROTOCOL_TLS_SERVER", "TLS_CLIENT_METHOD", "TLS_SERVER_METHOD")


@known_as("http_client")
def http_client(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """A client for requests; with a transport or connector of one's own, that looks where they lead, most likely."""
    chosen = [given.keywords[name] for name in ("transport", "connector", "mounts") if name in given.keywords]
    is_own = any(isinstance(one.ref, Instance) for one in chosen)
    return Value(name="@requests.GuardedSession" if is_own else "@requests.Session")


@known_as("tls_context")
def tls_context(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """A context; what it allows is judged where a connection is made with it."""
    protocol = constant("default")
    if not callee.name.endswith("create_default_context"):
        protocol = given.at(0, "protocol") or given.at(0, "method") or Value(name="ssl.PROTOCOL_TLS")
    kind = "@OpenSSL.SSL.Context" if callee.name.startswith("OpenSSL") else "@ssl.SSLContext"
    return Value(name=kind, items={_PROTOCOL: protocol.but()})


@known_as("tls_options")
def tls_options(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """context.set_options(flags) of pyOpenSSL adds to the options."""
    if receiver is None:
        return NONE
    old = (receiver.items or {}).get(_OPTIONS, UNKNOWN)
    names = flags(old) | flags(given.at(0) or UNKNOWN)
    changed = receiver.but(items={**(receiver.items or {}), _OPTIONS: of_flags(names)})
    containers.put_back(frame, node, receiver, changed)
    return NONE


@known_as("tls_wrapped")
def tls_wrapped(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """A connection made with a context: which versions do its settings allow?"""
    context = given.at(0, "context") if callee.name.startswith("OpenSSL") else receiver
    items = (context.items if context is not None else None) or {}
    if _PROTOCOL not in items:
        return UNKNOWN
    bit = kinds.KINDS["tls"].bit
    protocol = items[_PROTOCOL].name.rpartition(".")[2]
    least = items.get(Attribute("minimum_version"))
    options = {name.rpartition(".")[2] for name in flags(items.get(_OPTIONS, UNKNOWN)) if name[0] != "-"}
    removed = [name for name in flags(items.get(_OPTIONS, UNKNOWN)) if name[0] == "-"]
    if least is not None and least.name.rpartition(".")[2] in _LOW:
        frame.flag(bit, node, f"the least version is {least.name.rpartition('.')[2]}", "the connection")
    elif any(name.rpartition("OP_NO_")[2] in _LOW for name in removed):
        frame.flag(bit, node, "a version that was refused is allowed again", "the connection")
    elif least is None and not {"OP_NO_TLSv1", "OP_NO_TLSv1_1"} <= options and _is_open(protocol, options):
        frame.flag(bit, node, "versions before 1.2 are allowed on older Pythons", "the connection", weak=2)
    return UNKNOWN


def _is_open(protocol: str, options: set[str]) -> bool:
    """Tell whether versions are left open, or closed by hand."""
    return protocol in _ANY or (protocol in _BY_HAND and bool(options))


def flags(value: Value) -> frozenset[str]:
    """The names of flags that are joined in a value; `-name` was taken out of what was there before."""
    if value.shape == "flags":
        return frozenset(str(key) for key in value.items or {})
    return frozenset([value.name]) if is_flag(value) else frozenset()


def is_flag(value: Value) -> bool:
    """Tell whether a value is a constant of a module, by its name: `ssl.OP_NO_TLSv1`."""
    last = value.name.rpartition(".")[2]
    return bool(last) and not value.name.startswith("@") and last[:1].isupper() and "_" in last


def of_flags(names: frozenset[str]) -> Value:
    """The value in which flags are joined."""
    return Value(shape="flags", items=dict.fromkeys(sorted(names), NONE))


def joined_flags(op: ast.operator, left: Value, right: Value) -> Value | None:
    """`options | ssl.OP_NO_TLSv1`, `options & ~ssl.OP_NO_TLSv1`; None if it is something else."""
    if isinstance(op, ast.BitOr) and (is_flag(right) or right.shape == "flags"):
        return of_flags(flags(left) | flags(right)) if not left.taints else None
    if isinstance(op, ast.BitAnd) and right.shape == "no flags":
        gone = frozenset(str(key) for key in right.items or {})
        return of_flags(frozenset(flags(left) - gone) | frozenset(f"-{name}" for name in gone))
    return None


def without_flags(value: Value) -> Value | None:
    """`~flags`, or None if the value holds none."""
    names = flags(value)
    return Value(shape="no flags", items=dict.fromkeys(sorted(names), NONE)) if names else None


@known_as("token")
def token(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """jwt.decode(): without a look at the signature, what it gives is input like any other."""
    options = given.at(-1, "options")
    chosen = (options.items if options is not None else None) or {}
    verified = chosen.get("verify_signature") or given.keywords.get("verify")
    if verified is not None and truth_of(verified) is False:
        weak, what = 1, "anybody may have made it"
        if _is_looked_at_nearby(frame, node):
            weak, what = 3, f"{what}, {UNTIL}"
        elif _is_asked_only_of(frame, node, _OF_THE_TOKEN):
            weak, what = 2, f"{what}, but nothing is read of it but who issued it or how long it is good"
        elif not all_taints(given) and _is_of_an_answer(node):
            weak, what = 2, f"{what}, unless the server of logins itself sent it in its answer"
        frame.flag(kinds.KINDS["signature"].bit, node, what, "jwt.decode()", weak=weak)
        return Value(tuple(one.with_cleaned(kinds.STRUCTURE) for one in all_taints(given)))
    return UNKNOWN


_OF_THE_TOKEN = frozenset({"exp", "iat", "nbf", "iss"})


def _is_asked_only_of(frame: Frame, node: ast.expr, keys: frozenset[str]) -> bool:
    """Tell whether the function reads nothing but these keys of what the call gives, at once or by a variable."""
    body = frame.function.body if frame.function is not None else []
    nodes = [one for part in body for one in ast.walk(part)]
    names = {
        one.targets[0].id
        for one in nodes
        if isinstance(one, ast.Assign) and one.value is node and isinstance(one.targets[0], ast.Name)
    }
    reads = [_read_key(one, node, names) for one in nodes]
    used = sum(
        isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load) and one.id in names for one in nodes
    )
    found = [one for one in reads if one is not None]
    return bool(found) and keys.issuperset(found) and used <= len(found)


def _read_key(one: ast.AST, node: ast.expr, names: set[str]) -> str | None:
    """The key that is read of the node, or of a variable of these names; None if it is something else."""
    holder, key = _part_of(one)
    if key is None or not (holder is node or (isinstance(holder, ast.Name) and holder.id in names)):
        return None
    return str(key.value) if isinstance(key, ast.Constant) else ""


def _part_of(one: ast.AST | None) -> tuple[ast.expr | None, ast.expr | None]:
    """Whose part `holder["a"]` and `holder.get("a")` are, and its key."""
    if isinstance(one, ast.Subscript):
        return one.value, one.slice
    if (
        isinstance(one, ast.Call)
        and isinstance(one.func, ast.Attribute)
        and one.func.attr == "get"
        and one.args
    ):
        return one.func.value, one.args[0]
    return None, None


def _is_of_an_answer(node: ast.expr) -> bool:
    """Tell whether it is `answer["id_token"]`, which a server of logins sends to the program itself."""
    _, key = _part_of(node.args[0] if isinstance(node, ast.Call) and node.args else None)
    return isinstance(key, ast.Constant) and key.value == "id_token"


def _is_looked_at_nearby(frame: Frame, node: ast.expr) -> bool:
    """Tell whether the same text is decoded with a key in the same class or function: who made it is asked first."""
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    function = frame.function
    name = _last_name(first)
    if function is None or not name:
        return False
    others = [
        one
        for one in function.module.functions
        if function.owner is not None and one.owner is not None and function.owner in one.owner.order()
    ]
    whole = [*function.body, *(part for one in others for part in one.body)]
    return any(
        isinstance(one, ast.Call)
        and one is not node
        and _last_name(one.func) in _VERIFIERS
        and any(_last_name(part) == name for part in one.args[:1])
        and _looks_at_signature(one)
        for part in whole
        for one in ast.walk(part)
    )


_VERIFIERS = frozenset({"decode", "verify", "decode_complete"})
_MARKS = ("key", "algorithms")  # of a call that looks at the signature


def _looks_at_signature(call: ast.Call) -> bool:
    given = {one.arg: one.value for one in call.keywords if one.arg is not None}
    said = [*(given[name] for name in ("options", "verify") if name in given)]
    if any(isinstance(part, ast.Constant) and part.value is False for one in said for part in ast.walk(one)):
        return False
    return len(call.args) > 1 or any(mark in given for mark in _MARKS)


def _last_name(node: ast.expr | None) -> str:
    """The last word of a name, without what marks it as internal: `self._token` is the token."""
    if isinstance(node, ast.Attribute):
        return node.attr.lstrip("_")
    return node.id.lstrip("_") if isinstance(node, ast.Name) else ""


_CODE = frozenset({"$where", "$function", "$accumulator"})
_VALUES = frozenset(
    {"$eq", "$in", "$nin", "$ne", "$gt", "$gte", "$lt", "$lte", "args", "accumulateArgs", "lang"}
)
_VAGUE = frozenset({"find", "aggregate", "distinct"})


@known_as("document_query")
def document_query(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """collection.find_one(query) and the like."""
    method = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    is_known = receiver is not None and receiver.name == "@mongo.Database"
    queries = [one for one in (given.at(0, "filter"), given.at(-1, "pipeline"), given.at(-1, "query")) if one]
    if method == "map_reduce":
        taints = tuple(one for query in given.positional[:2] for one in deep_taints(query))
    elif is_known or method not in _VAGUE or any(one.shape in ("dict", "list") for one in queries):
        taints = tuple(one for query in queries for one in _dangerous(query, 6))
    else:
        return UNKNOWN
    bit = kinds.KINDS["nosql"].bit
    frame.hit(bit, taints, node, f"{method}()", weak=0 if is_known else 1)
    return Value(name="@mongo.Database") if is_known else UNKNOWN


def _dangerous(query: Value, depth: int) -> tuple[Taint, ...]:
    """What of a query could be operators or code: parsed data where a value is meant, any input in code."""
    found = [one for one in query.taints if one.cleaned & kinds.STRUCTURE]
    if not depth:
        return tuple(found)
    for key, part in (query.items or {}).items():
        if key in _CODE and not part.items:
            found += part.taints
        elif key in ("body", "init", "accumulate", "merge", "finalize"):
            found += deep_taints(part)
        elif key not in _VALUES:
            found += _dangerous(part, depth - 1)
    if query.rest is not None:
        found += _dangerous(query.rest, depth - 1)
    return tuple(found)
