"""The states of a run and of a step, and every move between them, as data.

These tables are the only copy: the database's triggers, the checks in `runs` and
`docs/reference/states.md` are all made from them. Invariant: nothing leaves a final state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class RunState(StrEnum):
    """Where an accepted request stands."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not RUN_TRANSITIONS[self]


class StepState(StrEnum):
    """Where one stored unit of work stands."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    WAITING_RETRY = "waiting_retry"
    WAITING = "waiting"
    WAITING_APPROVAL = "waiting_approval"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not STEP_TRANSITIONS[self]


class AttemptOutcome(StrEnum):
    """How one try of a step ended. A try that is still going has none."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the operation raised, or ran past its soft limit
    LOST = "lost"  # its worker or child died, or the lease ran out
    RELEASED = "released"  # given back by a worker that was shutting down; spends no attempt
    CANCELLED = "cancelled"
    STALE = "stale"  # a result came after the lease was lost; it was thrown away


class EdgeCondition(StrEnum):
    """When a dependent step may start, by how the step before it ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ALWAYS = "always"


_S = StepState
_R = RunState

STEP_TRANSITIONS: Mapping[StepState, frozenset[StepState]] = {
    _S.PENDING: frozenset({_S.READY, _S.SKIPPED, _S.CANCELLED, _S.DEAD}),
    _S.READY: frozenset({_S.RUNNING, _S.CANCELLED, _S.DEAD}),
    _S.RUNNING: frozenset(
        {
            _S.SUCCEEDED,
            _S.WAITING_RETRY,
            _S.WAITING,
            _S.WAITING_APPROVAL,
            _S.DEAD,
            _S.CANCELLED,
            _S.READY,
        }
    ),
    _S.WAITING_RETRY: frozenset({_S.READY, _S.CANCELLED, _S.DEAD}),
    _S.WAITING: frozenset({_S.READY, _S.CANCELLED, _S.DEAD}),
    _S.WAITING_APPROVAL: frozenset({_S.READY, _S.CANCELLED, _S.DEAD}),
    _S.SUCCEEDED: frozenset(),
    _S.SKIPPED: frozenset(),
    _S.DEAD: frozenset(),
    _S.CANCELLED: frozenset(),
}

RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    _R.ACCEPTED: frozenset({_R.RUNNING, _R.PAUSED, _R.FAILED, _R.CANCELLED}),
    _R.RUNNING: frozenset({_R.PAUSED, _R.SUCCEEDED, _R.FAILED, _R.CANCELLED}),
    _R.PAUSED: frozenset({_R.RUNNING, _R.SUCCEEDED, _R.FAILED, _R.CANCELLED}),
    _R.SUCCEEDED: frozenset(),
    _R.FAILED: frozenset(),
    _R.CANCELLED: frozenset(),
}

FINAL_STEP_STATES = frozenset(state for state in StepState if state.is_final)
FINAL_RUN_STATES = frozenset(state for state in RunState if state.is_final)

_SATISFYING: Mapping[EdgeCondition, frozenset[StepState]] = {
    EdgeCondition.SUCCEEDED: frozenset({_S.SUCCEEDED}),
    EdgeCondition.FAILED: frozenset({_S.DEAD}),
    EdgeCondition.ALWAYS: frozenset({_S.SUCCEEDED, _S.DEAD, _S.SKIPPED}),
}


def satisfies(ended: StepState, condition: EdgeCondition) -> bool:
    """Tell whether a step that ended so lets a dependent with this condition start."""
    return ended in _SATISFYING[condition]
