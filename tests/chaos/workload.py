"""Clients that use the API as programs do: they repeat, give up, cancel, pause, answer and read.

A third of all submissions is sent twice, or again after an unknown outcome; the idempotency key makes that one run.
Submissions wait while many runs are open, so that recovery is measured and not a backlog.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.plans import Plan, PlannedStep, chain, chord, group
from tasks.states import EdgeCondition
from tests.chaos.history import History, Operation, Outcome, now
from tests.chaos.world import World

CLIENTS = 4
TIMEOUT_SECONDS = 8.0
MOST_OPEN = 30
PAUSE_SECONDS = (0.2, 0.9)
TOLD = {"id", "state", "decision", "detail"}  # what is kept of an answer


class Api:
    """One client's requests to one web process or the other."""

    def __init__(self, world: World, history: History, name: str) -> None:
        self._world, self._history, self._name = world, history, name
        self._ports = [party.port for party in world.parties.values() if party.kind == "web"]

    def call(
        self,
        verb: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        run: str = "",
        at: int = 0,
    ) -> tuple[Operation, Any]:
        """Make one request of the web process number `at`, and write down what is known of its end."""
        began = now()
        status, answer, outcome = self._ask(self._ports[at % len(self._ports)], method, path, body, key)
        told = {name: value for name, value in answer.items() if name in TOLD}
        operation = Operation(
            at=began,
            took=round(now() - began, 3),
            client=self._name,
            verb=verb,
            outcome=outcome,
            status=status,
            key=key,
            run=run or (str(answer.get("id", "")) if verb == "submit" else ""),
            told=told,
        )
        self._history.add(operation)
        return operation, answer

    def _ask(
        self, port: int, method: str, path: str, body: Any, key: str
    ) -> tuple[int, dict[str, Any], Outcome]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        headers = {"Authorization": f"Bearer {self._world.access_token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            raw = response.read()
        except ConnectionRefusedError as error:
            return 0, {"detail": str(error)}, "fail"
        except (OSError, http.client.HTTPException) as error:
            return 0, {"detail": f"{type(error).__name__}: {error}"}, "unknown"
        finally:
            connection.close()
        try:
            answer = json.loads(raw) if raw else {}
        except ValueError:
            answer = {"detail": raw[:200].decode(errors="replace")}
        outcome: Outcome = "ok" if response.status < 300 else "fail" if response.status < 500 else "unknown"
        return response.status, answer if isinstance(answer, dict) else {}, outcome


class Workload:
    """Some clients, each a thread, until `finish`."""

    def __init__(self, world: World, history: History, seed: int) -> None:
        self.world, self.history, self.seed = world, history, seed
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._live, args=(number,), name=f"client-{number}", daemon=True)
            for number in range(CLIENTS)
        ]
        self._runs: list[str] = []  # accepted ones, newest last
        self._open = 0

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Let the clients end what they do."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _live(self, number: int) -> None:
        dice = random.Random(f"{self.seed} client {number}")
        api = Api(self.world, self.history, f"client-{number}")
        deeds: list[tuple[int, Callable[[Api, random.Random, int], None]]] = [
            (60, self._submit),
            (8, self._cancel),
            (6, self._pause_and_resume),
            (16, self._decide),
            (10, self._read),
        ]
        weights, choices = [weight for weight, _ in deeds], [deed for _, deed in deeds]
        count = 0
        while not self._stop.wait(dice.uniform(*PAUSE_SECONDS)):
            count += 1
            dice.choices(choices, weights)[0](api, dice, number * 100_000 + count)

    def _submit(self, api: Api, dice: random.Random, number: int) -> None:
        if self._is_full():
            return
        key = f"key-{self.seed}-{number}"
        body = order(dice, self.world.ledger, f"run {number}")
        send_again = dice.random() < 0.3
        gives_up = dice.random() < 0.3
        for attempt in range(6):
            done, answer = api.call(
                "submit", "POST", "/api/v1/chaos/runs", body, key=key, at=dice.randrange(2)
            )
            if done.outcome == "ok":
                self._runs.append(str(answer["id"]))
                if send_again:
                    api.call("submit", "POST", "/api/v1/chaos/runs", body, key=key, at=attempt + 1)
                return
            if (done.outcome == "unknown" and gives_up) or self._stop.wait(0.5):
                return

    def _cancel(self, api: Api, dice: random.Random, number: int) -> None:
        run = self._one_of(dice)
        if run:
            api.call("cancel", "POST", f"/api/v1/runs/{run}/cancel", {"reason": "chaos"}, run=run, at=number)

    def _pause_and_resume(self, api: Api, dice: random.Random, number: int) -> None:
        run = self._one_of(dice)
        if not run:
            return
        api.call("pause", "POST", f"/api/v1/runs/{run}/pause", {}, run=run, at=number)
        self._stop.wait(dice.uniform(0.5, 2))
        resume(api, run)

    def _decide(self, api: Api, dice: random.Random, number: int) -> None:
        decide_all(api, lambda: dice.random() < 0.8, most=3, at=number)

    def _read(self, api: Api, dice: random.Random, number: int) -> None:
        run = self._one_of(dice)
        if not run:
            return
        _, answer = api.call("read", "GET", f"/api/v1/runs/{run}/events?limit=1000", run=run, at=number)
        seqs = [event["seq"] for event in answer.get("events", [])]
        if seqs != list(range(1, len(seqs) + 1)):
            self.history.add(
                Operation(
                    at=now(), took=0, client="reader", verb="gap", outcome="ok", status=0, run=run,
                    told={"seqs": seqs},
                )
            )  # fmt: skip

    def _one_of(self, dice: random.Random) -> str:
        recent = self._runs[-12:]
        return dice.choice(recent) if recent else ""

    def _is_full(self) -> bool:
        """Tell whether many runs are open; as last known, while PostgreSQL is away."""
        try:
            found = self.world.query("SELECT count(*) FROM tasks_run WHERE finished_at IS NULL")
            self._open = int(found[0][0])
        except Exception:  # whatever the driver raises while the server is being killed
            return self._open > MOST_OPEN
        return self._open > MOST_OPEN


