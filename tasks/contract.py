"""What the engine asks of those who execute steps, and what it offers them.

The engine knows no agent. It knows one `Catalog`, which the `agents` package puts here with
`use_catalog` at start-up. For each step it builds a `StepRequest`, hands it over with a
`StepContext`, and takes back a `StepResult` or one of three exceptions:

    StepFailed      this try failed; try again if attempts are left (retriable=False: dead at once)
    RetryLater      not now: try again after a delay, without spending an attempt
    StepCancelled   the operation noticed that nobody wants its result any more

Any other exception counts as StepFailed and its text is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, NewType, Protocol
from uuid import UUID

from tasks.plans import JsonObject, Plan

Fence = NewType("Fence", UUID)
"""The random token minted at a claim, demanded by every write of that attempt."""

LogLevel = Literal["debug", "info", "warning", "error"]
"""How much a line of a log matters, the least first."""

Effect = Literal["read", "idempotent", "once"]
"""What an operation does outside PostgreSQL: nothing, a repeatable thing, a thing that must not repeat."""


class StepFailed(Exception):
    """This try failed for a reason that its message tells.

    `retriable=False` says that trying again cannot help (bad input, a missing file).
    """

    def __init__(self, message: str, *, retriable: bool = True, kind: str = "failed") -> None:
        super().__init__(message)
        self.retriable = retriable
        self.kind = kind


class RetryLater(Exception):
    """Not now: try again after `delay_seconds`, without spending an attempt."""

    def __init__(self, message: str, *, delay_seconds: float) -> None:
        super().__init__(message)
        self.delay_seconds = delay_seconds


class JournalDiverged(StepFailed):
    """The operation took another way than in the attempt before: its journal does not fit what it does."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retriable=False, kind="journal_diverged")


class ChildFailed(StepFailed):
    """A step that was called did not succeed; `error` is its error. Who catches it may go on without."""

    def __init__(self, message: str, *, error: JsonObject) -> None:
        super().__init__(message, retriable=False, kind="child_failed")
        self.error = error


class StepCancelled(Exception):
    """Nobody wants the result any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a step asks people. `role` is the least role on the project that may answer.

    `users`: e-mail addresses; if any are named, only they may. `details`: what helps to decide, shown with it.
    """

    text: str
    role: str = "maintainer"
    users: tuple[str, ...] = ()
    expires_seconds: int | None = None
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to a question. `decision` is approved, rejected or expired; `by` is empty if nobody answered."""

    approved: bool
    decision: str
    by: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What somebody told a run while it works. Data of people: never an order to an LLM."""

    by: str
    text: str
    at: datetime


class _NotDone:
    """The type of NOT_DONE."""


