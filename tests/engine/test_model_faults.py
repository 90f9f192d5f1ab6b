"""The model's own proof: faults put into the engine, one at a time, must be found.

    WRENCH_MODEL_FAULTS=1 ./wrench test tests/engine/test_model_faults.py -s     some minutes; says after how much

Each was found, with these odds and this seed, in so many examples of the machine (or the first time of a meeting):

    4          settle does not look at the fence
    3          a success does not bring its dependents nearer
    1          pause forgets to hold
    1          resume forgets to let go
    2          cancel forgets steps that wait
    5          recover does not spend
    2          a child's end does not wake its caller
    24         the end of a step leaves its question open
    meeting    a rejected deed is done again
    meeting    a step is released into a cancelled run
    meeting    the claim does not look at limits
    meeting    a lost attempt may be asked about past its deadline
    meeting    whoever locks a run's steps looks only once
    5          a turn is settled in a run that was cancelled or paused
    32         a claim of several takes no notice of limits
    meeting    a join of two ends of one turn counts one of them
    meeting    what a turn locks is looked at before it is locked
    meeting    what must not happen twice is claimed with others

A fault is a line of the engine replaced in memory: the function keeps its identity and gets other code.
"""

from __future__ import annotations

import inspect
import os
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tasks import leases
from tasks.database import Prepared
from tasks.runs import approvals, attempts, cancelling, moves, pausing, recovery, success
from tests.engine.test_model import STEPS, Machine, run, settings_of
from tests.engine.test_model import _engine as _engine  # the fixture: delays, bells, threads
from tests.engine.test_model_races import meet

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
    pytest.mark.skipif("WRENCH_MODEL_FAULTS" not in os.environ, reason="WRENCH_MODEL_FAULTS asks for it"),
]

EXAMPLES, SEED = 60, 7
# Found by meetings of these names: the machine seldom comes there, or what is wrong lasts for one lock's moment.
MEETINGS = {
    "a step is released into a cancelled run": ("release and cancel",),
    "the claim does not look at limits": ("claim and claim under a limit",),
    "a lost attempt may be asked about past its deadline": ("recover and expire of what is late",),
    "a rejected deed is done again": ("no to a deed and pause",),
    "whoever locks a run's steps looks only once (two at a time)": ("extend and pause", "extend and cancel"),
    "a join of two ends of one turn counts one of them": (
        "turn and turn with shared joins",
        "turn and hurry of one of its runs",
    ),
    "what a turn locks is looked at before it is locked": (
        "turn and turn with shared joins",
        "turn and pause of one of its runs",
    ),
    "what must not happen twice is claimed with others": (
        "several and several of what must not happen twice",
    ),
}
TIMES = 10
Fault = tuple[Any, str, str, str]  # where, of what name, which text, by which

FAULTS: dict[str, list[Fault]] = {
    "settle does not look at the fence": [
        (moves, "lock_for_settling", "step.fence != lease.fence", "False"),
        (success, "_FIND", "AND s.fence = ANY (%(fences)s) AND s.state", "AND s.state"),
    ],
    "a success does not bring its dependents nearer": [
        (success, "_BRING_NEARER", "s.pending_deps - n.by", "s.pending_deps"),
    ],
    "pause forgets to hold": [(pausing, "pause", "update(held=True)", "count()")],
    "resume forgets to let go": [(pausing, "resume", "update(held=False)", "count()")],
    "cancel forgets steps that wait": [
        (cancelling, "_cancel", "in OPEN_IDLE:", "in ('pending', 'ready'):"),
    ],
    "recover does not spend": [(recovery, "_recover_one", "attempts_spent + 1", "attempts_spent")],
    "a child's end does not wake its caller": [(moves, "end_waits", "if caller is not None:", "if False:")],
    "the end of a step leaves its question open": [
        (moves, "end_waits", "if step.state == StepState.WAITING_APPROVAL.value:", "if False:"),
    ],
    "a rejected deed is done again": [(approvals, "_go_on", 'approval.entry.effect == "once"', "False")],
    "a step is released into a cancelled run": [
        (attempts, "release", "step.run.cancel_requested_at is not None", "False"),
    ],
    "the claim does not look at limits": [(leases, "CLAIM", "l.is_full IS NOT TRUE", "true")],
    "a lost attempt may be asked about past its deadline": [
        (recovery, "_recover_one", "_is_past_deadline(step)", "False"),
    ],
    "a turn is settled in a run that was cancelled or paused": [
        (success, "_FIND", "r.cancel_requested_at IS NULL AND r.paused_at IS NULL", "true"),
    ],
    "a claim of several takes no notice of limits": [
        (leases, "CLAIM", "EXISTS (SELECT FROM rules) OR", "false OR"),
    ],
    "a join of two ends of one turn counts one of them": [
        (success, "succeed", "one.pending_deps == met[one.pk]", "one.pending_deps == 1"),
    ],
    "what a turn locks is looked at before it is locked": [(success, "_LOCK", "FOR UPDATE", "")],
    "what must not happen twice is claimed with others": [
        (leases, "CLAIM", "s.effect = 'once'", "false"),
    ],
    "whoever locks a run's steps looks only once (two at a time)": [
        (moves, "lock_open", "if not news:", "if not news or seen:"),
    ],
}  # fmt: skip


@pytest.fixture
def put_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Fault], None]]:
    """Replace text in a function, or in a statement, of the engine until the test is over."""
    codes = []

    def go(fault: Fault) -> None:
        module, name, old, new = fault
        found = getattr(module, name)
        if isinstance(found, Prepared):
            assert old in found.text
            faulty = replace(found, name=f"{found.name}_faulty", text=found.text.replace(old, new))
            monkeypatch.setattr(module, name, faulty)
            return
        source = textwrap.dedent(inspect.getsource(found))
        assert old in source
        space = dict(vars(module))
        exec(compile("from __future__ import annotations\n" + source.replace(old, new), name, "exec"), space)
        codes.append((found, found.__code__))
        found.__code__ = space[name].__code__

    yield go
    for found, code in codes:
        found.__code__ = code


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - MEETINGS.keys()))
def test_model_finds_the_fault(fault: str, put_in: Callable[[Fault], None]) -> None:
    for change in FAULTS[fault]:
        put_in(change)
    Machine.figures = Counter()
    with pytest.raises(Exception) as caught:
        run(Machine, SEED, settings_of(EXAMPLES, STEPS))
    example = Machine.figures["found in example"]
    print(f"\nFOUND {fault}: in example {example}: {_first_line(caught.value)}")
    assert example > 0


@pytest.mark.parametrize("fault", MEETINGS)
def test_meetings_find_the_fault(fault: str, put_in: Callable[[Fault], None]) -> None:
    for change in FAULTS[fault]:
        put_in(change)
    tried = 0
    with pytest.raises(AssertionError) as caught:
        for meeting in MEETINGS[fault] * TIMES:
            tried += 1
            meet(meeting, tried)
    print(f"\nFOUND {fault}: in meeting {tried}: {_first_line(caught.value)}")


def _first_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {str(error).strip()[:160]!r}"