def resume(api: Api, run: str) -> None:
    """Resume a run; who pauses owes this, so it is repeated until it is known."""
    for attempt in range(8):
        done, _ = api.call("resume", "POST", f"/api/v1/runs/{run}/resume", {}, run=run, at=attempt)
        if done.outcome == "ok" or done.status == 409:
            return
        threading.Event().wait(0.5)


def decide_all(api: Api, approves: Callable[[], bool], *, most: int, at: int) -> int:
    """Answer the questions that are open. Returns how many there were."""
    _, answer = api.call("approvals", "GET", "/api/v1/approvals", at=at)
    asked = answer.get("results", [])[:most]
    for approval in asked:
        decision = "approve" if approves() else "reject"
        api.call(
            "decide",
            "POST",
            f"/api/v1/approvals/{approval['id']}",
            {"decision": decision, "comment": ""},
            run=str(approval["id"]),
            at=at,
        )
    return len(asked)


def order(dice: random.Random, ledger: Path, goal: str) -> dict[str, Any]:
    """Draw the body of a submission."""
    plan = dice.choices([shape for _, shape in SHAPES], [weight for weight, _ in SHAPES])[0](dice, ledger)
    return {"goal": goal, "plan": plan.to_json(), "priority": dice.choice([None, None, 2, 5, 8])}


def step(key: str, operation: str, ledger: Path, *, agent: str = "mill", **values: Any) -> PlannedStep:
    limit_key = values.pop("limit_key", None)
    given = {"ledger": str(ledger)} | values
    return PlannedStep(key=key, agent=agent, operation=operation, input=given, limit_key=limit_key)


def _short(dice: random.Random) -> float:
    return round(dice.uniform(0, 0.3), 2)


def _chain(dice: random.Random, ledger: Path) -> Plan:
    return chain(*(step(f"c{n}", "work", ledger, seconds=_short(dice)) for n in range(dice.randint(1, 4))))


def _fan(dice: random.Random, ledger: Path) -> Plan:
    head = group(*(step(f"g{n}", "work", ledger, seconds=_short(dice)) for n in range(dice.randint(2, 4))))
    return chord(head, step("join", "give", ledger, agent="errand"), on=EdgeCondition.ALWAYS)


def _slow(dice: random.Random, ledger: Path) -> Plan:
    return chain(step("slow", "work", ledger, seconds=dice.uniform(1, 3)), step("after", "work", ledger))


def _flaky(dice: random.Random, ledger: Path) -> Plan:
    return chain(step("flaky", "work", ledger, fail_times=1), step("later", "later", ledger))


def _caller(dice: random.Random, ledger: Path) -> Plan:
    return Plan((step("caller", "caller", ledger, count=2),))


def _ask(dice: random.Random, ledger: Path) -> Plan:
    return chain(step("ask", "ask", ledger, count=dice.choice([0, 20])), step("after", "work", ledger))


def _deed(dice: random.Random, ledger: Path) -> Plan:
    return Plan((step("deed", "deed", ledger, seconds=_short(dice)),))


def _store(dice: random.Random, ledger: Path) -> Plan:
    return Plan((step("store", "store", ledger),))


def _narrow(dice: random.Random, ledger: Path) -> Plan:
    return group(
        *(step(f"n{n}", "work", ledger, seconds=_short(dice), limit_key="narrow") for n in range(2)),
        *(step(f"e{n}", "give", ledger, agent="errand", seconds=_short(dice)) for n in range(2)),
    )


def _grow(dice: random.Random, ledger: Path) -> Plan:
    return chain(step("grow", "grow", ledger, count=2), step("last", "work", ledger))


def _litter(dice: random.Random, ledger: Path) -> Plan:
    return Plan((step("litter", "work", ledger, litter=1, seconds=_short(dice)),))


def _crowd(dice: random.Random, ledger: Path) -> Plan:
    """Steps so short that a worker child takes several at once."""
    head = group(*(step(f"q{n}", "work", ledger) for n in range(dice.randint(8, 24))))
    return chord(head, chain(step("x", "work", ledger), step("y", "work", ledger), step("z", "work", ledger)))


SHAPES: list[tuple[int, Callable[[random.Random, Path], Plan]]] = [
    (20, _chain), (14, _fan), (24, _slow), (8, _flaky), (10, _caller), (8, _ask), (8, _deed), (8, _store),
    (10, _narrow), (6, _grow), (4, _litter), (14, _crowd),
]  # fmt: skip
