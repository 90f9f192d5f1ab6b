"""Does to the real engine, on real PostgreSQL, what the model is told; and reads back what is stored.

One `Driver` is one small world: a project or two, two worker sessions, its limit rules. Every operation of the model
has a method of the same name and keywords here. Time passes by shifting all stored times into the past (`pass_time`),
so that the engine's own statements decide by PostgreSQL's clock. All waits of the model lie 50 s or more beside its
ticks of 100 s, so the seconds that a test takes change nothing.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db import OperationalError, connection, transaction

from accounts.models import Project, Team, User
from tasks import runs
from tasks.contract import Question, StepResult, catalog
from tasks.database import resilient
from tasks.leases import Claimant, Lease
from tasks.models import (
    Approval,
    Attempt,
    JournalEntry,
    LimitRule,
    Queue,
    Run,
    Step,
    StepDependency,
)
from tasks.plans import After, Plan, PlannedStep
from tasks.states import StepState
from tests.engine.model import DELAY, LEASE, TIMEOUT, Model
from tests.engine.model_rows import Planned, Rule, Spec, Ticket

WORK = Spec("probe", "work", "agent.probe", 3)
POST = Spec("probe", "post", "agent.probe", 3, "once")
SECOND = Spec("second", "work", "agent.second", 3)
GIVE = Spec("second", "give", "agent.second", 1)
SPECS = (WORK, POST, SECOND, GIVE)
QUEUES = ("agent.probe", "agent.second")
PROJECTS = ("p", "q")
PEOPLE = ("alice", "bob")
WORKERS = ("w1", "w2")

_SHIFTED = {
    "tasks_run": ("deadline_at", "created_at", "started_at", "finished_at", "paused_at", "cancel_requested_at"),
    "tasks_step": ("available_at", "rank", "deadline_at", "kill_at", "lost_at", "created_at", "started_at",
                   "served_at", "ended_at"),
    "tasks_attempt": ("started_at", "ended_at"),
    "tasks_approval": ("asked_at", "expires_at", "decided_at"),
    "tasks_workersession": ("started_at", "heartbeat_at", "lease_until"),
}  # fmt: skip
_PASS = ";".join(
    f"UPDATE {table} SET " + ", ".join(f"{c} = {c} - make_interval(secs => %(seconds)s)" for c in columns)
    for table, columns in _SHIFTED.items()
)
# What lies ahead stays as far ahead; who was told to end just now (kill_at) was told so just now.
_STAND_STILL = ";".join(
    [
        f"UPDATE {table} SET {c} = {c} + make_interval(secs => %(seconds)s) WHERE {c} > clock_timestamp()"
        for table, c in (
            ("tasks_run", "deadline_at"),
            ("tasks_step", "deadline_at"),
            ("tasks_step", "kill_at"),
            ("tasks_approval", "expires_at"),
            ("tasks_workersession", "lease_until"),
        )
    ]
    + [
        "UPDATE tasks_step SET kill_at = clock_timestamp()"
        " WHERE kill_at BETWEEN clock_timestamp() - interval '50 s' AND clock_timestamp()"
    ]
)
_RENEW = """UPDATE tasks_workersession SET lease_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND stopped_at IS NULL"""
_DELAYED = """UPDATE tasks_step SET available_at = clock_timestamp() + make_interval(secs => %(delay)s),
    rank = clock_timestamp() + make_interval(secs => %(delay)s + 60 * priority)
