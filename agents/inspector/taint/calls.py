"""Calls: who is called, with what, and what comes of it.

In this order: something of the tree (its summary decides), a method of a container or text that we model, a row of
the tables, and else the default: the standard library passes its arguments on, unknown code does too but makes
the claim less sure.
"""

from __future__ import annotations

import ast
import re
import sys

from agents.inspector.taint import (
    attributes,
    containers,
    entries,
    fields,
    guards,
    kinds,
    promises,
    sinks,
    special_calls,
    specials,
    strings,
    summaries,
)
from agents.inspector.taint.frames import Frame, evaluates
from agents.inspector.taint.structures import Arguments, Bound, Class, Function, Instance, Partial
from agents.inspector.taint.tables.rows import Rules
from agents.inspector.taint.taints import Taint, merged
from agents.inspector.taint.values import (
    NO_FACTS,
    SEEN,
    STORED,
    UNKNOWN,
    Attribute,
    Choice,
    OrNone,
    Value,
    all_facts,
    deep_taints,
    element,
    is_seen,
    join,
)

_STDLIB = sys.stdlib_module_names | {"builtins"}
_EXIT = Value(name="!exit")


@evaluates(ast.Call)
def call(frame: Frame, node: ast.Call) -> Value:
    """A call expression."""
    func = node.func
    receiver: Value | None = None
    if isinstance(func, ast.Attribute):
        receiver = frame.evaluate(func.value)
        if receiver.ref is None and not receiver.name and func.attr in strings.METHODS and not receiver.shape:
            return strings.METHODS[func.attr](frame, node, receiver, arguments(frame, node))
        callee = attributes.read(frame, func, receiver, func.attr)
    else:
        callee = frame.evaluate(func)
    return apply(frame, node, callee, arguments(frame, node), receiver=receiver)


def arguments(frame: Frame, node: ast.Call) -> Arguments:
    """The values that a call passes."""
    given = Arguments()
    for part in node.args:
        if isinstance(part, ast.Starred):
            value = frame.evaluate(part.value)
            if value.exact and value.items is not None and given.star is None:
                for one in value.items.values():
                    given.positional.append(one)
                    given.nodes.append(None)
            else:
                one = element(value)
                given.star = one if given.star is None else join(given.star, one)
        else:
            given.positional.append(frame.evaluate(part))
            given.nodes.append(part)
    for keyword in node.keywords:
        value = frame.evaluate(keyword.value)
        if keyword.arg is not None:
            given.keywords[keyword.arg] = value
            given.keyword_nodes[keyword.arg] = keyword.value
        elif value.exact and value.items is not None:
            given.keywords.update({key: one for key, one in value.items.items() if isinstance(key, str)})
        else:
            given.double_star = value
    return given


def apply(
    frame: Frame,
    node: ast.expr,
    callee: Value,
    given: Arguments | None = None,
    *,
    receiver: Value | None = None,
) -> Value:
    """The result of calling a value."""
    given = given or Arguments()
    ref = callee.ref
    if ref is None:
        return _outside(frame, node, callee, given, receiver)
    if isinstance(ref, Function):
        name = _told(frame, ref)
        if name:
            return _outside(frame, node, callee.but(name=name, ref=None), given, receiver)
        return _promised(ref, given, summaries.call(frame, node, ref, given))
    if isinstance(ref, Bound):
        bound = Arguments(
            [ref.receiver, *given.positional], given.keywords, given.star, given.double_star,
            [ref.node, *given.nodes], given.keyword_nodes,
        )  # fmt: skip
        return _promised(ref.function, given, summaries.call(frame, node, ref.function, bound))
    if isinstance(ref, Class):
        return instantiate(frame, node, ref, given)
    if isinstance(ref, Partial):
        whole = Arguments(
            [*ref.positional, *given.positional], {**ref.keywords, **given.keywords}, given.star, given.double_star,
            [*(None for _ in ref.positional), *given.nodes], given.keyword_nodes,
        )  # fmt: skip
        return apply(frame, node, ref.target, whole)
    if isinstance(ref, Choice):
        return _any_of(frame, node, [callee.but(ref=one) for one in ref.options], given)
    if isinstance(ref, Instance):
        method = attributes.read(frame, node, callee, "__call__")
        if method.ref is not None:
            return apply(frame, node, method, given)
    _may_change(frame, given)
    return _unknown(given, callee)


