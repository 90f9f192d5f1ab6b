"""The checker: pure functions from what was collected to violations. It shares no code with the engine.

C1  every accepted run ends, with all its steps, and nothing happens in it afterwards
C2  one effect per fence; one accepted attempt per step, the last one; a deed happens once unless people allow more
C3  what was accepted is stored, once per key; what failed is not; a cancel, a decision that was confirmed holds
C4  the events of each run are numbered 1, 2, 3 ... as its row says, and every reader saw them so
C5  no process is left of anything
C6  the outbox and the queues are empty in the end
C7  no limit is exceeded at any event
C8  a dependent never starts before what it needs has ended as its edge demands
C10 every sentence of tests/engine/invariants.sql holds, all the time or in the end as it says
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos.collected import AttemptRow, Collected, EventRow, StepRow

FINAL_STEP = {"succeeded", "skipped", "dead", "cancelled"}
FINAL_RUN = {"succeeded", "failed", "cancelled"}
SATISFIES = {
    "succeeded": {"succeeded"},
    "failed": {"dead"},
    "always": {"succeeded", "dead", "skipped"},
}
ENDS = {
    "step.succeeded": "succeeded",
    "step.dead": "dead",
    "step.skipped": "skipped",
    "step.cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something that must never be."""

    rule: str
    about: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule} {self.about}: {self.message}"


Check = Callable[[Collected], Iterator[Violation]]


def violations(seen: Collected) -> list[Violation]:
    """Give everything that is wrong."""
    return [violation for check in CHECKS for violation in check(seen)]


def runs_end(seen: Collected) -> Iterator[Violation]:
    """C1."""
    steps: dict[int, list[StepRow]] = defaultdict(list)
    for step in seen.steps:
        steps[step.run].append(step)
    for run in seen.runs:
        about = f"run {run.public_id}"
        if not run.finished or run.state not in FINAL_RUN:
            states = dict(Counter(step.state for step in steps[run.id]))
            yield Violation(rule="C1", about=about, message=f"has not ended: {run.state}, steps {states}")
        if run.finished and run.open_steps:
            yield Violation(rule="C1", about=about, message=f"ended with {run.open_steps} open steps")
        for step in steps[run.id]:
            if run.finished and step.state not in FINAL_STEP:
                yield Violation(rule="C1", about=about, message=f"ended while {step.key!r} is {step.state}")
            if step.state in FINAL_STEP and step.fence:
                yield Violation(rule="C1", about=about, message=f"{step.key!r} is over and holds a fence")
    for attempt in seen.attempts:
        if not attempt.outcome or attempt.ended_at is None:
            yield Violation(
                rule="C1", about=f"step {attempt.step}", message=f"attempt {attempt.ordinal} never ended"
            )
    yield from _nothing_after_the_end(seen)


def _nothing_after_the_end(seen: Collected) -> Iterator[Violation]:
    ended: dict[int, int] = {}
    late = {"step.started", "step.succeeded", "step.dead", "step.ready", "step.cancelled", "step.skipped"}
    for event in seen.events:
        if event.kind == "run.finished":
            if event.run in ended:
                yield Violation(rule="C1", about=f"run {event.run}", message="finished twice")
            ended[event.run] = event.seq
        elif event.run in ended and event.kind in late:
            yield Violation(
                rule="C1", about=f"run {event.run}", message=f"{event.kind} ({event.seq}) after its end"
            )


def effects_are_fenced(seen: Collected) -> Iterator[Violation]:
    """C2."""
    runs = {run.id: run.public_id for run in seen.runs}
    steps = {(runs[step.run], step.key): step for step in seen.steps}
    attempts = {(attempt.step, attempt.ordinal): attempt for attempt in seen.attempts}
    ends: Counter[tuple[str, str, int]] = Counter()
    for effect in seen.effects:
        ends[effect.run, effect.key, effect.attempt] += effect.kind == "end"
        step = steps.get((effect.run, effect.key))
        if step is None or (step.id, effect.attempt) not in attempts:
            yield Violation(
                rule="C2",
                about=f"step {effect.key} of run {effect.run}",
                message=f"an effect of attempt {effect.attempt}, which PostgreSQL does not know",
            )
    for (run, key, ordinal), count in ends.items():
        if count > 1:
            yield Violation(
                rule="C2",
                about=f"step {key} of run {run}",
                message=f"{count} effects under the fence of attempt {ordinal}",
            )
    yield from _one_accepted_attempt(seen)
    yield from _accepted_have_their_effect(seen, runs, ends)
    yield from _deeds_happen_once(seen, runs)


