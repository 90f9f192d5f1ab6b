"""One analysis: every module's body, then every function from outside, each within its bounds.

    parse -> execute module bodies (imports first) -> constructors ahead -> every function as a root -> findings

A root is executed with what the frameworks' tables say of its parameters. Whatever reaches a bound is listed as not
analysed, with the reason; it is never silently clean.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agents.inspector.taint import (
    calls,
    comprehensions,
    doors,
    entries,
    expressions,
    garbage,
    guards,
    kinds,
    loops,
    reviews,
    special_builtins,
    special_calls,
    special_formats,
    special_reviews,
    special_settings,
    special_templates,
    special_texts,
    special_web,
    statements,
    sureness,
    texts,
    wording,
)
from agents.inspector.taint.estates import Estates
from agents.inspector.taint.frames import Budget, Exhausted, Frame
from agents.inspector.taint.keeping import Keeper, Root, rank
from agents.inspector.taint.ledger import BEFORE_ROOTS, Ledger, Trace, Witnessed
from agents.inspector.taint.lines import NOWHERE
from agents.inspector.taint.origins import Origins
from agents.inspector.taint.pages import Pages
from agents.inspector.taint.project import Project
from agents.inspector.taint.records import Kept, Known, Record
from agents.inspector.taint.states import State
from agents.inspector.taint.structures import Class, Function, Hit, Module
from agents.inspector.taint.tables import Tables, load
from agents.inspector.taint.tokens import Tokens
from agents.inspector.taint.values import UNKNOWN, Value

INTERPRETER = (
    calls,
    comprehensions,
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
    special_reviews,
    special_settings,
    special_templates,
    special_texts,
    special_web,
)
ROOT_STEPS = 150_000  # evaluations for one function from outside, all its calls included
ROOT_MILLISECONDS = 10_000  # of processor time; all steps took 3,800 at most, on a slow machine
SLOWER = 100  # times: this machine than the one on which a root was executed first
FILE_MILLISECONDS = 20_000  # of processor time, for all functions of one file
_CONSTRUCTORS = ("__init__", "__post_init__", "setup")
_TESTS = re.compile(r"(?:^|/)(?:_?tests?/|mocks?/|tests?\.py$|test_[^/]*$|conftest\.py$)|_test\.py$")
_NO_MATTER_IN_TESTS = frozenset(
    kinds.KINDS[name].bit for name in ("random", "hash", "cookie_flags", "debug", "secret_log")
)
RECURSION = 12_000  # Python frames; the thread's stack is made for it


@dataclass(slots=True, eq=False)
class NotAnalysed:
    """A file or function that nothing can be said of."""

    path: str
    line: int
    what: str
    reason: str


class Harmless(NamedTuple):
    """A place where something dangerous could arrive, and all that does was seen and cannot do it."""

    path: str
    line: int
    end_line: int
    kind: str


@dataclass(slots=True, eq=False)
class Result:
    """What an analysis found, what it could not look at, and what it cost."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    harmless: list[Harmless] = field(default_factory=list)
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
        known: Known | None = None,
        keeping: bool = False,
    ) -> None:
        self.tables: Tables = load()
        self.ledger = Ledger()
        self.ledger.recall = self._recall
        self.project = Project(
            root, paths, self, frozenset(tests), known.files if known is not None else None
        )
        self.pages = Pages(root, templates)
        self.open: dict[object, bool] = {}
        self.active: dict[int, int] = {}
        self.roots: list[Root] = []  # those whose turn has come
        self.keeper = Keeper(self, known) if keeping or known is not None else None
        self.result = Result()
        self.caught: dict[int, doors.Caught] = {}
        self._in_tests = False  # a function of a test is executed
        self._root_function: tuple[Function, Class | None] | None = None
        self._suspected: list[tuple[Any, Function]] = []  # hits, also kept ones
        self.closures: list[Function] = []  # kept, since shapes know functions by identity
        self._claims: dict[tuple[int, str, int, int], Hit | Kept] = {}
        self._witnessed: dict[Witnessed, bool] = {}
        self._progress = progress
        self._steps = root_steps
        self._milliseconds = root_milliseconds
        self._file_milliseconds = file_milliseconds
        self._deadline = time.monotonic() + seconds if seconds else float("inf")
        self._told: set[tuple[str, int, str]] = set()
        self._again = 0.0  # seconds spent on roots that were taken over
        self._budget = Budget(0, 0)  # of the root that is executed
        self._estates: Estates  # once all modules' bodies were executed
        self._builtins: dict[str, Value] = {}

    def run(self) -> Result:
        """Analyse everything."""
        started = time.monotonic()
        sys.setrecursionlimit(RECURSION)
        with garbage.seldom():
            with garbage.lasting():
                modules = self._prepared()
            self._all_roots(modules)
        if self.keeper is not None:
            self.keeper.settle(self.project.told())
        self.ledger.time = BEFORE_ROOTS
        for hit, function in self._suspected:
            if not self.ledger.shapes_of(function):
                self._keep(hit)
        self._tell_people()
        self.result.files = len(modules)
        self.result.seconds = time.monotonic() - started
        return self.result

    def _tell_people(self) -> None:
        """Put what was found in order, and lines in the place of their names. Raises Stale."""
        line = self.project.line
        hits = sorted(
            _once(self._claims.values(), line),
            key=lambda hit: (hit.path, line(hit.path, hit.line), hit.column, hit.kind),
        )
        self.result.findings = [
            wording.told(one.finding, one.place, line)
            if isinstance(one, Kept)
            else wording.told(wording.finding(one), one.source.source.place, line)
            for one in hits
        ]
        self.result.harmless = sorted(
            Harmless(path, line(path, first), line(path, last), kinds.BY_BIT[bit].name)
            for (bit, path, first, last), is_harmless in self._witnessed.items()
            if is_harmless
        )
        for told in self.result.not_analysed:
            told.line = line(told.path, told.line)

    def _prepared(self) -> list[Module]:
        """Parse all files, and execute modules' bodies."""
        modules = [module for path in self.project.paths if (module := self.project.load(path)) is not None]
        for module in modules:
            self.project.execute(module)
        for module in modules:
            self._names_of_types(module)
        return modules

    def _all_roots(self, modules: list[Module]) -> None:
        roots = [self._of(module) for module in modules]
        first = [root for module in modules for root in self._first_of(module)]
        origins = Origins() if self.keeper is None else self.keeper.origins
        classes = [one for same in self.ledger.classes.values() for one in same]
        tokens = Tokens(self.project.loaded(), classes, origins)
        self._estates = Estates(tokens, origins)
        if self.keeper is not None:
            every_root = [*first, *(root for every in roots for root in every)]
            self.keeper.begin(modules, every_root, tokens, self._estates)
        for root in first:
            self._in_turn(root, self._milliseconds)
        for module, every in zip(modules, roots, strict=True):
            self._progress(module.path)
            self._roots(every)

    def execute_module(self, module: Module) -> None:
        """Execute a module's body; its variables become its globals."""
        frame = Frame(self, module, Budget(self._steps * 4, self._milliseconds * 4))
        frame.state = State(module.variables)
        try:
            frame.execute(module.tree.body)
            special_reviews.of_module(frame)
        except Exception as error:  # a fault of ours costs this body, never the run; it is told
            self._tell(module.path, NOWHERE, "the module's own statements", _why(error))
        module.variables.update(frame.state.variables)

    def _names_of_types(self, module: Module) -> None:
        """What a module imports for annotations only: such imports go in circles, so they come after all modules."""
        frame = Frame(self, module, Budget(self._steps, self._milliseconds))
        frame.state = State(dict(module.variables))
        try:
            for one in module.tree.body:
                if isinstance(one, ast.If) and statements.is_for_types(one):
                    frame.execute(one.body)
        except Exception as error:  # as in `execute_module`
            self._tell(module.path, NOWHERE, "the module's own statements", _why(error))
        for name, value in frame.state.variables.items():
            module.variables.setdefault(name, value)

    def _first_of(self, module: Module) -> list[Root]:
        """Constructors: what they put on `self` is known to the other methods. And what serves each request."""
        return [
            Root(function, is_ahead=True)
            for function in module.functions
            if (function.owner is not None and function.name.rpartition(".")[2] in _CONSTRUCTORS)
            or entries.is_early(self, function)
        ]

    def _of(self, module: Module) -> list[Root]:
        """A module's roots: its functions, and what its classes inherit that a framework calls on them."""
        found = [Root(function) for function in module.functions]
        for cls in module.classes:
            found += [Root(function, cls) for function in entries.inherited(self, cls)]
        return found

    def _roots(self, roots: list[Root]) -> None:
        deadline = time.thread_time() + self._file_milliseconds / 1000 - self._again
        for root in roots:
            self.result.functions += root.owner is None
            self._in_time(root, deadline)

    def _in_time(self, root: Root, deadline: float) -> None:
        left = int((deadline + self._again - time.thread_time()) * 1000)
        if time.monotonic() > self._deadline:
            self.not_analysed(root.function, "the time for the whole tree is used up")
        elif left <= 0:
            took = f"{self._file_milliseconds} ms of processor time"
            self.not_analysed(root.function, f"its file took longer than {took}")
        else:
            self._in_turn(root, min(self._milliseconds, left))

    def _in_turn(self, root: Root, milliseconds: int) -> None:
        self.ledger.time = len(self.roots)
        self.roots.append(root)
        if self.keeper is not None and self.keeper.take_over(root):
            self._take_over(self.keeper.outcome(root))
        else:
            self._root(root, Budget(self._steps, milliseconds))

    def _take_over(self, record: Record) -> None:
        assert self.keeper is not None
        for hit in record.hits:
            self._keep(hit)
        for hit, name in record.suspected:
            self._suspected.append((hit, self.keeper.function(name)))
        for place, is_harmless in record.witnessed.items():
            self.witness(place, is_harmless=is_harmless)
        for told in record.told:
            self._tell(*told)

    def _root(self, root: Root, budget: Budget) -> None:
        """Execute a root in its turn; what it leaves is seen by later ones."""
        self._budget = budget
        if self.keeper is not None:
            for number in self.keeper.ahead(root):
                self._recall(number)
        trace = self._traced(root, budget)
        reads = self.keeper.read(root, trace) if self.keeper is not None else None
        self.ledger.commit(trace)
        if self.keeper is not None:
            self.keeper.record(root, trace, reads)
        for hit in trace.claims:
            self._keep(hit)
        self._suspected += trace.suspected
        for place, is_harmless in trace.witnessed.items():
            self.witness(place, is_harmless=is_harmless)
        for told in trace.told:
            self._tell(*told)

    def _traced(self, root: Root, budget: Budget) -> Trace:
        """Execute a root, and tell what it read and changed, without changing it."""
        trace = self.ledger.trace = Trace()
        self._budget, self.open, self.active, self.caught = budget, {}, {}, {}
        try:
            self._execute(root.function, budget, root.owner, is_ahead=root.is_ahead)
        finally:
            self.ledger.trace = None
            self.ledger.undo(trace)
        trace.stopped = budget.spent if budget.late else 0
        self.ledger.part(trace)
        for place in self.ledger.lasting(trace):
            trace.written[place] = self._estates.left(trace.written[place])
        return trace

    def _recall(self, number: int) -> None:
        """Execute a root that was taken over, as of its own time, because somebody needs what it made."""
        assert self.keeper is not None
        if not self.keeper.is_taken(number):
            return
        ledger, started = self.ledger, time.thread_time()
        before = (ledger.time, ledger.trace, self._budget, self.open, self.active, self.caught)
        aside = ledger.set_aside()
        ledger.time = number
        try:
            steps = self.keeper.stopped(number) or self._steps  # of the time, it is known to be enough
            trace = self._traced(self.roots[number], Budget(steps, self._milliseconds * SLOWER))
            self.keeper.recalled(number, trace)
        finally:
            ledger.time, ledger.trace, self._budget, self.open, self.active, self.caught = before
            for variables, name, value in aside:
                variables[name] = value
        spent = time.thread_time() - started
        self._budget.deadline += spent
        if ledger.trace is None:
            self._again += spent

    def _execute(
        self, function: Function, budget: Budget, owner: Class | None = None, *, is_ahead: bool = False
    ) -> None:
        """Execute a function from outside. `is_ahead`: it will be a root, too, which tells what it did not reach."""
        frame = Frame(self, function.module, budget, function=function)
        before, self._in_tests = self._in_tests, bool(_TESTS.search(function.module.path))
        outer, self._root_function = self._root_function, (function, owner or function.owner)
        try:
            entries.prepare(frame, function, owner)
            doors.enter(frame, function)
            frame.execute(function.body)
        except Exception as error:  # a fault of ours costs this function, never the run; it is told
            if not is_ahead:
                self.not_analysed(function, _why(error))
        finally:
            self._in_tests, self._root_function = before, outer

    def nested(self, frame: Frame, function: Function) -> None:
        """A function inside a function: if a framework calls it, it is a root of its own, seeing that frame."""
        if entries.is_entry(self, function) and frame.level < 8:
            inner = Frame(self, function.module, frame.budget, function=function, caller=frame)
            entries.prepare(inner, function)
            inner.execute(function.body)

    def claim(self, hit: Hit, frame: Frame) -> None:
        """Keep a hit, the surest and shortest for each place."""
        origin = hit.source.source.origin
        if origin == "local" and not kinds.BY_BIT[hit.kind].local:
            return
        if origin in ("fact", "random", reviews.ORIGIN) and self._in_tests and not _TESTS.search(hit.path):
            return  # what a test switches off or draws by lot is not what the program does
        if _matters_nowhere(hit) or sureness.is_nothing(hit):
            return
        hit = doors.for_staff(hit, self._root_function)
        if self.ledger.trace is not None:
            self.ledger.trace.claims.append(hit)
        else:
            self._keep(hit)

    def witness(self, place: Witnessed, *, is_harmless: bool) -> None:
        """Note what reached a place where something dangerous could; once harmful, always so."""
        trace = self.ledger.trace
        noted = self._witnessed if trace is None else trace.witnessed
        noted[place] = is_harmless and noted.get(place, True)

    def suspect(self, hit: Hit, function: Function) -> None:
        """Keep what was seen for unknown arguments, unless calls in the tree tell what the arguments are."""
        if _matters_nowhere(hit):
            return
        trace = self.ledger.trace
        (self._suspected if trace is None else trace.suspected).append((hit, function))

    def _keep(self, hit: Hit | Kept) -> None:
        key = (hit.kind, hit.path, hit.line, hit.column)
        old = self._claims.get(key)
        if old is None or rank(hit) < rank(old):
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
        self._tell(path, NOWHERE, "the file", reason)

    def not_analysed(self, function: Function, reason: str) -> None:
        """A function that reached a bound."""
        self._tell(function.module.path, function.node.lineno, f"{function.name}()", reason)

    def _tell(self, path: str, line: int, what: str, reason: str) -> None:
        if self.ledger.trace is not None:
            self.ledger.trace.told.append((path, line, what, reason))
        elif (path, line, what) not in self._told:
            self._told.add((path, line, what))
            self.result.not_analysed.append(NotAnalysed(path, line, what, reason))


def _matters_nowhere(hit: Hit) -> bool:
    """Tell whether it is a password, a hash or a cookie of a test, which protects nothing, or for reviewers."""
    is_of_that = hit.kind in _NO_MATTER_IN_TESTS or hit.source.source.origin == reviews.ORIGIN
    return is_of_that and _TESTS.search(hit.path) is not None


def _once(hits: Iterable[Hit | Kept], line: Callable[[str, int], int]) -> Iterable[Hit | Kept]:
    """One finding for each place that makes predictable numbers, however many names they get later."""
    nearest: dict[object, Hit | Kept] = {}
    for hit in hits:
        if hit.kind != kinds.RANDOM:
            yield hit
            continue
        place = hit.place if isinstance(hit, Kept) else hit.source.source.place
        old = nearest.get(place)
        if old is None or (rank(hit), hit.path, line(hit.path, hit.line)) < (
            rank(old),
            old.path,
            line(old.path, old.line),
        ):
            nearest[place] = hit
    yield from nearest.values()


def _why(error: BaseException) -> str:
    if isinstance(error, Exhausted):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else f"the engine failed: {error!r}"
