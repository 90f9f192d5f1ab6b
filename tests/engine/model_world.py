"""A world: the engine and its model side by side, given the same operations, compared after each."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

from django.db import connections

from tasks.contract import JournalDiverged
from tasks.errors import EngineError
from tasks.states import StepState
from tests.engine.invariants import broken
from tests.engine.model import Model
from tests.engine.model_driver import QUEUES, WORKERS, Driver, expected
from tests.engine.model_moves import Op
from tests.engine.model_rows import Refused, Rule, Ticket, Unsound

MOST_ROUNDS = 60  # to work a world off: more means that it goes round in circles
Answer = tuple[str, Any]


class World:
    """The engine and its model, in step."""

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        self.driver = Driver(rules)
        self.model = self.driver.model(rules)
        self.is_sound = True
        self.story: list[str] = []
        self.failure = ""

    def close(self) -> None:
        self.driver.forget()

    def alone(self, op: Op, *, look: bool = True) -> Any:
        """Do one operation to both. Raises AssertionError where they differ."""
        self.is_sound = False
        self.driver.stand_still()
        self.story.append(str(op))
        in_order = self.driver.one_by_one(**op.arguments) if op.name == "claim_several" else []
        answer = self._named(_do(self.driver, op))
        told = _tell(self.model, op, answer, is_alone=True)
        if op.name == "claim_several":
            taken = [ticket[:2] for ticket in answer[1]]
            first = in_order[: len(taken)]
            assert sorted(taken) == sorted(first), self._say(f"{op} took {taken}; one by one: {in_order}")
        assert answer == told, self._say(f"{op} answered {answer}; the model says {told}")
        if look:
            self._look()
        self.is_sound = True
        return answer[1]

    def together(self, first: Op, second: Op) -> None:
        """Do two operations at the same time; both orders are right, and nothing else.

        A sweep passes over what somebody else has locked and comes again: so it does here.
        """
        self.is_sound = False
        label = first.arguments.get("label")
        if {first.name, second.name} <= {"submit", "rerun"} and second.arguments["label"] == label:
            second = second._replace(arguments=second.arguments | {"label": f"{label}b"})
        self.driver.stand_still()
        self.story.append(f"{first} || {second}")
        answers = [self._named(answer) for answer in _at_once(self.driver, first, second)]
        sweeps = [op for op in (first, second) if op.is_sweep]
        for op in sweeps:
            _do(self.driver, op)
        stored, ids = self.driver.stored()
        differences: list[str] = []
        for order in permutations([(first, answers[0]), (second, answers[1])]):
            model = copy.deepcopy(self.model)
            try:
                for op, answer in order:
                    told = _tell(model, op, answer, is_alone=False)
                    if told != answer and not op.is_sweep:
                        raise Unsound(f"{op.name} answered {answer}; the model says {told}")
                for op in sweeps:
                    _tell(model, op, ("ok", None), is_alone=False)
                _same(stored, expected(model))
            except Unsound as error:
                differences.append(f"{order[0][0].name} first: {error}")
                continue
            self.model = model
            break
        else:
            raise AssertionError(self._say("no order gives this:\n  " + "\n  ".join(differences)))
        self._learn(ids)
        self._check()
        self.is_sound = True

    def work_off(self) -> None:
        """Let everything come to its end: nobody pauses, nothing fails any more."""
        for queue in QUEUES:
            self.alone(Op("resume_queue", {"queue": queue}), look=False)
        for _ in range(MOST_ROUNDS):
            open_runs = [run.label for run in self.model.runs.values() if not run.is_over]
            if not open_runs:
                break
            for op in self._round(open_runs):
                self.alone(op, look=False)
            self._look()
        left = [run.label for run in self.model.runs.values() if not run.is_over]
        assert not left, self._say(f"{left} do not come to an end")
        assert not (bad := broken(at_rest=True)), self._say("\n".join(map(str, bad)))

    def _round(self, labels: list[str]) -> Iterator[Op]:
        for label in labels:
            if self.model.runs[label].is_paused:
                yield Op("resume", {"label": label})
        for worker in WORKERS:
            yield Op("heartbeat", {"worker": worker})
        for ticket in [t for t in self.model.tickets() if self.model.is_current(t)]:
            yield Op("settle", {"ticket": ticket})
        for queue in QUEUES:
            if self.model.may_claim(queue, "w1"):
                yield Op("claim", {"queue": queue, "worker": "w1"})
        if any(not q.decision and q.expires <= self.model.now for q in self.model.questions):
            yield Op("expire_approvals", {})  # an answer would come too late
        for question in [q for q in self.model.questions if not q.decision]:
            asked = [q for q in self.model.questions if (q.run, q.key) == (question.run, question.key)]
            place = {"label": question.run, "key": question.key, "number": asked.index(question)}
            yield Op("decide", place | {"approved": True, "by": "alice"})
        if self.model.steps(StepState.WAITING_RETRY):
            yield Op("pass_time", {"seconds": 100})
            yield Op("promote_due", {})

    def _named(self, answer: Answer) -> Answer:
        return answer[0], self.driver.named(answer[1])

    def _look(self) -> None:
        stored, ids = self.driver.stored()
        try:
            _same(stored, expected(self.model))
        except Unsound as error:
            raise AssertionError(self._say(str(error))) from None
        self._learn(ids)
        self._check()

    def _check(self) -> None:
        assert not (bad := broken()), self._say("\n".join(map(str, bad)))

    def _learn(self, ids: dict[tuple[str, str], int]) -> None:
        for (label, key), pk in ids.items():
            self.model.runs[label].steps[key].order = pk

    def _say(self, what: str) -> str:
        self.failure = what + "\nafter:\n  " + "\n  ".join(self.story)
        return self.failure


def _do(driver: Driver, op: Op) -> Answer:
    try:
        return "ok", getattr(driver, op.name)(**op.arguments)
    except (EngineError, JournalDiverged) as error:
        return "refused", type(error).__name__


def _tell(model: Model, op: Op, answer: Answer, *, is_alone: bool) -> Answer:
    arguments = dict(op.arguments)
    if op.name in ("claim", "settle"):
        seen = answer[1] if answer[0] == "ok" else None
        arguments |= {"seen": seen if isinstance(seen, Ticket) else None, "is_alone": is_alone}
    if op.name in ("claim_several", "settle_all"):
        told = answer[1] if answer[0] == "ok" else ((), ())
        arguments |= {"seen": told if op.name == "claim_several" else told[1], "is_alone": is_alone}
    try:
        return "ok", getattr(model, op.name)(**arguments)
    except Refused as refused:
        return "refused", str(refused)


def _at_once(driver: Driver, *ops: Op) -> list[Answer]:
    """Do each on a connection of its own, all from the same moment on."""
    barrier = threading.Barrier(len(ops))

    def act(op: Op) -> Answer:
        barrier.wait(30)
        return _do(driver, op)

    return list(_threads().map(act, ops))


_POOL: list[ThreadPoolExecutor] = []


def _threads() -> ThreadPoolExecutor:
    if not _POOL:
        _POOL.append(ThreadPoolExecutor(2))
    return _POOL[0]


def stop_threads() -> None:
    """Close the threads' connections, so that the test database can be dropped."""
    while _POOL:
        pool = _POOL.pop()
        barrier = threading.Barrier(2)

        def close(barrier: threading.Barrier = barrier) -> None:
            barrier.wait(30)
            connections.close_all()

        for future in [pool.submit(close) for _ in range(2)]:
            future.result()
        pool.shutdown()


def _same(stored: Any, wanted: Any, path: str = "") -> None:
    """Raises Unsound with the first differences."""
    found = list(_differences(stored, wanted, path))
    if found:
        raise Unsound("; ".join(found[:8]))


def _differences(stored: Any, wanted: Any, path: str) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in [*stored, *(key for key in wanted if key not in stored)]:
            yield from _differences(stored.get(key), wanted.get(key), f"{path}/{key}")
    elif stored != wanted:
        yield f"{path} is {stored!r}, should be {wanted!r}"
