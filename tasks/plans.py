"""Plans: pure descriptions of work, before anything of them is stored.

A plan is a directed acyclic graph of steps, composed as in Celery's canvas and nested at will:

    chain(a, b)            b after a
    group(a, b)            a beside b
    chord(group(a, b), c)  c after both; on=ALWAYS lets c run whatever became of them

Owns: shape, composition, validation. Refuses to know: the database, Celery, what an operation does.
Invariant: a plan that `validate` let through can be stored whole; one that it refused left nothing behind.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.errors import PlanFault, PlanInvalid
from tasks.states import EdgeCondition

JsonObject = dict[str, Any]
"""A JSON object as `json.loads` gives it: the one place where the engine says Any."""

MAX_STEPS = 5_000
MAX_EDGES = 50_000
MAX_INPUT_BYTES = 256 * 1024  # an input is a row's column; larger things are artifacts
MAX_LIMIT_KEY = 120  # characters
MAX_FAULTS = 50  # a plan with more is told the first ones
KEY_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}\Z")
REF = "$ref"


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """An edge: this step waits for `key`, and starts if it ended as `on` says."""

    key: str
    on: EdgeCondition = EdgeCondition.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One node of a plan: which operation of which agent, with what input, after which steps.

    `reason` is shown to people. `priority` (0 most urgent to 9) overrides the run's and the agent's.
    `deadline_seconds` counts from the moment the step is stored and spans all its attempts. `limit_key` names what
    the step takes up, such as a host or a licence: a limit rule may bound how many steps that share it run at once.
    """

    key: str
    agent: str
    operation: str
    input: JsonObject = field(default_factory=dict)
    after: tuple[After, ...] = ()
    reason: str = ""
    priority: int | None = None
    deadline_seconds: int | None = None
    limit_key: str | None = None

    def to_json(self) -> JsonObject:
        return {
            "key": self.key,
            "agent": self.agent,
            "operation": self.operation,
            "input": self.input,
            "after": [{"key": edge.key, "on": edge.on.value} for edge in self.after],
            "reason": self.reason,
            "priority": self.priority,
            "deadline_seconds": self.deadline_seconds,
            "limit_key": self.limit_key,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps and their edges. Not necessarily sound: `validate` tells."""

    steps: tuple[PlannedStep, ...]

    def __iter__(self) -> Iterator[PlannedStep]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def sources(self) -> tuple[str, ...]:
        """Keys of the steps that wait for no step of this plan."""
        inside = {step.key for step in self.steps}
        return tuple(s.key for s in self.steps if not any(edge.key in inside for edge in s.after))

    def sinks(self) -> tuple[str, ...]:
        """Keys of the steps that no step of this plan waits for."""
        awaited = {edge.key for step in self.steps for edge in step.after}
        return tuple(step.key for step in self.steps if step.key not in awaited)

    def to_json(self) -> JsonObject:
        return {"steps": [step.to_json() for step in self.steps]}


Part = PlannedStep | Plan


def plan_of(*parts: Part) -> Plan:
    """Put parts into one plan as they are, without new edges."""
    return Plan(tuple(step for part in parts for step in _steps(part)))


def chain(*parts: Part, on: EdgeCondition = EdgeCondition.SUCCEEDED) -> Plan:
    """Let each part start when the part before it has ended as `on` says."""
    steps: list[PlannedStep] = []
    before: tuple[str, ...] = ()
    for part in parts:
        current = _as_plan(part)
        if not len(current):
            continue
        steps.extend(_follow(current, before, on))
        before = current.sinks()
    return Plan(tuple(steps))


def group(*parts: Part) -> Plan:
    """Let the parts run side by side."""
    return plan_of(*parts)


def chord(header: Part, body: Part, *, on: EdgeCondition = EdgeCondition.SUCCEEDED) -> Plan:
    """Let `body` start when every last step of `header` has ended as `on` says."""
    return chain(header, body, on=on)


def ref(key: str, *path: str | int) -> JsonObject:
    """Stand for (a part of) the output of the upstream step `key` inside an input."""
    return {REF: key, "path": list(path)}


def plan_from_json(data: object) -> Plan:
    """Read a plan that came from outside. Raises PlanInvalid with the key and the fault."""
    if not isinstance(data, Mapping) or not isinstance(data.get("steps"), list):
        raise PlanInvalid([PlanFault(key="", message="a plan is an object with a list 'steps'")])
    faults: list[PlanFault] = []
    steps: list[PlannedStep] = []
    for index, raw in enumerate(data["steps"]):
        try:
            steps.append(_step_from_json(raw))
        except (KeyError, TypeError, ValueError) as error:
            key = raw.get("key", f"#{index}") if isinstance(raw, Mapping) else f"#{index}"
            faults.append(PlanFault(key=str(key), message=f"cannot be read: {error!r}"))
    if faults:
        raise PlanInvalid(faults)
    return Plan(tuple(steps))


def validate(plan: Plan, *, stored_keys: Iterable[str] = (), stored_count: int = 0) -> None:
    """Let a sound plan pass. Raises PlanInvalid with every fault and the key of its step.

    `stored_keys` are steps that the run has already; a new step may wait for them but not be named so.
    """
    stored = set(stored_keys)
    faults = list(_faults_of_size(plan, stored_count))
    if not faults:
        faults.extend(_faults_of_steps(plan, stored))
    if not faults:
        faults.extend(_faults_of_cycles(plan))
    if not faults:
        faults.extend(_faults_of_references(plan, stored))
    if faults:
        raise PlanInvalid(faults[:MAX_FAULTS])


def references(value: object) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield (key, path) of every reference inside an input, however deep."""
    if isinstance(value, Mapping):
        if REF in value:
            yield str(value[REF]), tuple(value.get("path", ()))
            return
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)


