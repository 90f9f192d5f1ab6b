"""What becomes of each step of a finished run when it is done again; reads rows, stores nothing.

    taken    what succeeded, and no step that is done again leads to it: stored as succeeded, with output, summary,
             findings and artifacts (rows; the bytes are shared by digest), linked by `taken_from`; nobody executes
             it. So too a called step that died: its caller was told, and went on
    redone   the named step (or all that died or was cancelled), and whatever waits for a redone step
    anew     what a redone step had added to the run, or called: not stored, since doing the step again does it again;
             who waited for it is redone, and waits for the redone step instead, and so for what that adds
    skipped  what was skipped for a reason that still stands: stored, and skipped by the same rule

The last but one has no meaning for an edge on `failed`: the redone step succeeds, and what mends the one that it adds
would be skipped. So who had added the mending step adds it anew, too, once the step that it mends is there.

The new run's plan is made of the old run's rows, and goes through the same check as any other.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tasks.errors import NothingToRetry, StepNotFound
from tasks.models import JournalEntry, Run, Step, StepDependency
from tasks.plans import After, Plan, PlannedStep, topological
from tasks.states import EdgeCondition, StepState, satisfies

FAILED = frozenset({StepState.DEAD.value, StepState.CANCELLED.value})
# Of two edges that become one the first one counts; nobody mends what has not failed.
_STRICTEST = (EdgeCondition.SUCCEEDED, EdgeCondition.FAILED, EdgeCondition.ALWAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedoneStep:
    """A step that a rerun does again. `repeats_effect`: what it does outside was perhaps done already."""

    key: str
    agent: str
    operation: str
    reason: str
    repeats_effect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunPreview:
    """What a rerun would do: keys taken over, steps done again, keys that redone steps will add anew."""

    taken: tuple[str, ...]
    redone: tuple[RedoneStep, ...]
    anew: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """A finished run's steps by what becomes of them, each list in the order of ids."""

    run: Run
    taken: list[Step]
    redone: list[Step]
    skipped: list[Step]
    anew: list[Step]
    edges: dict[int, list[StepDependency]]  # by the waiting step's id
    later: dict[int, set[int]]  # a redone step, and others that it must begin after
    journal: list[JournalEntry]

    @classmethod
    def of(cls, run: Run, from_key: str | None) -> Sorted:
        steps = {step.pk: step for step in Step.objects.filter(run=run).order_by("pk")}
        edges_in: dict[int, list[StepDependency]] = defaultdict(list)
        following: dict[int, list[int]] = defaultdict(list)  # who waits for the step, or was added by it
        for edge in StepDependency.objects.filter(step__run=run).order_by("pk"):
            edges_in[edge.step_id].append(edge)
            following[edge.needs_id].append(edge.step_id)
        for step in steps.values():
            if step.added_by_id is not None:
                following[step.added_by_id].append(step.pk)
        journal = list(JournalEntry.objects.filter(step__run=run).defer("value").order_by("pk"))
        callers = {entry.child_id: entry.step_id for entry in journal if entry.child_id is not None}
        again, mends = _again(_seeds(run, steps, callers, from_key), steps, edges_in, following, callers)
        adders = {pk: steps[pk].added_by_id for pk in again if steps[pk].added_by_id in again}
        old = [step for step in steps.values() if step.pk not in again]
        parts = cls(
            run=run,
            taken=[step for step in old if step.state != StepState.SKIPPED.value],
            redone=[steps[pk] for pk in sorted(again) if pk not in adders],
            skipped=[step for step in old if step.state == StepState.SKIPPED.value],
            anew=[steps[pk] for pk in sorted(adders)],
            edges=edges_in,
            later=_later(mends, adders),
            journal=journal,
        )
        if parts.is_vain():
            raise NothingToRetry(
                f"step {from_key!r} would be skipped again, with all that waits for it: what it waits for is taken"
                " over as it ended; do that again"
            )
        return parts

    def preview(self) -> RerunPreview:
        began_once = {entry.step_id for entry in self.journal if entry.effect == "once"}
        return RerunPreview(
            taken=tuple(step.key for step in self.taken),
            redone=tuple(
                RedoneStep(
                    key=step.key,
                    agent=step.agent,
                    operation=step.operation,
                    reason=step.reason,
                    repeats_effect=step.pk in began_once
                    or (step.effect == "once" and (step.attempts_made > 0 or step.taken_from_id is not None)),
                )
                for step in self.redone
            ),
            anew=tuple(step.key for step in self.anew),
        )

    def is_vain(self) -> bool:
        """Tell whether nothing of the new run could begin, since all that it does again is skipped at once."""
        ended = {step.key: StepState(step.state) for step in self.taken}
        for planned in topological(self.plan()):
            if not all(
                edge.key not in ended or satisfies(ended[edge.key], edge.on) for edge in planned.after
            ):
                ended[planned.key] = StepState.SKIPPED
        return all(step.key in ended for step in self.redone)

    def plan(self) -> Plan:
        """Make the plan of what is stored anew."""
        kept = {step.pk: step.key for step in [*self.taken, *self.redone, *self.skipped]}
        adders = {step.pk: step.added_by_id for step in self.anew}
        planned = [*self.redone, *self.skipped]
        after = {step.key: _after(self.edges[step.pk], kept, adders) for step in planned}
        for step in self.redone:
            for other in sorted(kept[pk] for pk in self.later.get(step.pk, ())):
                if not _leads_to(other, step.key, after) and all(
                    edge.key != other for edge in after[step.key]
                ):
                    after[step.key] += (After(key=other, on=EdgeCondition.ALWAYS),)
        return Plan(tuple(_planned(step, after[step.key]) for step in planned))


