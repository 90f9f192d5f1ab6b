"""Runs vulture over a list of files and prints facts; started by `agents.inspector.analyzers.vulture`.

    python -I vulture_driver.py LIST      LIST holds paths, each ended by a NUL byte

vulture's own command reads pyproject.toml and judges all files at once. Here each file is scanned alone and tells
what it defines and which names it uses; who compares the two over all files is the analyzer. So the facts of a
file depend on nothing but the file. Prints {"facts": {path: {...}}, "failed": [...]}.
"""

import ast
import contextlib
import io
import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

_CONFIG = ModuleType(
    "vulture.config"
)  # of the command line, with a reader of settings; nobody asks for either
vars(_CONFIG).update(InputError=ValueError, make_config=None)
sys.modules["vulture.config"] = _CONFIG

from vulture.core import Vulture  # noqa: E402 - after what it would import was taken away
from vulture.utils import ExitCode  # noqa: E402 - as above

KINDS = ("defined_classes", "defined_funcs", "defined_methods", "defined_props")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
UNREACHED = re.compile(
    r"(?i)^AssertionError\b|unreach|not reached|never (?:be )?reached|should never|impossible|can(?:'t|not) happen"
)
NEVER = re.compile(r"\b(?:assert_never|assert_unreachable|assertNever)$|^(?:pytest|self)\.fail$")
REMARK = re.compile(r"(?i)\s*#\s*(?!noqa|nosec|pragma|type:|pylint|fmt:|todo|fixme|xxx|hack)\w[^:=()]*\s\w")
LOOKS_UP = frozenset(
    {"getattr", "hasattr", "getattr_static", "attrgetter", "methodcaller", "globals", "locals", "vars"}
)
LONGEST_STRING = 120  # a longer text is prose; a name in it is no use


def main(list_file: str) -> None:
    """Scan every file of the list, one at a time, so that one bad file spoils no other."""
    facts, failed = {}, []
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            facts[path] = facts_of(path)
        except (Exception, RecursionError) as error:
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
    json.dump({"facts": facts, "failed": failed}, sys.stdout)


class _Scanner(Vulture):  # type: ignore[misc]  # the package has no types
    """vulture, which keeps the tree that it looks at: a second parse costs as much as the look."""

    tree: ast.Module | None = None

    def visit_Module(self, node: ast.Module) -> None:
        """Keep the whole, of which all parts have been looked at."""
        self.tree = node


def facts_of(path: str) -> dict[str, object]:
    """What one file defines, uses and can never reach. Raises ValueError if it cannot be parsed."""
    source = Path(path).read_text(encoding="utf-8-sig")
    scanner = _Scanner()
    said = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stderr(said):
        warnings.simplefilter("ignore")
        scanner.scan(source, path)
        if scanner.exit_code is not ExitCode.NoDeadCode:
            raise ValueError(said.getvalue().strip() or "cannot be parsed")
        tree = scanner.tree or ast.parse(source)
    shapes, meant, lines = shapes_of(tree), generators_of(tree) | ends_of(tree), source.split("\n")
    return {
        "defined": [
            [
                item.name,
                item.typ,
                item.first_lineno,
                item.last_lineno,
                shapes.get((item.last_lineno, item.name), ""),
            ]
            for kind in KINDS
            for item in getattr(scanner, kind)
        ],
        "unreachable": [
            [
                item.message or f"unreachable code after '{item.name}'",
                item.first_lineno,
                item.last_lineno,
                is_explained(lines, item.first_lineno),
            ]
            for item in scanner.unreachable_code
            if (item.first_lineno, item.last_lineno) not in meant
            and not is_said_to_be_unreached(lines, item.first_lineno)
        ],
        "used": sorted(scanner.used_names | words_of(tree)),
        "begins": sorted(begins_of(tree)),
    }


def is_said_to_be_unreached(lines: list[str], first: int) -> bool:
    """Tell whether a remark above a `raise` says that nobody comes there: it is for checkers of types."""
    above = lines[first - 2].strip() if first > 1 else ""
    is_end = lines[first - 1].strip().startswith(("raise ", "assert "))
    return (
        is_end
        and above.startswith("#")
        and re.search(r"(?i)never|unreach|mypy|type check", above) is not None
    )


