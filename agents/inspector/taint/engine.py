"""One analysis: every module's body, then every function from outside, each within its bounds.

    parse -> execute module bodies (imports first) -> constructors -> every function as a root -> findings

A root is executed with what the frameworks' tables say of its parameters. Whatever reaches a bound is listed as not
analysed, with the reason; it is never silently clean.
"""

from __future__ import annotations

import builtins
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agents.inspector.taint import (
    calls,
    doors,
    entries,
    expressions,
    guards,
    kinds,
    loops,
    special_builtins,
    special_calls,
    special_formats,
    special_settings,
    special_templates,
    special_texts,
    special_web,
    statements,
    texts,
)
from agents.inspector.taint.frames import Budget, Exhausted, Frame
from agents.inspector.taint.pages import Pages
from agents.inspector.taint.project import Project
from agents.inspector.taint.states import State
from agents.inspector.taint.structures import Class, Function, Hit, Module, Summary
from agents.inspector.taint.tables import Tables, load
from agents.inspector.taint.values import UNKNOWN, Value

INTERPRETER = (
    calls,
    expressions,
    guards,
    loops,
    statements,
    texts,
)  # importing them registers what they evaluate
SPECIALS = (
    special_builtins,
    special_calls,
    special_formats,
    special_settings,
    special_templates,
    special_texts,
    special_web,
)
ROOT_STEPS = 150_000  # evaluations for one function from outside, all its calls included
ROOT_MILLISECONDS = 3_000  # of processor time
FILE_MILLISECONDS = 20_000  # of processor time, for all functions of one file
_CONSTRUCTORS = ("__init__", "__post_init__", "setup")
RECURSION = 12_000  # Python frames; the thread's stack is made for it


@dataclass(slots=True, eq=False)
class NotAnalysed:
    """A file or function that nothing can be said of."""

    path: str
    line: int
    what: str
    reason: str


@dataclass(slots=True, eq=False)
class Result:
    """What an analysis found, what it could not look at, and what it cost."""

    hits: list[Hit] = field(default_factory=list)
    not_analysed: list[NotAnalysed] = field(default_factory=list)
    files: int = 0
    lines: int = 0
    functions: int = 0
    seconds: float = 0.0


