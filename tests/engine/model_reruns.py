"""The model of doing a run again: what becomes of each of its steps, said once more from the meaning alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.states import EdgeCondition, StepState
from tests.engine.model_rows import Planned, Refused, Run, Step

STRICTEST = (EdgeCondition.SUCCEEDED, EdgeCondition.FAILED, EdgeCondition.ALWAYS)
Edges = tuple[tuple[str, EdgeCondition], ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """A finished run's steps; `again` are the keys of those that are redone or added anew."""

    run: Run
    again: set[str]
    mends: set[tuple[str, str]]  # who adds a mending step again, and what that mends

    @property
    def taken(self) -> list[Step]:
        """Give what has ended for good: what succeeded, and what was called and died."""
        return [
            s for s in _in_order(self.run) if s.key not in self.again and s.state is not StepState.SKIPPED
        ]

    @property
    def planned(self) -> list[Step]:
        """Give what is stored to be done: all that is redone, and what stays skipped."""
        redone = [s for s in _in_order(self.run) if s.key in self.again and s.added_by not in self.again]
        return [*redone, *self.skipped]

    @property
    def skipped(self) -> list[Step]:
        return [s for s in _in_order(self.run) if s.key not in self.again and s.state is StepState.SKIPPED]

    @property
    def kept(self) -> set[str]:
        return {s.key for s in [*self.taken, *self.planned]}

    def plan(self) -> list[Planned]:
        after = {s.key: self._after(s) for s in self.planned}
        for step in self.planned:
            for other in sorted({self._who_adds(x) for adder, x in self.mends if adder == step.key}):
                if other not in dict(after[step.key]) and not _waits(other, step.key, after):
                    after[step.key] += ((other, EdgeCondition.ALWAYS),)
        return [
            Planned(s.key, s.spec, after[s.key], s.priority, s.limit_key, s.lifetime) for s in self.planned
        ]

    def taken_over(self, was: Step, label: str) -> Step:
        """Give a taken step as it stands in the new run: it keeps what it called, and what must not happen twice."""
        taken = {s.key for s in self.taken}
        step = Step(was.key, label, was.project, was.spec, was.priority, was.limit_key, is_taken=True)
        step.state, step.edges = was.state, [e for e in was.edges if e[0] in self.kept]
        step.journal = {
            place: replace(entry)
            for place, entry in was.journal.items()
            if entry.child in taken or entry.is_once
        }
        return step

    def adders(self) -> dict[str, str]:
        """Say who had added what is kept, where it is kept too."""
        kept = self.kept
        return {key: self.run.steps[key].added_by for key in kept if self.run.steps[key].added_by in kept}

    def _after(self, step: Step) -> Edges:
        """Wait for what is kept; instead of what is added anew, for who adds it."""
        after = {key: on for key, on in step.edges if key in self.kept}
        lost = [(self._who_adds(key), on) for key, on in step.edges if self._is_anew(key)]
        for adder in {adder for adder, _ in lost} - set(after):
            after[adder] = min((on for one, on in lost if one == adder), key=STRICTEST.index)
        return tuple(after.items())

    def _is_anew(self, key: str) -> bool:
        return key in self.again and self.run.steps[key].added_by in self.again

    def _who_adds(self, key: str) -> str:
        while self._is_anew(key):
            key = self.run.steps[key].added_by
        return key


def sort(run: Run, key: str | None) -> Parts:
    """Do again what failed, and the step of this key; and who waits for it, or was added by it. Raises Refused."""
    failed = {StepState.DEAD, StepState.CANCELLED}
    again = {s.key for s in run.steps.values() if s.state in failed and not s.caller}
    if key is not None:
        while run.steps[key].caller:
            key = run.steps[key].caller
        again.add(key)
    if not again:
        raise Refused("NothingToRetry")
    mends: set[tuple[str, str]] = set()
    while more := {s.key for s in run.steps.values() if _follows(s, again)} - again or _menders(
        run, again, mends
    ):
        again |= more
    return Parts(run, again, mends)


def _menders(run: Run, again: set[str], mends: set[tuple[str, str]]) -> set[str]:
    """Give who had added a step that mends one that is added anew; it adds the mending one anew after that."""
    for step in run.steps.values():
        if step.key in again and step.added_by and step.added_by not in again:
            failing = {key for key, on in step.edges if on is EdgeCondition.FAILED}
            lost = {key for key in failing if key in again and run.steps[key].added_by in again - failing}
            adder = step.added_by
            while run.steps[adder].caller:
                adder = run.steps[adder].caller
            mends |= {(adder, key) for key in lost}
    return {adder for adder, _ in mends} - again


def _waits(step: str, other: str, after: dict[str, Edges]) -> bool:
    return step == other or any(_waits(key, other, after) for key, _ in after.get(step, ()))


def _follows(step: Step, again: set[str]) -> bool:
    return step.added_by in again or any(key in again for key, _ in step.edges)


def _in_order(run: Run) -> list[Step]:
    return sorted(run.steps.values(), key=lambda s: s.order)
