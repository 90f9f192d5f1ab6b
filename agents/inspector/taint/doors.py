"""Decorators of the tree stand before a view: what they check, refuse and hand on is known to its body."""

from __future__ import annotations

from typing import Any, cast

from agents.inspector.taint import calls
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.structures import Arguments, Function
from agents.inspector.taint.values import Facts, Value, common_facts, deep_taints, join

Caught = list[tuple[dict[str, Value], Facts]]  # the arguments of each call, and what was known there


def enter(frame: Frame, function: Function) -> None:
    """Change the frame of a root to what its body gets once its decorators have been passed."""
    if function.decorated is None:
        return
    caught: Caught = []
    frame.engine.caught[id(function)] = caught
    before = Frame(frame.engine, function.module, frame.budget, function=function, caller=frame)
    before.state = frame.state.copy()
    names = [one.arg for one in (*function.parameters, *function.node.args.kwonlyargs)]
    given = Arguments(keywords={name: frame.state.variables[name] for name in names})
    try:
        calls.apply(before, cast(Any, function.node), function.decorated, given)
    finally:
        del frame.engine.caught[id(function)]
    if not caught:
        return
    bound, facts = caught[0]
    for other, others in caught[1:]:
        bound = {name: join(value, other[name]) if name in other else value for name, value in bound.items()}
        facts = common_facts(facts, others)
    frame.state.variables.update(bound)
    frame.state.assume(facts)


def catches(frame: Frame, function: Function, bound: dict[str, Value]) -> bool:
    """Tell whether this call is the one that a root waits for, and keep its arguments."""
    caught = frame.engine.caught.get(id(function))
    if caught is None or any(
        one.source.origin == "label" for value in bound.values() for one in deep_taints(value)
    ):
        return False
    caught.append((bound, frame.state.facts))
    return True
