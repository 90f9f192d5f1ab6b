"""One fault from its injection to the moment when work goes on: see `faults` for what is measured."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg2

from tasks.plans import Plan, group
from tests.chaos.faults import Fault
from tests.chaos.history import History, now
from tests.chaos.injections import Injection
from tests.chaos.workload import Api, step
from tests.chaos.world import World

PATIENCE_SECONDS = 90.0
INJECT_TRIES = 80
WORK_SECONDS = 3.0
EATEN_MEGABYTES = 2000
_FORTH = """
SELECT extract(epoch FROM min(e.at))::float8 FROM tasks_event e
WHERE e.run_id = (SELECT run_id FROM tasks_step WHERE id = %(step)s) AND e.step_id = %(step)s
  AND e.at > to_timestamp(%(at)s)
  AND (e.kind IN ('step.succeeded', 'step.dead', 'step.cancelled', 'step.suspended', 'step.retry',
                  'approval.asked')
       OR e.kind = 'step.started' AND (e.data->>'attempt')::int > %(ordinal)s)
"""
_HELD = """
SELECT r.paused_at IS NOT NULL OR r.cancel_requested_at IS NOT NULL
    OR EXISTS (SELECT FROM tasks_event e
               WHERE e.run_id = r.id AND e.kind = 'run.paused' AND e.at > to_timestamp(%(at)s))
