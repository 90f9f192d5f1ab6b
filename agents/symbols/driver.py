"""Reads modules with griffe and prints JSON of the shape `agents.symbols.model.Symbols`; started by `reading`.

    python -I driver.py ORDERS [FOLDER...]    ORDERS is JSON: root, modules (name -> path), max_bytes

Files are handed to griffe's visitor one by one: its finder, which reads `.pth` files and search paths, and its
inspection, which imports, are never used.
"""

import ast
import json
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path += sys.argv[2:]  # where griffe lies, if this is not the Python that it was installed for

import griffe

from agents.drivers.files import clean, read
from agents.drivers.visiting import SAID, Listener, resolve, short, visit
from agents.pythons import why_unread

Told = dict[str, Any]
Bodies = dict[str, Told]
Function = ast.FunctionDef | ast.AsyncFunctionDef

MAX_TOKENS = 200
NO_ERROR = re.compile(r"^[a-z_]")
LISTS = {
    "parameters",
    "other parameters",
    "type parameters",
    "raises",
    "warns",
    "returns",
    "yields",
    "receives",
    "attributes",
    "functions",
    "classes",
    "modules",
    "type aliases",
}
GOOGLE = {
    "returns_named_value": False,
    "receives_named_value": False,
}  # "int: the sum" tells a type, not a name


def main(orders: dict[str, Any]) -> None:
    """Read every module, then describe what was read."""
    sys.setrecursionlimit(3_000)
    warnings.simplefilter("ignore")  # invalid escapes of the tree are not ours
    griffe.patch_loggers(Listener)
    modules, lines = griffe.ModulesCollection(), griffe.LinesCollection()
    extensions = griffe.load_extensions()
    known, syntax, ends, failed = {}, {}, {}, []
    for name, path in orders["modules"].items():
        try:
            code = read(Path(orders["root"], path), orders["max_bytes"])
            ends[name] = max(1, code.count("\n") + (not code.endswith("\n")))
            syntax[name] = bodies(ast.parse(code), name)
            known[name] = visit(name, path, code, orders["root"], extensions, modules, lines)
            comment(known[name], code.split("\n"))
        except (Exception, RecursionError, MemoryError) as error:  # whatever odd source causes
            syntax.pop(name, None)
            failed.append({"path": path, "reason": why_unread(error)})
    resolve(modules, lines)
    style = style_of(known.values())
    told = []
    for name, module in known.items():
        try:
            one = describe(module, syntax[name], style, name)
        except (Exception, RecursionError) as error:
            path = orders["modules"][name]
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
            continue
        one["line"], one["end_line"] = 1, ends[name]
        exports = module.exports
        one["exported"] = [str(e) for e in exports if isinstance(e, str)] if exports is not None else None
        one["file"] = orders["modules"][name]
        told.append(one)
    answer = {"modules": told, "failed": failed, "style": style, "griffe": version("griffe")}
    json.dump(clean(answer), sys.stdout)


def comment(module: Any, lines: list[str]) -> None:
    """Give attributes that have no docstring the `#:` comment above them, as Sphinx does."""
    waiting = [module]
    while waiting:
        one = waiting.pop()
        for member in one.members.values():
            if member.is_alias or member.is_module:
                continue
            if member.is_class:
                waiting.append(member)
            elif member.is_attribute and member.docstring is None and member.lineno:
                first = last = member.lineno - 1
                while first and lines[first - 1].lstrip().startswith("#:"):
                    first -= 1
                said = [line.lstrip()[2:].removeprefix(" ") for line in lines[first:last]]
                if any(line.strip() for line in said):
                    member.docstring = griffe.Docstring(
                        "\n".join(said), lineno=first + 1, endlineno=last, parent=member
                    )


def style_of(modules: Iterable[Any]) -> str:
    """Name the style that most docstrings with sections have, or ""."""
    counts: Counter[str] = Counter()
    for module in modules:
        waiting = [module]
        while waiting:
            one = waiting.pop()
            if one.is_alias:
                continue
            if one.docstring:
                counts[style_in(one.docstring)] += 1
            waiting += [m for m in one.members.values() if not m.is_alias and not m.is_module]
    counts.pop("", None)
    return counts.most_common(1)[0][0] if counts else ""


def style_in(docstring: Any) -> str:
    """Name the style of one docstring, or ""."""
    style, _ = griffe.infer_docstring_style(docstring)
    return style.value if style else ""