def resolve(value: Any, outputs: Mapping[str, JsonObject | None]) -> Any:
    """Put upstream outputs in the place of references; what is not there becomes None."""
    if isinstance(value, Mapping):
        if REF in value:
            return _dig(outputs.get(str(value[REF])), value.get("path", ()))
        return {key: resolve(item, outputs) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, outputs) for item in value]
    return value


def topological(plan: Plan) -> list[PlannedStep]:
    """Give the steps so that each comes after those it waits for. The plan must have no cycle."""
    order, _ = _kahn(plan)
    by_key = {step.key: step for step in plan}
    return [by_key[key] for key in order]


def _steps(part: Part) -> tuple[PlannedStep, ...]:
    return (part,) if isinstance(part, PlannedStep) else part.steps


def _as_plan(part: Part) -> Plan:
    return Plan(_steps(part))


def _follow(plan: Plan, before: Sequence[str], on: EdgeCondition) -> Iterator[PlannedStep]:
    sources = set(plan.sources())
    edges = tuple(After(key=key, on=on) for key in before)
    for step in plan:
        more = tuple(edge for edge in edges if edge not in step.after)
        yield replace(step, after=step.after + more) if step.key in sources and more else step


def _step_from_json(raw: object) -> PlannedStep:
    if not isinstance(raw, Mapping):
        raise TypeError(f"a step is an object, not {type(raw).__name__}")
    after = tuple(
        After(key=str(edge["key"]), on=EdgeCondition(edge.get("on", "succeeded")))
        for edge in raw.get("after", ())
    )
    priority, deadline, limit_key = raw.get("priority"), raw.get("deadline_seconds"), raw.get("limit_key")
    return PlannedStep(
        key=str(raw["key"]),
        agent=str(raw["agent"]),
        operation=str(raw["operation"]),
        input=dict(raw.get("input") or {}),
        after=after,
        reason=str(raw.get("reason", "")),
        priority=None if priority is None else int(priority),
        deadline_seconds=None if deadline is None else int(deadline),
        limit_key=None if limit_key is None else str(limit_key),
    )


def _faults_of_size(plan: Plan, stored_count: int) -> Iterator[PlanFault]:
    if len(plan) + stored_count > MAX_STEPS:
        yield PlanFault(
            key="", message=f"{len(plan) + stored_count} steps in one run; at most {MAX_STEPS} are allowed"
        )
    edges = sum(len(step.after) for step in plan)
    if edges > MAX_EDGES:
        yield PlanFault(key="", message=f"{edges} edges; at most {MAX_EDGES} are allowed")


