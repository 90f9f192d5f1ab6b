"""Reading and writing attributes: of objects of the tree, of modules, of things outside."""

from __future__ import annotations

import ast
import re

from agents.inspector.taint import fields, guards, kinds
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.structures import Arguments, Bound, Class, Function, Instance, Module, Super
from agents.inspector.taint.tables.rows import Rules, means
from agents.inspector.taint.taints import STRUCTURED, Source, Taint, Trail, merged
from agents.inspector.taint.values import (
    SEEN,
    STORED,
    UNKNOWN,
    Attribute,
    Choice,
    Facts,
    Value,
    constant,
    join,
)

_HOST_PARTS = frozenset({"netloc", "hostname", "host"})
_ADDRESS = "@urllib.parse.ParseResult"


def read(frame: Frame, node: ast.expr, holder: Value, name: str) -> Value:
    """The value of `holder.name`; `node` is where it is read."""
    if holder.items is not None:
        found = holder.items.get(Attribute(name))
        if found is not None:
            return found
    if holder.ref is not None:
        found = _of_reference(frame, node, holder, name)
        if found is not None:
            return found
    if holder.name:
        return _of_name(frame, node, holder, name)
    if name == "deleted_objects":  # of a formset: rows
        return UNKNOWN
    if holder.taints:
        return Value(_of_answer(parts_of(holder.taints, f".{name}"), name), seen=holder.seen)
    return UNKNOWN


# What unknown functions give that makes something of a text: its text, its parts.
_OF_TEXTS = re.compile(
    r"(?i)value|data|file|text|raw|name|content|body|ur[il]|path|href|query|host|netloc|html|str"
)


def _of_answer(parts: tuple[Taint, ...], name: str) -> tuple[Taint, ...]:
    """An attribute of what an unknown function answered: of an object of its own, unless it is a text's."""
    if not parts or _OF_TEXTS.search(name):
        return parts
    return tuple(one.weaker() if _is_answer(one.trail) else one for one in parts)


def _is_answer(trail: Trail | None) -> bool:
    while trail is not None and trail.what.startswith("assigned to"):
        trail = trail.before
    return trail is not None and trail.what.endswith("which is not known")


def parts_of(taints: tuple[Taint, ...], selector: str) -> tuple[Taint, ...]:
    """The taints of one part of something tainted."""
    return tuple(Taint(one.source.part(selector), one.cleaned, one.trail, one.weak) for one in taints)


def rest_of(frame: Frame, node: ast.AST, taints: tuple[Taint, ...], veil: int = -1) -> tuple[Taint, ...]:
    """The taints of what is left of a text: what a check says of that, it says of the text but for the veil."""
    place = frame.place(node)
    selector = f"~{place.line}:{place.column}"
    return tuple(Taint(one.source.part(selector, veil), one.cleaned, one.trail, one.weak) for one in taints)


def name_in(frame: Frame, iterated: Value) -> Value | None:
    """A name of what a source of the tables gives by name; what is found of it says nothing of what it names."""
    rules = frame.engine.tables.of(iterated.name) if iterated.name and not iterated.shape else None
    if rules is None or not rules.sources or iterated.items or iterated.rest is not None:
        return None
    return Value(parts_of(iterated.taints, ".keys()"), seen=iterated.seen)


def _of_reference(frame: Frame, node: ast.expr, holder: Value, name: str) -> Value | None:
    ref = holder.ref
    if isinstance(ref, Module):
        found = frame.engine.project.member(ref, name)
        return found if name.isupper() else frame.doubt(found)
    if isinstance(ref, Class):
        return _of_class(frame, ref, ref, name, holder, node, is_instance=False)
    if isinstance(ref, Instance):
        return _of_class(frame, ref.cls, ref.cls, name, holder, node, is_instance=True)
    if isinstance(ref, Super):
        member = ref.cls.inherited(name)
        if member is not None:
            return _bound(frame, member, ref.receiver, node, is_instance=True)
        return Value(ref.receiver.taints, name="")
    if isinstance(ref, Choice):
        every = [read(frame, node, holder.but(ref=one), name) for one in ref.options]
        found = every[0]
        for one in every[1:]:
            found = join(found, one)
        return found
    if isinstance(ref, (Function, Bound)):
        return UNKNOWN
    return None


