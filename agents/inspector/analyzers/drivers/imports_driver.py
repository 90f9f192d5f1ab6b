"""Reads the imports of a list of files and prints facts; started by `agents.inspector.analyzers.grimp`.

    python -I imports_driver.py LIST      LIST holds paths, each ended by a NUL byte

grimp finds imports in packages that can be found on `sys.path`; a tree on `sys.path` could be imported. So only its
graph is used, and the imports are read here, by parsing. Prints {"facts": {path: [[module, level, names, line,
line's text]]}, "failed": [...]}: the imports that happen when the module is loaded.
"""

import ast
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path


def main(list_file: str) -> None:
    """Read every file of the list, one at a time, so that one bad file spoils no other."""
    facts, failed = {}, []
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(Path(path).read_text(encoding="utf-8-sig"))
            facts[path] = list(imports(tree))
        except (Exception, RecursionError) as error:
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
    json.dump({"facts": facts, "failed": failed}, sys.stdout)


def imports(tree: ast.Module) -> Iterator[list[object]]:
    """What is imported when the module is loaded: outside of functions, not for type checkers only."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield [alias.name, 0, [], node.lineno]
        elif isinstance(node, ast.ImportFrom):
            yield [node.module or "", node.level, [alias.name for alias in node.names], node.lineno]
        elif isinstance(node, ast.If):
            waiting += node.orelse if for_types_only(node.test) else [*node.body, *node.orelse]
        elif isinstance(node, ast.Try):
            handled = [stmt for one in node.handlers for stmt in one.body]
            waiting += [*node.body, *handled, *node.orelse, *node.finalbody]
        elif isinstance(node, (ast.With, ast.ClassDef)):
            waiting += node.body


def for_types_only(test: ast.expr) -> bool:
    """True for `if TYPE_CHECKING:`."""
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


if __name__ == "__main__":
    main(sys.argv[1])
