"""The operations that a world may be given: which of them have something to do now, and how one is drawn.

Drawn with dice of the operation's own: what the engine chooses (whose step is claimed) may differ when a story is
told again, and the rest of Hypothesis's draws must not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, NamedTuple

from tasks.states import EdgeCondition, StepState
from tests.engine.model import Model
from tests.engine.model_driver import GIVE, PEOPLE, POST, PROJECTS, QUEUES, SECOND, SPECS, WORK, WORKERS
from tests.engine.model_rows import Planned, Step, Ticket

MOST_RUNS, MOST_STEPS = 6, 12
CONDITIONS = (EdgeCondition.SUCCEEDED, EdgeCondition.SUCCEEDED, EdgeCondition.ALWAYS, EdgeCondition.FAILED)
INAPT = 0.1
SPEC_ODDS = (*(WORK,) * 3, POST, *SPECS)


class Op(NamedTuple):
    """One operation with its keywords; both the model and the driver have a method of this name."""

    name: str
    arguments: dict[str, Any]
    is_sweep: bool = False

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


@dataclass(frozen=True, slots=True)
class Move:
    """How to draw one operation. `races`: it may meet another.

    `weight`: how often; `tires`: how much less after each time.

    `able`: it can be asked for; `apt`: it has something to do. Else it comes less often.
    """

    able: Callable[[Model], Any]
    draw: Callable[[Model, Random], dict[str, Any]]
    weight: int = 2
    races: bool = True
    is_sweep: bool = False
    name: str = field(default="")
    apt: Callable[[Model], Any] | None = None
    tires: float = 1

    def odds(self, model: Model, done: int) -> float:
        """Say how likely it is now, compared with others, if it came so often in this world before."""
        is_apt = self.apt is None or self.apt(model)
        return self.weight / (1 + done * self.tires) * (1 if is_apt else INAPT)

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
                dice.choice((None, None, None, 250)),
            )
        )
    return tuple(plan)


def _broad_plan(dice: Random) -> tuple[Planned, ...]:
    """Several steps side by side, which may be done in one turn, and some that join them."""
    beside = [f"s{number}" for number in range(dice.randint(2, 4))]
    joins = [dice.sample(beside, dice.randint(1, 2)) for _ in range(dice.randint(0, 2))]
    return (
        *(Planned(key, WORK, priority=dice.choice((None, None, None, 0, 9))) for key in beside),
        *(
            Planned(f"j{number}", WORK, tuple((key, dice.choice(CONDITIONS)) for key in needs))
            for number, needs in enumerate(joins)
        ),
    )


def _submit(model: Model, dice: Random) -> dict[str, Any]:
    is_for_turns = not model.rules and dice.random() < 0.9  # under limits nothing is done together
    return {
        "label": f"r{len(model.runs)}",
        "project": dice.choice(PROJECTS),
        "plan": _broad_plan(dice) if is_for_turns else plans(dice, "s", []),
        "goal": dice.choice(("goal", "goal", "another goal")),
        "key": None,
        "priority": dice.choice((None, None, 3)),
        "deadline": dice.choice((None, None, 450)),
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


def _current_in_cancelled(model: Model) -> list[Ticket]:
    return [ticket for ticket in _current(model) if model.runs[ticket.run].is_cancelled]


def _ticket(model: Model, dice: Random) -> Ticket:
    """A lease that holds, best of a cancelled run; now and then one that does not any more, whose step goes on."""
    current, every = _current(model), list(model.tickets())
    if current and dice.random() < 0.8:
        return dice.choice(_current_in_cancelled(model) * 3 + current)
    ghosts = [t for t in every if model.step(t).state is StepState.RUNNING and not model.is_current(t)]
    return dice.choice(ghosts or every)


def _tickets(model: Model) -> bool:
    return next(model.tickets(), None) is not None


def _settle(model: Model, dice: Random) -> dict[str, Any]:
    return {"ticket": _ticket(model, dice), "then": dice.choice(("", *WORKERS))}


def _extend(model: Model, dice: Random) -> dict[str, Any]:
    return _extension(model, dice, _ticket(model, dice))


def _extension(model: Model, dice: Random, ticket: Ticket) -> dict[str, Any]:
    run = model.runs[ticket.run]
    if len(run.steps) >= MOST_STEPS or not model.is_current(ticket):
        return {"ticket": ticket}
    return {"ticket": ticket, "plan": plans(dice, f"{ticket.key}.{ticket.ordinal}.", sorted(run.steps), 3)}


def _claim(model: Model, dice: Random) -> dict[str, Any]:
    """Mostly where there is something to be had; else at least where something is held back."""
    places = [{"queue": queue, "worker": worker} for queue in QUEUES for worker in WORKERS]
    ready = {step.spec.queue for step in model.steps(StepState.READY)}
    held_back = [place for place in places if place["queue"] in ready]
    given = [place for place in places if model.may_claim(place["queue"], place["worker"])]
    return dice.choice(given if given and dice.random() < 0.7 else held_back or places)


def _claim_several(model: Model, dice: Random) -> dict[str, Any]:
    return _claim(model, dice) | {"most": dice.choice((2, 3, 8))}


def _latest(model: Model, queue: str) -> list[Ticket]:
    """The last lease of each step of the queue, whether it holds or not: one per step, as a turn has them."""
    return [
        Ticket(step.run, step.key, len(step.outcomes))
        for step in model.steps()
        if step.outcomes and step.spec.queue == queue
    ]


def _has_turn(model: Model) -> bool:
    return any(sum(map(model.is_current, _latest(model, queue))) > 1 for queue in QUEUES)


def _settle_all(model: Model, dice: Random) -> dict[str, Any]:
    """Those that hold mostly, of one queue; now and then the first one adds steps."""
    queue = max(QUEUES, key=lambda q: sum(map(model.is_current, _latest(model, q))) + dice.random())
    latest = _latest(model, queue) or [dice.choice(list(model.tickets()))]
    current = [ticket for ticket in latest if model.is_current(ticket)]
    tickets = dice.sample(current, min(len(current), dice.randint(2, 4)))
    others = [ticket for ticket in latest if ticket not in tickets]
    if others and (not tickets or dice.random() < 0.2):
        tickets.append(dice.choice(others))
    plan: dict[str, Any] = {}
    if dice.random() < 0.15 and model.is_current(tickets[0]):
        plan = {key: value for key, value in _extension(model, dice, tickets[0]).items() if key == "plan"}
    then = dice.choice(("", *WORKERS))
    return {"tickets": tuple(tickets), "then": then, "most": dice.choice((1, 2, 8))} | plan


def _is_stale(model: Model) -> bool:
    return any(model.step(t).outcomes[t.ordinal - 1] == "lost" for t in model.tickets())


def _open_questions(model: Model) -> bool:
    return any(not question.decision for question in model.questions)


def _can_claim(model: Model) -> bool:
    return any(model.may_claim(queue, worker) for queue in QUEUES for worker in WORKERS)


def _heartbeat(model: Model, dice: Random) -> dict[str, Any]:
    return {"worker": dice.choice(_tired(model) or list(WORKERS))}


def _tired(model: Model) -> list[str]:
    return [worker for worker, until in model.leases.items() if until <= model.now]


def _recover_has_work(model: Model) -> bool:
    return any(model.cannot_end(step) for step in model.steps(StepState.RUNNING))


def _has_due(model: Model) -> bool:
    return any(step.due <= model.now for step in model.steps(StepState.WAITING_RETRY))


def _has_late(model: Model) -> bool:
    late = {run.label for run in model.runs.values() if run.deadline < model.now}
    return any(s.deadline < model.now or s.run in late for s in model.steps() if not s.state.is_final)


def _has_unanswered(model: Model) -> bool:
    return any(not q.decision and q.expires <= model.now for q in model.questions)


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


def _current_ticket(model: Model, dice: Random) -> dict[str, Any]:
    return {"ticket": dice.choice(_current(model))}


def _any_ticket(model: Model, dice: Random) -> dict[str, Any]:
    return {"ticket": _ticket(model, dice)}


_S = StepState
_MOVES: dict[str, Move] = {
    "submit": Move(_has_room, _submit, 6),
    "submit_with_key": Move(_has_room, _submit_with_key, 3),
    "claim": Move(_is_any(_S.READY), _claim, 60, apt=_can_claim),
    "claim_several": Move(_is_any(_S.READY), _claim_several, 40, apt=_can_claim, tires=0.3),
    "settle": Move(_tickets, _settle, 14, apt=_current),
    "settle_all": Move(_tickets, _settle_all, 20, apt=_has_turn, tires=0.3),
    "extend": Move(_tickets, _extend, 14, apt=_suspends),
    "fail": Move(
        _tickets,
        lambda model, dice: _any_ticket(model, dice) | {"retriable": dice.choice((True, True, False))},
        10,
        apt=_current,
    ),
    "postpone": Move(_tickets, _any_ticket, 5, apt=_current),
    "release": Move(_tickets, _any_ticket, 5, apt=_current),
    "record_stale": Move(
        _tickets, lambda model, dice: {"ticket": dice.choice(list(model.tickets()))}, 10, apt=_is_stale
    ),
    "settle_cancelled": Move(
        _current_in_cancelled,
        lambda model, dice: {"ticket": dice.choice(_current_in_cancelled(model))},
        30,
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
        5,
        races=False,  # it is two transactions
        apt=_current,
    ),
    "call": Move(_suspends, _call, 18),
    "ask": Move(_current, _ask, 10),
    "decide": Move(lambda model: model.questions, _decide, 20, apt=_open_questions),
    "cancel": Move(_runs, _of_run, 4, apt=_current),
    "pause": Move(_runs, _of_run, 5, apt=_is_any(_S.READY, _S.RUNNING)),
    "resume": Move(lambda model: any(r.is_paused for r in model.runs.values()), _of_run, 6),
    "set_priority": Move(
        _runs, lambda model, dice: _of_run(model, dice) | {"priority": dice.choice((0, 5, 9))}, 2
    ),
    "pause_queue": Move(_runs, lambda model, dice: {"queue": dice.choice(QUEUES)}, 2),
    "resume_queue": Move(lambda model: model.paused, lambda model, dice: {"queue": dice.choice(QUEUES)}, 6),
    "rerun": Move(lambda model: _has_room(model) and _over(model), _rerun, 14),
    "heartbeat": Move(_runs, _heartbeat, 30, races=False, apt=_tired),
    "lose": Move(_current, _current_ticket, 24, races=False),
    "pass_time": Move(_runs, lambda model, dice: {"seconds": dice.choice((100, 200, 400))}, 8, races=False),
    "promote_due": Move(_is_any(_S.WAITING_RETRY), _nothing, 12, is_sweep=True, apt=_has_due),
    "recover": Move(_is_any(_S.RUNNING), _nothing, 40, is_sweep=True, apt=_recover_has_work),
    "expire": Move(_runs, _nothing, 8, is_sweep=True, apt=_has_late),
    "expire_approvals": Move(_is_any(_S.WAITING_APPROVAL), _nothing, 20, is_sweep=True, apt=_has_unanswered),
}
_METHODS = {"submit_with_key": "submit", "extend": "settle"}
MOVES = {name: replace(move, name=_METHODS.get(name, name)) for name, move in _MOVES.items()}