def _of_class(
    frame: Frame, cls: Class, start: Class, name: str, holder: Value, node: ast.expr, *, is_instance: bool
) -> Value | None:
    if name == "__class__":
        return Value(ref=cls)
    if is_instance:
        for one in cls.order():
            kind = frame.engine.project.known_type(one)
            found = _outside(frame, node, holder, f"{kind}.{name}") if kind else None
            if found is not None:
                return found
            if not kind and one.own("member", name) is not None:
                break  # it replaces what a framework's own class above it has
    found = fields.read(frame, node, cls, holder, name) if is_instance else fields.maker(cls, name)
    if found is not None:
        return found
    member = start.member(name)
    if member is not None:
        return _bound(frame, member, holder, node, is_instance=is_instance)
    if is_instance:
        remembered = cls.remembered(name)
        if remembered is not None:
            if holder.taints:  # of something that was put into it, most likely not of this
                parts = tuple(one.weaker() for one in parts_of(holder.taints, f".{name}"))
                return remembered.but(taints=merged(remembered.taints, parts))
            return remembered
    if is_instance and name == "instance" and fields.keeps_row(cls):
        return UNKNOWN
    for base in cls.outside():
        full = frame.engine.tables.canonical(f"@{base}" if is_instance else base)
        found = _outside(frame, node, holder, f"{full}.{name}")
        if found is not None:
            return found
    if holder.taints:
        return Value(parts_of(holder.taints, f".{name}"), seen=holder.seen)
    return None


def _bound(frame: Frame, member: Value, holder: Value, node: ast.expr, *, is_instance: bool) -> Value:
    function = member.ref
    if not isinstance(function, Function):
        return frame.doubt(member)  # a subclass, or whoever has the object, may put another in its place
    if function.kind == "static":
        return member
    if function.kind == "class":
        receiver = Value(ref=holder.ref.cls) if isinstance(holder.ref, Instance) else holder
        return Value(ref=Bound(function, receiver, born=frame.engine.ledger.time))
    if not is_instance:
        return member
    target = node.value if isinstance(node, ast.Attribute) else None
    if function.kind == "property":
        from agents.inspector.taint import summaries

        return summaries.call(frame, node, function, Arguments([holder], nodes=[target]))
    return Value(ref=Bound(function, holder, target, frame.engine.ledger.time))


def _outside(frame: Frame, node: ast.expr, holder: Value, full: str) -> Value | None:
    """What the tables say of a base's attribute, or None."""
    tables = frame.engine.tables
    full = tables.canonical(full)
    rules = tables.of(full)
    if rules is None:
        return Value(name=full) if tables.is_type(full) else None
    return _by_rules(frame, node, holder, full, rules)


def _of_name(frame: Frame, node: ast.expr, holder: Value, name: str) -> Value:
    if holder.name == STORED:
        return UNKNOWN
    tables = frame.engine.tables
    if holder.name in tables.shared and not tables.own(f"{holder.name}.{name}"):
        return kept(frame, holder.name, name) or UNKNOWN
    full = tables.canonical(f"{holder.name}.{name}")
    if full in tables.constants:
        return constant(tables.constants[full])
    if "." not in full and not full.startswith("@"):
        return UNKNOWN
    module = frame.engine.project.module(full) if not full.startswith("@") else None
    if module is not None:
        return Value(ref=module)
    if holder.name == _ADDRESS and name in _HOST_PARTS:
        taints = tuple(one.with_cleaned(kinds.PARSED) for one in holder.taints)
        return Value(taints, seen=holder.seen)
    rules = tables.of(full)
    if rules is None:
        parsed = STRUCTURED if holder.name == _ADDRESS else ""  # it has parts, as the text has not
        taints = _of_answer(parts_of(holder.taints, f"{parsed}.{name}"), name) if holder.taints else ()
        return Value(taints, name="" if _goes_round(holder.name, name) else full)
    return _by_rules(frame, node, holder, full, rules)


def _goes_round(holder: str, name: str) -> bool:
    """Tell whether attributes lead back to a kind that was passed: `.parent.parent` would make ever new names."""
    return name in holder.split(".")[1:]  # the first may be a module: `datetime.datetime`


def _by_rules(frame: Frame, node: ast.expr, holder: Value, full: str, rules: Rules) -> Value:
    if rules.sources:
        value = source_value(frame, node, rules, full)
        taints = tuple(one.with_cleaned(rules.cleans) for one in value.taints)
        return Value(taints, name=rules.gives or full, seen=SEEN)
    taints = parts_of(holder.taints, f".{full.rpartition('.')[2]}") if holder.taints else ()
    if rules.stops:
        taints = ()
    elif rules.cleans:
        taints = tuple(one.with_cleaned(rules.cleans) for one in taints)
    # `gives` on an attribute that is called stays a name until the call; both ways of reading agree on the type.
    return Value(taints, name=full, facts=_facts(rules, holder))


