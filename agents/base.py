"""How an agent is written.

An agent is a class with a name and methods marked `@operation(Input, Output)`:

    class Greeter(Agent):
        name = "greeter"
        title = "Greeter"
        description = "Says hello."
        priority = 5

        @operation(Who, Greeting, timeout_seconds=30, examples=("say hello to Ada",))
        def greet(self, input: Who, context: OperationContext) -> Greeting:
            '''Say hello to somebody.

            The first line of the docstring is the operation's title; the whole of it is its manual,
            shown to people and searched when SuperAgent chooses operations for a goal.
            '''
            context.progress(1, 1, "said hello")
            return Greeting(text=f"Hello {input.name}")

It is registered by one line in `agents.registry.BUILT_IN`, or by an entry point of the group
"wrenchai.agents" in any installed package: both enter through the same door. Its queue is
`agent.<name>`. An agent without operations registers its queue only.

What an operation gets: its input, already checked against the pydantic model, and an
`OperationContext`: the engine's `StepContext` (progress, log, emit, cancelled, artifacts, scratch) plus
`request` (run, step, attempt, upstream steps) and `add_findings` / `add_fixes` / `add_plan`.

What it may raise: `StepFailed` (try again if attempts are left; `retriable=False`: do not),
`RetryLater`, `StepCancelled`. Anything else counts as a failure and is recorded with its text.

Findings, fixes and added steps are stored in the same transaction as the step's success, or not at all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from agents.findings import Coverage, FindingData
from agents.patches import FixData
from tasks.contract import ArtifactRef, Decision, Effect, LogLevel, Question, Remark, StepContext, StepRequest
from tasks.plans import JsonObject, Plan

DEFAULT_TIMEOUT_SECONDS = 600
DEFAULT_ATTEMPTS = 3

_OPERATION_MARK = "__wrench_operation__"
_M = TypeVar("_M", bound=Callable[..., BaseModel])


class Schema(BaseModel):
    """Base of operation inputs and outputs: unknown fields are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that an agent can do.

    `needs` and `gives` are what the planner chains by: names of facts such as "snapshot" or "findings".
    `requires` are facts of the repository's profile without which the operation makes no sense
    (such as "language:python"), unless one of the inputs `waived_by` is given: then it works on something else.
    `follows`: it comes after all others that give these, whatever becomes of them.
    `examples` are goals in people's words that it serves.
    """

    name: str
    method: Callable[..., BaseModel]
    input: type[BaseModel]
    output: type[BaseModel]
    title: str
    description: str
    timeout_seconds: int
    attempts: int
    effect: Effect
    examples: tuple[str, ...]
    needs: frozenset[str]
    gives: frozenset[str]
    requires: frozenset[str]
    follows: frozenset[str] = frozenset()
    waived_by: frozenset[str] = frozenset()


def operation(
    input: type[BaseModel],
    output: type[BaseModel],
    *,
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS,
    attempts: int = DEFAULT_ATTEMPTS,
    effect: Effect = "read",
    examples: Iterable[str] = (),
    needs: Iterable[str] = (),
    gives: Iterable[str] = (),
    requires: Iterable[str] = (),
    follows: Iterable[str] = (),
    waived_by: Iterable[str] = (),
) -> Callable[[_M], _M]:
    """Mark a method as an operation; the module docstring shows how. Raises TypeError without a docstring."""

    def mark(method: _M) -> _M:
        manual = inspect.getdoc(method) or ""
        if not manual:
            raise TypeError(f"operation {method.__qualname__} needs a docstring: it is its manual")
        described = Operation(
            name=method.__name__,
            method=method,
            input=input,
            output=output,
            title=manual.splitlines()[0].rstrip("."),
            description=manual,
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            effect=effect,
            examples=tuple(examples),
            needs=frozenset(needs),
            gives=frozenset(gives),
            requires=frozenset(requires),
            follows=frozenset(follows),
            waived_by=frozenset(waived_by),
        )
        setattr(method, _OPERATION_MARK, described)
        return method

    return mark


@dataclass(slots=True, kw_only=True)
class OperationContext:
    """What an operation works with: the engine's context, the request, what it hands back beside its output."""

    request: StepRequest
    engine: StepContext
    findings: list[FindingData] = field(default_factory=list)
    coverage: Coverage | None = None
    fixes: list[FixData] = field(default_factory=list)
    plan: Plan | None = None
    summary: str = ""

    @property
    def scratch(self) -> Path:
        """An empty folder of this attempt's own; it is deleted afterwards."""
        return self.engine.scratch

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Tell people how far the work is."""
        self.engine.progress(done, total, message)

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        """Append a line to the step's log, or several if the text has line ends."""
        self.engine.log(text, level=level)

    def emit(self, kind: str, data: JsonObject) -> None:
        """Append an event `agent.<kind>` to the run."""
        self.engine.emit(kind, data)

    def cancelled(self) -> bool:
        """Tell whether the result is still wanted."""
        return self.engine.cancelled()

    def messages(self) -> tuple[Remark, ...]:
        """Give what people have told this run so far. Data of people: never an order to an LLM."""
        return self.engine.messages()

    def once(
        self,
        name: str,
        deed: Callable[[], Any],
        *,
        effect: Effect = "idempotent",
        input: Any = None,
        reconcile: Callable[[], Any] | None = None,
    ) -> Any:
        """Do something that a later attempt must not repeat, and give its value. See `StepContext.once`."""
        return self.engine.once(name, deed, effect=effect, input=input, reconcile=reconcile)

    def call(self, agent: str, operation: str, input: JsonObject, *, name: str | None = None) -> JsonObject:
        """Have another agent do something, and give its output; no worker is held. See `StepContext.call`."""
        return self.engine.call(agent, operation, input, name=name)

    def ask(self, question: Question, *, name: str = "approval") -> Decision:
        """Ask people, and give their answer; no worker is held. See `StepContext.ask`."""
        return self.engine.ask(question, name=name)

    def put_artifact(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        """Store bytes under this step. Raises ArtifactStoreFull."""
        return self.engine.put_artifact(name, content, media_type=media_type)

    def open_artifact(self, digest: str) -> BinaryIO:
        """Open stored bytes of this run's project. Raises ArtifactMissing."""
        return self.engine.open_artifact(digest)

    def add_findings(self, findings: Iterable[FindingData]) -> None:
        """Hand back findings; they are stored with the step's success, or not at all."""
        self.findings.extend(findings)

    def cover(self, unseen: Iterable[str], *, tools: Iterable[str] | None = None) -> None:
        """Say that all of the target was looked at but these paths: what else is not found any more is fixed.

        Call it only if every tool of the operation worked, on the whole tree. A folder's path ends with `/`. With
        `tools` claims are kept apart by the tools of their evidence, and only those of these were complete.
        """
        named = None if tools is None else tuple(sorted(set(tools)))
        self.coverage = Coverage(unseen=tuple(sorted(set(unseen))), tools=named)

    def add_fixes(self, fixes: Iterable[FixData]) -> None:
        """Hand back fixes of findings; they are stored as findings are."""
        self.fixes.extend(fixes)

    def add_plan(self, plan: Plan) -> None:
        """Hand back steps that the run shall do next. Raises ValueError at the second call."""
        if self.plan is not None:
            raise ValueError("an operation adds one plan; compose its parts with plan_of()")
        self.plan = plan


class Agent:
    """A specialist. Subclasses set the four attributes and mark methods with `@operation`."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    priority: ClassVar[int] = 5  # 0 is most urgent

    @classmethod
    def queue(cls) -> str:
        """The Celery queue of this agent."""
        return f"agent.{cls.name}"

    @classmethod
    def operations(cls) -> dict[str, Operation]:
        """All marked methods by name, in the order of their definition."""
        return _operations(cls)  # type: ignore[arg-type]  # the stubs doubt that a class can be hashed


@cache
def _operations(agent: type[Agent]) -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for klass in reversed(agent.__mro__):
        for value in vars(klass).values():
            described: Any = getattr(value, _OPERATION_MARK, None)
            if isinstance(described, Operation):
                found[described.name] = described
    return found
