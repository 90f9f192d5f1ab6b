"""One execution of one body: its state, its bounds, and the doors to evaluation.

Evaluators register here by the type of their node, so that the modules of the interpreter (expressions, calls,
statements, ...) need not import each other in circles.

Bounds: each node costs a step; nesting is limited. Past a bound `Exhausted` is raised, and whoever made the frame
reports its function as not analysed.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents.inspector.taint import kinds
from agents.inspector.taint.lines import NOWHERE
from agents.inspector.taint.states import State
from agents.inspector.taint.structures import Function, Hit, Module
from agents.inspector.taint.taints import Place, Source, Taint, Trail, longer, merged
from agents.inspector.taint.values import DOUBTED, UNKNOWN, Value, deep_taints, is_seen

if TYPE_CHECKING:
    from agents.inspector.taint.engine import Engine

MAX_NESTING = 180  # of expressions and statements within one body
MAX_CALLS = 24  # bodies within bodies
CLOCK_EVERY = 512  # steps between looks at the clock


class Exhausted(Exception):
    """A bound was reached; the message says which."""


Evaluator = Callable[["Frame", Any], Value]
Executor = Callable[["Frame", Any], None]
EVALUATORS: dict[type, Evaluator] = {}
EXECUTORS: dict[type, Executor] = {}


def evaluates(*types: type) -> Callable[[Evaluator], Evaluator]:
    """Register a function that gives the value of such expressions."""

    def register(function: Evaluator) -> Evaluator:
        EVALUATORS.update(dict.fromkeys(types, function))
        return function

    return register


def executes(*types: type) -> Callable[[Executor], Executor]:
    """Register a function that changes a frame's state as such statements do."""

    def register(function: Executor) -> Executor:
        EXECUTORS.update(dict.fromkeys(types, function))
        return function

    return register


class Budget:
    """What one root (a function from outside, a module's body) may spend."""

    __slots__ = ("deadline", "given", "late", "milliseconds", "steps")

    def __init__(self, steps: int, milliseconds: int) -> None:
        self.given = self.steps = steps
        self.milliseconds = milliseconds
        self.deadline = time.thread_time() + milliseconds / 1000  # of work: a busy machine changes nothing
        self.late = False

    @property
    def spent(self) -> int:
        """The steps so far. With so many, another run stops where this one did."""
        return self.given - self.steps

    def spend(self) -> None:
        """Count one step. Raises Exhausted."""
        self.steps -= 1
        if self.steps <= 0:
            raise Exhausted("too many steps")
        if not self.steps % CLOCK_EVERY and time.thread_time() > self.deadline:
            self.late = True
            raise Exhausted(f"longer than {self.milliseconds} ms of processor time")


class Loop:
    """Where `break` and `continue` lead. `rounds` are those that are told apart, 1 if none are."""

    __slots__ = ("breaks", "continues", "rounds")

    def __init__(self, rounds: int = 1) -> None:
        self.rounds = rounds
        self.breaks: list[State] = []
        self.continues: list[State] = []


