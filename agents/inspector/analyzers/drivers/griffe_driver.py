"""Reads docstrings with griffe and prints JSON; started by `agents.inspector.analyzers.griffe`.

    python -I griffe_driver.py LIST      LIST holds paths, each ended by a NUL byte

`griffe.visit` parses one file's text and imports nothing; extensions, which are code, are not loaded, and neither is
what of griffe looks for packages, asks git or draws: half of what it is. Prints
{"unknown": [{path, line, end_line, at, name, names}], "failed": [...]}: parameters that a docstring describes and the
function does not take.
"""

import importlib.util
import json
import logging
import re
import runpy
import sys
from pathlib import Path

_SPEC = importlib.util.find_spec("griffe")
assert _SPEC is not None
sys.modules["griffe"] = importlib.util.module_from_spec(_SPEC)  # the bare package: its parts can be imported

from griffe._internal.agents.visitor import visit  # noqa: E402 - after the whole of it was taken away
from griffe._internal.docstrings.auto import parse_auto  # noqa: E402 - as above
from griffe._internal.enumerations import DocstringSectionKind, ParameterKind  # noqa: E402 - as above
from griffe._internal.models import Alias, Class, Function, Object  # noqa: E402 - as above

without_sessions = runpy.run_path(str(Path(__file__).with_name("sessions.py")))["without_sessions"]
# How a sentence below a list begins, which is then taken for an entry of it.
PROSE = frozenset(
    {
        "Note",
        "Notes",
        "Warning",
        "Example",
        "Examples",
        "Returns",
        "Yields",
        "Raises",
        "See",
        "This",
        "The",
        "If",
    }
)
# a handler may describe what it reads of them, as if those were its own
REQUESTS = frozenset({"request", "req"})


def main(list_file: str) -> None:
    """Read every file of the list, one at a time, so that one bad file spoils no other."""
    logging.disable(logging.CRITICAL)  # it warns of each parameter without a type
    unknown, failed = [], []
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            source = Path(path).read_text(encoding="utf-8-sig")
            module = visit("module", filepath=Path(path), code=source)
            unknown += [{"path": path, **one} for one in functions(module, set(), source.split("\n"))]
        except (Exception, RecursionError) as error:
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
    json.dump({"unknown": unknown, "failed": failed}, sys.stdout)


TYPES = frozenset(
    {"str", "int", "float", "bool", "bytes", "dict", "list", "tuple", "set", "object", "callable", "type"}
)


def functions(holder: Object, seen: set[int], source: list[str]) -> list[dict[str, object]]:
    """Give what is below a module or class and has a docstring of parameters that it does not take."""
    found: list[dict[str, object]] = []
    for member in holder.members.values():
        if isinstance(member, Alias) or id(member) in seen:
            continue
        seen.add(id(member))
        if isinstance(member, Function):
            found += unknown_of(member, member, source)
        elif isinstance(member, Class):
            made = member.members.get("__init__")
            if isinstance(made, Function) and "__new__" not in member.members:
                found += unknown_of(member, made, source)
            found += functions(member, seen, source)
    return found


def unknown_of(holder: Function | Class, function: Function, source: list[str]) -> list[dict[str, object]]:
    """One claim if a docstring describes what the signature lacks. One that takes **anything lacks nothing."""
    docstring = holder.docstring
    if docstring is None or not docstring.value.strip():
        return []
    kinds = {parameter.kind for parameter in function.parameters}
    if ParameterKind.var_keyword in kinds or ParameterKind.var_positional in kinds:
        return []
    taken = {parameter.name for parameter in function.parameters}
    docstring.value = without_sessions(docstring.value)
    described = [
        str(one.name)
        for section in parse_auto(docstring)
        if section.kind is DocstringSectionKind.parameters
        for one in section.value
    ]
    names = [
        name
        for name in described
        if name.lstrip("*") not in taken and name.lstrip("*").isidentifier() and name not in PROSE
    ]
    if not names:
        return []
    first = docstring.lineno or holder.lineno or 1
    lines = [line for line in (line_of(name, docstring.value, first) for name in names) if line]
    return [
        {
            "line": holder.lineno or 1,
            "at": min(lines, default=first),
            "end_line": docstring.endlineno or first,
            "name": holder.path.removeprefix("module."),
            "names": names,
            "of_types": all(name in TYPES for name in names),  # `:param header str:`, the other way round
            "of_request": (taken.isdisjoint(described) and not taken.isdisjoint(REQUESTS))
            or are_read_of_request(names, source[function.lineno or 0 : function.endlineno or 0]),
        }
    ]


def are_read_of_request(names: list[str], body: list[str]) -> bool:
    """Tell whether a function sets each of these by what it reads of the request that its framework keeps."""
    text = "\n".join(body)
    read = r"\s*(?::[^=\n]+)?=[^=\n].*\b(?:request|req)\b"
    return all(re.search(rf"^\s*{re.escape(name)}{read}", text, re.MULTILINE) for name in names)


def line_of(name: str, docstring: str, first: int) -> int:
    """The line on which a docstring speaks of a name first as an entry, or 0.

    As `agents.symbols.driver` has it, so that a claim has one identity whoever makes it.
    """
    entry = re.compile(
        rf"^\s*(?::\w+\s+(?:[^:]*\s)?)?[`*\\]*{re.escape(name.lstrip('*'))}[`*]*\s*(?:[:(,]|$)"
    )
    for offset, text in enumerate(docstring.split("\n")):
        if entry.match(text):
            return first + offset
    return 0


if __name__ == "__main__":
    main(sys.argv[1])