def describe(one: Any, syntax: Bodies, style: str, name: str, depth: int = 0) -> Told:
    """Put a module, class, function or attribute into plain values; `syntax` tells of function bodies."""
    kind = "attribute" if one.kind.value == "type alias" else one.kind.value
    body = syntax.get(name, {}) if kind == "function" else {}
    told = {
        "name": one.name,
        "path": one.path,
        "kind": kind,
        "line": one.lineno or 0,
        "end_line": one.endlineno or 0,
        "public": is_public(one),
        "labels": sorted(one.labels),
        "docstring": documented(one, style),
        "members": [],
    }
    if kind == "class":
        told["bases"] = [tokens(base) for base in one.bases]
    if kind in ("class", "function"):
        told["decorators"] = [short(str(decorator.value)) for decorator in one.decorators]
    if kind == "function":
        told["parameters"] = [parameter(p) for p in one.parameters]
        told["returns"] = tokens(one.returns)
        told["overloads"] = [overload(form) for form in one.overloads or ()]
        told["raises"] = [
            {"name": raised, "target": target_of(one, raised), "line": line}
            for raised, line in body.get("raises", ())
        ]
        told["returns_value"] = body.get("returns", False)
        told["yields"] = body.get("yields", False)
        told["is_stub"] = body.get("stub", False)
    if kind == "attribute":
        told["annotation"] = tokens(getattr(one, "annotation", None))  # `type X = ...` has none
        told["value"] = short(str(one.value)) if one.value is not None else None
    if depth < 20:
        for member in one.members.values():
            below = f"{name}.{member.name}"
            if member.is_alias:
                told["members"] += alias(member)
            elif not member.is_module:
                told["members"].append(describe(member, syntax, style, below, depth + 1))
    return told


def is_public(one: Any) -> bool:
    try:
        return bool(one.is_public)
    except Exception:  # an alias on the way that leads nowhere
        return not one.name.startswith("_")


def alias(member: Any) -> list[Told]:
    """Names imported from elsewhere in the tree; others are nobody's business here."""
    try:
        target = member.final_target
    except (Exception, RecursionError):  # it leads out of the tree, or in a circle
        return []
    return [
        {
            "name": member.name,
            "path": member.path,
            "kind": "alias",
            "line": member.alias_lineno or 0,
            "end_line": member.alias_endlineno or 0,
            "public": is_public(member),
            "target": target.path,
        }
    ]


def parameter(one: Any) -> Told:
    return {
        "name": one.name,
        "kind": one.kind.value if one.kind else "positional or keyword",
        "annotation": tokens(one.annotation),
        "default": short(str(one.default)) if one.default is not None and not is_variadic(one) else None,
    }


def overload(one: Any) -> Told:
    return {
        "parameters": [parameter(p) for p in one.parameters],
        "returns": tokens(one.returns),
        "line": one.lineno or 0,
    }


def is_variadic(one: Any) -> bool:
    return bool(one.kind) and one.kind.value.startswith("variadic")


def tokens(expression: Any) -> list[Any]:
    """Flatten an expression: text, and names with what they stand for."""
    if expression is None:
        return []
    if isinstance(expression, str):
        return [short(expression)]
    found: list[Any] = []
    for part in expression.iterate(flat=True):
        if len(found) > MAX_TOKENS:
            return [*found, "..."]
        if isinstance(part, griffe.ExprName):
            try:
                path = part.canonical_path
            except Exception:  # griffe raises what it likes of a name that leads nowhere
                path = part.name
            found.append([part.name, path])
        elif found and not isinstance(found[-1], list):
            found[-1] += str(part)
        else:
            found.append(str(part))
    return found


def target_of(function: Any, name: str) -> str:
    """The qualified name of an error, or the name as it is written."""
    first, _, rest = name.partition(".")
    try:
        found = function.resolve(first)
    except Exception:  # as above: the name as it is written has to do
        return ""
    return f"{found}.{rest}" if rest else found


def documented(one: Any, default: str) -> Told | None:
    """Parse a docstring into sections, with what griffe says of it."""
    docstring = one.docstring
    if docstring is None or not docstring.value.strip():
        return None
    style = style_in(docstring)
    SAID.clear()
    try:
        parser = style or default or "google"
        sections = docstring.parse(parser, **(GOOGLE if parser == "google" else {}))
    except (Exception, RecursionError) as error:
        SAID.append(f":0: {type(error).__name__}: {error}")
        sections = []
    line = docstring.lineno or one.lineno or 0
    return {
        "text": docstring.value,
        "line": line,
        "end_line": docstring.endlineno or line,
        "style": style,
        "sections": [part for section in sections for part in sectioned(section, docstring, line)],
        "warnings": [warned(said, line) for said in SAID],
    }


