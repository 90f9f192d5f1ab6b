"""The engine against its model: random operations, one by one and two at a time, on real PostgreSQL.

Hypothesis draws a world (plans, limit rules) and operations that fit the state which the model is in. Each operation
is done to the engine and to the model; both must give the same answer and leave the same rows, and every invariant
of `invariants.sql` must hold. Two operations at a time start together on two connections: the rows and the answers
must be those of the model after one of the two orders. At its end each world is worked off: every run must be over.

    ./wrench test tests/engine/test_model.py                             the fixed seeds, as in CI
    WRENCH_MODEL_SECONDS=1200 ./wrench test tests/engine/test_model.py   for so long, each round with a new seed
    WRENCH_MODEL_SEED=17                                                 the first seed of those rounds
    WRENCH_MODEL_SHRINK=1                                                shorten a failing story: takes minutes
    WRENCH_MODEL_FAULTS=1                                                see `test_model_faults`

An operation is drawn among those that are possible, less often the more often this world had it, and seldom if it has
nothing to do. Half of the worlds have limits; in the others much is ready at once, so that turns are long.

A failure tells its whole story. With races a seed is a hint, not a recording.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.engine.conftest import purge_bells
from tests.engine.model_moves import MOVES, Op
from tests.engine.model_rows import Rule
from tests.engine.model_world import World, stop_threads

pytestmark = [pytest.mark.django_db(transaction=True)]

SEEDS = (1, 2, 3, 4)
EXAMPLES, STEPS = 6, 50  # of each seed
RULES = (
    Rule(2, queue="agent.probe"),
    Rule(1, queue="agent.second"),
    Rule(1, key="k1"),
    Rule(1, each="key"),
    Rule(2, each="project"),
    Rule(1, project="q"),
    Rule(2),
)
# Below 2^24 Hypothesis draws evenly; above it prefers small numbers, and most dice would fall alike.
NUMBERS = st.integers(0, 2**24 - 1)
RACING = sorted(name for name, move in MOVES.items() if move.races)


class Machine(RuleBasedStateMachine):
    """One world, from its first request until all is done."""

    figures: Counter[str] = Counter()
    failures: list[str] = []
    world: World | None = None

    @initialize(number=NUMBERS)
    def begin(self, number: int) -> None:
        """Half of the worlds have limits; each leaves out some operations, so that the others go further."""
        dice = Random(number)
        rules = dice.sample(RULES, dice.choice((0, 0, 0, 1, 2)))
        self.figures["examples"] += 1
        self.figures["worlds with limits"] += bool(rules)
        self.world = World(tuple(rules))
        self.quiet = set(dice.sample(sorted(MOVES), dice.randint(0, 8))) - {
            "submit",
            "claim",
            "settle",
            "claim_several",
            "settle_all",
        }
        self.done: Counter[str] = Counter()

    @rule(number=NUMBERS)
    def one(self, number: int) -> None:
        op = self._draw(self._dice(number), list(MOVES))
        if op is not None:
            answer = self._world().alone(op)
            self.figures["claim of something"] += op.name == "claim" and answer is not None
            self.figures["claim of two or more"] += op.name == "claim_several" and len(answer) > 1
            self.figures["settled together"] += op.name == "settle_all" and len(
                op.arguments["tickets"]
            ) > 1 + len(answer[0])

    @rule(number=NUMBERS)
    def another(self, number: int) -> None:
        """As `one`: more operations are done alone, so that there is something to meet over."""
        self.one(number)

    @rule(number=NUMBERS)
    def two(self, number: int) -> None:
        dice = self._dice(number)
        first, second = self._draw(dice, RACING, "race of "), self._draw(dice, RACING, "race of ")
        if first is not None and second is not None:
            self.figures["races"] += 1
            self._world().together(first, second)

    def teardown(self) -> None:
        if self.world is None:
            return
        try:
            if self.world.is_sound:
                self.world.work_off()
        except AssertionError:
            self.world.is_sound = False
            raise
        else:
            self.figures.update(self.world.driver.again)
        finally:
            if not self.world.is_sound:
                self.figures.setdefault("found in example", self.figures["examples"])
                told = ["an exception that is no refusal, after:", *self.world.story]
                self.failures.append(self.world.failure or "\n  ".join(told))
            self.world.close()

    def _world(self) -> World:
        assert self.world is not None
        return self.world

    def _dice(self, number: int) -> Random:
        """Hypothesis likes to give a number again: at another place of the story it means something else."""
        return Random(f"{number} {len(self._world().story)}")

    def _draw(self, dice: Random, names: list[str], prefix: str = "") -> Op | None:
        """Draw an operation; those that came already give way to those that did not."""
        model = self._world().model
        able = [name for name in names if name not in self.quiet and MOVES[name].able(model)]
        if not able:
            return None
        name = dice.choices(able, [MOVES[name].odds(model, self.done[name]) for name in able])[0]
        self.done[name] += 1
        self.figures[prefix + name] += 1
        return MOVES[name].make(model, dice)


def settings_of(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,  # PostgreSQL's time is not Hypothesis's to judge
        database=None,  # CI begins anew; a seed repeats a failure
        print_blob=True,
        derandomize=False,  # the seed is given
        phases=[Phase.generate, Phase.shrink] if "WRENCH_MODEL_SHRINK" in os.environ else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=[
            HealthCheck.too_slow,  # each step is several transactions
        ],
    )


def run(machine: type[Machine], number: int, given: settings) -> None:
    """Raises AssertionError with the shortest story that failed.

    Hypothesis tells a failing story again, and where a race comes out otherwise it says no more than that.
    """
    machine.failures.clear()
    try:
        run_state_machine_as_test(seed(number)(lambda: machine()), settings=given)
    except Exception as error:
        if machine.failures:
            raise AssertionError(min(machine.failures, key=len)) from error
        raise


@pytest.fixture(autouse=True)
def _engine(transactional_db: None, settings: Any) -> Iterator[None]:
    settings.RETRY_BASE_SECONDS = settings.RETRY_CAP_SECONDS = (
        3600  # the drawn delay is replaced by the model's
    )
    purge_bells()
    yield
    purge_bells()
    stop_threads()


@pytest.mark.timeout(300)  # a seed takes 40 s on two cores with six others at work
@pytest.mark.parametrize("number", SEEDS)
def test_engine_does_as_its_model(number: int) -> None:
    Machine.figures.clear()
    run(Machine, number, settings_of(EXAMPLES, STEPS))
    print(dict(sorted(Machine.figures.items())))


@pytest.mark.timeout(0)
@pytest.mark.skipif("WRENCH_MODEL_SECONDS" not in os.environ, reason="WRENCH_MODEL_SECONDS asks for it")
def test_engine_does_as_its_model_for_long() -> None:
    end = time.monotonic() + float(os.environ["WRENCH_MODEL_SECONDS"])
    number = int(os.environ.get("WRENCH_MODEL_SEED", 1000))
    while time.monotonic() < end:
        print("seed", number, flush=True)
        try:
            run(Machine, number, settings_of(20, 60))
        finally:
            print(dict(sorted(Machine.figures.items())), flush=True)
        number += 1
