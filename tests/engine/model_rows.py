"""What the model keeps: runs, steps, edges, questions and journals as plain values, and what each says of itself.

A row of the model is told apart by its name (a run's label, a step's key), never by an id.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.states import EdgeCondition, RunState, StepState

FOREVER = 10**9
LETS_START = {
    EdgeCondition.SUCCEEDED: {StepState.SUCCEEDED},
    EdgeCondition.FAILED: {StepState.DEAD},
    EdgeCondition.ALWAYS: {StepState.SUCCEEDED, StepState.DEAD, StepState.SKIPPED},
}


class Refused(Exception):
    """The engine must raise the exception of this name, and change nothing."""


class Unsound(AssertionError):
    """The engine did what it must not."""


class Ticket(NamedTuple):
    """A lease: this attempt of this step of this run."""

    run: str
    key: str
    ordinal: int

    def __repr__(self) -> str:
        return f"{self.run}/{self.key}#{self.ordinal}"


class Spec(NamedTuple):
    """One operation, as the catalog has it."""

    agent: str
    operation: str
    queue: str
    max_attempts: int
    effect: str = "read"

    def __repr__(self) -> str:
        return f"{self.agent}.{self.operation}"


class Planned(NamedTuple):
    """A node of a plan: after maps keys to conditions."""

    key: str
    spec: Spec
    after: tuple[tuple[str, EdgeCondition], ...] = ()
    priority: int | None = None
    limit_key: str = ""
    deadline: int | None = None

    def __repr__(self) -> str:
        needs = ", ".join(f"{key} {on.value}" for key, on in self.after)
        more = [f"{k}={v}" for k, v in self._asdict().items() if k[0] in "pld" and v not in (None, "")]
        return f"<{' '.join([self.key, repr(self.spec), *more])}{f' after {needs}' if needs else ''}>"


class Rule(NamedTuple):
    """At most so many running steps per group: of one queue, project, key; or each project, or key, by itself."""

    most: int
    queue: str = ""
    project: str = ""
    key: str = ""
    each: str = "all"

    def covers(self, step: Step) -> bool:
        return (
            self.queue in ("", step.spec.queue)
            and self.project in ("", step.project)
            and self.key in ("", step.limit_key)
            and (self.each != "key" or step.limit_key != "")
        )

    def part(self, step: Step) -> str:
        """Give the group, among the rule's, that the step is counted in."""
        return {"project": step.project, "key": step.limit_key}.get(self.each, "")


@dataclass(slots=True)
class Entry:
    """A place in a step's journal."""

    kind: str
    digest: str = ""
    child: str = ""
    is_done: bool = False
    is_once: bool = False  # it must not happen twice


@dataclass(slots=True)
class Question:
    """Asked by a step; `about_deed`: whether something may be repeated that must not happen twice."""

    run: str
    key: str
    expires: int = FOREVER
    about_deed: bool = False
    decision: str = ""
    by: str = ""


@dataclass(slots=True)
class Step:
    key: str
    run: str
    project: str
    spec: Spec
    priority: int
    limit_key: str = ""
    deadline: int = FOREVER
    lifetime: int | None = None
    state: StepState = StepState.PENDING
    edges: list[tuple[str, EdgeCondition]] = field(default_factory=list)
    held: bool = False
    spent: int = 0
    outcomes: list[str] = field(default_factory=list)  # of its attempts; "" is open
    worker: str = ""
    due: int = 0
    kill: int = FOREVER
    is_lost: bool = False
    added_by: str = ""
    caller: str = ""
    journal: dict[tuple[str, int], Entry] = field(default_factory=dict)
    is_taken: bool = False
    order: int = FOREVER  # of the row's id, told by the test


@dataclass(slots=True)
class Run:
    label: str
    project: str
    body: object = None
    key: str | None = None
    priority: int | None = None
    deadline: int = FOREVER
    parent: str = ""
    state: RunState = RunState.ACCEPTED
    has_started: bool = False
    is_cancelled: bool = False
    is_paused: bool = False
    steps: dict[str, Step] = field(default_factory=dict)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def is_over(self) -> bool:
        return self.state.is_final

    def open(self) -> list[Step]:
        return sorted((s for s in self.steps.values() if not s.state.is_final), key=lambda s: s.order)

    def pending(self, step: Step) -> list[str]:
        """Give the keys of the unfinished needs."""
        return [key for key, _ in step.edges if not self.steps[key].state.is_final]

    def next_state(self, step: Step) -> StepState:
        """Say what a pending step is by now."""
        ended = [(self.steps[key].state, on) for key, on in step.edges if self.steps[key].state.is_final]
        if not all(state in LETS_START[on] for state, on in ended):
            return StepState.SKIPPED
        return StepState.PENDING if len(ended) < len(step.edges) else StepState.READY

    def verdict(self) -> RunState:
        """Say how a run of which nothing is open has ended."""
        if self.is_cancelled:
            return RunState.CANCELLED
        dealt_with = {
            key for step in self.steps.values() if step.state is not StepState.SKIPPED
            for key, on in step.edges if on is not EdgeCondition.SUCCEEDED
        }  # fmt: skip
        dead = [s for s in self.steps.values() if s.state is StepState.DEAD]
        is_fatal = any(not step.caller and step.key not in dealt_with for step in dead)
        return RunState.FAILED if is_fatal else RunState.SUCCEEDED


def is_circle(run: Run, step: Step, plan: tuple[Planned, ...]) -> bool:
    """Tell whether an added step would wait for one that waits for the last ones of the plan."""
    behind = {step.key}
    while (
        more := {
            s.key
            for s in run.steps.values()
            if s.state is StepState.PENDING and behind.intersection(run.pending(s))
        }
        - behind
    ):
        behind |= more
    return any(key in behind - {step.key} for planned in plan for key, _ in planned.after)