def _one_accepted_attempt(seen: Collected) -> Iterator[Violation]:
    started: dict[int, int] = {}
    lost: set[tuple[int, int]] = set()
    ended: dict[int, EventRow] = {}
    for event in seen.events:
        if event.step is None:
            continue
        about = f"step {event.step}"
        if event.kind == "step.started":
            if event.attempt != started.get(event.step, 0) + 1:
                yield Violation(
                    rule="C2",
                    about=about,
                    message=f"attempt {event.attempt} started after {started.get(event.step, 0)}",
                )
            started[event.step] = event.attempt
        elif event.kind in {"step.lost", "step.released"}:
            lost.add((event.step, event.attempt))
        if event.kind in ENDS:
            if event.step in ended:
                before = ended[event.step]
                yield Violation(
                    rule="C2",
                    about=about,
                    message=f"{event.kind} (attempt {event.attempt}) after {before.kind}"
                    f" (attempt {before.attempt})",
                )
            ended.setdefault(event.step, event)
        if event.kind == "step.succeeded":
            if (event.step, event.attempt) in lost:
                yield Violation(
                    rule="C2", about=about, message=f"the lost attempt {event.attempt} was accepted"
                )
            if event.attempt != started.get(event.step):
                yield Violation(
                    rule="C2",
                    about=about,
                    message=f"attempt {event.attempt} was accepted, {started.get(event.step)} was the last",
                )
    accepted = Counter(attempt.step for attempt in seen.attempts if attempt.outcome == "succeeded")
    for step, count in accepted.items():
        if count > 1:
            yield Violation(rule="C2", about=f"step {step}", message=f"{count} attempts were accepted")


def _accepted_have_their_effect(
    seen: Collected, runs: dict[int, str], ends: Counter[tuple[str, str, int]]
) -> Iterator[Violation]:
    """A step that succeeded did what it says: its accepted attempt ended in the ledger."""
    steps = {step.id: step for step in seen.steps}
    with_ledger = {(effect.run, effect.key) for effect in seen.effects if effect.kind in {"begin", "end"}}
    for attempt in seen.attempts:
        step = steps[attempt.step]
        place = (runs[step.run], step.key)
        if attempt.outcome != "succeeded" or place not in with_ledger:
            continue
        if ends[*place, attempt.ordinal] != 1:
            yield Violation(
                rule="C2",
                about=f"step {step.key} of run {place[0]}",
                message=f"attempt {attempt.ordinal} was accepted without its effect",
            )


def _deeds_happen_once(seen: Collected, runs: dict[int, str]) -> Iterator[Violation]:
    allowed: Counter[tuple[str, str]] = Counter()
    steps = {step.id: step for step in seen.steps}
    for approval in seen.approvals:
        step = steps[approval.step]
        if approval.is_doubt and approval.decision == "approved":
            allowed[runs[step.run], step.key] += 1
    deeds = Counter((effect.run, effect.key) for effect in seen.effects if effect.kind == "deed")
    for place, count in deeds.items():
        if count > 1 + allowed[place]:
            yield Violation(
                rule="C2",
                about=f"step {place[1]} of run {place[0]}",
                message=f"done {count} times, {allowed[place]} repetitions were allowed",
            )


def accepted_is_stored(seen: Collected) -> Iterator[Violation]:
    """C3."""
    stored: dict[str, list[str]] = defaultdict(list)
    states = {run.public_id: run.state for run in seen.runs}
    for run in seen.runs:
        stored[run.key].append(run.public_id)
    possible: set[str] = set()
    for told in seen.operations:
        if told.verb != "submit":
            continue
        if told.outcome != "fail":
            possible.add(told.key)
        if told.outcome == "ok" and stored.get(told.key) != [told.run]:
            yield Violation(
                rule="C3",
                about=f"key {told.key}",
                message=f"accepted as {told.run}, stored are {stored.get(told.key)}",
            )
    for key, ids in stored.items():
        if key and len(ids) > 1:
            yield Violation(rule="C3", about=f"key {key}", message=f"stored {len(ids)} times")
        if key and key not in possible:
            yield Violation(
                rule="C3", about=f"key {key}", message="stored, though every client was told that it failed"
            )
    yield from _confirmed_holds(seen, states)