WHERE id = %(step)s AND state = 'waiting_retry'"""
_FORGET = (
    "tasks_approval", "tasks_journalentry", "tasks_attempt", "tasks_stepdependency", "tasks_step", "tasks_event",
    "tasks_run", "tasks_limitrule", "tasks_workersession", "tasks_outboxmessage",
)  # fmt: skip

_T = TypeVar("_T")


class Driver:
    """The engine, with names for the rows of one small world."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.projects = {name: _project(name) for name in PROJECTS}
        self.people = {name: User.objects.get_or_create(username=name)[0].pk for name in PEOPLE}
        self.workers: dict[str, UUID] = {name: _session(name) for name in WORKERS}
        self.run_pks: dict[str, int] = {}
        self.leases: dict[Ticket, Lease] = {}
        self._clock = time.monotonic()  # of the last correction: the world's time stands still between ticks
        self.again: Counter[str] = (
            Counter()
        )  # how often PostgreSQL made an operation begin again, by its name
        Queue.objects.update(
            timeout_seconds=TIMEOUT, paused_at=None, concurrency_limit=None, max_attempts=None
        )
        for number, rule in enumerate(rules):
            self._rule(number, rule)
        for spec in SPECS:
            told = catalog().spec(spec.agent, spec.operation)
            assert (told.queue, told.max_attempts, told.effect) == (
                spec.queue,
                spec.max_attempts,
                spec.effect,
            )

    def model(self, rules: tuple[Rule, ...]) -> Model:
        """Give the model of this world as it is at its beginning."""
        queues = dict(Queue.objects.filter(name__in=QUEUES).values_list("name", "priority"))
        return Model(queues=queues, rules=list(rules), leases=dict.fromkeys(WORKERS, LEASE))

    def forget(self) -> None:
        """Delete the world's rows; quicker than truncating."""
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; " + "; ".join(f"DELETE FROM {table}" for table in _FORGET) + "; COMMIT")
        Queue.objects.update(timeout_seconds=None, paused_at=None, concurrency_limit=None)

    # --- Requests -----------------------------------------------------------------------------------------

    def submit(
        self, label: str, *, project: str, plan: tuple[Planned, ...], goal: str, key: str | None,
        priority: int | None, deadline: int | None,
    ) -> tuple[str, bool]:  # fmt: skip
        run, created = runs.submit(
            plan_of(plan),
            project_id=self.projects[project],
            owner_id=None,
            goal=goal,
            request={},
            idempotency_key=key,
            priority=priority,
            deadline_seconds=deadline,
        )
        if created:
            self.run_pks[label] = run.pk
        return str(run.pk), created

    def rerun(self, label: str, *, old: str, key: str | None) -> str:
        again, _ = (
            runs.retry(self._id(old), by="t") if key is None else runs.rerun_from(self._id(old), key, by="t")
        )
        self.run_pks[label] = again.pk
        return label

    # --- Attempts -----------------------------------------------------------------------------------------

    def claim(self, queue: str, worker: str) -> Lease | None:
        return self._keep_on(
            lambda: runs.start(queue, worker=self.workers[worker], pid=1, worker_name=worker), "claim"
        )

    def settle(self, ticket: Ticket, *, plan: tuple[Planned, ...] = (), then: str = "") -> Lease | None:
        claimant = self._claimant(then) if then else None
        result = StepResult(plan=plan_of(plan) if plan else None)
        return self._keep_on(lambda: runs.settle(self.leases[ticket], result, then=claimant), "settle")

    def claim_several(self, queue: str, worker: str, *, most: int) -> tuple[Lease, ...]:
        return self._keep_on(
            lambda: runs.start_several(queue, self._claimant(worker), most=most), "claim several"
        )

    def settle_all(
        self, tickets: tuple[Ticket, ...], *, plan: tuple[Planned, ...] = (), then: str = "", most: int = 1
    ) -> runs.Settled:
        successes = [
            runs.Success(
                lease=self.leases[ticket],
                result=StepResult(plan=plan_of(plan) if plan and ticket == tickets[0] else None),
            )
            for ticket in tickets
        ]
        claimant = self._claimant(then) if then else None
        return self._keep_on(lambda: runs.settle_all(successes, then=claimant, most=most), "settle all")

    def one_by_one(self, queue: str, worker: str, *, most: int) -> list[tuple[str, str]]:
        """Tell which steps (run, key) as many claims would take one after the other; take none."""
        labels = {pk: label for label, pk in self.run_pks.items()}
        with transaction.atomic():
            found = [runs.start_several(queue, self._claimant(worker), most=1) for _ in range(most)]
            transaction.set_rollback(True)
        return [(labels[lease.run_pk], lease.key) for leases in found for lease in leases]

    def fail(self, ticket: Ticket, *, retriable: bool) -> StepState:
        lease = self.leases[ticket]
        state = self._keep_on(
            lambda: runs.fail(lease, kind="failed", message="told to", retriable=retriable), "fail"
        )
        if state is StepState.WAITING_RETRY:  # another draw would have given this delay
            with connection.cursor() as cursor:
                cursor.execute(_DELAYED, {"delay": DELAY, "step": lease.step_pk})
        return state

    def postpone(self, ticket: Ticket) -> None:
        self._keep_on(
            lambda: runs.postpone(self.leases[ticket], message="told to", delay_seconds=DELAY), "postpone"
        )

    def release(self, ticket: Ticket) -> None:
        self._keep_on(lambda: runs.release(self.leases[ticket]), "release")

    def settle_cancelled(self, ticket: Ticket) -> None:
        self._keep_on(lambda: runs.settle_cancelled(self.leases[ticket]), "settle_cancelled")

    def record_stale(self, ticket: Ticket) -> None:
        self._keep_on(lambda: runs.record_stale(self.leases[ticket]), "record_stale")

    def once(self, ticket: Ticket, *, name: str, digest: str, finish: bool) -> None:
        mark = runs.Mark(name=name, occurrence=1, kind="once", digest=digest, effect="idempotent")
        entry = self._keep_on(lambda: runs.begin(self.leases[ticket], mark), "begin")
        if finish:
            self._keep_on(lambda: runs.finish(self.leases[ticket], entry, {"gave": 1}), "finish")

    def call(self, ticket: Ticket, *, name: str, spec: Spec) -> StepState:
        mark = self._next_mark(ticket, name, "call")
        child = PlannedStep(
            key=f"{ticket.key}:{name}.{mark.occurrence}", agent=spec.agent, operation=spec.operation
        )
        return self._keep_on(
            lambda: runs.suspend(self.leases[ticket], runs.Call(mark=mark, child=child)), "call"
        )

    def ask(self, ticket: Ticket, *, name: str, expires: int | None) -> StepState:
        mark = self._next_mark(ticket, name, "approval")
        question = Question(text="go on?", expires_seconds=expires)
        return self._keep_on(
            lambda: runs.suspend(self.leases[ticket], runs.Ask(mark=mark, question=question)), "ask"
        )

    # --- People -------------------------------------------------------------------------------------------

    def cancel(self, label: str) -> None:
        runs.cancel(self._id(label), by="t")

    def pause(self, label: str) -> None:
        runs.pause(self._id(label), by="t")

    def resume(self, label: str) -> None:
        runs.resume(self._id(label), by="t")

    def set_priority(self, label: str, *, priority: int) -> None:
        runs.set_priority(self._id(label), priority, by="t")

    def pause_queue(self, queue: str) -> bool:
        return runs.pause_queue(queue, by="t")

    def resume_queue(self, queue: str) -> bool:
        return runs.resume_queue(queue, by="t")

    def decide(self, label: str, *, key: str, number: int, approved: bool, by: str) -> None:
        asked = Approval.objects.filter(run_id=self.run_pks[label], step__key=key).order_by("pk")
        approval = asked[number]
        runs.decide(approval.public_id, approved=approved, by_user_id=self.people[by], by=by)

    # --- The sweep, and time ------------------------------------------------------------------------------

    def promote_due(self) -> int:
        return self._keep_on(runs.promote_due, "promote_due")

    def expire_approvals(self) -> int:
        return self._keep_on(runs.expire_approvals, "expire_approvals")

    def recover(self) -> int:
        return self._keep_on(runs.recover, "recover")

    def expire(self) -> int:
        return self._keep_on(runs.expire, "expire")

    def heartbeat(self, worker: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_RENEW, [LEASE, self.workers[worker]])

    def lose(self, ticket: Ticket) -> None:
        """The worker's heart has seen its child die."""
        Step.objects.filter(fence=self.leases[ticket].fence).update(lost_at="2020-01-01T00:00:00Z")

    def stand_still(self) -> None:
        """Take back the seconds that the test itself took, before they count."""
        took = time.monotonic() - self._clock
        if took > 5:
            self._clock += took
            with connection.cursor() as cursor:
                cursor.execute(_STAND_STILL, {"seconds": took})

    def pass_time(self, seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_PASS, {"seconds": seconds})

    # --- Looking ------------------------------------------------------------------------------------------

    def stored(self) -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
        """Give all that the model says something about, in its words; and the ids of the steps."""
        labels = {pk: label for label, pk in self.run_pks.items()}
        assert set(Run.objects.values_list("pk", flat=True)) == set(labels)
        steps = {s.pk: s for s in Step.objects.all()}
        known: dict[str, Any] = {
            labels[run.pk]: {
                "state": run.state,
                "cancelled": run.cancel_requested_at is not None,
                "paused": run.paused_at is not None,
                "priority": run.priority,
                "told": Counter(),
                "steps": {},
            }
            for run in Run.objects.all()
        }
        rows: dict[int, dict[str, Any]] = {}
        names = {pk: name for name, pk in self.workers.items()}
        for pk, step in steps.items():
            is_open = step.ended_at is None
            rows[pk] = known[labels[step.run_id]]["steps"][step.key] = {
                "state": step.state,
                "spent": step.attempts_spent,
                "outcomes": [],
                "held": step.held and is_open,
                "priority": step.priority,
                "limit_key": step.limit_key,
                "worker": names[step.worker_id] if step.worker_id else "",
                "pending": step.pending_deps if step.state == "pending" else 0,
                "added_by": steps[step.added_by_id].key if step.added_by_id else "",
                "taken": step.taken_from_id is not None,
                "edges": set(),
                "journal": {},
            }
        for edge in StepDependency.objects.all():
            rows[edge.step_id]["edges"].add((steps[edge.needs_id].key, edge.condition))
        for attempt in Attempt.objects.order_by("step_id", "ordinal"):
            rows[attempt.step_id]["outcomes"].append(attempt.outcome)
        for entry in JournalEntry.objects.all():
            child = steps[entry.child_id].key if entry.child_id else ""
            rows[entry.step_id]["journal"][entry.name, entry.occurrence] = (
                entry.kind, entry.digest if entry.kind == "once" else "", child, entry.done_at is not None,
            )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SELECT run_id, kind, step_id, count(*) FROM tasks_event GROUP BY 1, 2, 3")
            for run_pk, kind, step_pk, count in cursor.fetchall():
                known[labels[run_pk]]["told"][kind, steps[step_pk].key if step_pk else ""] = count
        people = {pk: name for name, pk in self.people.items()}
        known["questions"] = sorted(
            (labels[a.run_id], steps[a.step_id].key, a.decision, people.get(a.decided_by_id or 0, ""))
            for a in Approval.objects.all()
        )
        known["paused queues"] = set(
            Queue.objects.filter(paused_at__isnull=False).values_list("name", flat=True)
        )
        return known, {(labels[s.run_id], s.key): pk for pk, s in steps.items()}

    # --- Small things -------------------------------------------------------------------------------------

    def _id(self, label: str) -> UUID:
        return Run.objects.values_list("public_id", flat=True).get(pk=self.run_pks[label])

    def named(self, value: Any) -> Any:
        """Give an answer in the model's words, once all operations that were under way have told what they made."""
        labels = {pk: label for label, pk in self.run_pks.items()}
        if isinstance(value, Lease):
            ticket = Ticket(labels[value.run_pk], value.key, value.attempt)
            assert ticket not in self.leases, f"{ticket} was given twice"
            self.leases[ticket] = value
            return ticket
        if isinstance(value, runs.Settled):
            pks = {lease.fence: ticket for ticket, lease in self.leases.items()}
            return tuple(pks[one.lease.fence] for one in value.left), self.named(value.following)
        if isinstance(value, tuple) and all(isinstance(one, Lease) for one in value):  # of several claims
            return tuple(self.named(one) for one in value)
        if isinstance(value, tuple):  # of submit
            return labels[int(value[0])], value[1]
        return value

    def _claimant(self, worker: str) -> Claimant:
        return Claimant(worker=self.workers[worker], pid=1, name=worker)

    def _next_mark(self, ticket: Ticket, name: str, kind: str) -> runs.Mark:
        used = JournalEntry.objects.filter(step_id=self.leases[ticket].step_pk, name=name).count()
        return runs.Mark(name=name, occurrence=used + 1, kind=kind, digest="d")

    def _keep_on(self, act: Callable[[], _T], what: str) -> _T:
        """As the executor and the sweep do: begin again when PostgreSQL chose this side of a deadlock."""

        def counted() -> _T:
            try:
                return act()
            except OperationalError as error:
                self.again[f"{what}: {str(error).splitlines()[0]}"] += 1
                raise

        return resilient(counted, what=what)

    def _rule(self, number: int, rule: Rule) -> None:
        if rule.queue:
            Queue.objects.filter(name=rule.queue).update(concurrency_limit=rule.most)
            return
        LimitRule.objects.create(
            name=f"rule {number}",
            project_id=self.projects[rule.project] if rule.project else None,
            key=rule.key,
            each=rule.each,
            most=rule.most,
        )