def _faults_of_steps(plan: Plan, stored: set[str]) -> Iterator[PlanFault]:
    inside = {step.key for step in plan}
    seen: set[str] = set()
    for step in plan:
        yield from _faults_of_step(step)
        if step.key in seen or step.key in stored:
            yield PlanFault(key=step.key, message="the key is used twice; give each step its own")
        seen.add(step.key)
        for key, times in Counter(edge.key for edge in step.after).items():
            if times > 1:
                yield PlanFault(
                    key=step.key, message=f"waits for {key!r} twice; one edge says when it starts"
                )
        for edge in step.after:
            if edge.key not in inside and edge.key not in stored:
                yield PlanFault(key=step.key, message=f"waits for {edge.key!r}, which is no step of the plan")


def _faults_of_step(step: PlannedStep) -> Iterator[PlanFault]:
    if not KEY_PATTERN.match(step.key):
        yield PlanFault(
            key=step.key, message="a key is 1 to 120 of A-Z a-z 0-9 _ . : - and starts with a letter or digit"
        )
    if step.priority is not None and not 0 <= step.priority <= 9:
        yield PlanFault(key=step.key, message=f"priority {step.priority} is not between 0 (urgent) and 9")
    if step.deadline_seconds is not None and step.deadline_seconds < 1:
        yield PlanFault(
            key=step.key, message=f"deadline of {step.deadline_seconds} s; at least 1 s is needed"
        )
    if step.limit_key is not None and not 1 <= len(step.limit_key) <= MAX_LIMIT_KEY:
        yield PlanFault(
            key=step.key,
            message=f"a limit key of {len(step.limit_key)} characters; it has 1 to {MAX_LIMIT_KEY}, or is left out",
        )
    try:
        size = len(json.dumps(step.input, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        yield PlanFault(key=step.key, message=f"the input is no JSON: {error}")
        return
    if size > MAX_INPUT_BYTES:
        yield PlanFault(
            key=step.key,
            message=f"the input has {size} bytes; at most {MAX_INPUT_BYTES}; larger things are artifacts",
        )


def _kahn(plan: Plan) -> tuple[list[str], set[str]]:
    """Order the keys topologically; the second value holds those that a cycle keeps out."""
    inside = {step.key for step in plan}
    waiting = {step.key: {edge.key for edge in step.after if edge.key in inside} for step in plan}
    dependents: dict[str, list[str]] = {key: [] for key in inside}
    for key, needs in waiting.items():
        for need in needs:
            dependents[need].append(key)
    free = deque(step.key for step in plan if not waiting[step.key])
    order: list[str] = []
    while free:
        key = free.popleft()
        order.append(key)
        for dependent in dependents[key]:
            waiting[dependent].discard(key)
            if not waiting[dependent]:
                free.append(dependent)
    return order, inside - set(order)


def _faults_of_cycles(plan: Plan) -> Iterator[PlanFault]:
    _, stuck = _kahn(plan)
    if not stuck:
        return
    needs = {step.key: [e.key for e in step.after if e.key in stuck] for step in plan if step.key in stuck}
    path = [min(stuck)]
    while needs[path[-1]][0] not in path:
        path.append(needs[path[-1]][0])
    loop = [*path[path.index(needs[path[-1]][0]) :], needs[path[-1]][0]]
    yield PlanFault(key=loop[0], message="waits for itself in a cycle: " + " -> ".join(reversed(loop)))


def _faults_of_references(plan: Plan, stored: set[str]) -> Iterator[PlanFault]:
    """A reference must point to a step that is surely over: an ancestor, or one stored before."""
    by_key = {step.key: step for step in plan}
    for step in plan:
        wanted = {key for key, _ in references(step.input)}
        if not wanted:
            continue
        above = _ancestors(step, by_key)
        for key in sorted(wanted - above - stored):
            yield PlanFault(
                key=step.key, message=f"refers to the output of {key!r}, which does not come before it"
            )


def _ancestors(step: PlannedStep, by_key: Mapping[str, PlannedStep]) -> set[str]:
    above: set[str] = set()
    todo = [edge.key for edge in step.after]
    while todo:
        key = todo.pop()
        if key in above:
            continue
        above.add(key)
        if key in by_key:
            todo.extend(edge.key for edge in by_key[key].after)
    return above


def _dig(value: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
    return value
