"""What the names of a file stand for, by its imports and its place in the tree. For files that were parsed."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath


def module_of(path: str) -> str:
    """The dotted name of a file, as from the tree's root."""
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts and parts[-1] == "__init__" else parts)


def imported(tree: ast.Module, path: str) -> dict[str, str]:
    """Local name -> dotted name, of everything that a file imports anywhere."""
    names: dict[str, str] = {}
    package = module_of(path).split(".")
    if not path.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                names[alias.asname or alias.name] = f"{start}.{alias.name}" if start else alias.name
    return names
