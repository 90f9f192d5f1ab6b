"""The model of turns: what a worker child claims at once, and settles at once.

Several are claimed as by as many claims one after the other; so only where one claim does not change what the next
one may take. Several are settled as one by one; those that are not common are left, and nothing is claimed then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.states import StepState
from tests.engine.model_rows import LETS_START, Planned, Step, Ticket, Unsound

if TYPE_CHECKING:
    from tests.engine.model import Model

Told = tuple[tuple[Ticket, ...], tuple[Ticket, ...]]  # those left, and those claimed


def claim(
    model: Model, queue: str, worker: str, *, most: int, seen: tuple[Ticket, ...], is_alone: bool
) -> tuple[Ticket, ...]:
    """Take what the engine took, one after the other. Raises Unsound."""
    allowed = most if _may_be_several(model, queue, worker, seen) else 1
    if len(seen) > allowed:
        raise Unsound(f"{worker} got {seen} from {queue} at once; {allowed} may be")
    if not seen:
        model.claim(queue, worker, seen=None, is_alone=is_alone)
        return ()
    taken = [model.claim(queue, worker, seen=ticket, is_alone=is_alone) for ticket in seen]
    return tuple(ticket for ticket in taken if ticket is not None)


def settle(
    model: Model, tickets: tuple[Ticket, ...], *, plan: tuple[Planned, ...], then: str, most: int,
    seen: tuple[Ticket, ...], is_alone: bool,
) -> Told:  # fmt: skip
    """Settle those that are common. The first of the tickets adds the plan."""
    adding = tickets[:1] if plan else ()
    left = tuple(t for t in tickets if t in adding or not _is_common(model, t)) if len(tickets) > 1 else ()
    queue = model.step(tickets[0]).spec.queue
    for ticket in tickets:
        if ticket not in left:
            model.settle(ticket, plan=plan if ticket in adding else ())
    if not then or left:
        return left, ()
    waits_elsewhere = any(
        s.spec.queue != queue for s in model.steps(StepState.READY)
    )  # it may be more urgent
    is_alone = is_alone and not waits_elsewhere
    return left, claim(model, queue, then, most=most, seen=seen, is_alone=is_alone)


def _may_be_several(model: Model, queue: str, worker: str, seen: tuple[Ticket, ...]) -> bool:
    choice = model.may_claim(queue, worker)
    groups = {(step.project, step.limit_key) for step in choice}
    steps = [step for step in choice if any((step.run, step.key) == ticket[:2] for ticket in seen)]
    waiting = [s for s in model.steps(StepState.READY) if s.spec.queue == queue and not s.held]
    return (
        not any(rule.covers(step) for rule in model.rules for step in waiting)
        and len(groups) == len({project for project, _ in groups})
        and not any(map(_is_for_itself, steps))
    )


def _is_for_itself(step: Step) -> bool:
    """It was tried before, has one attempt, or must not happen twice: neither it nor others lose one together."""
    return bool(step.outcomes) or step.spec.effect == "once" or step.spec.max_attempts == 1


def _is_common(model: Model, ticket: Ticket) -> bool:
    """Tell whether its success does no more than bring others nearer to ready."""
    run, step = model.runs[ticket.run], model.step(ticket)
    is_limited = any(rule.covers(step) for rule in model.rules)
    return (
        model.is_current(ticket)
        and not (run.is_cancelled or run.is_paused or is_limited or step.caller)
        and all(
            StepState.SUCCEEDED in LETS_START[on]
            for one in run.steps.values()
            if one.state is StepState.PENDING
            for key, on in one.edges
            if key == step.key
        )
    )