def _told(frame: Frame, ref: Function | Class) -> str:
    """The name under which the tables know what calling this does, if it is a framework's own function or class."""
    if isinstance(ref, Function) and (ref.owner is not None or ref.parent is not None):
        return ""
    name = frame.engine.project.known_name(ref)
    rules = frame.engine.tables.of(name) if name else None
    if rules is None or not (
        rules.sinks or rules.special or rules.cleans or rules.guards or rules.sources or rules.stops
    ):
        return ""
    return name


_RENDERS = re.compile(r"^render(?:_|$|[A-Z])|_render$")
# What such a function gives back is an answer of its own, and no page.
_ANSWERS = re.compile(
    r"(?i)^_*(?:redirect|abort|jsonify|json_response|send_|download)|_(?:redirect|json|response)$"
)
_TREATS = re.compile(r"^_*(?:validate|sanitize|sanitise|clean)(?:_|$)")
_TRUST = kinds.KINDS["trust"].bit  # what such a function gives back is not unchecked, whatever it proves
_XSS = kinds.KINDS["xss"].bit


def _promised(function: Function, given: Arguments, result: Value) -> Value:
    """A check of the tree that proves nothing that we can see: its name is believed a little, as elsewhere."""
    name = function.name.rpartition(".")[2]
    facts = promises.by_word(name, given)
    if facts is None and not result.facts and not result.known:
        found = promises.by_finding(name, given)
        return result if found is None else result.but(facts=found)
    if facts is None or (result.known and result.const is not None):
        return result
    if _TREATS.search(name) and result.taints:
        result = result.but(taints=tuple(one.with_cleaned(_TRUST) for one in result.taints))
    proved = result.facts or (NO_FACTS, NO_FACTS)
    yes = all_facts(facts[0], promises.by_host(name, function.body, given))
    return result.but(facts=(all_facts(yes, proved[0]), all_facts(facts[1], proved[1])))


def _any_of(frame: Frame, node: ast.expr, options: list[Value], given: Arguments) -> Value:
    from agents.inspector.taint.states import joined

    before, result, after = frame.state, None, None
    for one in options:
        frame.state = before.copy()
        value = apply(frame, node, one, given)
        result = value if result is None else join(result, value)
        after = frame.state if after is None else joined(after, frame.state)
    frame.state = after or before
    return result or UNKNOWN


def instantiate(frame: Frame, node: ast.expr, cls: Class, given: Arguments) -> Value:
    """A new instance, after its __init__."""
    made = Value(ref=Instance(cls), shape="object", items={})
    if any(base.rpartition(".")[2] in entries.ENUMERATIONS for base in cls.outside()):
        for one in given.every():  # it raises unless it is one of the values
            frame.state.assume(guards.equal_facts(one, UNKNOWN))
        return made
    constructor = cls.member("__init__")
    told = _told_of_class(frame, cls, inherits=constructor is None)
    if told:
        result = _outside(frame, node, Value(name=told), given, None)
        made = made.but(taints=result.taints, name=result.name)
        return made.but(items=result.items) if result.items else made
    if constructor is not None and isinstance(constructor.ref, Function):
        bound = Arguments(
            [made, *given.positional], given.keywords, given.star, given.double_star,
            [None, *given.nodes], given.keyword_nodes,
        )  # fmt: skip
        _, changed = summaries.call_with_receiver(frame, node, constructor.ref, bound)
        return changed
    items: dict[object, Value] = {Attribute(name): value for name, value in given.keywords.items()}
    names = _annotated(cls)
    taints: tuple[Taint, ...] = ()
    if any(base.rpartition(".")[2].endswith("Serializer") for base in cls.outside()):
        taints = deep_taints(given.keywords.get("data", UNKNOWN))
    for number, value in enumerate(given.positional):
        if number < len(names):
            items[Attribute(names[number])] = value
        else:
            taints = merged(taints, deep_taints(value))
    for extra in (given.star, given.double_star):
        if extra is not None:
            taints = merged(taints, deep_taints(extra))
    items = fields.filled(frame, node, cls, items)
    for name in names:
        default = cls.member(name)
        factory = (default.items or {}).get(special_calls.FACTORY) if default is not None else None
        if factory is not None and Attribute(name) not in items:
            items[Attribute(name)] = apply(frame, node, factory)
    return made.but(items=items, taints=taints)