def _facts(rules: Rules, holder: Value) -> tuple[Facts, Facts] | None:
    """What reading a property proves about the object itself."""
    for row in rules.guards:
        if row.arguments.itself:
            return guards.by_row(row, Arguments(), holder)
    return None


def source_value(frame: Frame, node: ast.AST, rules: Rules, identity: str = "") -> Value:
    """A fresh value from a source; with an identity it is the same one each time that it is read."""
    row = rules.sources[0]
    known = identity if row.origin == "remote" else ""
    return Value((fresh_taint(frame, node, row.what, row.origin, identity=known),), seen=SEEN)


def source_part(frame: Frame, node: ast.AST, rules: Rules, identity: str, key: Value | None) -> Value:
    """One part of what a source gives, by its key: `environ["PATH_INFO"]`, `get_argument("name")`."""
    if key is None or not key.known:
        return source_value(frame, node, rules)
    if means(rules.sources[0].words, key.const):
        return UNKNOWN
    value = source_value(frame, node, rules, identity)
    return value.but(taints=parts_of(value.taints, f"[{key.const!r}]"))


def fresh_taint(
    frame: Frame,
    node: ast.AST,
    what: str,
    origin: str,
    variable: str = "",
    *,
    identity: str = "",
    marks: int = 0,
) -> Taint:
    """A taint that begins here; `marks` are what is known of it from the begin."""
    place = frame.place(node)
    cleaned = kinds.CLEAN_BY_ORIGIN.get(origin, kinds.CLEAN_INPUT) | marks
    source = Source(what, place, origin, cleaned=cleaned, identity=identity)
    return Taint(source, cleaned, Trail(None, place, variable, f"comes from {what}"))


def write(frame: Frame, node: ast.Attribute, value: Value) -> None:
    """`node.value.attr = value`."""
    holder = frame.evaluate(node.value)
    if isinstance(holder.ref, Instance):
        if _is_set(frame, node, holder, value):
            return
        holder.ref.cls.remember(node.attr, value)
    if isinstance(holder.ref, (Module, Function)):
        return
    if holder.name in frame.engine.tables.shared:
        keep(frame, holder.name, node.attr, value)
        return
    _sink(frame, node, holder, value)
    changed = holder.but(items={**(holder.items or {}), Attribute(node.attr): value})
    if isinstance(holder.ref, Class):
        holder.ref.bind(node.attr, Value(name=value.name, ref=value.ref))
        return
    from agents.inspector.taint import containers

    containers.store(frame, node.value, holder, changed)


def _is_set(frame: Frame, node: ast.Attribute, holder: Value, value: Value) -> bool:
    """Call the setter of a property, if it is one that has a setter."""
    from agents.inspector.taint import summaries

    setter = holder.ref.cls.setter(node.attr)
    if setter is None:
        return False
    summaries.call(frame, node, setter, Arguments([holder, value], nodes=[node.value, None]))
    return True


def _shared(holder: str, name: str) -> str:
    """The name of the global that stands for an attribute of what all functions of a request share."""
    return f"_~{holder}.{name}"


def kept(frame: Frame, holder: str, name: str) -> Value | None:
    """What is kept in an attribute for the whole request: by this function, or by one that was called before."""
    from agents.inspector.taint import expressions

    project, place = frame.engine.project, _shared(holder, name)
    found = frame.state.variables.get(f"{expressions.GLOBAL}{place}")
    if found is None:
        found = project.variable(frame.module, place)
    return project.variable(project.common(), place) if found is None else found


def keep(frame: Frame, holder: str, name: str, value: Value) -> None:
    """Keep a value for the whole request."""
    from agents.inspector.taint import expressions

    frame.state.variables[f"{expressions.GLOBAL}{_shared(holder, name)}"] = value
    project = frame.engine.project
    for module in dict.fromkeys((frame.module, project.common())):
        project.write_global(module, _shared(holder, name), value)


def _sink(frame: Frame, node: ast.Attribute, holder: Value, value: Value) -> None:
    if not holder.name.startswith("@"):
        return
    rules = frame.engine.tables.of(frame.engine.tables.canonical(f"{holder.name}.{node.attr}"))
    if rules is None:
        return
    from agents.inspector.taint import sinks

    for row in rules.wrongs:
        sinks.judge(frame, node, row, f"{holder.name[1:]}.{node.attr}", Arguments([value]))
    for row in rules.sinks:
        if row.arguments.assigned:
            sinks.report(frame, node, row, value, f"{holder.name[1:]}.{node.attr}")
