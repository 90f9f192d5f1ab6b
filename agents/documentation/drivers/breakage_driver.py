"""Compares the public API of two trees with griffe; started by `agents.documentation.changelog.breakages`.

    python -I breakage_driver.py ORDERS [FOLDER...]

ORDERS is JSON: {"old": {"root", "modules": {name: path}}, "new": ..., "max_bytes"}.

Files are parsed, nothing is imported or executed; a file that cannot be read spoils no other. Prints JSON:
{"griffe", "breakages": [{kind, path, what, old, new, old_file, old_line, new_file, new_line}], "failed": {side: []}}.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path += sys.argv[2:]  # where griffe lies, if this is not the Python that it was installed for

import griffe

from agents.drivers.files import clean, read
from agents.drivers.visiting import Listener, resolve, short, visit

MAX_BREAKAGES = 5_000
Known = dict[str, griffe.Module]


def main(orders: dict[str, Any]) -> None:
    """Read both trees, then compare module by module."""
    sys.setrecursionlimit(3_000)
    warnings.simplefilter("ignore")  # invalid escapes of the trees are not ours
    griffe.patch_loggers(Listener)
    failed: dict[str, list[dict[str, str]]] = {"old": [], "new": []}
    old, new = (loaded(orders[side], orders["max_bytes"], failed[side]) for side in ("old", "new"))
    broken = {one["path"] for one in failed["new"]}
    told: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, module in old.items():
        if not is_public(name):
            continue
        if name not in new and orders["old"]["modules"][name] in broken:
            continue  # it is there, and nobody can say what it holds
        for one in compared(name, module, new, orders):
            told.setdefault((one["kind"], one["path"], one["what"]), one)
        if len(told) >= MAX_BREAKAGES:
            break
    answer = {"griffe": version("griffe"), "breakages": list(told.values())[:MAX_BREAKAGES], "failed": failed}
    json.dump(clean(answer), sys.stdout)


def loaded(side: dict[str, Any], limit: int, failed: list[dict[str, str]]) -> Known:
    """Read the modules of one tree."""
    modules, lines = griffe.ModulesCollection(), griffe.LinesCollection()
    extensions = griffe.load_extensions()
    known = {}
    for name, path in side["modules"].items():
        try:
            code = read(Path(side["root"], path), limit)
            known[name] = visit(name, path, code, side["root"], extensions, modules, lines)
        except (Exception, RecursionError, MemoryError) as error:  # whatever odd source causes
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
    resolve(modules, lines)
    return known


def is_public(name: str) -> bool:
    """Tell whether people may import a module by that name."""
    return not any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def compared(name: str, old: griffe.Module, new: Known, orders: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What worked with the old module and does not with the new one."""
    path = orders["old"]["modules"][name]
    if name not in new:
        yield {"kind": "module removed", "path": name, "what": "", "old": "", "new": "", "old_file": path,
               "old_line": 1, "new_file": "", "new_line": 0}  # fmt: skip
        return
    try:
        for breakage in griffe.find_breaking_changes(old, new[name]):
            one = described(breakage, orders)
            if is_public(one["path"].rpartition(".")[0]) and not is_idle(breakage, one):
                yield one
    except (Exception, RecursionError) as error:
        kind = f"cannot be compared: {type(error).__name__}"
        yield {"kind": kind, "path": name, "what": "", "old": "", "new": "", "old_file": path, "old_line": 1,
               "new_file": "", "new_line": 0}  # fmt: skip


def is_idle(breakage: griffe.Breakage, one: dict[str, Any]) -> bool:
    """Tell whether it breaks nobody: `object` is every class's base, `__self` no name that a caller gives."""
    if breakage.kind is griffe.BreakageKind.CLASS_REMOVED_BASE:
        return set(map(str, breakage.old_value)) - set(map(str, breakage.new_value)) <= {"object"}
    return one["what"].startswith("__") or one["what"] in ("self", "cls")


def described(breakage: griffe.Breakage, orders: dict[str, Any]) -> dict[str, Any]:
    """Put a breakage into plain values."""
    obj: Any = breakage.obj
    kind = breakage.kind.value.lower()
    removed = breakage.kind is griffe.BreakageKind.OBJECT_REMOVED
    file, line = place(obj, orders["old" if removed else "new"]["root"])
    side = "old" if removed else "new"
    named = breakage.old_value or breakage.new_value
    return {
        "kind": "module removed" if removed and not obj.is_alias and obj.is_module else kind,
        "path": str(obj.path),
        "what": str(getattr(named, "name", "") or "") if "parameter" in kind else "",
        "old": "" if removed else value(breakage.kind, breakage.old_value),
        "new": "" if removed else value(breakage.kind, breakage.new_value),
        "old_file": "", "old_line": 0, "new_file": "", "new_line": 0,
    } | {f"{side}_file": file, f"{side}_line": line}  # fmt: skip


def place(obj: Any, root: str) -> tuple[str, int]:
    """File and line of an object, relative to its tree."""
    try:
        line = (obj.alias_lineno if obj.is_alias else obj.lineno) or 1
        holder = obj.parent if obj.is_alias else obj
        return Path(holder.filepath).relative_to(root).as_posix(), line
    except Exception:  # an alias that leads nowhere; a package without a file
        return "", 0


def value(kind: griffe.BreakageKind, given: Any) -> str:
    """What was, or is now, as text: of a parameter only what has changed; "" where the kind says it all."""
    if isinstance(given, griffe.Parameter):
        if kind is griffe.BreakageKind.PARAMETER_CHANGED_DEFAULT:
            return short(str(given.default))
        if kind is griffe.BreakageKind.PARAMETER_CHANGED_KIND and given.kind:
            return given.kind.value
        return ""
    if isinstance(given, list):
        return short(", ".join(map(str, given)))
    return "" if given is None else short(str(getattr(given, "value", given)))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
