"""What an endpoint is, and the view of a file that every reader of routes works on."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from agents.documentation.imported import imported, module_of
from agents.statements import statements

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_BRACED = re.compile(r"\{(\w+)(?::\w+)?\}")
_ANGLED = re.compile(r"<(?:(\w+)(?:\([^>]*\))?:)?(\w+)>")
_TYPES = {"int": "integer", "float": "number", "uuid": "uuid", "path": "path", "slug": "slug"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One part of the path that varies."""

    name: str
    kind: str = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path that is served. `methods` is empty where the code does not restrict them. Paths have `{name}`."""

    path: str
    methods: tuple[str, ...]
    view: str
    file: str
    line: int
    framework: str
    name: str = ""
    doc: str = ""
    parameters: tuple[Parameter, ...] = ()


@dataclass(slots=True, kw_only=True)
class Source:
    """A parsed file: its imports as local name -> dotted, and what its top level defines."""

    path: str
    tree: ast.Module
    names: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, ast.stmt] = field(default_factory=dict)
    constants: Mapping[str, ast.expr] = field(default_factory=dict)  # what its top level binds once
    others: Mapping[str, Source] = field(default_factory=dict)  # the tree's files, by dotted module

    @property
    def module(self) -> str:
        """Its dotted name, as from the tree's root."""
        return module_of(self.path)


def parsed(path: str, text: str) -> Source:
    """Parse a file. Raises what `ast.parse` raises."""
    tree = ast.parse(text)
    definitions: dict[str, ast.stmt] = {}
    for node in statements(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            definitions[node.name] = node
    return Source(
        path=path, tree=tree, names=imported(tree, path), definitions=definitions, constants=_constants(tree)
    )


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """The names that a file's top level binds to an expression, once."""
    found: dict[str, ast.expr] = {}
    again: set[str] = set()
    for node in statements(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name):
                again.update([target.id] if target.id in found or isinstance(node, ast.AugAssign) else ())
                if isinstance(value, ast.expr):
                    found[target.id] = value
    return {name: value for name, value in found.items() if name not in again}


def dotted(node: ast.expr | None, source: Source) -> str:
    """The dotted name that an expression stands for, through the file's imports, or ""."""
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value, source)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, ast.Name):
        return source.names.get(
            node.id, f"{source.module}.{node.id}" if node.id in source.definitions else node.id
        )
    return ""


def text_of(node: ast.expr | None) -> str | None:
    """The constant text of an expression, or None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


MAX_FOLDED = 12  # expressions within expressions, names of names


def folded(node: ast.expr | None, source: Source, depth: int = 0) -> str | None:
    """The text of an expression of constants: f-strings, +, % and format() of texts and of names that are bound to
    such, in this file or in another of the tree; None if a part of it is computed.
    """
    if node is None or depth > MAX_FOLDED:
        return None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name | ast.Attribute):
        return _named(node, source, depth + 1)
    if isinstance(node, ast.JoinedStr):
        return _all(node.values, source, depth + 1)
    if isinstance(node, ast.FormattedValue):
        return None if node.format_spec or node.conversion > 0 else _shown(node.value, source, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _all([node.left, node.right], source, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return _filled("%s", folded(node.left, source, depth + 1), given, source, depth + 1)
    called = node.func if isinstance(node, ast.Call) and not node.keywords else None
    if isinstance(node, ast.Call) and isinstance(called, ast.Attribute) and called.attr == "format":
        return _filled("{}", folded(called.value, source, depth + 1), node.args, source, depth + 1)
    return None


def _all(parts: list[ast.expr], source: Source, depth: int) -> str | None:
    texts = [folded(part, source, depth) for part in parts]
    return "".join(text for text in texts if text is not None) if None not in texts else None


def _filled(mark: str, text: str | None, given: list[ast.expr], source: Source, depth: int) -> str | None:
    """A text with its marks replaced, if there are as many as expressions and no others."""
    pieces = text.split(mark) if text is not None else []
    values = [_shown(one, source, depth) for one in given]
    if len(pieces) != len(values) + 1 or None in values or mark[0] in "".join(pieces):
        return None
    return pieces[0] + "".join(f"{value}{piece}" for value, piece in zip(values, pieces[1:], strict=True))


def _shown(node: ast.expr, source: Source, depth: int) -> str | None:
    """What an expression looks like within a text: numbers, too."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return str(node.value)
    if isinstance(node, ast.Name) and node.id in source.constants:
        return _shown(source.constants[node.id], source, depth + 1) if depth < MAX_FOLDED else None
    return folded(node, source, depth)


def _named(node: ast.Name | ast.Attribute, source: Source, depth: int) -> str | None:
    if isinstance(node, ast.Name) and node.id in source.constants and node.id not in source.names:
        return folded(source.constants[node.id], source, depth)
    module, _, name = dotted(node, source).rpartition(".")
    home = source.others.get(near(module, source.others))
    if module == "django.conf.settings":
        home = _settings(name, source)
    if home is None or name not in home.constants:
        return None
    return folded(home.constants[name], home, depth)


def near(module: str, modules: Collection[str]) -> str:
    """Find a module in the tree, or in the only folder of it that may be the import root. Else ""."""
    if module in modules or not module:
        return module
    below = [name for name in modules if name.endswith(f".{module}")]
    return below[0] if len(below) == 1 else ""


def _settings(name: str, source: Source) -> Source | None:
    """The only file of settings that binds a name."""
    found = [
        other
        for module, other in source.others.items()
        if "settings" in module.split(".")[-2:] and name in other.constants
    ]
    return found[0] if len(found) == 1 else None


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    """An argument of a call by its place or its name."""
    if place < len(call.args) and not any(isinstance(item, ast.Starred) for item in call.args[: place + 1]):
        return call.args[place]
    return next((word.value for word in call.keywords if word.arg == name), None)


def texts_of(node: ast.expr | None) -> tuple[str, ...]:
    """The constant texts of a list, tuple or set."""
    items = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []
    return tuple(text for item in items if (text := text_of(item)) is not None)


def joined(*parts: str) -> str:
    """Put parts of a path together, with one slash between them."""
    path = ""
    for part in parts:
        path = f"{path.rstrip('/')}/{part.lstrip('/')}" if part else path
    return path or "/"


def braced(path: str) -> tuple[str, tuple[Parameter, ...]]:
    """Turn `<int:pk>` and `{pk:path}` into `{pk}`, with the parameters in their order."""
    found: dict[str, str] = {}

    def angled(match: re.Match[str]) -> str:
        found[match[2]] = _TYPES.get(match[1] or "", "string")
        return "{" + match[2] + "}"

    path = _ANGLED.sub(angled, path)
    for match in _BRACED.finditer(path):
        found.setdefault(match[1], "path" if ":path" in match[0] else "string")
    return _BRACED.sub(lambda match: "{" + match[1] + "}", path), tuple(
        Parameter(name=name, kind=kind) for name, kind in found.items()
    )


def first_line(node: ast.AST | None) -> str:
    """The first line of a definition's docstring."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (ast.get_docstring(node) or "").split("\n")[0]
    return ""


def calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    """All calls below some statements, in the order of the text."""
    found = [node for item in body for node in ast.walk(item) if isinstance(node, ast.Call)]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))