def _told_of_class(frame: Frame, cls: Class, *, inherits: bool) -> str:
    """The tables' name for making an instance: of the class itself or, if it has no constructor, of its bases."""
    tables = frame.engine.tables
    for one in cls.order() if inherits else (cls,):
        name = _told(frame, one)
        if name:
            return name
    for base in cls.outside() if inherits else ():
        rules = tables.of(tables.canonical(base))
        if rules is not None and (rules.sinks or rules.special):
            return tables.canonical(base)
    return ""


def _annotated(cls: Class) -> list[str]:
    found: list[str] = []
    for one in reversed(cls.order()):
        found += one.annotated()
    return found


def _outside(frame: Frame, node: ast.expr, callee: Value, given: Arguments, receiver: Value | None) -> Value:
    """A call of something that is not of the tree."""
    name = callee.name
    method = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    if _reads_rows(frame, node, method):
        return Value(name="@django.Manager")
    of = receiver.ref if receiver is not None else None
    if method in ("load", "loads") and isinstance(of, Instance) and fields.is_schema(of.cls):
        return fields.loaded(frame, node, of.cls, given.at(0) or UNKNOWN)
    tables = frame.engine.tables
    rules = tables.of(name) if name else None
    if receiver is not None and rules is None and isinstance(node, ast.Call):
        found = _modelled(frame, node, receiver, method, given)
        if found is not None:
            return found
    if rules is None and method and (receiver is None or _is_opaque(frame, receiver)):
        rules = tables.of_method(method)
        if rules is not None and not rules.says_of_calls:
            rules = None
        if rules is not None and not name:
            name = f".{method}"
    if rules is None:
        return _default(frame, node, callee, given, receiver, method)
    return by_rules(frame, node, name or f".{method}", rules, callee, given, receiver)


def _reads_rows(frame: Frame, node: ast.expr, method: str) -> bool:
    """`Model.objects.get(key=input)` of a model that is not known: what comes is what the program stored."""
    of = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    return (
        isinstance(of, ast.Attribute)
        and of.attr == "objects"
        and method not in ("raw", "extra")
        and "django" in frame.module.imports
    )


def _is_opaque(frame: Frame, receiver: Value) -> bool:
    """Nothing is known of it, or only where it came from."""
    return not receiver.name.startswith("@") or frame.engine.tables.of(f"{receiver.name}.*") is None


def _modelled(frame: Frame, node: ast.Call, receiver: Value, method: str, given: Arguments) -> Value | None:
    """Methods of containers and texts."""
    is_plain = not receiver.name or bool(receiver.shape)
    if receiver.shape in ("list", "dict", "set", "tuple") and method in containers.METHODS:
        result, changed = containers.METHODS[method](frame, node, receiver, given)
        if changed is not None:
            containers.put_back(frame, node, receiver, changed)
        return result
    if method in strings.METHODS and (is_plain or receiver.taints):
        return strings.METHODS[method](frame, node, receiver, given)
    if (
        is_plain
        and method in ("append", "extend", "update", "add", "setdefault", "insert")
        and receiver.ref is None
    ):
        result, changed = containers.METHODS[method](frame, node, receiver, given)
        if changed is not None and (deep_taints(changed) or isinstance(receiver.const, str)):
            containers.put_back(frame, node, receiver, changed)
        return result
    if method == "get" and receiver.taints:
        key = given.at(0)
        value = containers.item(frame, node, receiver, key) if key is not None else Value(receiver.taints)
        default = given.at(1, "default")
        return value if default is None else join(value, default)
    if method in ("keys", "values") and receiver.taints and not given.every():  # neither tells of the other
        taints = attributes.parts_of(receiver.taints, f".{method}()")
        return Value(shape="list", rest=Value(taints, seen=receiver.seen))
    if method in _SEVERAL and receiver.taints and given.positional:
        return Value(shape="list", rest=containers.item(frame, node, receiver, given.positional[0]))
    return None


