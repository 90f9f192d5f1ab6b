"""Three short stories without chance, each of which one part of the engine decides: the checker's own test.

fencing     a worker is frozen beyond its lease, another takes its step, then the first one's result arrives
outbox      a run is accepted while Redis is down
heartbeat   a worker's host dies in the middle of a step
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil

from tasks.plans import Plan, chain
from tests.chaos.collected import Collected, collect, read_ledger
from tests.chaos.harness import settle_down
from tests.chaos.history import History
from tests.chaos.injections import running_in
from tests.chaos.workload import Api, step
from tests.chaos.world import Party, World
from wrenchai_project import servers

ENGINE = ("web-1", "relay-1", "scheduler-1", "mill-1")
MILLS = ("mill-1", "mixed-2")
FOUND_WITHIN = 10.0  # seconds: more than two leases; what has not ended then is stuck


def until(condition: Callable[[], Any], *, within: float, what: str) -> Any:
    """Wait for a condition. Raises AssertionError naming it when the time is over."""
    end = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(0.05)
    return value


def play(world: World, stories: list[str], *, off: str = "") -> Collected:
    """Begin anew, tell these stories one after the other, and collect what is to be checked."""
    world.begin_anew(off=off)
    world.start(*ENGINE)
    with contextlib.closing(History(world.folder / "history.jsonl")) as history:
        for story in stories:
            STORIES[story](world, Api(world, history, story))
            settle_down(world, history, within=FOUND_WITHIN if off else None)
    if off:
        world.kill_parties()
        world.survivors = []
    else:
        world.end_parties()  # tells who survives it
    return collect(world, history.operations, orphans=world.survivors)


def _submit(api: Api, name: str, plan: Plan) -> str:
    body = {"goal": name, "plan": plan.to_json()}
    done, answer = api.call("submit", "POST", "/api/v1/chaos/runs", body, key=name.replace(" ", "-"), at=0)
    assert done.outcome == "ok", answer
    return done.run


def _began(world: World, run: str, attempt: int) -> bool:
    return any(
        (one.kind, one.run, one.attempt) == ("begin", run, attempt) for one in read_ledger(world.ledger)
    )


def _holder(world: World) -> tuple[Party, Party, int]:
    """Give the worker that runs the step, the other one, and the child."""
    for name, other in (MILLS, MILLS[::-1]):
        party = world.parties[name]
        if party.process is not None and (running := running_in(world, party)):
            return party, world.parties[other], running[0][2]
    raise AssertionError("no worker runs it")


def _late_result(world: World, api: Api) -> None:
    gate = world.folder / "gate"
    gate.unlink(missing_ok=True)
    waits = step("a", "work", world.ledger, gate=str(gate), seconds=6)
    run = _submit(api, "late result", chain(waits, step("b", "work", world.ledger)))
    until(lambda: _began(world, run, 1), within=30, what="the first attempt begins")
    holder, other, child = _holder(world)
    family = world.freeze(holder)
    if other.process is None or other.process.poll() is not None:
        world.start(other.name)
    until(lambda: _began(world, run, 2), within=60, what="the second attempt begins")
    gate.touch()
    psutil.Process(child).resume()
    until(
        lambda: ("end", 1) in {(e.kind, e.attempt) for e in read_ledger(world.ledger) if e.run == run},
        within=20,
        what="the first attempt comes to its end",
    )
    until(lambda: _is_decided(world, run), within=20, what="its result is accepted or refused")
    world.thaw(family)


def _is_decided(world: World, run: str) -> bool:
    outcomes = world.query(
        "SELECT 1 FROM tasks_event e JOIN tasks_run r ON r.id = e.run_id WHERE r.public_id = %s::uuid"
        " AND e.kind IN ('step.stale_result', 'step.succeeded') AND e.data->>'key' = 'a'",
        run,
    )
    return bool(outcomes)


def _accepted_without_redis(world: World, api: Api) -> None:
    servers.stop_redis(world.state, how=signal.SIGKILL)
    try:
        _submit(api, "without Redis", Plan((step("a", "work", world.ledger),)))
    finally:
        servers.start_redis(world.state)


def _host_dies(world: World, api: Api) -> None:
    gate = world.folder / "gate"
    gate.unlink(missing_ok=True)
    run = _submit(api, "host dies", Plan((step("a", "work", world.ledger, gate=str(gate)),)))
    until(lambda: _began(world, run, 1), within=30, what="the first attempt begins")
    holder, other, _ = _holder(world)
    holder.is_wanted = False
    world.freeze(holder)
    world.kill(holder, whole_tree=True)
    with contextlib.suppress(AttributeError):
        holder.process.wait(10)
    if other.process is None or other.process.poll() is not None:
        world.start(other.name)


STORIES: dict[str, Callable[[World, Api], None]] = {
    "outbox": _accepted_without_redis,
    "fencing": _late_result,
    "heartbeat": _host_dies,
}
