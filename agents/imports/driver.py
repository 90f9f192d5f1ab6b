"""Reads the imports of files and prints facts; started by `agents.imports.reading`.

    python -I driver.py ORDERS      ORDERS is JSON: root, files (paths), max_bytes

Prints {"facts": {path: [[module, level, names, line, when]]}, "failed": [{path, reason}]}. `when` is "load" for an
import that happens when the module is loaded, "deferred" inside of a function, "types" for type checkers only.
"""

import ast
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from agents.drivers.files import clean, read
from agents.pythons import why_unread


def main(orders: dict[str, Any]) -> None:
    """Read every file by itself, so that one bad file spoils no other."""
    sys.setrecursionlimit(3_000)
    warnings.simplefilter("ignore")
    facts, failed = {}, []
    for path in orders["files"]:
        try:
            tree = ast.parse(read(Path(orders["root"], path), orders["max_bytes"]))
            facts[path] = list(imports(tree))
        except (Exception, RecursionError, MemoryError) as error:  # whatever odd source causes
            failed.append({"path": path, "reason": why_unread(error)})
    json.dump(clean({"facts": facts, "failed": failed}), sys.stdout)


def imports(tree: ast.Module) -> Iterator[list[object]]:
    """Every import, with when it happens."""
    waiting: list[tuple[ast.AST, str]] = [(node, "load") for node in reversed(tree.body)]
    while waiting:
        node, when = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield [alias.name, 0, [], node.lineno, when]
        elif isinstance(node, ast.ImportFrom):
            yield [node.module or "", node.level, [alias.name for alias in node.names], node.lineno, when]
        elif isinstance(node, ast.If) and for_types_only(node.test):
            waiting += [(one, when) for one in reversed(node.orelse)]
            waiting += [(one, "types" if when == "load" else when) for one in reversed(node.body)]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += [(one, "deferred") for one in reversed(node.body)]
        elif isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            below = [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr)]
            waiting += [(one, when) for one in reversed(below)]


def for_types_only(test: ast.expr) -> bool:
    """True for `if TYPE_CHECKING:`."""
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
