"""Calls that treat texts and paths: patterns, templates, configuration, resolved and joined paths."""

from __future__ import annotations

import ast
import configparser

from agents.inspector.taint import (
    attributes,
    charsets,
    containers,
    guards,
    kinds,
    letters,
    secrets,
    strings,
    summaries,
    texts,
)
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.specials import all_taints, known_as
from agents.inspector.taint.structures import Arguments
from agents.inspector.taint.taints import DECODED, STRUCTURED, Taint, merged
from agents.inspector.taint.values import (
    MISSING,
    NO_FACTS,
    NONE,
    UNKNOWN,
    WEAKEN,
    Attribute,
    OrNone,
    Value,
    constant,
    deep_taints,
    element,
    join,
)


@known_as("import_module")
def import_module(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """importlib.import_module() of a constant name."""
    name = given.at(0, "name") or UNKNOWN
    if isinstance(name.const, str) and name.const.replace(".", "a").isidentifier():
        return frame.engine.project.imported(name.const)
    return UNKNOWN


@known_as("compile_pattern")
def compile_pattern(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """re.compile()."""
    pattern = given.at(0, "pattern") or UNKNOWN
    return Value(name="@re.Pattern", items={Attribute("pattern"): pattern})


@known_as("match_pattern")
def match_pattern(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """re.match(), re.fullmatch(), re.search(), and the same of a compiled pattern."""
    how = callee.name.rpartition(".")[2]
    if receiver is not None and receiver.name == "@re.Pattern":
        pattern, value = (
            (receiver.items or {}).get(Attribute("pattern"), UNKNOWN),
            given.at(0, "string") or UNKNOWN,
        )
    else:
        pattern, value = given.at(0, "pattern") or UNKNOWN, given.at(1, "string") or UNKNOWN
    facts = guards.of_pattern(value, pattern, how=how)
    known = {Attribute("pattern"): pattern} if isinstance(pattern.const, str) else None
    both = OrNone(facts) if facts else None
    return Value(deep_taints(value), name="@re.Match", items=known, facts=both)


@known_as("match_group")
def match_group(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """match.group(), match.groups(): each group holds no letters but those that its part of the pattern allows."""
    if receiver is None or not receiver.taints:
        return UNKNOWN
    pattern = ((receiver.items or {}).get(Attribute("pattern")) or UNKNOWN).const
    text = pattern if isinstance(pattern, str) else ""
    how = callee.name.rpartition(".")[2]
    caught = frame.moved(Value(receiver.taints), node, "", f"passed through re.Match.{how}()")
    if how == "groups":
        parts = [
            texts.cleaned(
                containers.item(frame, node, caught, constant(number)), charsets.of_group(text, number + 1)
            )
            for number in range(charsets.groups(text))
        ]
        return Value(shape="tuple", items=dict(enumerate(parts)), exact=True) if parts else caught
    asked = [
        texts.cleaned(caught, charsets.of_group(text, key.const))
        if isinstance(key.const, (int, str)) and key.const
        else caught
        for key in given.positional or [constant(0)]
    ]
    return asked[0] if len(asked) == 1 else Value(shape="tuple", items=dict(enumerate(asked)), exact=True)


@known_as("substitute_pattern")
def substitute_pattern(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """re.sub(): a filter by hand; removing all but safe letters is enough, anything else is doubtful."""
    compiled = receiver is not None and receiver.name == "@re.Pattern"
    pattern = (
        (receiver.items or {}).get(Attribute("pattern"), UNKNOWN)
        if compiled and receiver
        else given.at(0) or UNKNOWN
    )
    offset = 0 if compiled else 1
    new, value = given.at(offset, "repl") or UNKNOWN, given.at(offset + 1, "string") or UNKNOWN
    bits = 0
    written = pattern.const if isinstance(pattern.const, str) else ""
    if written.startswith("[^") and written.rstrip("+*").endswith("]") and new.known:
        from agents.inspector.taint.charsets import excluded

        bits = excluded(f"[{written.rstrip('+*')[2:]}*", "fullmatch")
    elif isinstance(new.const, str) and not any(letter in written for letter in new.const):
        from agents.inspector.taint.charsets import refused

        bits = refused(written)
    taints = merged(
        tuple(
            one.with_cleaned(letters.closed(one.cleaned | bits)) if bits else one.weaker()
            for one in deep_taints(value)
        ),
        deep_taints(new),
    )
    return frame.moved(Value(taints), node, "", "changed by re.sub()") if taints else UNKNOWN


@known_as("log_call")
def log_call(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """logger.info(text, ...): whoever writes line ends writes entries of his own."""
    offset = 1 if callee.name.endswith(".log") else 0
    text, *others = given.positional[offset:] or [UNKNOWN]
    if isinstance(text.const, str) and others:
        whole = Value(shape="tuple", items=dict(enumerate(others)), exact=True)
        text = texts.percent(frame, node, text, whole if others[0].shape != "dict" else others[0])
        others = []
    named = [
        value for name, value in given.keywords.items() if name != "extra"
    ]  # fields, not the entry's text
    for one in (text, *others, *named, given.star):
        if one is not None:
            shown = summaries.shown(frame, node, one)
            frame.hit(kinds.mask("log"), deep_taints(shown), node, f"{callee.name.lstrip('@')}()")
    secrets.logged(frame, node, weak=1)
    return UNKNOWN


@known_as("encode")
def encode(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """base64 and its like: letters and digits, until it is decoded."""
    found = []
    for one in all_taints(given, receiver if callee.name.startswith(("@", ".")) else None):
        source = one.source.part("~e")
        source.encoded = one
        found.append(Taint(source, one.cleaned | kinds.INJECTIONS, one.trail, one.weak))
    return frame.moved(Value(tuple(found)), node, "", f"encoded by {callee.name or 'hex'}()")


@known_as("decode")
def decode(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """What was encoded before comes out; of anything else, checks and escaping before say nothing."""
    found: list[Taint] = []
    for one in all_taints(given):
        inner = one.source.encoded
        if inner is not None:
            found.append(Taint(inner.source, inner.cleaned, one.trail, one.weak))
        elif one.cleaned & kinds.INJECTIONS == kinds.INJECTIONS and not one.cleaned & letters.ALL:
            found.append(one)
        else:
            known = one.source.cleaned & ~(kinds.BEGIN | kinds.SEGMENT)  # `%2F` was no slash
            found.append(Taint(one.source.part(DECODED), known, one.trail, one.weak))
    return frame.moved(Value(tuple(found)), node, "", f"decoded by {callee.name}()")


@known_as("structured")
def structured(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """json.loads() and its like: what is written in a text has parts, one within another, as the text has not."""
    found = []
    for one in all_taints(given):
        known = one.cleaned | kinds.STRUCTURE
        if known & kinds.INJECTIONS != kinds.INJECTIONS:
            known &= ~kinds.mask("log header code")  # two letters are a line end again, a literal is its text
        found.append(Taint(one.source.part(STRUCTURED), known, one.trail, one.weak))
    return frame.moved(Value(tuple(found)), node, "", f"passed through {callee.name}()")


@known_as("maketrans")
def maketrans(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """str.maketrans(), of one mapping or of texts."""
    first, *others = given.positional or [UNKNOWN]
    if not others:
        return first.but()
    if not all(isinstance(one.const, str) for one in given.positional) or len(others[0].const) != len(
        first.const
    ):
        return UNKNOWN
    items = {old: constant(new) for old, new in zip(first.const, others[0].const, strict=True)}
    items |= {gone: NONE for one in others[1:] for gone in one.const}
    return Value(shape="dict", items=dict(items), exact=True)


@known_as("template_text")
def template_text(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """string.Template()."""
    return Value(name="@string.Template", items={Attribute("template"): given.at(0) or UNKNOWN})


@known_as("substitute")
def substitute(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """Template.substitute()."""
    template = ((receiver.items if receiver else None) or {}).get(Attribute("template"), UNKNOWN)
    written = template.const if isinstance(template.const, str) else None
    if written is not None and not given.positional and given.star is None and given.double_star is None:
        names = [name for name in given.keywords if f"${name}" in written or f"${{{name}" in written]
        given = Arguments(keywords={name: given.keywords[name] for name in names})
    pieces = [
        template.but(const=MISSING, prefix=texts.known_prefix(template).partition("$")[0]),
        *given.every(),
    ]
    return texts.concatenated(frame, node, pieces, "put into a text by Template")


@known_as("write_into")
def write_into(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """StringIO.write(): what was written is read again."""
    taints = all_taints(given, receiver)
    if receiver is not None and taints:
        containers.put_back(frame, node, receiver, receiver.but(taints=taints))
    return UNKNOWN


@known_as("same_digest")
def same_digest(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """compare_digest(): what was signed with a key of ours is ours."""
    left, right = given.at(0) or UNKNOWN, given.at(1) or UNKNOWN
    facts = guards.equal_facts(left, right) or guards.about(all_taints(given), WEAKEN)
    return Value(facts=(facts, NO_FACTS))


@known_as("config_read")
def config_read(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """ConfigParser.read_string() of a text of the program."""
    text = given.at(0, "string") or UNKNOWN
    if receiver is None:
        return NONE
    if not isinstance(text.const, str):
        changed = receiver.but(rest=text if receiver.rest is None else join(receiver.rest, text))
        containers.put_back(frame, node, receiver, changed)
        return NONE
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text.const)
    except configparser.Error:
        return NONE
    items = dict(receiver.items or {})
    for section in parser.sections():
        found = {key: constant(value) for key, value in parser.items(section)}
        items[section] = Value(shape="dict", items=dict(found), exact=True)
        items |= {f"{section}\0{key}": value for key, value in found.items()}
    containers.put_back(frame, node, receiver, receiver.but(items=items))
    return NONE


@known_as("config_set")
def config_set(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """ConfigParser.set(section, option, value)."""
    section, option, value = (
        given.at(n, name) or UNKNOWN for n, name in enumerate(("section", "option", "value"))
    )
    if receiver is None:
        return NONE
    if isinstance(section.const, str) and isinstance(option.const, str):
        changed = receiver.but(
            items={**(receiver.items or {}), f"{section.const}\0{option.const.lower()}": value}
        )
    else:
        changed = receiver.but(rest=value if receiver.rest is None else join(receiver.rest, value))
    containers.put_back(frame, node, receiver, changed)
    return NONE


@known_as("config_get")
def config_get(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """ConfigParser.get(section, option)."""
    if receiver is None:
        return UNKNOWN
    section, option = given.at(0, "section") or UNKNOWN, given.at(1, "option") or UNKNOWN
    if isinstance(section.const, str) and isinstance(option.const, str):
        found = (receiver.items or {}).get(f"{section.const}\0{option.const.lower()}")
        if found is not None:
            return found if receiver.rest is None else join(found, receiver.rest)
        return receiver.rest or Value(receiver.taints)
    return element(receiver)


@known_as("join_path")
def join_path(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """os.path.join(), Path.joinpath()."""
    pieces = [
        *([receiver] if receiver is not None and receiver.name.startswith("@pathlib") else []),
        *given.every(),
    ]
    if all(isinstance(one.const, str) for one in pieces):
        return constant("/".join(str(one.const).rstrip("/") for one in pieces))
    if given.star is not None:  # any number of parts: `..` and `..`
        pieces[-1] = given.star.but(taints=tuple(strings.rejoined(one, "/") for one in given.star.taints))
    name = "@pathlib.Path" if "pathlib" in callee.name else ""
    return texts.concatenated(frame, node, pieces, "joined into a path").but(name=name)


@known_as("split_path")
def split_path(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """os.path.split(): the folder, and the name below it."""
    taints = deep_taints(given.at(0) or UNKNOWN)
    name = Value(tuple(one.with_cleaned(kinds.mask("path")) for one in taints))
    return Value(shape="tuple", items={0: Value(taints), 1: name}, exact=True)


@known_as("resolve_path")
def resolve_path(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """realpath(), resolve(), normpath(): a path without `..`, which may still lead anywhere."""
    value = (
        receiver if receiver is not None and receiver.name.startswith("@pathlib") else given.at(0) or UNKNOWN
    )
    name = "@pathlib.Path" if receiver is not None and receiver.name.startswith("@pathlib") else ""
    marks = kinds.RESOLVED
    if texts.known_prefix(value).startswith("/"):
        marks |= kinds.ROOTED
    taints = tuple(one.with_cleaned(marks) for one in deep_taints(value))
    return (
        frame.moved(Value(taints, name=name, prefix=""), node, "", "made absolute")
        if taints
        else Value(name=name)
    )


@known_as("common_path")
def common_path(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """os.path.commonpath(), commonprefix()."""
    return Value(all_taints(given), name="@commonpath" if callee.name.endswith("path") else "@commonprefix")


@known_as("relative_path")
def relative_path(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """os.path.relpath(): told relative to a folder; it leads out of that if `..` is at its begin."""
    taints = tuple(one.with_cleaned(kinds.RESOLVED | kinds.BELOW) for one in all_taints(given))
    return frame.moved(Value(taints), node, "", "made relative") if taints else UNKNOWN


@known_as("kept_for_request")
def kept_for_request(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """flask.g.get(name, default)."""
    name, default = given.at(0, "name") or UNKNOWN, given.at(1, "default") or NONE
    holder = callee.name.rpartition(".")[0]
    found = attributes.kept(frame, holder, name.const) if isinstance(name.const, str) else None
    return default if found is None else join(found, default)


@known_as("within")
def within(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """path.is_relative_to(base): contained, if the path was resolved before."""
    if receiver is None:
        return Value(facts=(NO_FACTS, NO_FACTS))
    facts = guards.contained(receiver.taints)
    if not facts:
        return UNKNOWN
    if not all(one.cleaned & kinds.RESOLVED for one in receiver.taints):
        facts = {**facts, **guards.about(receiver.taints, WEAKEN)}
    return Value(facts=(facts, NO_FACTS))


@known_as("relative_to")
def relative_to(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """path.relative_to(base): raises unless contained."""
    if receiver is not None and receiver.taints:
        frame.state.assume(guards.contained(receiver.taints))
    return receiver or UNKNOWN
