"""The engine against its model: random operations, one by one and two at a time, on real PostgreSQL.

Hypothesis draws a world (plans, limit rules) and operations that fit the state which the model is in. Each operation
is done to the engine and to the model; both must give the same answer and leave the same rows, and every invariant
of `invariants.sql` must hold. Two operations at a time start together on two connections: the rows and the answers
must be those of the model after one of the two orders. At its end each world is worked off: every run must be over.

    ./wrench test tests/engine/test_model.py                             the fixed seeds, as in CI
    WRENCH_MODEL_SECONDS=1200 ./wrench test tests/engine/test_model.py   for so long, each round with a new seed
    WRENCH_MODEL_SEED=17                                                 the first seed of those rounds
    WRENCH_MODEL_SHRINK=1                                                shorten a failing story: takes minutes

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

SEEDS = (1, 2, 3)
EXAMPLES, STEPS = 10, 40  # of each seed
RULES = st.lists(
    st.sampled_from(
        [
            Rule(2, queue="agent.probe"),
            Rule(1, key="k1"),
            Rule(1, each="key"),
            Rule(2, each="project"),
            Rule(1, project="q"),
            Rule(3),
        ]
    ),
    max_size=2,
    unique=True,
)
NUMBERS = st.integers(0, 2**32)
RACING = sorted(name for name, move in MOVES.items() if move.races)


class Machine(RuleBasedStateMachine):
    """One world, from its first request until all is done."""

    figures: Counter[str] = Counter()
    world: World | None = None

    @initialize(rules=RULES, quiet=st.sets(st.sampled_from(sorted(MOVES)), max_size=12))
    def begin(self, rules: list[Rule], quiet: set[str]) -> None:
        self.figures["examples"] += 1
        self.world = World(tuple(rules))
        self.quiet = quiet - {"submit", "claim", "settle"}

    @rule(number=NUMBERS)
    def one(self, number: int) -> None:
        op = self._draw(Random(number), list(MOVES))
        if op is not None:
            self.figures[op.name] += 1
            self._world().alone(op)

    @rule(number=NUMBERS)
    def two(self, number: int) -> None:
        dice = Random(number)
        first, second = self._draw(dice, RACING), self._draw(dice, RACING)
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
            self.world.close()

    def _world(self) -> World:
        assert self.world is not None
        return self.world

    def _draw(self, dice: Random, names: list[str]) -> Op | None:
        """Draw an operation among those that have something to do now."""
        model = self._world().model
        able = [name for name in names if name not in self.quiet and MOVES[name].able(model)]
        if not able:
            return None
        name = dice.choices(able, [MOVES[name].weight for name in able])[0]
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
            HealthCheck.data_too_large,  # plans are drawn step by step
            HealthCheck.filter_too_much,
        ],
    )


def run(machine: type[Machine], number: int, given: settings) -> None:
    run_state_machine_as_test(seed(number)(lambda: machine()), settings=given)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _engine(transactional_db: None, settings: Any) -> Iterator[None]:
    settings.RETRY_BASE_SECONDS = settings.RETRY_CAP_SECONDS = (
        3600  # the drawn delay is replaced by the model's
    )
    purge_bells()
    yield
    purge_bells()
    stop_threads()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", SEEDS)
def test_engine_does_as_its_model(number: int) -> None:
    Machine.figures.clear()
    run(Machine, number, settings_of(EXAMPLES, STEPS))
    print(dict(Machine.figures))


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
            print(dict(Machine.figures), flush=True)
        number += 1
