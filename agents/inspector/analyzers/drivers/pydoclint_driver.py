"""Runs pydoclint over a list of files and prints JSON; started by `agents.inspector.analyzers.pydoclint`.

    python -I pydoclint_driver.py LIST      LIST holds paths, each ended by a NUL byte

pydoclint's own command reads pyproject.toml, wants to be told one style for all files, and writes to stderr. Here
each file is read in the style that most of its docstrings have; one without a list of parameters has nothing to
drift from.
Prints {"violations": [{path, line, code, message}], "failed": [...]}.
"""

import ast
import json
import re
import runpy
import sys
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

# A mark of each style, at the beginning of a line of a docstring.
STYLES = {
    "sphinx": re.compile(r"^\s*:(?:param|type|returns?|rtype|raises?|yields?)\b", re.MULTILINE),
    "google": re.compile(r"^\s*(?:Args|Arguments|Returns|Yields|Raises):\s*$", re.MULTILINE),
    "numpy": re.compile(r"^\s*(?:Parameters|Returns|Yields|Raises)\n\s*-{3,}\s*$", re.MULTILINE),
}
# What contradicts the code. What is merely not documented is another question (and mostly noise).
DRIFT = frozenset({102, 103})


def main(list_file: str) -> None:
    """Check every file of the list, one at a time, so that one bad file spoils no other."""
    warnings.simplefilter("ignore")
    violations, failed = [], []
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            source = Path(path).read_text(encoding="utf-8-sig")
            style = style_of(source)
            if style:
                tree = ast.parse(source)
                found = check(path, style)
                open_ended = takes_anything(tree) if found else set()
                told_above = classes_that_tell(tree) if found else {}
                violations += [
                    {"path": path, **one, "line": told_above.get(one["line"], one["line"])}
                    for one in found
                    if one["line"] not in open_ended
                ]
        except (Exception, RecursionError) as error:
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
    json.dump({"violations": violations, "failed": failed}, sys.stdout)


def style_of(source: str) -> str:
    """The style with most marks, or "" if there is none."""
    counts = {name: len(mark.findall(source)) for name, mark in STYLES.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else ""


def takes_anything(tree: ast.Module) -> set[int]:
    """Lines of functions with *args or **kwargs: whatever their docstring describes, they take it."""
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.args.vararg or node.args.kwarg)
    }


def classes_that_tell(tree: ast.Module) -> dict[int, int]:
    """Line of a constructor without a docstring -> line of its class, whose docstring is compared with it."""
    return {
        made.lineno: node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and ast.get_docstring(node, clean=False)
        for made in node.body
        if isinstance(made, ast.FunctionDef) and made.name == "__init__" and not ast.get_docstring(made)
    }


def check(path: str, style: str) -> list[dict[str, Any]]:
    """Where docstrings contradict their functions."""
    found = _pydoclint()._checkFile(
        Path(path),
        style=style,
        argTypeHintsInSignature=False,
        argTypeHintsInDocstring=False,
        checkArgOrder=False,
        skipCheckingRaises=True,
        allowInitDocstring=True,
        checkReturnTypes=False,
        checkYieldTypes=False,
        checkClassAttributes=False,
        shouldDocumentStarArguments=False,
    )
    return [{"line": one.line, "code": one.code, "message": one.msg} for one in found if one.code in DRIFT]


@cache
def _pydoclint() -> Any:
    """The part of pydoclint that checks. Its command line, and who asks for its version, are not made ready."""
    spec = find_spec("pydoclint")
    assert spec is not None
    sys.modules["pydoclint"] = module_from_spec(spec)  # the bare package: its parts can be imported
    vars(sys.modules["pydoclint"])["__version__"] = ""
    for name in ("click", "click.core"):
        sys.modules[name] = _NoCommandLine(name)
    without_sessions = runpy.run_path(str(Path(__file__).with_name("sessions.py")))["without_sessions"]
    for name in ("pydoclint.visitor", "pydoclint.utils.visitor_helper"):
        reader = import_module(name)
        vars(reader)["getDocstring"] = _first(reader.getDocstring, without_sessions)
    return import_module("pydoclint.main")


def _first(read: Callable[[ast.AST], str], change: Callable[[str], str]) -> Callable[[ast.AST], str]:
    return lambda node: change(read(node))


class _NoCommandLine(ModuleType):
    """Stand in for click: whatever is asked of it does nothing and can be called."""

    def __getattr__(self, name: str) -> Any:
        return _nothing


def _nothing(*_: object, **__: object) -> Any:
    return _nothing


if __name__ == "__main__":
    main(sys.argv[1])