def warned(said: str, line: int) -> Told:
    match = re.search(r":(\d+): (.*)", said, re.DOTALL)
    return {"line": int(match[1]) or line, "message": match[2]} if match else {"line": line, "message": said}


def sectioned(section: Any, docstring: Any, line: int) -> list[Told]:
    kind, title = section.kind.value, section.title or ""
    if kind in LISTS:
        items = [item(one, docstring, line) for one in section.value]
        return [{"kind": kind, "title": title, "items": items}]
    if kind == "examples":
        items = [{"name": part.value, "description": text} for part, text in section.value]
        return [{"kind": kind, "title": title, "items": items}]
    if kind in ("admonition", "deprecated"):
        value = section.value
        named = {"name": getattr(value, "kind", "") or str(getattr(value, "version", "") or "")}
        text = getattr(value, "contents", None) or getattr(value, "description", "")
        return [{"kind": kind, "title": title, "text": str(text), "items": [named]}]
    return [{"kind": "text", "title": title, "text": str(section.value)}]


def item(one: Any, docstring: Any, line: int) -> Told:
    name = str(getattr(one, "name", "") or "")
    return {
        "name": name,
        "annotation": tokens(getattr(one, "annotation", None)),
        "default": short(str(getattr(one, "value", None) or "")),
        "description": str(getattr(one, "description", "") or ""),
        "line": line_of(name or str(getattr(one, "annotation", "") or ""), docstring, line),
    }


def line_of(name: str, docstring: Any, line: int) -> int:
    """The line of the file on which a docstring speaks of a name first as an entry, or 0."""
    if not name:
        return 0
    entry = re.compile(
        rf"^\s*(?::\w+\s+(?:[^:]*\s)?)?[`*\\]*{re.escape(name.lstrip('*'))}[`*]*\s*(?:[:(,]|$)"
    )
    for offset, text in enumerate(docstring.value.split("\n")):
        if entry.match(text):
            return line + offset
    return 0


def bodies(tree: ast.Module, module: str) -> Bodies:
    """What each function's own body raises, returns and yields, by its qualified name."""
    found = {}
    waiting = [(node, f"{module}.") for node in reversed(tree.body)]
    while waiting:
        node, prefix = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            name = f"{prefix}{node.name}"
            found[name] = body_of(node)
            waiting += [(child, f"{name}.<locals>.") for child in node.body]
        elif isinstance(node, ast.ClassDef):
            waiting += [(child, f"{prefix}{node.name}.") for child in node.body]
        else:
            waiting += [
                (child, prefix) for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
            ]
    return found


def body_of(function: Function) -> Told:
    raises: dict[str, int] = {}
    returns = yields = False
    waiting: list[tuple[ast.AST, tuple[str, ...]]] = [(child, ()) for child in reversed(function.body)]
    while waiting:
        node, caught = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Raise):
            for name in error_names(node, caught):
                raises.setdefault(name, node.lineno)
        elif isinstance(node, ast.Return) and node.value is not None:
            returns = returns or not (isinstance(node.value, ast.Constant) and node.value.value is None)
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            yields = True
        if isinstance(node, ast.ExceptHandler):
            caught = tuple(filter(None, map(dotted, types_of(node.type))))
        waiting += [(child, caught) for child in reversed(list(ast.iter_child_nodes(node)))]
    return {
        "raises": sorted(raises.items(), key=lambda pair: pair[1]),
        "returns": returns,
        "yields": yields,
        "stub": is_stub(function),
    }


def types_of(node: ast.expr | None) -> list[ast.expr]:
    if node is None:
        return []
    return node.elts if isinstance(node, ast.Tuple) else [node]


def error_names(node: ast.Raise, caught: tuple[str, ...]) -> tuple[str, ...]:
    if node.exc is None:
        return caught
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    name = dotted(raised)
    return (name,) if name and not NO_ERROR.match(name.rpartition(".")[2]) else ()


def dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def is_stub(function: Function) -> bool:
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return all(says_nothing(node) for node in body)


def says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis:
        return True
    return isinstance(node, ast.Raise) and error_names(node, ()) == ("NotImplementedError",)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
