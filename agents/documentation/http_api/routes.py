"""What an endpoint is, and the view of a file that every reader of routes works on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agents.documentation.imported import imported, module_of

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

    @property
    def module(self) -> str:
        """Its dotted name, as from the tree's root."""
        return module_of(self.path)


def parsed(path: str, text: str) -> Source:
    """Parse a file. Raises what `ast.parse` raises."""
    tree = ast.parse(text)
    definitions: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            definitions[node.name] = node
    return Source(path=path, tree=tree, names=imported(tree, path), definitions=definitions)


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
