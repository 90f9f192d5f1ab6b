"""Reads docstrings with griffe and prints JSON; started by `agents.inspector.analyzers.griffe`.

    python -I griffe_driver.py LIST      LIST holds paths, each ended by a NUL byte

`griffe.visit` parses one file's text and imports nothing; extensions, which are code, are not loaded. Prints
{"unknown": [{path, line, end_line, at, name, names}], "failed": [...]}: parameters that a docstring describes and the
function does not take.
"""

import json
import logging
import sys
from pathlib import Path

import griffe


def main(list_file: str) -> None:
    """Read every file of the list, one at a time, so that one bad file spoils no other."""
    logging.disable(logging.CRITICAL)  # it warns of each parameter without a type
    unknown, failed = [], []
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            source = Path(path).read_text(encoding="utf-8-sig")
            module = griffe.visit("module", filepath=Path(path), code=source)
            unknown += [{"path": path, **one} for one in functions(module, set())]
        except (Exception, RecursionError) as error:
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
    json.dump({"unknown": unknown, "failed": failed}, sys.stdout)


def functions(holder: griffe.Object, seen: set[int]) -> list[dict[str, object]]:
    """Give the functions below a module or class whose docstring describes parameters that they do not have."""
    found: list[dict[str, object]] = []
    for member in holder.members.values():
        if isinstance(member, griffe.Alias) or id(member) in seen:
            continue
        seen.add(id(member))
        if isinstance(member, griffe.Function):
            found += unknown_of(member)
        elif isinstance(member, griffe.Class):
            found += functions(member, seen)
    return found


def unknown_of(function: griffe.Function) -> list[dict[str, object]]:
    """One claim if the docstring describes what the signature lacks. One that takes **anything lacks nothing."""
    if function.docstring is None or not function.docstring.value.strip():
        return []
    kinds = {parameter.kind for parameter in function.parameters}
    if griffe.ParameterKind.var_keyword in kinds or griffe.ParameterKind.var_positional in kinds:
        return []
    taken = {parameter.name for parameter in function.parameters}
    described = [
        str(one.name)
        for section in griffe.parse_auto(function.docstring)
        if section.kind is griffe.DocstringSectionKind.parameters
        for one in section.value
    ]
    names = [name for name in described if name.lstrip("*") not in taken and name.lstrip("*").isidentifier()]
    if not names:
        return []
    first = function.docstring.lineno or function.lineno or 1
    lines = function.docstring.value.split("\n")
    at = next((number for number, line in enumerate(lines) if names[0] in line), 0)
    return [
        {
            "line": function.lineno or 1,
            "at": first + at,
            "end_line": function.docstring.endlineno or first,
            "name": function.path.removeprefix("module."),
            "names": names,
        }
    ]


if __name__ == "__main__":
    main(sys.argv[1])