def _confirmed_holds(seen: Collected, states: dict[str, str]) -> Iterator[Violation]:
    """A cancel that reached an open run ends it as cancelled; a decision stays what it was."""
    decisions = {approval.public_id: approval.decision for approval in seen.approvals}
    uncancelled = {"succeeded", "failed"}
    for told in seen.operations:
        if told.outcome != "ok":
            continue
        now = states.get(told.run, "not stored")
        if told.verb == "cancel" and told.told.get("state") not in uncancelled and now in uncancelled:
            yield Violation(
                rule="C3", about=f"run {told.run}", message=f"its cancel was confirmed, it is {now}"
            )
        stored = decisions.get(told.run, "")
        if told.verb == "decide" and told.told.get("decision", stored) != stored:
            yield Violation(
                rule="C3",
                about=f"approval {told.run}",
                message=f"confirmed as {told.told['decision']}, stored is {stored!r}",
            )


def sequences_are_gapless(seen: Collected) -> Iterator[Violation]:
    """C4."""
    seqs: dict[int, list[int]] = defaultdict(list)
    for event in seen.events:
        seqs[event.run].append(event.seq)
    for run in seen.runs:
        if seqs[run.id] != list(range(1, run.last_seq + 1)):
            yield Violation(
                rule="C4",
                about=f"run {run.public_id}",
                message=f"{len(seqs[run.id])} events, the row says {run.last_seq}",
            )
    for told in seen.operations:
        if told.verb == "gap":
            yield Violation(rule="C4", about=f"run {told.run}", message=f"a reader saw {told.told['seqs']}")


def no_process_is_left(seen: Collected) -> Iterator[Violation]:
    """C5."""
    for orphan in seen.orphans:
        yield Violation(rule="C5", about="orphan", message=orphan)
    for stray in seen.strays:
        yield Violation(rule="C5", about="stray", message=stray)


def queues_are_empty(seen: Collected) -> Iterator[Violation]:
    """C6."""
    if seen.outbox:
        yield Violation(rule="C6", about="outbox", message=f"{seen.outbox} bells are still promised")
    for key, count in seen.bells.items():
        yield Violation(rule="C6", about=key, message=f"{count} bells wait")


def limits_hold(seen: Collected) -> Iterator[Violation]:
    """C7: between any two of its claims and ends, as PostgreSQL dates them."""
    steps = {step.id: step for step in seen.steps}
    for limit in seen.limits:
        covered = [
            attempt
            for attempt in seen.attempts
            if (limit.limit_key and steps[attempt.step].limit_key == limit.limit_key)
            or (limit.queue and steps[attempt.step].queue == limit.queue)
        ]
        most = _most_at_once(covered)
        if most > limit.most:
            yield Violation(
                rule="C7", about=limit.name, message=f"{most} ran at once, {limit.most} are allowed"
            )


def _most_at_once(attempts: list[AttemptRow]) -> int:
    moves = [(attempt.started_at, 1) for attempt in attempts]
    moves += [(attempt.ended_at, -1) for attempt in attempts if attempt.ended_at is not None]
    running = most = 0
    for _, move in sorted(moves):  # an end before a start at the same moment
        running += move
        most = max(most, running)
    return most


def edges_hold(seen: Collected) -> Iterator[Violation]:
    """C8."""
    steps = {step.id: step for step in seen.steps}
    started: dict[int, int] = {}
    ended: dict[int, tuple[int, str]] = {}
    for event in seen.events:
        if event.step is None:
            continue
        if event.kind == "step.started":
            started.setdefault(event.step, event.seq)
        elif event.kind in ENDS:
            ended.setdefault(event.step, (event.seq, ENDS[event.kind]))
    for edge in seen.edges:
        if edge.step not in started:
            continue
        seq, state = ended.get(edge.needs, (0, "not over"))
        if not seq or seq > started[edge.step] or state not in SATISFIES[edge.condition]:
            yield Violation(
                rule="C8",
                about=f"step {steps[edge.step].key} of run {steps[edge.step].run}",
                message=f"started at {started[edge.step]}, {steps[edge.needs].key!r} was {state} at {seq}"
                f" and should be {edge.condition}",
            )


def invariants_hold(seen: Collected) -> Iterator[Violation]:
    """C10."""
    for broken in seen.broken:
        yield Violation(rule="C10", about="invariant", message=broken)


CHECKS: tuple[Check, ...] = (
    runs_end,
    effects_are_fenced,
    accepted_is_stored,
    sequences_are_gapless,
    no_process_is_left,
    queues_are_empty,
    limits_hold,
    edges_hold,
    invariants_hold,
)