def expected(model: Model) -> dict[str, Any]:
    """Say of the model what `Driver.stored` says of the rows."""
    known: dict[str, Any] = {
        run.label: {
            "state": run.state.value,
            "cancelled": run.is_cancelled,
            "paused": run.is_paused,
            "priority": run.priority,
            "told": +run.told,
            "steps": {
                step.key: {
                    "state": step.state.value,
                    "spent": step.spent,
                    "outcomes": list(step.outcomes),
                    "held": step.held and not step.state.is_final,
                    "priority": step.priority,
                    "limit_key": step.limit_key,
                    "worker": step.worker,
                    "pending": len(run.pending(step)) if step.state is StepState.PENDING else 0,
                    "added_by": step.added_by,
                    "taken": step.is_taken,
                    "edges": {(key, on.value) for key, on in step.edges},
                    "journal": {
                        place: (entry.kind, entry.digest, entry.child, entry.is_done)
                        for place, entry in step.journal.items()
                    },
                }
                for step in run.steps.values()
            },
        }
        for run in model.runs.values()
    }
    known["questions"] = sorted((q.run, q.key, q.decision, q.by) for q in model.questions)
    known["paused queues"] = set(model.paused)
    return known


def plan_of(plan: tuple[Planned, ...]) -> Plan:
    return Plan(
        tuple(
            PlannedStep(
                key=one.key,
                agent=one.spec.agent,
                operation=one.spec.operation,
                after=tuple(After(key=key, on=on) for key, on in one.after),
                priority=one.priority,
                limit_key=one.limit_key or None,
                deadline_seconds=one.deadline,
            )
            for one in plan
        )
    )


def _project(name: str) -> int:
    team, _ = Team.objects.get_or_create(slug="model", defaults={"name": "Model"})
    return Project.objects.get_or_create(team=team, slug=name, defaults={"name": name})[0].pk


def _session(name: str) -> UUID:
    session = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO tasks_workersession
                (id, hostname, pid, queues, slots, started_at, heartbeat_at, lease_until)
            VALUES (%s, %s, 1, %s, 1, clock_timestamp(), clock_timestamp(),
                    clock_timestamp() + make_interval(secs => %s))""",
            [session, name, json.dumps(QUEUES), LEASE],
        )
    return session