class Engine:
    """The parts that all frames share."""

    def __init__(
        self,
        root: Path,
        paths: Iterable[str],
        *,
        tests: Iterable[str] = (),
        templates: Iterable[str] = (),
        progress: Callable[[str], None] = lambda path: None,
        root_steps: int = ROOT_STEPS,
        root_milliseconds: int = ROOT_MILLISECONDS,
        file_milliseconds: int = FILE_MILLISECONDS,
        seconds: float = 0,
    ) -> None:
        self.tables: Tables = load()
        self.project = Project(root, paths, self, frozenset(tests))
        self.pages = Pages(root, templates)
        self.summaries: dict[object, Summary] = {}
        self.open: dict[object, bool] = {}
        self.active: dict[int, int] = {}
        self.result = Result()
        self.caught: dict[int, doors.Caught] = {}
        self._suspected: list[tuple[Hit, Function]] = []
        self.closures: list[Function] = []  # kept, since shapes know functions by identity
        self._claims: dict[tuple[int, str, int, int], Hit] = {}
        self._progress = progress
        self._steps = root_steps
        self._milliseconds = root_milliseconds
        self._file_milliseconds = file_milliseconds
        self._deadline = time.monotonic() + seconds if seconds else float("inf")
        self._told: set[tuple[str, int, str]] = set()
        self._nested: list[tuple[Frame, Function]] = []
        self._builtins: dict[str, Value] = {}

    def run(self) -> Result:
        """Analyse everything."""
        started = time.monotonic()
        sys.setrecursionlimit(RECURSION)
        modules = [module for path in self.project.paths if (module := self.project.load(path)) is not None]
        for module in modules:
            self.project.execute(module)
        for module in modules:
            self._progress(module.path)
            self._methods_first(module)
        for module in modules:
            self._progress(module.path)
            self._roots(module)
        for hit, function in self._suspected:
            if not function.shapes:
                self._keep(hit)
        self.result.hits = sorted(
            _once(self._claims.values()), key=lambda hit: (hit.path, hit.line, hit.column, hit.kind)
        )
        self.result.files = len(modules)
        self.result.seconds = time.monotonic() - started
        return self.result

    def execute_module(self, module: Module) -> None:
        """Execute a module's body; its variables become its globals."""
        frame = Frame(self, module, Budget(self._steps * 4, self._milliseconds * 4))
        frame.state = State(module.variables)
        try:
            frame.execute(module.tree.body)
        except Exception as error:  # a fault of ours costs this body, never the run; it is told
            self._tell(module.path, 1, "the module's own statements", _why(error))
        module.variables.update(frame.state.variables)

    def _methods_first(self, module: Module) -> None:
        """Constructors first: what they put on `self` is known to the other methods."""
        for function in module.functions:
            if function.owner is not None and function.name.rpartition(".")[2] in _CONSTRUCTORS:
                self._root(function, Budget(self._steps, self._milliseconds))

    def _roots(self, module: Module) -> None:
        deadline = time.thread_time() + self._file_milliseconds / 1000
        for function in module.functions:
            self.result.functions += 1
            self._root_in_time(function, deadline)
        for cls in module.classes:
            for function in entries.inherited(self, cls):
                self._root_in_time(function, deadline, cls)

    def _root_in_time(self, function: Function, deadline: float, owner: Class | None = None) -> None:
        left = int((deadline - time.thread_time()) * 1000)
        if time.monotonic() > self._deadline:
            self.not_analysed(function, "the time for the whole tree is used up")
        elif left <= 0:
            took = f"{self._file_milliseconds} ms of processor time"
            self.not_analysed(function, f"its file took longer than {took}")
        else:
            self._root(function, Budget(self._steps, min(self._milliseconds, left)), owner)

    def _root(self, function: Function, budget: Budget, owner: Class | None = None) -> None:
        frame = Frame(self, function.module, budget, function=function)
        try:
            entries.prepare(frame, function, owner)
            doors.enter(frame, function)
            frame.execute(function.body)
        except Exception as error:  # a fault of ours costs this function, never the run; it is told
            self.not_analysed(function, _why(error))

    def nested(self, frame: Frame, function: Function) -> None:
        """A function inside a function: if a framework calls it, it is a root of its own, seeing that frame."""
        if entries.is_entry(self, function) and frame.level < 8:
            self._nested.append((frame, function))
            inner = Frame(self, function.module, frame.budget, function=function, caller=frame)
            entries.prepare(inner, function)
            inner.execute(function.body)

    def claim(self, hit: Hit, frame: Frame) -> None:
        """Keep a hit, the surest and shortest for each place."""
        origin = hit.source.source.origin
        if origin == "local" and not kinds.BY_BIT[hit.kind].local:
            return
        self._keep(hit)

    def suspect(self, hit: Hit, function: Function) -> None:
        """Keep what was seen for unknown arguments, unless calls in the tree tell what the arguments are."""
        self._suspected.append((hit, function))

    def _keep(self, hit: Hit) -> None:
        key = (hit.kind, hit.path, hit.line, hit.column)
        old = self._claims.get(key)
        if old is None or _rank(hit) < _rank(old):
            self._claims[key] = hit

    def builtin(self, name: str) -> Value:
        """A builtin by name; UNKNOWN if there is none."""
        found = self._builtins.get(name)
        if found is None:
            known = hasattr(builtins, name) or name in (
                "unicode",
                "raw_input",
                "basestring",
                "xrange",
                "long",
                "unichr",
            )
            found = Value(name=self.tables.canonical(f"builtins.{name}")) if known else UNKNOWN
            if name in ("staticmethod", "classmethod", "property"):
                found = Value(name=name)
            self._builtins[name] = found
        return found

    def failed(self, path: str, reason: str) -> None:
        """A file that cannot be parsed."""
        self._tell(path, 1, "the file", reason)

    def not_analysed(self, function: Function, reason: str) -> None:
        """A function that reached a bound."""
        self._tell(function.module.path, function.node.lineno, f"{function.name}()", reason)

    def _tell(self, path: str, line: int, what: str, reason: str) -> None:
        if (path, line, what) not in self._told:
            self._told.add((path, line, what))
            self.result.not_analysed.append(NotAnalysed(path, line, what, reason))


def _once(hits: Iterable[Hit]) -> Iterable[Hit]:
    """One finding for each place that makes predictable numbers, however many names they get later."""
    nearest: dict[object, Hit] = {}
    for hit in hits:
        if hit.kind != kinds.RANDOM:
            yield hit
            continue
        place = hit.source.source.place
        old = nearest.get(place)
        if old is None or (_rank(hit), hit.path, hit.line) < (_rank(old), old.path, old.line):
            nearest[place] = hit
    yield from nearest.values()


def _rank(hit: Hit) -> tuple[int, int, int]:
    length = hit.trail.length if hit.trail else 0
    return (hit.source.source.origin == "local", hit.source.weak, length)


def _why(error: BaseException) -> str:
    if isinstance(error, Exhausted):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else f"the engine failed: {error!r}"