def _seeds(run: Run, steps: dict[int, Step], callers: dict[int, int], from_key: str | None) -> set[int]:
    """Give where doing again begins. What a step called is done again by doing the caller again."""
    seeds = {pk for pk, step in steps.items() if step.state in FAILED and pk not in callers}
    if from_key is not None:
        named = next((pk for pk, step in steps.items() if step.key == from_key), None)
        if named is None:
            raise StepNotFound(f"run {run.public_id} has no step {from_key!r}")
        while named in callers:
            named = callers[named]
        return seeds | {named}
    if not seeds:
        raise NothingToRetry(f"no step of run {run.public_id} failed; name a step to do again from")
    return seeds


def _reached(seeds: set[int], following: dict[int, list[int]]) -> set[int]:
    reached, front = set(seeds), list(seeds)
    while front:
        for pk in following[front.pop()]:
            if pk not in reached:
                reached.add(pk)
                front.append(pk)
    return reached


def _again(
    seeds: set[int],
    steps: dict[int, Step],
    edges: dict[int, list[StepDependency]],
    following: dict[int, list[int]],
    callers: dict[int, int],
) -> tuple[set[int], list[tuple[int, int]]]:
    """Give all that is redone or added anew; and who of it adds a mending step again, with the step that it mends."""
    again, mends = _reached(seeds, following), []
    while found := _adders_of_menders(steps, edges, callers, again):
        mends += found
        again = _reached(again | {adder for adder, _ in found}, following)
    return again, mends


def _later(mends: list[tuple[int, int]], adders: dict[int, int | None]) -> dict[int, set[int]]:
    """Give, for each redone step that adds a mending one, those redone steps that add what is mended."""
    later: dict[int, set[int]] = defaultdict(set)
    for adder, mended in mends:
        if adder not in adders:
            later[adder].add(_redone_for(mended, adders))
    return later


def _adders_of_menders(
    steps: dict[int, Step], edges: dict[int, list[StepDependency]], callers: dict[int, int], again: set[int]
) -> list[tuple[int, int]]:
    """Give who had added, or called who added, a step that mends one that is added anew, each with the mended one.

    Who waits for the mended one's adder, too, by the same condition, mends that: it waits for what is added by the
    engine's rule, and is skipped when that adder succeeds.
    """
    found = []
    for pk in again:
        adder = steps[pk].added_by_id
        failing = [edge.needs_id for edge in edges[pk] if edge.condition == EdgeCondition.FAILED.value]
        if adder is None or adder in again:
            continue
        while adder in callers:
            adder = callers[adder]
        for mended in failing:
            lost_with = steps[mended].added_by_id
            if mended in again and lost_with in again and lost_with not in failing:
                found.append((adder, mended))
    return found


def _redone_for(anew: int, adders: dict[int, int | None]) -> int:
    """Give the redone step that, itself or by those that it adds, adds this one."""
    adder: int | None = anew
    while adder in adders:
        adder = adders[adder]
    assert adder is not None, "what is added anew has an adder"
    return adder


def _leads_to(start: str, end: str, after: dict[str, tuple[After, ...]]) -> bool:
    """Tell whether one planned step waits for another one, at whatever distance."""
    seen, front = {start}, [start]
    while front:
        key = front.pop()
        if key == end:
            return True
        news = {edge.key for edge in after.get(key, ())} - seen
        seen |= news
        front += news
    return False


def _after(
    edges: list[StepDependency], kept: dict[int, str], adders: dict[int, int | None]
) -> tuple[After, ...]:
    """Give a step's edges to what is kept. One to a step that is added anew goes to the redone step that adds it.

    Who waits for a step waits for the last ones that it adds too, under the same condition; so whoever waits for the
    redone step already needs no more. `adders`: who had added the steps that are added anew.
    """
    after = {kept[edge.needs_id]: EdgeCondition(edge.condition) for edge in edges if edge.needs_id in kept}
    instead: dict[str, EdgeCondition] = {}
    for edge in edges:
        if edge.needs_id in adders:
            adder = kept[_redone_for(edge.needs_id, adders)]
            if adder not in after:
                instead[adder] = min(
                    EdgeCondition(edge.condition), instead.get(adder, _STRICTEST[-1]), key=_STRICTEST.index
                )
    return tuple(After(key=key, on=on) for key, on in (after | instead).items())


def _planned(step: Step, after: tuple[After, ...]) -> PlannedStep:
    lifetime = None
    if step.deadline_at is not None:
        lifetime = max(1, round((step.deadline_at - step.created_at).total_seconds()))
    return PlannedStep(
        key=step.key,
        agent=step.agent,
        operation=step.operation,
        input=step.input,
        after=after,
        reason=step.reason,
        priority=step.priority,
        deadline_seconds=lifetime,
        limit_key=step.limit_key or None,
    )
