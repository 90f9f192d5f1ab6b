"""The operations that a world may be given: which of them have something to do now, and how one is drawn.

Drawn with dice of the operation's own: what the engine chooses (whose step is claimed) may differ when a story is
told again, and the rest of Hypothesis's draws must not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from tasks.states import EdgeCondition, StepState
from tests.engine.model import Model
from tests.engine.model_driver import GIVE, PEOPLE, PROJECTS, QUEUES, SECOND, SPECS, WORK, WORKERS
from tests.engine.model_rows import Planned, Step, Ticket

MOST_RUNS, MOST_STEPS = 5, 12
CONDITIONS = (EdgeCondition.SUCCEEDED, EdgeCondition.SUCCEEDED, EdgeCondition.ALWAYS, EdgeCondition.FAILED)
SPEC_ODDS = (*(WORK,) * 4, *SPECS)


class Op(NamedTuple):
    """One operation with its keywords; both the model and the driver have a method of this name."""

    name: str
    arguments: dict[str, Any]
    is_sweep: bool = False

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


@dataclass(frozen=True, slots=True)
class Move:
    """How to draw one operation. `weight`: how often. `races`: it may meet another."""

    able: Callable[[Model], Any]
    draw: Callable[[Model, Random], dict[str, Any]]
    weight: int = 2
    races: bool = True
    is_sweep: bool = False
    name: str = field(default="")

    def make(self, model: Model, dice: Random) -> Op:
        return Op(self.name, self.draw(model, dice), self.is_sweep)


def plans(dice: Random, prefix: str, stored: list[str], most: int = 4) -> tuple[Planned, ...]:
    """A small graph in an order that the engine keeps; its steps may wait for stored ones too."""
    plan: list[Planned] = []
    for number in range(dice.randint(1, most)):
        before = [planned.key for planned in plan]
        needs = dice.sample(before, min(len(before), dice.randint(0, 2)))
        if stored and dice.randrange(3) == 0:
            needs += [dice.choice(stored)]
        plan.append(
            Planned(
                f"{prefix}{number}",
                dice.choice(SPEC_ODDS),
                tuple((key, dice.choice(CONDITIONS)) for key in needs),
                dice.choice((None, None, 0, 9)),
                dice.choice(("", "", "k1", "k2")),
                dice.choice((None, None, None, None, 250)),
            )
        )
    return tuple(plan)


def _submit(model: Model, dice: Random) -> dict[str, Any]:
    return {
        "label": f"r{len(model.runs)}",
        "project": dice.choice(PROJECTS),
        "plan": plans(dice, "s", []),
        "goal": dice.choice(("goal", "goal", "another goal")),
        "key": None,
        "priority": dice.choice((None, None, 3)),
        "deadline": dice.choice((None, None, None, 450)),
    }


def _submit_with_key(model: Model, dice: Random) -> dict[str, Any]:
    """The same body again and again, or another."""
    return {
        "label": f"r{len(model.runs)}",
        "project": dice.choice(PROJECTS),
        "plan": (Planned("s0", WORK), Planned("s1", WORK, (("s0", EdgeCondition.SUCCEEDED),))),
        "goal": dice.choice(("goal", "goal", "goal", "another goal")),
        "key": "once",
        "priority": None,
        "deadline": None,
    }


def _has_room(model: Model) -> bool:
    return len(model.runs) < MOST_RUNS


def _some_run(model: Model, dice: Random) -> str:
    """An open run mostly."""
    labels = sorted(model.runs)
    open_ones = [label for label in labels if not model.runs[label].is_over]
    return dice.choice(open_ones * 4 + labels)


def _runs(model: Model) -> bool:
    return bool(model.runs)


def _over(model: Model) -> list[str]:
    return sorted(label for label, run in model.runs.items() if run.is_over)


def _rerun(model: Model, dice: Random) -> dict[str, Any]:
    old = dice.choice(_over(model) * 3 + sorted(model.runs))
    keys = sorted(key for key, step in model.runs[old].steps.items())
    return {
        "label": f"r{len(model.runs)}",
        "old": old,
        "key": dice.choice([None, None, *keys]),
    }


def _current(model: Model) -> list[Ticket]:
    return [ticket for ticket in model.tickets() if model.is_current(ticket)]


def _ticket(model: Model, dice: Random) -> Ticket:
    """A lease that holds; now and then one that does not any more, best of a step that another attempt does."""
    current, every = _current(model), list(model.tickets())
    if current and dice.random() < 0.8:
        return dice.choice(current)
    ghosts = [t for t in every if model.step(t).state is StepState.RUNNING and not model.is_current(t)]
    return dice.choice(ghosts or every)


def _tickets(model: Model) -> bool:
    return next(model.tickets(), None) is not None


def _settle(model: Model, dice: Random) -> dict[str, Any]:
    return {"ticket": _ticket(model, dice), "then": dice.choice(("", *WORKERS))}


def _extend(model: Model, dice: Random) -> dict[str, Any]:
    ticket = _ticket(model, dice)
    run = model.runs[ticket.run]
    if len(run.steps) >= MOST_STEPS or not model.is_current(ticket):
        return {"ticket": ticket}
    stored = sorted(key for key, step in run.steps.items() if not step.caller)
    return {"ticket": ticket, "plan": plans(dice, f"{ticket.key}.{ticket.ordinal}.", stored, 3)}


def _suspends(model: Model) -> list[Ticket]:
    return [t for t in _current(model) if len(model.runs[t.run].steps) < MOST_STEPS]


def _call(model: Model, dice: Random) -> dict[str, Any]:
    return {
        "ticket": dice.choice(_suspends(model)),
        "name": "call",
        "spec": dice.choice((WORK, GIVE, SECOND)),
    }


def _ask(model: Model, dice: Random) -> dict[str, Any]:
    return {
        "ticket": dice.choice(_current(model)),
        "name": "ask",
        "expires": dice.choice((None, 250)),
    }


def _decide(model: Model, dice: Random) -> dict[str, Any]:
    open_ones = [q for q in model.questions if not q.decision]
    question = dice.choice(open_ones * 4 + model.questions)
    asked = [q for q in model.questions if (q.run, q.key) == (question.run, question.key)]
    return {
        "label": question.run,
        "key": question.key,
        "number": next(n for n, q in enumerate(asked) if q is question),
        "approved": dice.choice((True, True, False)),
        "by": dice.choice(PEOPLE),
    }


def _of_run(model: Model, dice: Random) -> dict[str, Any]:
    return {"label": _some_run(model, dice)}


def _nothing(model: Model, dice: Random) -> dict[str, Any]:
    return {}


def _is_any(*states: StepState) -> Callable[[Model], list[Step]]:
    return lambda model: model.steps(*states)


_S = StepState
_MOVES: dict[str, Move] = {
    "submit": Move(_has_room, _submit, 4),
    "submit_with_key": Move(_has_room, _submit_with_key, 2),
    "claim": Move(
        _is_any(_S.READY),
        lambda model, dice: {"queue": dice.choice(QUEUES), "worker": dice.choice(WORKERS)},
        20,
    ),
    "settle": Move(_tickets, _settle, 8),
    "extend": Move(_tickets, _extend, 6),
    "fail": Move(
        _tickets,
        lambda model, dice: {
            "ticket": _ticket(model, dice),
            "retriable": dice.choice((True, True, False)),
        },
        6,
    ),
    "postpone": Move(_tickets, lambda model, dice: {"ticket": _ticket(model, dice)}, 3),
    "release": Move(_tickets, lambda model, dice: {"ticket": _ticket(model, dice)}, 3),
    "record_stale": Move(_tickets, lambda model, dice: {"ticket": dice.choice(list(model.tickets()))}),
    "settle_cancelled": Move(
        lambda model: [t for t in _current(model) if model.runs[t.run].is_cancelled],
        lambda model, dice: {
            "ticket": dice.choice([t for t in _current(model) if model.runs[t.run].is_cancelled])
        },
        races=False,
    ),
    "once": Move(
        _tickets,
        lambda model, dice: {
            "ticket": _ticket(model, dice),
            "name": "deed",
            "digest": dice.choice(("d", "d", "d", "e")),
            "finish": dice.random() < 0.5,
        },
        races=False,  # it is two transactions
    ),
    "call": Move(_suspends, _call, 5),
    "ask": Move(_current, _ask, 4),
    "decide": Move(lambda model: model.questions, _decide, 5),
    "cancel": Move(_runs, _of_run),
    "pause": Move(_runs, _of_run),
    "resume": Move(lambda model: any(r.is_paused for r in model.runs.values()), _of_run, 4),
    "set_priority": Move(
        _runs, lambda model, dice: _of_run(model, dice) | {"priority": dice.choice((0, 5, 9))}, 1
    ),
    "pause_queue": Move(_runs, lambda model, dice: {"queue": dice.choice(QUEUES)}, 1),
    "resume_queue": Move(lambda model: model.paused, lambda model, dice: {"queue": dice.choice(QUEUES)}, 4),
    "rerun": Move(lambda model: _has_room(model) and _over(model), _rerun, 5),
    "heartbeat": Move(_runs, lambda model, dice: {"worker": dice.choice(WORKERS)}, 6, races=False),
    "lose": Move(_current, lambda model, dice: {"ticket": dice.choice(_current(model))}, 2, races=False),
    "pass_time": Move(_runs, lambda model, dice: {"seconds": dice.choice((100, 200))}, 4, races=False),
    "promote_due": Move(_is_any(_S.WAITING_RETRY), _nothing, 5, is_sweep=True),
    "recover": Move(_is_any(_S.RUNNING), _nothing, 4, is_sweep=True),
    "expire": Move(_runs, _nothing, 2, is_sweep=True),
    "expire_approvals": Move(_is_any(_S.WAITING_APPROVAL), _nothing, 3, is_sweep=True),
}  # fmt: skip
_METHODS = {"submit_with_key": "submit", "extend": "settle"}
MOVES = {
    name: Move(m.able, m.draw, m.weight, m.races, m.is_sweep, _METHODS.get(name, name))
    for name, m in _MOVES.items()
}