_SEVERAL = frozenset({"getlist", "getall", "get_all"})  # all values under one key


def by_rules(
    frame: Frame,
    node: ast.expr,
    name: str,
    rules: Rules,
    callee: Value,
    given: Arguments,
    receiver: Value | None,
) -> Value:
    """What the tables say that the call does."""
    for row in rules.sinks:
        sinks.check(frame, node, row, name, given, receiver)
    for row in rules.wrongs:
        sinks.judge(frame, node, row, name, given)
    if rules.exits:
        frame.state.alive = False
        return _EXIT
    if rules.special:
        result = specials.SPECIALS[rules.special](frame, node, given, receiver, callee)
        is_made_of = rules.special in _MAKE and not result.known and _are_seen(given, receiver)
        return result.but(seen=SEEN) if is_made_of else result
    result = _result(frame, node, name, rules, callee, given, receiver)
    for row in rules.guards:
        facts = guards.by_row(row, given, receiver)
        if facts is not None:
            result = result.but(facts=facts)
    return result


def _result(
    frame: Frame,
    node: ast.expr,
    name: str,
    rules: Rules,
    callee: Value,
    given: Arguments,
    receiver: Value | None,
) -> Value:
    if rules.sources:
        key = given.at(0) if given.positional else None
        if key is not None or not callee.taints:
            value = attributes.source_part(frame, node, rules, name, key)
            return value.but(
                name=rules.gives, taints=tuple(one.with_cleaned(rules.cleans) for one in value.taints)
            )
        return callee.but(name=rules.gives)
    taints: tuple[Taint, ...] = ()
    if not rules.stops:
        for one in given.every():
            taints = merged(taints, deep_taints(one))
        if receiver is not None:
            taints = merged(taints, deep_taints(receiver) if name.startswith("@") else receiver.taints)
        if rules.cleans:
            taints = tuple(one.with_cleaned(rules.cleans) for one in taints)
    elif receiver is not None and name.startswith("."):
        taints = receiver.taints
    is_made_of = bool(rules.cleans or rules.passes) and _are_seen(given, receiver)
    value = Value(taints, name=rules.gives, seen=is_made_of)
    return frame.moved(value, node, "", f"passed through {_short(name)}") if taints else value


# What these give is made of what they are given, and of nothing else.
_MAKE = frozenset({"encode", "decode", "substitute_pattern", "join_path", "number", "text"})
_MAKERS = ("base64.", "binascii.", "html.", "urllib.parse.", "codecs.", "shlex.", "textwrap.", "json.dumps")


def _are_seen(given: Arguments, receiver: Value | None) -> bool:
    """Tell whether all that a call gets was seen; a module is nothing that it gets."""
    is_module = receiver is not None and receiver.name[:1] not in ("", "@")
    return (receiver is None or is_module or is_seen(receiver)) and all(map(is_seen, given.every()))


def _short(name: str) -> str:
    return f"{name.lstrip('@.').removeprefix('builtins.')}()"


# `signer.loads(text, max_age=3600, salt="mail")`: only what was signed here comes out, whoever the signer is.
_VERIFIES = frozenset({"loads", "load", "unsign"})
_OF_SIGNATURES = frozenset({"max_age", "salt"})
# What is found under a key that somebody chose is what the program has stored there, and not the key.
_LOOKS_UP = frozenset({
    "get", "get_or_404", "get_or_none", "get_one", "get_one_or_none", "get_by_id", "find_by_id", "filter_by",
    "first_or_404", "one_or_404", "in_bulk", "get_many", "get_multi", "mget",
})  # fmt: skip
# Whoever is sent something answers: receivers of a signal, a generator, a server.
_ANSWERED = frozenset({"send", "send_robust", "asend"})
_FINDS = re.compile(
    r"^(?:get|find|fetch|lookup|load|query|search|select|list)_|_by_(?:id|pk|uuid|slug|name|key)$"
)
_TEXTS = re.compile(
    r"path|file|folder|dir|ur[il]|name|text|html|content|key|value|query|template|data|string|body|param|arg"
    r"|header|json|message|title|command|sql|field|input|form|cookie|token"
)