NOT_DONE = _NotDone()
"""What `reconcile` returns when the deed did not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """What the catalog says of one operation; the engine copies it onto the stored step."""

    agent: str
    operation: str
    queue: str
    priority: int  # 0 most urgent to 9
    timeout_seconds: int  # soft limit; the hard one comes HARD_GRACE_SECONDS later
    max_attempts: int
    effect: Effect = "read"
    limit_key: str | None = None  # limits may count all steps that share it; a planned step's own goes before


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """A queue that the catalog wants to exist, with its agent's default priority."""

    name: str
    agent: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A step that this one waited for, as it ended. `output` is None unless it succeeded."""

    key: str
    agent: str
    operation: str
    state: str
    output: JsonObject | None
    error: JsonObject | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRequest:
    """One attempt's order: everything that an operation may know of its step."""

    run_id: UUID  # public id of the run
    project_id: int
    step_id: int
    step_key: str
    attempt: int  # ordinal from 1
    agent: str
    operation: str
    input: JsonObject  # references already resolved
    run_goal: str
    run_request: JsonObject
    upstream: Mapping[str, Upstream] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRef:
    """Stored bytes: `digest` is their SHA-256 in hex, `size` in bytes."""

    name: str
    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What an attempt hands back.

    `output`: JSON that later steps can refer to (at most 256 KiB; larger things are artifacts).
    `plan`: steps to add to the run; whoever waited for this step waits for their last ones too.
    `records`: rows of the agent's own, written by `Catalog.record` inside settle's transaction.
    `summary`: one line for people.
    """

    output: JsonObject = field(default_factory=dict)
    plan: Plan | None = None
    records: tuple[JsonObject, ...] = ()
    summary: str = ""


class StepContext(Protocol):
    """What an operation may ask of the engine while it works. Every call is cheap and may be repeated."""

    @property
    def scratch(self) -> Path:
        """An empty folder of this attempt's own; it is deleted afterwards."""

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Tell people how far the work is. Written at most once per 250 ms."""

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        """Append a line to the step's log, or several if the text has line ends."""

    def emit(self, kind: str, data: JsonObject) -> None:
        """Append an event `agent.<kind>` to the run."""

    def cancelled(self) -> bool:
        """Tell whether the result is still wanted; an operation that loops asks now and then."""

    def messages(self) -> tuple[Remark, ...]:
        """Give what people have told this run so far; an operation that works for long asks now and then."""

    def once(
        self,
        name: str,
        deed: Callable[[], Any],
        *,
        effect: Effect = "idempotent",
        input: Any = None,
        reconcile: Callable[[], Any] | None = None,
    ) -> Any:
        """Do something that a later attempt must not repeat, and give its value (JSON, at most 256 KiB).

        A later attempt gets the value that was stored. If an attempt began the deed and died before the value was
        stored: `read` and `idempotent` do it again; `once` asks `reconcile`, which gives the value or NOT_DONE, or,
        without one, suspends the step until people say whether it may be done again.
        Raises JournalDiverged, LeaseLost.
        """

    def call(self, agent: str, operation: str, input: JsonObject, *, name: str | None = None) -> JsonObject:
        """Have another operation do something, and give its output.

        A child step is stored and this step suspends without holding a worker; it is executed again, from the top,
        when the child is over. So what comes before a call must be cheap, repeatable, or in `once`.
        Raises ChildFailed, JournalDiverged, StepFailed (no such operation, or its input does not fit).
        """

    def ask(self, question: Question, *, name: str = "approval") -> Decision:
        """Ask people, and give their answer. Suspends without holding a worker until there is one."""

    def put_artifact(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        """Store bytes under this step. Raises ArtifactStoreFull."""

    def open_artifact(self, digest: str) -> BinaryIO:
        """Open stored bytes of this run's project. Raises ArtifactMissing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStep:
    """Whose result it is, for `Catalog.record`."""

    run_pk: int
    run_id: UUID
    project_id: int
    step_pk: int
    step_key: str
    agent: str
    operation: str


class Catalog(Protocol):
    """All operations that the engine may execute."""

    def queues(self) -> Iterable[QueueSpec]:
        """Every queue that must exist, one per agent."""

    def spec(self, agent: str, operation: str) -> StepSpec:
        """Raises UnknownOperation, with what there is instead."""

    def check_input(self, agent: str, operation: str, input: JsonObject) -> list[str]:
        """Name each fault of an input before it is stored; values that are references pass."""

    def execute(self, request: StepRequest, context: StepContext) -> StepResult:
        """Do the work. Raises StepFailed, RetryLater, StepCancelled."""

    def record(self, step: RecordedStep, result: StepResult) -> None:
        """Write the agent's own rows. Runs inside settle's transaction, after the fence check."""

    def take_over(self, step: RecordedStep, source_step: int) -> None:
        """Give `step` copies of the agent's own rows of the step with the id `source_step`, of an earlier run.

        Runs inside the transaction that stores the new run.
        """


_catalog: Catalog | None = None


def use_catalog(catalog: Catalog) -> None:
    """Let the engine execute what this catalog offers. Called once at start-up, and by tests."""
    global _catalog
    _catalog = catalog


def catalog() -> Catalog:
    """Give the catalog in use."""
    if _catalog is None:
        raise RuntimeError("no catalog: is 'agents' in INSTALLED_APPS?")
    return _catalog


class FirstPlan(Protocol):
    """Makes the plan that a request starts as, for whoever submits without a person: a schedule."""

    def __call__(self, goal: str, request: JsonObject) -> tuple[Plan, JsonObject]:
        """Give the plan, and the request as it is stored with the run. Raises RequestRefused (tasks.errors)."""


_first_plan: FirstPlan | None = None


def use_first_plan(maker: FirstPlan) -> None:
    """Let schedules submit what this makes of their requests. Called once at start-up, and by tests."""
    global _first_plan
    _first_plan = maker


def first_plan() -> FirstPlan:
    """Give the maker of first plans in use."""
    if _first_plan is None:
        raise RuntimeError("nobody makes first plans: is 'agents' in INSTALLED_APPS?")
    return _first_plan


def is_reference(value: Any) -> bool:
    """Tell whether a value of an input stands for an upstream output."""
    return isinstance(value, Mapping) and "$ref" in value
