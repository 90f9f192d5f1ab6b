"""The engine as it ought to be: runs, steps, edges, attempts, questions and calls in plain Python.

Knows no database, no clock and none of the engine's code but its enums. Each method is one operation of `tasks.runs`,
told as its meaning and not as its way: what waits is worked out anew from the edges each time (`_propagate`), nothing
is counted, nothing is cached. It changes the model, tells the events that the engine must tell, and returns what the
engine must return, or raises `Refused` with the name of the engine's exception.

    rows      what is kept, and what it says of itself: `model_rows`; runs done again: `model_reruns`
    turns     what is claimed, and settled, at once: `model_turns`
    time      whole seconds of a clock of the model's own, which `pass_time` moves
    Ticket    stands for a lease and its fence: (run, step, ordinal of the attempt)
    claim     is told what the engine took, and says whether it might have (`seen`): which step is best is not its say

Where the engine draws (the delay of a retry), the test replaces the drawn value by DELAY.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tasks.states import RunState, StepState
from tests.engine import model_turns
from tests.engine.model_reruns import sort
from tests.engine.model_rows import (
    FOREVER,
    Entry,
    Planned,
    Question,
    Refused,
    Rule,
    Run,
    Spec,
    Step,
    Ticket,
    Unsound,
    is_circle,
)

TIMEOUT, GRACE, OVERDUE = 215, 15, 20  # an attempt that nobody ends is lost 250 s after its start
LEASE = 150  # a session that is not renewed
DELAY = 250  # of a retry
_S = StepState


@dataclass(slots=True)
class Model:
    queues: dict[str, int]  # name -> priority
    rules: list[Rule] = field(default_factory=list)
    now: int = 0
    leases: dict[str, int] = field(default_factory=dict)  # worker -> end of its lease
    paused: set[str] = field(default_factory=set)
    runs: dict[str, Run] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    # --- Looking ------------------------------------------------------------------------------------------

    def steps(self, *states: StepState) -> list[Step]:
        return [
            s for run in self.runs.values() for s in run.steps.values() if not states or s.state in states
        ]

    def step(self, ticket: Ticket) -> Step:
        return self.runs[ticket.run].steps[ticket.key]

    def tickets(self) -> Iterator[Ticket]:
        """Every lease that was ever given."""
        for step in self.steps():
            for ordinal in range(1, len(step.outcomes) + 1):
                yield Ticket(step.run, step.key, ordinal)

    def is_current(self, ticket: Ticket) -> bool:
        step = self.step(ticket)
        return step.state is _S.RUNNING and len(step.outcomes) == ticket.ordinal

    def _current(self, ticket: Ticket) -> tuple[Run, Step]:
        if not self.is_current(ticket):
            raise Refused("LeaseLost")
        return self.runs[ticket.run], self.step(ticket)

    def _open_run(self, label: str) -> Run:
        if self.runs[label].is_over:
            raise Refused("RunIsOver")
        return self.runs[label]

    # --- Requests -----------------------------------------------------------------------------------------

    def submit(
        self, label: str, *, project: str, plan: tuple[Planned, ...], goal: str, key: str | None,
        priority: int | None, deadline: int | None,
    ) -> tuple[str, bool]:  # fmt: skip
        body = (plan, goal, priority, deadline)
        for known in self.runs.values():
            if key is not None and (known.project, known.key) == (project, key):
                if known.body != body:
                    raise Refused("IdempotencyConflict")
                return known.label, False
        run = Run(label, project, body=body, key=key, priority=priority)
        run.deadline = FOREVER if deadline is None else self.now + deadline
        self.runs[label] = run
        run.told["run.accepted", ""] += 1
        self._store(run, plan)
        self._follow(run)
        return label, True

    def rerun(self, label: str, *, old: str, key: str | None) -> str:
        """Do what failed again (with key: that step), and all that waits for it; take over other successes."""
        before = self.runs[old]
        if not before.is_over:
            raise Refused("RunNotOver")
        parts = sort(before, key)
        run = Run(label, before.project, priority=before.priority, parent=old)
        run.told.update([("run.accepted", ""), ("run.rerun", "")])
        for was in parts.taken:
            run.steps[was.key] = parts.taken_over(was, label)
            run.told["step.taken_over", was.key] += 1
        self.runs[label] = run
        self._store(run, parts.plan())
        for name, adder in parts.adders().items():
            run.steps[name].added_by = adder
        for step in run.steps.values():
            for entry in step.journal.values():
                if entry.child:
                    run.steps[entry.child].caller = step.key
        self._follow(run)
        if run.is_over:  # all is skipped again
            del self.runs[label]
            raise Refused("NothingToRetry")
        return label

    # --- Attempts -----------------------------------------------------------------------------------------

    def may_claim(self, queue: str, worker: str) -> list[Step]:
        """Give the steps that a claim may take."""
        if queue in self.paused or self.leases[worker] <= self.now:
            return []
        return [
            step for step in self.steps(_S.READY)
            if step.spec.queue == queue and not step.held and not self.runs[step.run].is_cancelled
            and not any(self._is_full(rule, step) for rule in self.rules if rule.covers(step))
        ]  # fmt: skip

    def claim(self, queue: str, worker: str, *, seen: Ticket | None, is_alone: bool = True) -> Ticket | None:
        """Take what the engine took. `is_alone`: nobody else was at work, so nothing was passed over."""
        choice = self.may_claim(queue, worker)
        if seen is None:
            if choice and is_alone:
                raise Unsound(
                    f"{worker} got nothing from {queue}, though there are {[s.key for s in choice]}"
                )
            return None
        step = next((s for s in choice if (s.run, s.key) == seen[:2]), None)
        if step is None:
            raise Unsound(f"{worker} got {seen} from {queue}, of {[(s.run, s.key) for s in choice]}")
        run = self.runs[step.run]
        if not run.has_started:
            run.has_started, run.state = True, RunState.RUNNING
            run.told["run.started", ""] += 1
        step.state, step.worker, step.is_lost = _S.RUNNING, worker, False
        step.outcomes.append("")
        step.kill = self.now + TIMEOUT + GRACE
        run.told["step.started", step.key] += 1
        return Ticket(step.run, step.key, len(step.outcomes))

    def settle(
        self, ticket: Ticket, *, plan: tuple[Planned, ...] = (), then: str = "", seen: Ticket | None = None,
        is_alone: bool = True,
    ) -> Ticket | None:  # fmt: skip
        run, step = self._current(ticket)
        if not run.is_cancelled and is_circle(run, step, plan):
            raise Refused("PlanInvalid")
        waiting = [s for s in run.steps.values() if s.state is _S.PENDING and step.key in run.pending(s)]
        self._stop(step, _S.SUCCEEDED, "succeeded")
        run.told["step.succeeded", step.key] += 1
        if plan and not run.is_cancelled:
            self._store(run, plan, added_by=step.key)
            awaited = {key for planned in plan for key, _ in planned.after}
            last = [planned.key for planned in plan if planned.key not in awaited]
            for one in waiting:
                on = dict(one.edges)[step.key]
                one.edges += [(key, on) for key in last]
        self._end(run, step)
        self._follow(run)
        queue = step.spec.queue
        if then:
            waits_elsewhere = any(
                s.spec.queue != queue for s in self.steps(_S.READY)
            )  # it may be more urgent
            return self.claim(queue, then, seen=seen, is_alone=is_alone and not waits_elsewhere)
        return None

    def claim_several(
        self, queue: str, worker: str, *, most: int, seen: tuple[Ticket, ...], is_alone: bool = True
    ) -> tuple[Ticket, ...]:
        return model_turns.claim(self, queue, worker, most=most, seen=seen, is_alone=is_alone)

    def settle_all(
        self, tickets: tuple[Ticket, ...], *, plan: tuple[Planned, ...] = (), then: str = "", most: int = 1,
        seen: tuple[Ticket, ...] = (), is_alone: bool = True,
    ) -> model_turns.Told:  # fmt: skip
        return model_turns.settle(
            self, tickets, plan=plan, then=then, most=most, seen=seen, is_alone=is_alone
        )

    def fail(self, ticket: Ticket, *, retriable: bool) -> StepState:
        run, step = self._current(ticket)
        step.spent += 1
        if retriable and step.spent < step.spec.max_attempts and not run.is_cancelled:
            self._retry(run, step, "failed")
        else:
            self._stop(step, _S.DEAD, "failed")
            self._dead(run, step)
        self._follow(run)
        return step.state

    def postpone(self, ticket: Ticket) -> None:
        run, step = self._current(ticket)
        if not self._cancelled(run, step):
            self._retry(run, step, "released")

    def release(self, ticket: Ticket) -> None:
        run, step = self._current(ticket)
        if not self._cancelled(run, step):
            self._stop(step, _S.READY, "released")
            run.told.update([("step.released", step.key), ("step.ready", step.key)])

    def record_stale(self, ticket: Ticket) -> None:
        run, step = self.runs[ticket.run], self.step(ticket)
        if step.outcomes[ticket.ordinal - 1] == "lost":
            step.outcomes[ticket.ordinal - 1] = "stale"
            if not run.is_over:
                run.told["step.stale_result", step.key] += 1

    def once(self, ticket: Ticket, *, name: str, digest: str, finish: bool) -> None:
        """Begin a deed, and perhaps store what it gave."""
        _, step = self._current(ticket)
        entry = step.journal.get((name, 1))
        if entry is not None and (entry.kind, entry.digest) != ("once", digest):
            raise Refused("JournalDiverged")
        entry = step.journal.setdefault((name, 1), Entry("once", digest))
        entry.is_done = entry.is_done or finish

    def call(self, ticket: Ticket, *, name: str, spec: Spec) -> StepState:
        run, step = self._current(ticket)
        if self._cancelled(run, step):
            return step.state
        self._suspend(run, step, _S.WAITING)
        occurrence = 1 + sum(1 for known, _ in step.journal if known == name)
        child = f"{step.key}:{name}.{occurrence}"
        step.journal[name, occurrence] = Entry("call", child=child)
        self._store(run, [Planned(child, spec, priority=step.priority)], added_by=step.key)
        run.steps[child].caller = step.key
        self._follow(run)
        return step.state

    def ask(self, ticket: Ticket, *, name: str, expires: int | None) -> StepState:
        run, step = self._current(ticket)
        if self._cancelled(run, step):
            return step.state
        self._suspend(run, step, _S.WAITING_APPROVAL)
        occurrence = 1 + sum(1 for known, _ in step.journal if known == name)
        step.journal[name, occurrence] = Entry("approval")
        self._ask(run, step, FOREVER if expires is None else self.now + expires, about_deed=False)
        return step.state

    # --- People -------------------------------------------------------------------------------------------

    def cancel(self, label: str) -> None:
        run = self.runs[label]
        if run.is_over or run.is_cancelled:
            return
        run.is_cancelled = True
        run.told["run.cancel_requested", ""] += 1
        for step in run.open():
            if step.state is not _S.RUNNING:
                self._withdraw(step)
                step.state = _S.CANCELLED
                run.told["step.cancelled", step.key] += 1
        self._follow(run)

    def pause(self, label: str) -> None:
        run = self._open_run(label)
        if not run.is_paused:
            run.is_paused, run.state = True, RunState.PAUSED
            run.told["run.paused", ""] += 1
            for step in run.open():
                step.held = True

    def resume(self, label: str) -> None:
        run = self._open_run(label)
        if run.is_paused:
            run.is_paused, run.state = False, RunState.RUNNING
            run.told["run.resumed", ""] += 1
            for step in run.open():
                step.held = False

    def set_priority(self, label: str, *, priority: int) -> None:
        run = self._open_run(label)
        if run.priority != priority:
            run.priority = priority
            run.told["run.priority_changed", ""] += 1
            for step in run.open():
                if step.state is not _S.RUNNING:
                    step.priority = priority

    def pause_queue(self, queue: str) -> bool:
        was_open = queue not in self.paused
        self.paused.add(queue)
        return was_open

    def resume_queue(self, queue: str) -> bool:
        was_paused = queue in self.paused
        self.paused.discard(queue)
        return was_paused

    def decide(self, label: str, *, key: str, number: int, approved: bool, by: str) -> None:
        """Answer the step's so-manieth question."""
        asked = [q for q in self.questions if (q.run, q.key) == (label, key)]
        self._answer(asked[number], "approved" if approved else "rejected", by)

    def _answer(self, question: Question, decision: str, by: str) -> None:
        if not question.decision and question.expires <= self.now and decision != "expired":
            raise Refused("ApprovalDecided")  # too late, though no sweep has said so yet
        if question.decision:
            if (question.decision, question.by) != (decision, by):
                raise Refused("ApprovalDecided")
            return
        question.decision, question.by = decision, by
        run = self.runs[question.run]
        step = run.steps[question.key]
        run.told["approval.decided", step.key] += 1
        if question.about_deed and decision != "approved":
            step.state = _S.DEAD
            self._dead(run, step)
        else:
            step.state = _S.READY
            run.told["step.ready", step.key] += 1
        self._follow(run)

    # --- Time, and the sweep ------------------------------------------------------------------------------

    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    def heartbeat(self, worker: str) -> None:
        self.leases[worker] = self.now + LEASE

    def lose(self, ticket: Ticket) -> None:
        if self.is_current(ticket):
            self.step(ticket).is_lost = True

    def promote_due(self) -> int:
        due = [s for s in self.steps(_S.WAITING_RETRY) if s.due <= self.now]
        for step in due:
            step.state = _S.READY
            self.runs[step.run].told["step.ready", step.key] += 1
        return len(due)

    def expire_approvals(self) -> int:
        late = [q for q in self.questions if not q.decision and q.expires <= self.now]
        for question in late:
            self._answer(question, "expired", "")
        return len(late)

    def recover(self) -> int:
        lost = [s for s in self.steps(_S.RUNNING) if self.cannot_end(s)]
        for step in sorted(lost, key=lambda s: s.order):
            self._recover(self.runs[step.run], step)
        return len(lost)

    def expire(self) -> int:
        runs = [r for r in self.runs.values() if not r.is_over and r.deadline < self.now]
        steps = [s for s in self.steps() if not s.state.is_final and s.deadline < self.now]
        touched = sum(self._expire(step) for run in runs for step in run.open())
        return touched + sum(
            self._expire(step) for step in sorted(steps, key=lambda s: (s.deadline, s.order))
        )

    def _expire(self, step: Step) -> int:
        if step.state.is_final:
            return 0
        if step.state is _S.RUNNING:
            if step.kill <= self.now:
                return 0
            step.kill = self.now
            return 1
        run = self.runs[step.run]
        self._withdraw(step)
        step.state = _S.DEAD
        self._dead(run, step)
        self._follow(run)
        return 1

    def cannot_end(self, step: Step) -> bool:
        return step.is_lost or self.leases[step.worker] < self.now or step.kill < self.now - OVERDUE

    def _recover(self, run: Run, step: Step) -> None:
        is_late = min(step.deadline, run.deadline) <= self.now
        if run.is_cancelled:
            self._stop(step, _S.CANCELLED, "lost")
            run.told["step.cancelled", step.key] += 1
            self._end(run, step)
        elif step.spec.effect == "once" and not is_late:
            self._stop(step, _S.WAITING_APPROVAL, "lost")
            step.journal["step", len(step.outcomes)] = Entry("approval", is_once=True)
            self._ask(run, step, FOREVER, about_deed=True)
        else:
            step.spent += 1
            if is_late or step.spent >= step.spec.max_attempts:
                self._stop(step, _S.DEAD, "lost")
                self._dead(run, step)
            else:
                self._stop(step, _S.READY, "lost")
                run.told.update([("step.lost", step.key), ("step.ready", step.key)])
        self._follow(run)

    # --- What follows -------------------------------------------------------------------------------------

    def _store(self, run: Run, plan: Iterable[Planned], added_by: str = "") -> None:
        for planned in plan:
            chain = (planned.priority, run.priority, self.queues[planned.spec.queue])
            step = Step(
                planned.key, run.label, run.project, planned.spec, next(p for p in chain if p is not None)
            )
            step.limit_key, step.lifetime, step.added_by = planned.limit_key, planned.deadline, added_by
            step.deadline = FOREVER if planned.deadline is None else self.now + planned.deadline
            step.edges, step.held = list(planned.after), run.is_paused
            run.steps[step.key] = step
            run.told["step.added", step.key] += 1

    def _retry(self, run: Run, step: Step, outcome: str) -> None:
        self._stop(step, _S.WAITING_RETRY, outcome)
        step.due = self.now + DELAY
        run.told["step.retry", step.key] += 1

    def _cancelled(self, run: Run, step: Step) -> bool:
        """An attempt that ends without an end of its step, in a cancelled run: nothing is left to go on with."""
        if run.is_cancelled:
            self._stop(step, _S.CANCELLED, "cancelled")
            run.told["step.cancelled", step.key] += 1
            self._end(run, step)
            self._follow(run)
        return run.is_cancelled

    def settle_cancelled(self, ticket: Ticket) -> None:
        run, step = self._current(ticket)
        self._cancelled(run, step)

    def _suspend(self, run: Run, step: Step, state: StepState) -> None:
        self._stop(step, state, "released")
        run.told["step.suspended", step.key] += 1

    def _ask(self, run: Run, step: Step, expires: int, *, about_deed: bool) -> None:
        self.questions.append(Question(run.label, step.key, expires, about_deed))
        run.told["approval.asked", step.key] += 1

    def _withdraw(self, step: Step) -> None:
        for question in self.questions:
            if (question.run, question.key, question.decision) == (step.run, step.key, ""):
                question.decision = "withdrawn"

    def _stop(self, step: Step, state: StepState, outcome: str) -> None:
        step.outcomes[-1] = outcome
        step.state, step.worker, step.kill, step.is_lost = state, "", FOREVER, False

    def _dead(self, run: Run, step: Step) -> None:
        run.told["step.dead", step.key] += 1
        self._end(run, step)

    def _end(self, run: Run, step: Step) -> None:
        """A step is over: who called it goes on."""
        caller = run.steps.get(step.caller)
        if caller is not None and caller.state is _S.WAITING:
            caller.state = _S.READY
            run.told["step.ready", caller.key] += 1

    def _follow(self, run: Run) -> None:
        """Release or skip whoever waits no longer, until nothing moves; end the run with its last step."""
        moved = True
        while moved:
            moved = False
            for step in run.steps.values():
                if step.state is _S.PENDING:
                    step.state = run.next_state(step)
                    if step.state is not _S.PENDING:
                        moved = True
                        run.told[f"step.{step.state.value}", step.key] += 1
        if not run.open() and not run.is_over:
            run.state = run.verdict()
            run.told["run.finished", ""] += 1

    def _is_full(self, rule: Rule, step: Step) -> bool:
        running = [s for s in self.steps(_S.RUNNING) if rule.covers(s) and rule.part(s) == rule.part(step)]
        return len(running) >= rule.most