FROM tasks_run r JOIN tasks_step s ON s.run_id = r.id WHERE s.id = %(step)s
"""
_UNDER_WAY = """
SELECT count(*) FROM tasks_step s JOIN tasks_run r ON r.id = s.run_id
WHERE r.public_id = %(run)s AND s.state = 'running'
"""


@dataclass(slots=True, kw_only=True)
class Recovery:
    """How one fault went. Times are of the wall clock; `seconds` is None if work did not go on in time."""

    fault: str
    target: str
    injected_at: float
    zero_at: float = 0.0
    healed_at: float = 0.0
    ended_at: float = 0.0
    touched: int = 0
    seconds: float | None = None
    bound: float = 0.0
    overlapped: bool = False
    note: str = ""

    @property
    def is_late(self) -> bool:
        return self.seconds is None or self.seconds > self.bound


class Episode:
    """Injects, heals, measures; meant for a thread of its own."""

    def __init__(
        self, world: World, history: History, fault: Fault, dice: random.Random, number: int
    ) -> None:
        self.world, self.history, self.fault, self.dice, self.number = world, history, fault, dice, number
        self.recovery = Recovery(
            fault=fault.name, target="", injected_at=now(), bound=fault.bound.at(world.timing)
        )
        self._probed_at: float | None = None
        self._probe_from: float | None = None
        self._over = threading.Event()

    def live(self) -> None:
        """Go through it all."""
        recovery = self.recovery
        injection = self._inject()
        if injection is None:
            recovery.note, recovery.overlapped = "not injected: its target was away", True
            return
        recovery.target, recovery.injected_at = injection.target, injection.at
        try:
            self._measure(injection)
        finally:
            self._over.set()
            recovery.target, recovery.touched = injection.target, len(injection.touched)
            recovery.ended_at = now()

    def _inject(self) -> Injection | None:
        """Begin the fault; another one that overlaps may have taken the target away for a while."""
        if self.fault.wants_work:
            self._hand_in_work()
        for _ in range(INJECT_TRIES):
            try:
                return self.fault.inject(self.world, self.dice)
            except (psycopg2.Error, psutil.NoSuchProcess):
                time.sleep(0.25)
        return None

    def _hand_in_work(self) -> None:
        """Submit steps that take longer than a lease, and wait until some are under way; not for long."""
        api, ledger = Api(self.world, self.history, "bait"), self.world.ledger
        seconds = self.world.timing.lease + 1
        parts = [step(f"w{n}", "work", ledger, seconds=seconds) for n in range(2)]
        parts.append(step("e0", "give", ledger, agent="errand", seconds=seconds))
        body = {"goal": "work for a fault", "plan": group(*parts).to_json(), "priority": 0}
        key = f"work-{self.number}-{self.fault.name}"
        done, _ = api.call("submit", "POST", "/api/v1/chaos/runs", body, key=key)
        end = time.monotonic() + WORK_SECONDS
        while done.outcome == "ok" and time.monotonic() < end:
            try:
                if self._ask(_UNDER_WAY, {"run": done.run}) >= len(parts):
                    return
            except psycopg2.Error:
                return  # an overlapping fault
            time.sleep(0.1)

    def _measure(self, injection: Injection) -> None:
        recovery, began, healed = self.recovery, time.monotonic(), False
        forth: dict[tuple[int, int], float] = {}
        if self.fault.zero == "injection":
            self._begin_probe(injection, injection.at)
        while True:
            elapsed = time.monotonic() - began
            if not healed and elapsed >= injection.hold_seconds:
                injection.heal()
                healed, recovery.healed_at = True, now()
                if self.fault.zero == "heal":
                    self._begin_probe(injection, recovery.healed_at)
            self._look(injection, forth)
            done = self._probed_at is not None and len(forth) == len(injection.touched)
            if healed and done:
                zero = self._probe_from or recovery.zero_at
                latest = max([self._probed_at or zero, *forth.values()])
                recovery.seconds = round(max(0.0, latest - zero), 2)
                return
            if elapsed > injection.hold_seconds + PATIENCE_SECONDS:
                missing = sorted(set(injection.touched) - set(forth))
                recovery.note = (
                    f"probe {'done' if self._probed_at else 'not done'}, standing still: {missing}"
                )
                return
            time.sleep(0.1)

    def _begin_probe(self, injection: Injection, zero: float) -> None:
        self.recovery.zero_at = zero
        threading.Thread(target=self._probe, args=(injection,), name="probe", daemon=True).start()

    def _look(self, injection: Injection, forth: dict[tuple[int, int], float]) -> None:
        """See which touched steps have come further."""
        missing = [place for place in injection.touched if place not in forth]
        if not missing:
            return
        try:
            for place in missing:
                values = {"step": place[0], "ordinal": place[1], "at": injection.at}
                at = self._ask(_FORTH, values)
                if at is not None:
                    forth[place] = at
                elif self._ask(_HELD, values):
                    forth[place] = 0.0  # people hold it: nothing is to be expected
        except psycopg2.Error:
            return  # PostgreSQL is away

    def _ask(self, statement: str, values: dict[str, Any]) -> Any:
        with self.world.database() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone()
            return row[0] if row else None

    def _probe(self, injection: Injection) -> None:
        while not self._over.is_set():
            try:
                self._probed_at = self._ring() if injection.probe == "bell" else self._run(injection.probe)
                return
            except psycopg2.Error:
                time.sleep(0.1)

    def _ring(self) -> float:
        """Promise a bell as if its process had died, and wait until the relay has rung it."""
        pk = self._ask(
            "INSERT INTO tasks_outboxmessage (queue, priority, created_at)"
            " VALUES ('agent.mill', 5, clock_timestamp() - interval '1 second') RETURNING id",
            {},
        )
        while self._ask("SELECT 1 FROM tasks_outboxmessage WHERE id = %(pk)s", {"pk": pk}):
            time.sleep(0.05)
        return now()

    def _run(self, kind: str) -> float:
        """Submit a run of one step and wait for its end."""
        api, ledger = Api(self.world, self.history, "probe"), self.world.ledger
        planned = {
            "run": step("probe", "work", ledger),
            "later": step("probe", "later", ledger),
            "store": step("probe", "store", ledger),
            "eat": step("probe", "eat", ledger, agent="glutton", megabytes=EATEN_MEGABYTES),
        }[kind]
        body = {"goal": f"probe of {self.fault.name}", "plan": Plan((planned,)).to_json(), "priority": 0}
        key = f"probe-{self.number}-{self.fault.name}"
        run, tries = "", 0
        while not run and not self._over.is_set():
            done, _ = api.call("submit", "POST", "/api/v1/chaos/runs", body, key=key, at=tries)
            run, tries = done.run if done.outcome == "ok" else "", tries + 1
            if not run:
                time.sleep(0.1)
        finished = "SELECT extract(epoch FROM finished_at)::float8 FROM tasks_run WHERE public_id = %(run)s"
        while not self._over.is_set():
            at = self._ask(finished, {"run": run})
            if at is not None:
                self._note_meal(run, kind)
                return float(at)
            time.sleep(0.05)
        return 0.0

    def _note_meal(self, run: str, kind: str) -> None:
        if kind != "eat":
            return
        first = (
            "SELECT {} FROM tasks_attempt a JOIN tasks_step s ON s.id = a.step_id"
            " JOIN tasks_run r ON r.id = s.run_id WHERE r.public_id = %(run)s AND a.ordinal = 1"
        )
        self._probe_from = self._ask(first.format("extract(epoch FROM a.started_at)::float8"), {"run": run})
        outcome = self._ask(first.format("a.outcome"), {"run": run})
        if outcome != "lost":
            self.recovery.note = f"the greedy attempt was {outcome}, not killed"
