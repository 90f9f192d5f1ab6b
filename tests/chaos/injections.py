"""How each fault is injected and healed; `faults` says what each is, and how long work may stand still."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import psutil
import psycopg2

from tests.chaos.history import now
from tests.chaos.machine import SMALL_MEGABYTES, step_clock
from tests.chaos.world import BOUNDED, CLOCKED, WORKERS, Party, World
from wrenchai_project import servers

Probe = Literal["run", "later", "store", "bell", "eat"]
Inject = Callable[[World, random.Random], "Injection"]
SILENT_SECONDS = 16.0  # PostgreSQL ends a leader's session after 10 s


@dataclass(slots=True)
class Injection:
    """A fault that was injected."""

    target: str
    at: float
    heal: Callable[[], None]
    hold_seconds: float = 0.0
    touched: list[tuple[int, int]] = field(default_factory=list)  # (step, ordinal) that ran there
    probe: Probe = "run"


def nothing() -> None:
    """Heal what heals itself."""


def _pick(world: World, dice: random.Random, *kinds: str) -> Party:
    return dice.choice([party for party in world.parties.values() if party.kind in kinds])


def _leader(world: World, kind: str) -> Party:
    """Give the party that leads now: the one whose log took the leadership last."""
    held = world.query(
        "SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objid::bigint = hashtext(%s)::bigint & 4294967295",
        f"wrench {kind}",
    )
    parties = [party for party in world.parties.values() if party.kind == kind]
    ports = {port for (port,) in held}
    for party in parties:
        if ports & set(party.database.upstream_ports()):
            return party
    return parties[0]


_RUNNING = """
SELECT s.id, a.ordinal, a.child_pid FROM tasks_step s JOIN tasks_attempt a ON a.fence = s.fence
JOIN tasks_workersession w ON w.id = s.worker_id WHERE w.pid = %s AND s.state = 'running'
"""


def running_in(world: World, party: Party) -> list[tuple[int, int, int]]:
    """Give (step, ordinal, child) of the attempts that a worker runs now."""
    return [(step, ordinal, pid) for step, ordinal, pid in world.query(_RUNNING, party.pid)]


def _busy_worker(world: World, dice: random.Random) -> Party:
    """Pick a worker that is at work, if one is within a few seconds."""
    workers = [world.parties[name] for name in WORKERS]
    dice.shuffle(workers)
    for _ in range(60):
        for party in workers:
            if party.process is not None and party.process.poll() is None and running_in(world, party):
                return party
        threading.Event().wait(0.05)
    return workers[0]


def _touched(world: World, party: Party) -> list[tuple[int, int]]:
    return [(step, ordinal) for step, ordinal, _ in running_in(world, party)]


# --- killed ------------------------------------------------------------------------------------------------


def child_killed(world: World, dice: random.Random) -> Injection:
    party = _busy_worker(world, dice)
    at = now()
    for step, ordinal, pid in running_in(world, party):
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
            return Injection(f"{party.name} child {pid}", at, nothing, touched=[(step, ordinal)])
    at, children = now(), [c for c in party.family()[1:] if "tasks.heart" not in " ".join(c.cmdline())]
    if children:
        dice.choice(children).kill()
    return Injection(f"{party.name} idle child", at, nothing)


def killed(*kinds: str, whole_tree: bool) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        party = _busy_worker(world, dice) if kinds == ("worker",) else _pick(world, dice, *kinds)
        if whole_tree:
            world.freeze(party)  # so that none of it notices the end of another
        at = now()  # before the look: what ends in between has come further too
        touched = _touched(world, party) if party.kind == "worker" else []
        world.kill(party, whole_tree=whole_tree)
        return Injection(party.name, at, nothing, touched=touched)

    return inject


def leader_killed(kind: str, probe: Probe) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        party, at = _leader(world, kind), now()
        party.is_wanted = False  # its restart must not be what helps: the standby takes over
        world.kill(party, whole_tree=False)
        return Injection(party.name, at, lambda: world.revive(party), 8.0, probe=probe)

    return inject


def heart_killed(world: World, dice: random.Random) -> Injection:
    party = _busy_worker(world, dice)
    at = now()
    for process in party.family()[1:]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if "tasks.heart" in process.cmdline():
                process.kill()
    return Injection(f"{party.name} heart", at, nothing)


# --- frozen ------------------------------------------------------------------------------------------------


def worker_frozen(world: World, dice: random.Random) -> Injection:
    party = _busy_worker(world, dice)
    at, family = now(), world.freeze(party)
    touched = _touched(world, party)
    hold = world.timing.lease + dice.uniform(2, 6)
    return Injection(party.name, at, lambda: world.thaw(family), hold, touched=touched)


def leader_frozen(kind: str, probe: Probe) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        party = _leader(world, kind)
        at, family = now(), world.freeze(party)
        return Injection(party.name, at, lambda: world.thaw(family), SILENT_SECONDS, probe=probe)

    return inject


def leader_cut_off(kind: str, probe: Probe) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        party, at = _leader(world, kind), now()
        world.proxies.cut(party.database)
        return Injection(
            party.name, at, lambda: world.proxies.heal(party.database), SILENT_SECONDS, probe=probe
        )

    return inject


# --- the network -------------------------------------------------------------------------------------------


def cut_off(which: str) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        party = _busy_worker(world, dice)
        link = party.database if which == "PostgreSQL" else party.broker
        at = now()
        touched = _touched(world, party) if which == "PostgreSQL" else []
        world.proxies.cut(link)
        resets = dice.random() < 0.5

        def heal() -> None:
            if resets:
                world.proxies.reset(link)
            world.proxies.heal(link)

        hold = world.timing.lease + dice.uniform(2, 6)
        return Injection(f"{party.name} from {which}", at, heal, hold, touched=touched)

    return inject


def connections_reset(world: World, dice: random.Random) -> Injection:
    at = now()
    for party in world.parties.values():
        world.proxies.reset(party.database)
        world.proxies.reset(party.broker)
    return Injection("all links", at, nothing)


def slow_network(world: World, dice: random.Random) -> Injection:
    at, links = now(), [party.database for party in world.parties.values()]
    delay = dice.uniform(0.01, 0.06)
    for link in links:
        world.proxies.slow(link, delay)

    def heal() -> None:
        for link in links:
            world.proxies.heal(link)

    return Injection(f"PostgreSQL +{delay * 1000:.0f} ms each way", at, heal, dice.uniform(4, 8))


# --- the servers -------------------------------------------------------------------------------------------


def redis_killed(*, wiped: bool) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        world.redis_busy.acquire()
        at = now()
        servers.stop_redis(world.state, how=signal.SIGKILL)
        if wiped:
            world.wipe_redis()

        def heal() -> None:
            try:
                servers.start_redis(world.state)
            finally:
                world.redis_busy.release()

        return Injection("Redis", at, heal, dice.uniform(0.5, 4))

    return inject


def postgres_down(how: signal.Signals) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        world.postgres_busy.acquire()
        at = now()
        servers.stop_postgres(world.state, how=how)

        def heal() -> None:
            try:
                servers.start_postgres(world.state)
            finally:
                world.postgres_busy.release()

        return Injection("PostgreSQL", at, heal, dice.uniform(0.5, 3))

    return inject


def backends_terminated(world: World, dice: random.Random) -> Injection:
    at = now()
    world.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> 'chaos'"
    )
    return Injection("all sessions", at, nothing)


# --- the machine -------------------------------------------------------------------------------------------


def disk_full(world: World, dice: random.Random) -> Injection:
    at, filler = now(), world.artifacts / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        for _ in range(SMALL_MEGABYTES * 16):
            file.write(b"\0" * 65536)
            file.flush()
    return Injection(
        "artifacts", at, lambda: filler.unlink(missing_ok=True), dice.uniform(3, 6), probe="store"
    )


def clock_stepped(world: World, dice: random.Random) -> Injection:
    party = world.parties[dice.choice(CLOCKED)]
    file = world.folder / f"{party.name}.clock"
    seconds = dice.choice([-3600, 3600, 90_000, -40])
    at = now()
    step_clock(file, seconds)
    touched = _touched(world, party) if party.kind == "worker" else []
    return Injection(
        f"{party.name} {seconds:+d} s", at, lambda: step_clock(file, 0), dice.uniform(4, 7), touched=touched
    )


def out_of_memory(world: World, dice: random.Random) -> Injection:
    return Injection(BOUNDED, now(), nothing, probe="eat")  # the probe itself is the fault


# --- failpoints --------------------------------------------------------------------------------------------


_FIRED_IN = """
SELECT a.step_id, a.ordinal FROM tasks_attempt a
WHERE a.child_pid = %s AND a.started_at <= to_timestamp(%s) ORDER BY a.started_at DESC LIMIT 1
"""


def failpoint(name: str, chance: float) -> Inject:
    def inject(world: World, dice: random.Random) -> Injection:
        at, before = now(), len(world.fired())
        # one of two webs and relays is spared: with both gone, only the speed of their start would be measured
        spared = {f"{kind}-{dice.randint(1, 2)}" for kind in ("web", "relay", "scheduler")}
        world.arm(f"{name}:kill:{chance}", set(world.parties) - spared)
        injection = Injection(name, at, nothing, dice.uniform(3, 5))

        def heal() -> None:
            world.arm("")
            fired = world.fired()[before:]
            injection.target = f"{name}, {len(fired)} fired"
            with contextlib.suppress(psycopg2.Error):
                for pid, died_at in fired:
                    injection.touched += world.query(_FIRED_IN, pid, died_at + 0.01)

        injection.heal = heal
        return injection

    return inject
