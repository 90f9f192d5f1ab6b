"""The checker finds each kind of violation in a history made by hand, and none in a sound one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos import checker
from tests.chaos.collected import (
    ApprovalRow,
    AttemptRow,
    Collected,
    EdgeRow,
    Effect,
    EventRow,
    LimitRow,
    RunRow,
    StepRow,
)
from tests.chaos.history import Operation

RUN = RunRow(id=1, public_id="r1", key="k1", state="succeeded", last_seq=8, open_steps=0, finished=True)
STEPS = (
    StepRow(id=1, run=1, key="a", queue="agent.mill", state="succeeded", limit_key="narrow"),
    StepRow(id=2, run=1, key="b", queue="agent.mill", state="succeeded", limit_key="narrow"),
)
ATTEMPTS = (
    AttemptRow(step=1, ordinal=1, fence="f1", outcome="lost", started_at=1.0, ended_at=2.0),
    AttemptRow(step=1, ordinal=2, fence="f2", outcome="succeeded", started_at=2.0, ended_at=3.0),
    AttemptRow(step=2, ordinal=1, fence="f3", outcome="succeeded", started_at=3.0, ended_at=4.0),
)
KINDS = (
    ("run.accepted", None, 0),
    ("step.started", 1, 1),
    ("step.lost", 1, 1),
    ("step.started", 1, 2),
    ("step.succeeded", 1, 2),
    ("step.started", 2, 1),
    ("step.succeeded", 2, 1),
    ("run.finished", None, 0),
)
EVENTS = tuple(
    EventRow(run=1, seq=seq, at=float(seq), kind=kind, step=step, attempt=attempt)
    for seq, (kind, step, attempt) in enumerate(KINDS, start=1)
)
EFFECTS = tuple(
    Effect(kind=kind, run="r1", key=key, attempt=attempt, pid=1, at=0.0)
    for kind, key, attempt in (("begin", "a", 1), ("begin", "a", 2), ("end", "a", 2), ("end", "b", 1))
)


def told(verb: str, outcome: Any = "ok", **rest: Any) -> Operation:
    return Operation(at=0.0, took=0.1, client="c", verb=verb, outcome=outcome, status=200, **rest)


SOUND = Collected(
    operations=(told("submit", key="k1", run="r1"), told("submit", key="k1", run="r1")),
    effects=EFFECTS,
    runs=(RUN,),
    steps=STEPS,
    edges=(EdgeRow(needs=1, step=2, condition="succeeded"),),
    attempts=ATTEMPTS,
    events=EVENTS,
    limits=(LimitRow(name="rule narrow", most=1, limit_key="narrow"),),
)


def with_event(at: int, kind: str, step: int | None, attempt: int = 0) -> Collected:
    """Put one more event before the one with the number `at`."""
    fresh = EventRow(run=1, seq=0, at=0.0, kind=kind, step=step, attempt=attempt)
    events = [*EVENTS[: at - 1], fresh, *EVENTS[at - 1 :]]
    numbered = tuple(replace(event, seq=seq) for seq, event in enumerate(events, start=1))
    return replace(SOUND, events=numbered, runs=(replace(RUN, last_seq=len(numbered)),))


def found(seen: Collected) -> set[str]:
    return {violation.rule for violation in checker.violations(seen)}


def test_sound_history_has_no_violation() -> None:
    assert checker.violations(SOUND) == []


BROKEN = {
    "run not over": ("C1", replace(SOUND, runs=(replace(RUN, state="running", finished=False),))),
    "run over with open steps": ("C1", replace(SOUND, runs=(replace(RUN, open_steps=1),))),
    "run over, step running": ("C1", replace(SOUND, steps=(STEPS[0], replace(STEPS[1], state="running")))),
    "fence held after the end": ("C1", replace(SOUND, steps=(STEPS[0], replace(STEPS[1], fence="f3")))),
    "attempt without an end": (
        "C1",
        replace(SOUND, attempts=(*ATTEMPTS[:2], replace(ATTEMPTS[2], outcome=""))),
    ),
    "step started after the run's end": ("C1", with_event(9, "step.started", 2, 2)),
    "run finished twice": ("C1", with_event(9, "run.finished", None)),
    "two effects under one fence": ("C2", replace(SOUND, effects=(*EFFECTS, EFFECTS[-1]))),
    "effect of an unknown attempt": (
        "C2",
        replace(SOUND, effects=(*EFFECTS, replace(EFFECTS[0], attempt=9))),
    ),
    "effect of an unknown run": ("C2", replace(SOUND, effects=(*EFFECTS, replace(EFFECTS[0], run="r9")))),
    "accepted without its effect": (
        "C2",
        replace(SOUND, effects=(*EFFECTS[:3], replace(EFFECTS[3], kind="begin"))),
    ),
    "lost attempt accepted": ("C2", with_event(4, "step.succeeded", 1, 1)),
    "accepted twice": ("C2", with_event(6, "step.succeeded", 1, 2)),
    "two accepted attempts": (
        "C2",
        replace(SOUND, attempts=(replace(ATTEMPTS[0], outcome="succeeded"), *ATTEMPTS[1:])),
    ),
    "attempt left out": ("C2", with_event(6, "step.started", 2, 3)),
    "deed done twice": ("C2", replace(SOUND, effects=(*EFFECTS, *2 * (replace(EFFECTS[2], kind="deed"),)))),
    "accepted and not stored": ("C3", replace(SOUND, operations=(told("submit", key="k2", run="r2"),))),
    "one key, two runs told": (
        "C3",
        replace(SOUND, operations=(*SOUND.operations, told("submit", key="k1", run="r2"))),
    ),
    "one key, two runs stored": (
        "C3",
        replace(SOUND, runs=(RUN, replace(RUN, id=2, public_id="r2", last_seq=0))),
    ),
    "failed and stored": ("C3", replace(SOUND, operations=(told("submit", "fail", key="k1"),))),
    "cancel confirmed, run went on": (
        "C3",
        replace(SOUND, operations=(*SOUND.operations, told("cancel", run="r1", told={"state": "running"}))),
    ),
    "another decision stored": (
        "C3",
        replace(
            SOUND,
            operations=(*SOUND.operations, told("decide", run="p1", told={"decision": "approved"})),
            approvals=(ApprovalRow(public_id="p1", step=1, decision="rejected", is_doubt=False),),
        ),
    ),
    "hole in the events": ("C4", replace(SOUND, events=EVENTS[:2] + EVENTS[3:])),
    "event numbered twice": ("C4", replace(SOUND, events=(*EVENTS, EVENTS[-1]))),
    "reader saw a hole": (
        "C4",
        replace(SOUND, operations=(*SOUND.operations, told("gap", run="r1", told={"seqs": [1, 3]}))),
    ),
    "orphan": ("C5", replace(SOUND, orphans=("77 python",))),
    "stray": ("C5", replace(SOUND, strays=("process 77 of a",))),
    "invariant broken": ("C10", replace(SOUND, broken=("events_are_gapless: (1)",))),
    "outbox not empty": ("C6", replace(SOUND, outbox=1)),
    "bells wait": ("C6", replace(SOUND, bells={"wrench:agent.mill:5": 2})),
    "limit exceeded": ("C7", replace(SOUND, attempts=(*ATTEMPTS[:2], replace(ATTEMPTS[2], started_at=2.9)))),
    "started before what it needs": ("C8", with_event(2, "step.started", 2, 1)),
    "started though the edge says no": (
        "C8",
        replace(SOUND, edges=(EdgeRow(needs=1, step=2, condition="failed"),)),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_history_is_found(name: str) -> None:
    rule, seen = BROKEN[name]
    assert rule in found(seen)


def test_every_check_has_a_broken_history() -> None:
    rules = {rule for rule, _ in BROKEN.values()}
    assert len(rules) == len(checker.CHECKS)
    assert rules == set(re.findall(r"^(C\d+) ", checker.__doc__ or "", re.M)) - {"C9"}


def test_deed_may_be_repeated_when_people_allow_it() -> None:
    twice = (*EFFECTS, *2 * (replace(EFFECTS[2], kind="deed"),))
    allowed = ApprovalRow(public_id="p1", step=1, decision="approved", is_doubt=True)
    assert "C2" in found(replace(SOUND, effects=twice))
    assert checker.violations(replace(SOUND, effects=twice, approvals=(allowed,))) == []


def test_unknown_submission_may_be_stored_or_not() -> None:
    unknown = (told("submit", "unknown", key="k1"), told("submit", "unknown", key="k9"))
    assert checker.violations(replace(SOUND, operations=unknown)) == []
