"""How many public names of a Python file there are, and how many say what they are for.

What counts is what the Documentation agent's report counts (`agents.documentation.coverage`), so that the two tell
the same share: both ask `agents.documented`. Names are public by `__all__`, else without an underscore.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence

from agents.conventions import is_migration, is_test
from agents.documented import is_wanted_of, is_wanted_of_module
from agents.statements import statements

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef  # as types and for isinstance()


def documented(path: str, text: str) -> tuple[int, int]:
    """Count a file's public names, and those with a docstring; none of a file that does not count or parse."""
    if not path.endswith(".py") or is_test(path) or is_migration(path):
        return 0, 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the project's invalid escapes are not ours
            module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0, 0  # the analyzers name what does not parse
    said = [ast.get_docstring(one, clean=False) is not None for one in _public(module, path)]
    return len(said), sum(said)


def _public(module: ast.Module, path: str) -> Iterator[ast.Module | _Definition]:
    has_docstring = ast.get_docstring(module, clean=False) is not None
    if is_wanted_of_module(path, defines=_binds(module.body), has_docstring=has_docstring):
        yield module
    exported = _exported(module)
    own = _defined(module.body)
    waiting = [(one, False) for one in own if one.name in exported] if exported else _open(own, module.body)
    while waiting:
        one, in_class = waiting.pop()
        decorators = [ast.unparse(each) for each in one.decorator_list]
        is_class = isinstance(one, ast.ClassDef)
        if not is_wanted_of(one.name, decorators, is_class=is_class, in_class=in_class):
            continue
        yield one
        if is_class:
            waiting += [(part, True) for part, _ in _open(_defined(one.body), one.body)]


def _open(own: Iterable[_Definition], body: Sequence[ast.stmt]) -> list[tuple[_Definition, bool]]:
    """Leave out what is private, and what stands in for a name that the body imports."""
    imported = _imported(body)
    return [(one, False) for one in own if not one.name.startswith("_") and one.name not in imported]


def _defined(body: Sequence[ast.stmt]) -> list[_Definition]:
    """Give what a body defines, below conditions too; of one name the last."""
    found: dict[str, _Definition] = {}
    for node in statements(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
    return list(found.values())


def _imported(body: Sequence[ast.stmt]) -> set[str]:
    imports = [node for node in statements(body) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(name.asname or name.name).partition(".")[0] for node in imports for name in node.names}


def _binds(body: Sequence[ast.stmt]) -> bool:
    """Tell whether a body binds a name, other than one that it imports, too."""
    imported = _imported(body)
    for node in statements(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return True
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and any(
            isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) and part.id not in imported
            for target in targets
            if target
            for part in ast.walk(target)
        ):
            return True
    return False


def _exported(module: ast.Module) -> set[str]:
    """Give the names of `__all__`, as far as it is written in lists."""
    found: set[str] = set()
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
            found |= {
                one.value
                for one in ast.walk(node)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
    return found
