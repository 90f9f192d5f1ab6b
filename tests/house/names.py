"""Do tests and benchmarks import from each other what is there? `python -m tests.house.names`; `./wrench check` asks.

Types are checked in the product alone, so a helper of tests that moved would be missed by whoever reads only that
check. Prints each name that its module does not bind; ends with 1 if there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.house.checkout import ROOT

FOLDERS = ("tests", "benchmarks")
_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def faults(root: Path) -> Iterator[str]:
    """Give `file:line: no name in module` for each import among tests and benchmarks that would fail."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(_parsed(path)):
                if isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module or ""):
                    yield from _missing(root, path, node)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in FOLDERS


def _missing(root: Path, path: Path, node: ast.ImportFrom) -> Iterator[str]:
    module = node.module or ""
    place = root.joinpath(*module.split("."))
    package, single = place / "__init__.py", place.with_suffix(".py")
    file = package if package.is_file() else single
    bound = bound_in(file) if file.is_file() else frozenset()
    for one in node.names:
        has_module = (place / one.name).is_dir() or (place / f"{one.name}.py").is_file()
        if one.name != "*" and one.name not in bound and not has_module:
            yield f"{path.relative_to(root)}:{node.lineno}: no {one.name} in {module}"


@cache
def bound_in(file: Path) -> frozenset[str]:
    """Give the names that the module itself binds, in whatever branch."""
    return frozenset(_bound(_parsed(file)))


def _bound(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.alias):
            yield child.asname or child.name.partition(".")[0]
        elif isinstance(child, _LATER):
            yield getattr(child, "name", "")
            continue
        yield from _bound(child)


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes(), filename=str(file))


def main() -> int:
    """Print what is missing."""
    found = list(faults(ROOT))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