def begins_of(tree: ast.Module) -> set[str]:
    """How names begin that are put together where one is looked up: `getattr(self, f"_execute_{kind}")`."""
    firsts: list[ast.expr] = []
    for node in looking_up(tree):
        if isinstance(node, ast.JoinedStr) and len(node.values) > 1:
            firsts.append(node.values[0])
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            firsts.append(node.left)
    texts = [one.value for one in firsts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return {text for text in texts if text.endswith("_") and len(text) > 2 and IDENTIFIER.fullmatch(text)}


def looking_up(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands in the functions, or at the top, where something is looked up by its name."""
    for scope in ast.walk(tree):
        if isinstance(scope, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = own_nodes(scope)
            calls = (node.func for node in inside if isinstance(node, ast.Call))
            if any(getattr(call, "id", getattr(call, "attr", "")) in LOOKS_UP for call in calls):
                yield from inside


def is_explained(lines: list[str], first: int) -> bool:
    """Tell whether a comment opens what is switched off: above its first line, or below an `if False:`."""
    if lines[first - 1].strip().startswith(("if ", "elif ", "while ")):
        return first < len(lines) and REMARK.match(lines[first]) is not None
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
        if REMARK.match(lines[first - 1]):
            return True
    return False


def shapes_of(tree: ast.Module) -> dict[tuple[int, str], str]:
    """Last line and name -> what surrounds a definition: "decorated", "inherits", "in-subclass" and so on."""
    found: dict[tuple[int, str], str] = {}
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, around = waiting.pop()
        for child in ast.iter_child_nodes(node):
            inside = around
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                marks = [around] if around else []
                if child.decorator_list:
                    marks.append("decorated")
                if isinstance(child, ast.ClassDef) and (child.bases or child.keywords):
                    marks.append("inherits")
                found[child.end_lineno or child.lineno, child.name] = " ".join(marks)
                inside = (
                    ("in-subclass" if child.bases or child.keywords else "in-class")
                    if isinstance(child, ast.ClassDef)
                    else "in-function"
                )
            waiting.append((child, inside))
    return found


def generators_of(tree: ast.Module) -> set[tuple[int, int]]:
    """The lines of a function's only `yield`, and of the `if` around it: unreached, it makes a generator."""
    found: set[tuple[int, int]] = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = own_nodes(function)
            if sum(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in inside) == 1:
                found.update(
                    (node.lineno, node.end_lineno or node.lineno)
                    for node in inside
                    if isinstance(node, ast.stmt) and (is_yield(node) or leaves_always(node))
                )
    return found


def is_yield(node: ast.stmt) -> bool:
    """Tell whether a statement does nothing but yield, under an `if` or a `while` or not."""
    if isinstance(node, (ast.If, ast.While)) and len(node.body) == 1 and not node.orelse:
        node = node.body[0]
    return isinstance(node, ast.Expr) and isinstance(node.value, (ast.Yield, ast.YieldFrom))


def leaves_always(node: ast.stmt) -> bool:
    """Tell whether it is an `if True: return`, before a `yield` that only makes a generator."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Constant)
        and bool(node.test.value)
        and not node.orelse
        and isinstance(node.body[-1], (ast.Return, ast.Raise))
    )


def ends_of(tree: ast.Module) -> set[tuple[int, int]]:
    """The lines of statements that say of themselves that nobody comes there: `assert False`, `assert_never(x)`."""
    return {
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and says_that_it_is_not_reached(node)
    }


def says_that_it_is_not_reached(node: ast.stmt) -> bool:
    """Tell whether a statement does nothing but complain that it was reached."""
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Constant) and node.test.value is False
    if isinstance(node, ast.Raise) and node.exc is not None:
        return UNREACHED.search(ast.unparse(node.exc)) is not None
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and NEVER.search(ast.unparse(call.func)) is not None


def own_nodes(function: ast.AST) -> list[ast.AST]:
    """What stands in a function, and not in another one within it."""
    found: list[ast.AST] = []
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return found


def words_of(tree: ast.Module) -> set[str]:
    """Names in short texts that are no docstrings: "orders.tasks.send", a method for getattr, a route's view."""
    docstrings: set[int] = set()
    found: set[str] = set()
    for node in ast.walk(tree):  # a body comes before what is in it
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.body and isinstance(node.body[0], ast.Expr):
                docstrings.add(id(node.body[0].value))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and len(node.value) <= LONGEST_STRING
            and id(node) not in docstrings
        ):
            found.update(IDENTIFIER.findall(node.value))
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
    return found


if __name__ == "__main__":
    main(sys.argv[1])