class Frame:
    """The execution of one body."""

    __slots__ = (
        "born",
        "budget",
        "chosen",
        "doubtful",
        "engine",
        "exits",
        "function",
        "hits",
        "is_module",
        "level",
        "loops",
        "module",
        "nesting",
        "nonlocals",
        "parent",
        "raised",
        "receiver",
        "returns",
        "route",
        "state",
        "thrown",
        "trails",
        "written_globals",
        "yields",
    )

    def __init__(
        self,
        engine: Engine,
        module: Module,
        budget: Budget,
        *,
        function: Function | None = None,
        state: State | None = None,
        caller: Frame | None = None,
        route: str = "",
    ) -> None:
        self.engine = engine
        self.born = engine.ledger.time
        self.module = module
        self.budget = budget
        self.function = function
        self.state = state or State()
        self.level: int = caller.level + 1 if caller else 0
        self.parent = function.parent if function else None
        self.is_module = function is None
        self.doubtful = False  # something was read that others may have changed in between
        self.chosen: list[ast.expr] = []  # the conditions of the branches around
        self.route = route  # what becomes of the returned value: "html", "json" or ""
        self.hits: list[Hit] = []
        self.returns: list[Value] = []
        self.exits: list[State] = []
        self.yields: list[Value] = []
        self.loops: list[Loop] = []
        self.nesting = 0
        self.nonlocals: set[str] = set()
        self.raised: tuple[Taint, ...] = ()  # what errors of the body that is tried tell
        self.thrown: list[Value] = []  # errors that were raised and not caught yet
        self.receiver: Value | None = None
        self.written_globals: set[str] = set()
        # A call, and the way of what it passes -> a hop in the called function -> the way that leads there.
        self.trails: dict[tuple[ast.expr, Function, Trail | None], dict[Trail, Trail]] = {}

    def evaluate(self, node: ast.expr) -> Value:
        """The value of an expression in the current state."""
        self.budget.spend()
        evaluator = EVALUATORS.get(type(node))
        if evaluator is None:
            return UNKNOWN
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise Exhausted("nested too deeply")
        value = evaluator(self, node)
        self.nesting -= 1
        if value.seen == DOUBTED:
            self.doubtful = True
        return value

    def execute(self, body: list[ast.stmt]) -> None:
        """Execute statements until the state is dead."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise Exhausted("nested too deeply")
        for statement in body:
            if not self.state.alive:
                break
            self.budget.spend()
            executor = EXECUTORS.get(type(statement))
            if executor is not None:
                executor(self, statement)
        self.nesting -= 1

    def place(self, node: ast.AST) -> Place:
        """Where a node is written."""
        return Place(self.module.path, getattr(node, "lineno", NOWHERE), getattr(node, "col_offset", 0) + 1)

    def moved(self, value: Value, node: ast.AST, variable: str, what: str) -> Value:
        """The value with a hop added to the trail of each of its taints."""
        if not value.taints:
            return value
        place = self.place(node)
        taints = tuple(
            Taint(one.source, one.cleaned, longer(one.trail, place, variable, what), one.weak)
            for one in value.taints
        )
        return value.but(taints=taints)

    def hit(self, bit: int, taints: tuple[Taint, ...], node: ast.AST, sink: str, *, weak: int = 0) -> None:
        """Report that these taints reach a sink, as far as they are dangerous for its kind here."""
        for taint in self.state.open(taints, bit):
            if weak:
                taint = taint.weaker(weak)
            place = self.place(node)
            hit = Hit(
                bit,
                taint,
                place.path,
                place.line,
                place.column,
                getattr(node, "end_lineno", 0) or place.line,
                sink,
                taint.trail,
            )
            if taint.source.origin == "label":
                self.hits.append(hit)
            else:
                self.engine.claim(hit, self)

    def witness(self, bit: int, at: ast.AST | Place, value: Value) -> None:
        """Note whether all of what reaches this place was seen, and is harmless for its kind.

        Only where the function stands for every call of it: what a single caller gives says nothing of the others.
        """
        if bit & kinds.WITNESSED and (not self.level or self.route):
            is_sure = (value.known and _is_of_literals(at)) or (not self.doubtful and is_seen(value))
            is_harmless = is_sure and not self.state.open(deep_taints(value), bit)
            place = at if isinstance(at, Place) else self.place(at)
            end = getattr(at, "end_lineno", 0) or place.line
            self.engine.witness((bit, place.path, place.line, end), is_harmless=is_harmless)

    def doubt(self, value: Value) -> Value:
        """The value, which others may have changed: whatever is known of it counts for no witness any more."""
        if value.known or value.seen or value.items is not None or value.rest is not None:
            self.doubtful = True
        return value

    def flag(self, bit: int, node: ast.AST, what: str, sink: str, *, weak: int = 0) -> None:
        """Report something that is wrong by itself, wherever its values come from."""
        place = self.place(node)
        if self.is_asked_for(bit):
            weak, what = weak + 2, f"{what}, {ON_REQUEST}"
        if any(map(is_of_tests, self.chosen)):
            weak, what = 3, f"{what}, {IN_TESTS}"
        taint = Taint(Source(what, place, "fact"), 0, Trail(None, place, "", what), min(weak, 3))
        end = getattr(node, "end_lineno", 0) or place.line
        hit = Hit(bit, taint, place.path, place.line, place.column, end, sink, taint.trail)
        if not self.level and self.function is not None and self.function.parameters:
            self.engine.suspect(hit, self.function)
        else:
            self.engine.claim(hit, self)

    def is_asked_for(self, bit: int) -> bool:
        """Tell whether this is done only where a setting asks for it."""
        return any(self.asks(bit, one) for one in self.chosen)

    def asks(self, bit: int, test: ast.expr) -> bool:
        """Tell whether a condition is a setting that asks for this."""
        return bit in _ASKED and _asks_for(_ASKED[bit], test)

    def as_asked_for(self, value: Value, test: ast.expr) -> Value:
        """What is given where a condition holds: a stack trace that a setting asks for is less sure to be a fault."""
        if not self.asks(kinds.EXPOSURE, test):
            return value
        return value.but(
            taints=tuple(one.weaker(2) if one.source.origin == "trace" else one for one in value.taints)
        )

    def around(self, name: str) -> Frame | None:
        """The nearest frame outside this one that has a variable of this name."""
        outer = self.parent
        while outer is not None and name not in outer.state.variables:
            outer = outer.parent
        return outer

    def result(self) -> Value:
        """What the executed body gives to its caller."""
        from agents.inspector.taint.values import NONE, join

        if self.yields:
            every = self.yields[0]
            for one in self.yields[1:]:
                every = join(every, one)
            return Value(merged((), ()), shape="list", rest=every)
        if not self.returns:
            return NONE
        found = self.returns[0]
        for one in self.returns[1:]:
            found = join(found, one)
        return found


IN_TESTS = "but only while the program is tested"  # so ends what is told of it
ON_REQUEST = "where a setting asks for it"  # whoever runs the program decides
SET_LATER = "but set after it"
UNNAMED = "and no word says that it keeps a secret"
FOR_STAFF = "that only staff may ask for, as its decorator, class or first lines say"  # of a function
_OF_TESTS = re.compile(
    r"(?i)^_*(?:(?:is_|in_|running_|under_|run_)+(?:unit_?|py)?tests?"
    r"|(?:is_|in_|running_|under_)*(?:unit_?|py)?test(?:ing|s?_mode|s?_env|_run|s?_running|ing_mode))$"
)


def is_of_tests(test: ast.expr) -> bool:
    """Tell whether a condition holds only while the program is tested: `if settings.TESTING:`."""
    if isinstance(test, ast.BoolOp):
        return isinstance(test.op, ast.And) and any(map(is_of_tests, test.values))
    if isinstance(test, ast.Attribute):
        return _OF_TESTS.search(test.attr) is not None
    if isinstance(test, ast.Name):
        return _OF_TESTS.search(test.id) is not None
    if isinstance(test, ast.Call):  # getattr(settings, "TESTING", False), config.get("TESTING")
        return any(_names_tests(one) for one in test.args[:2])
    if isinstance(test, ast.Subscript):
        return _names_tests(test.slice)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.In):  # "test" in sys.argv
        return _names_tests(test.left) and ast.unparse(test.comparators[0]) in ("sys.argv", "sys.modules")
    return False


def _names_tests(one: ast.expr) -> bool:
    word = one.value if isinstance(one, ast.Constant) else None
    return isinstance(word, str) and (word in ("test", "pytest") or _OF_TESTS.search(word) is not None)


def _is_of_literals(at: ast.AST | Place) -> bool:
    """Tell whether a call is given nothing but literals: `os.system("ls")`."""
    return isinstance(at, ast.Call) and all(
        isinstance(one, ast.Constant) for one in (*at.args, *(keyword.value for keyword in at.keywords))
    )


# What a setting is called that asks for it (`if not self.tls_validation:`, `if args.debug:`), and whether one may ask
# by being off, too.
_ASKED = {
    kinds.KINDS["certificate"].bit: (
        re.compile(r"(?i)verif|ssl|tls|insecure|cert|check_host|self_signed"),
        True,
    ),
    kinds.KINDS["debug"].bit: (
        re.compile(r"(?i)(?:^|_)debug(?:$|_)|(?:^|_)dev(?:el|elop|elopment)?(?:_?mode)?$"),
        False,  # `if not args.no_debug:` asks for nothing
    ),
    kinds.EXPOSURE: (re.compile(r"(?i)(?:^|_)debug(?:$|_)|trace_?back|stack_?trace|show_errors"), False),
}


def _asks_for(asked: tuple[re.Pattern[str], bool], test: ast.expr) -> bool:
    """Tell whether a condition reads something that is called so."""
    pattern, may_be_off = asked
    waiting: list[ast.AST] = [test]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.Not) and not may_be_off:
            continue
        name = getattr(one, "attr", getattr(one, "id", getattr(one, "value", "")))
        if isinstance(name, str) and pattern.search(name):
            return True
        waiting.extend(ast.iter_child_nodes(one))
    return False
