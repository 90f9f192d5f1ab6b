"""One round: start everything, let clients work, inject faults by seed, heal, wait for calm, collect, check."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2
import redis

from tests.chaos import checker
from tests.chaos.checker import Violation
from tests.chaos.collected import Collected, bells, broken_invariants, collect, read_ledger
from tests.chaos.faults import Fault, schedule
from tests.chaos.history import History
from tests.chaos.machine import Machine
from tests.chaos.recovery import Episode, Recovery
from tests.chaos.timing import Timing
from tests.chaos.workload import Api, Workload, decide_all, resume
from tests.chaos.world import World

Say = Callable[[str], None]
WARM_RUNS, WARM_SECONDS = 5, 60.0
CALM_SECONDS = 60.0
PAUSE_SECONDS = (0.5, 2.0)
STRAY_SECONDS = 40.0  # beyond the lease: the longest that a worker is frozen or cut off, and some


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round was asked to do."""

    seed: int
    minutes: float
    timing: Timing
    faults: Sequence[Fault]
    folder: Path
    off: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it."""

    round: Round
    collected: Collected
    recoveries: tuple[Recovery, ...]
    violations: tuple[Violation, ...]
    skipped: dict[str, str]
    seconds: float
    calm_seconds: float
    restarts: int


def play(round: Round, say: Say) -> Result:
    """Do one round."""
    began = time.monotonic()
    machine = Machine()
    try:
        with World(round.folder, round.timing, machine, off=round.off) as world:
            return _play(round, world, say, began)
    finally:
        machine.close()


def _play(round: Round, world: World, say: Say, began: float) -> Result:
    set_limits(world)
    say("starting two webs, relays and schedulers, three workers")
    world.start()
    skipped = {
        f.name: world.machine.missing[f.needs] for f in round.faults if f.needs in world.machine.missing
    }
    for name, reason in skipped.items():
        say(f"SKIPPED {name}: {reason}")
    history = History(round.folder / "history.jsonl")
    workload, watch = Workload(world, history, round.seed), Watch(world)
    workload.start()
    watch.start()
    _warm_up(world)
    say(f"warm after {time.monotonic() - began:.0f} s; faults for {round.minutes:g} min")
    recoveries = _inject(round, world, history, [f for f in round.faults if f.name not in skipped], say)
    world.arm("")
    workload.finish()
    say("healed; waiting for calm")
    calm = settle_down(world, history)
    watch.finish()
    world.stop()
    seen = collect(
        world, history.operations, orphans=world.survivors, strays=watch.strays, broken=sorted(watch.broken)
    )
    history.close()
    late = [_late(one) for one in recoveries if one.is_late and not one.overlapped]
    return Result(
        round=round,
        collected=seen,
        recoveries=tuple(recoveries),
        violations=tuple(checker.violations(seen) + late),
        skipped=skipped,
        seconds=time.monotonic() - began,
        calm_seconds=calm,
        restarts=sum(party.starts - 1 for party in world.parties.values()),
    )


def set_limits(world: World) -> None:
    """Make a rule that bounds a key to one step, and bound a queue to three."""
    world.query(
        "INSERT INTO tasks_limitrule (name, agent, key, each, most, enabled)"
        " VALUES ('narrow', '', 'narrow', 'all', 1, true)"
    )
    world.query("UPDATE tasks_queue SET concurrency_limit = 3 WHERE name = 'agent.errand'")


def _warm_up(world: World) -> None:
    end = time.monotonic() + WARM_SECONDS
    while world.query("SELECT count(*) FROM tasks_run WHERE finished_at IS NOT NULL")[0][0] < WARM_RUNS:
        if time.monotonic() > end:
            return  # the checker will tell
        time.sleep(0.2)


def _inject(
    round: Round, world: World, history: History, faults: Sequence[Fault], say: Say
) -> list[Recovery]:
    """Inject one fault after the other, some of them while the one before is still there."""
    dice = random.Random(round.seed)
    drawn = schedule(dice, list(faults))
    end, number = time.monotonic() + round.minutes * 60, 0
    recoveries: list[Recovery] = []
    following = next(drawn, None) if faults else None
    while time.monotonic() < end:
        if following is None:
            time.sleep(0.5)
            continue
        together = [following[0]]
        following = next(drawn)
        while following[1]:
            together.append(following[0])
            following = next(drawn)
        threads = []
        for fault in together:
            number += 1
            episode = Episode(world, history, fault, random.Random(f"{round.seed} {number}"), number)
            episode.recovery.overlapped = len(together) > 1
            threads.append((episode, threading.Thread(target=episode.live, name=fault.name, daemon=True)))
            threads[-1][1].start()
            time.sleep(dice.uniform(0.5, 2) if len(together) > 1 else 0)
        for episode, thread in threads:
            thread.join()
            recoveries.append(episode.recovery)
            say(_line(episode.recovery))
        time.sleep(dice.uniform(*PAUSE_SECONDS))
    return recoveries


def _line(one: Recovery) -> str:
    seconds = "not within our patience" if one.seconds is None else f"{one.seconds:.1f} s"
    also = ", with another" if one.overlapped else f", bound {one.bound:g} s{'  LATE' if one.is_late else ''}"
    note = f" ({one.note})" if one.note else ""
    return f"{one.fault} of {one.target}, {one.touched} touched: went on after {seconds}{also}{note}"


def _late(one: Recovery) -> Violation:
    return Violation(rule="C9", about=one.fault, message=_line(one))


def settle_down(world: World, history: History, *, within: float | None = None) -> float:
    """Resume, answer and wait until nothing is open. Returns after how many seconds; at the latest after `within`."""
    began = time.monotonic()
    patience = within if within is not None else CALM_SECONDS + 2 * world.timing.lease
    api = Api(world, history, "calm")
    while time.monotonic() - began < patience:
        try:
            if not world.query(_OPEN)[0][0] and not bells(world):
                break
            for (run,) in world.query("SELECT public_id::text FROM tasks_run WHERE paused_at IS NOT NULL"):
                resume(api, run)
            if world.query("SELECT 1 FROM tasks_approval WHERE decision = '' LIMIT 1"):
                decide_all(api, lambda: True, most=200, at=0)
        except (psycopg2.Error, redis.RedisError):
            pass  # still coming up
        time.sleep(0.25)
    return round(time.monotonic() - began, 2)


_OPEN = """
SELECT (SELECT count(*) FROM tasks_run WHERE finished_at IS NULL) + (SELECT count(*) FROM tasks_outboxmessage)
"""


class Watch(threading.Thread):
    """Looks each second: does a process outlive its attempt for too long, do the rows keep their invariants?"""

    def __init__(self, world: World) -> None:
        super().__init__(name="watch", daemon=True)
        self.world = world
        self.strays: list[str] = []
        self.broken: set[str] = set()
        self._is_over = threading.Event()
        self._gone: set[int] = set()

    def run(self) -> None:
        while not self._is_over.wait(1):
            try:
                with self.world.database() as connection, connection.cursor() as cursor:
                    self.broken |= set(broken_invariants(cursor, at_rest=False))
                self._look()
            except psycopg2.Error:
                continue  # PostgreSQL is away

    def finish(self) -> None:
        self._is_over.set()
        self.join(10)

    def _look(self) -> None:
        for left in read_ledger(self.world.ledger):
            if left.kind != "left" or int(left.also) in self._gone:
                continue
            pid = int(left.also)
            if not _is_same_process(pid, left.at):
                self._gone.add(pid)
                continue
            ended = self.world.query(_ENDED_FOR, left.run, left.key, left.attempt)
            if ended and ended[0][0] is not None and ended[0][0] > self.world.timing.lease + STRAY_SECONDS:
                self._gone.add(pid)
                self.strays.append(f"process {pid} of {left.key} of run {left.run}, attempt {left.attempt}")


_ENDED_FOR = """
SELECT extract(epoch FROM clock_timestamp() - a.ended_at)::float8
FROM tasks_attempt a JOIN tasks_step s ON s.id = a.step_id JOIN tasks_run r ON r.id = s.run_id
WHERE r.public_id = %s::uuid AND s.key = %s AND a.ordinal = %s
"""


def _is_same_process(pid: int, at: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() <= at + 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def remove(folder: Path) -> None:
    """Delete what a round without violations left."""
    shutil.rmtree(folder, ignore_errors=True)