def _default(
    frame: Frame, node: ast.expr, callee: Value, given: Arguments, receiver: Value | None, method: str
) -> Value:
    name = callee.name
    top = name.lstrip("@").partition(".")[0]
    taints: tuple[Taint, ...] = ()
    if method in _VERIFIES and not _OF_SIGNATURES.isdisjoint(given.keywords):
        return UNKNOWN
    if method in _LOOKS_UP and receiver is not None and not receiver.taints:
        default = given.at(1, "default") if method == "get" else None
        asked = guards.about(deep_taints(given.at(0) or UNKNOWN), promises.FOUND)
        facts = (
            OrNone((asked, NO_FACTS)) if asked and default is None else None
        )  # something is stored under it
        return Value(tuple(one.weaker() for one in deep_taints(default or UNKNOWN)), facts=facts)
    if method in _ANSWERED and receiver is not None and not deep_taints(receiver):
        return UNKNOWN
    for one in given.every():
        taints = merged(taints, _given_taints(one))
    if receiver is not None and receiver.name == STORED and not taints:  # of a row, of a connection
        return receiver.but(items=None, taints=tuple(one.weaker() for one in receiver.taints))
    if name and top in _STDLIB:
        if receiver is not None:
            taints = merged(taints, receiver.taints)
        kind = f"@{name}" if method[:1].isupper() or name[:1] != "@" else ""
        result = Value(taints, name=kind, seen=name.startswith(_MAKERS) and _are_seen(given, receiver))
        return frame.moved(result, node, "", f"passed through {_short(name)}") if taints else result
    word = name or method
    taints = tuple(one.weaker() for one in taints)
    if receiver is not None:
        taints = merged(tuple(one.weaker() for one in receiver.taints), taints)
    last = word.rpartition(".")[2]
    if _RENDERS.search(last) or _ANSWERS.search(last):  # a template's engine, which escapes what it is given
        taints = tuple(one.with_cleaned(_XSS) for one in taints)
    result = Value(taints, name=f"@{name}()" if name and not name.endswith("()") and len(name) < 120 else "")
    if taints and _FINDS.search(last) and not _TEXTS.search(last):
        result = Value(taints, name=STORED, rest=Value(taints, name=STORED))
    _may_change(frame, given)
    checked = promises.by_word(last, given) or promises.by_finding(last, given)
    if checked is not None:
        result = result.but(facts=checked)
    return (
        frame.moved(result, node, "", f"passed through {_short(word)}, which is not known")
        if taints
        else result
    )


_SESSION = Attribute("session")  # what it keeps is told where it is kept


def _given_taints(value: Value) -> tuple[Taint, ...]:
    """The taints of what an unknown function is given; which of a request's attributes it reads nobody knows."""
    if not value.name.endswith("Request") or not value.items:
        return deep_taints(value)
    taints = value.taints
    for key, one in value.items.items():
        if key != _SESSION:
            taints = merged(taints, tuple(taint.weaker() for taint in deep_taints(one)))
    return taints


def _may_change(frame: Frame, given: Arguments) -> None:
    """Whoever is not known may change the lists and objects that it is given."""
    for one in given.every():
        if one.shape in ("list", "dict", "set", "object"):
            frame.doubt(one)


def _unknown(given: Arguments, callee: Value) -> Value:
    taints = callee.taints
    for one in given.every():
        taints = merged(taints, tuple(taint.weaker() for taint in deep_taints(one)))
    return Value(taints) if taints else UNKNOWN
