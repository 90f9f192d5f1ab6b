"""Decorators of the tree stand before a view: what they check, refuse and hand on is known to its body."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any, cast

from agents.inspector.taint import calls, staff
from agents.inspector.taint.frames import FOR_STAFF, Frame
from agents.inspector.taint.structures import Arguments, Class, Function, Hit
from agents.inspector.taint.taints import Place, Taint, Trail
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


def for_staff(hit: Hit, root: tuple[Function, Class | None] | None) -> Hit:
    """The hit, less sure if what it comes from is read where only staff may come."""
    place = hit.source.source.place
    if root is None or place is None or hit.source.source.origin != "remote":
        return hit
    function, owner = root
    node = function.node
    within = {one.lineno for one in ast.walk(node) if isinstance(one, (ast.expr, ast.stmt, ast.arg))}
    own = {one.line for one in _places(hit) if one.path == function.module.path and one.line in within}
    if place.path != function.module.path or place.line not in own:
        return hit
    if not staff.is_for_staff(function, owner, own):
        return hit
    taint = hit.source
    trail = Trail(
        hit.trail, Place(place.path, node.lineno, node.col_offset + 1), "", f"is of a function {FOR_STAFF}"
    )
    return replace(hit, source=Taint(taint.source, taint.cleaned, trail, min(3, taint.weak + 1)), trail=trail)


def _places(hit: Hit) -> list[Place]:
    """Where it comes from, where it goes on, and where it ends."""
    hops = hit.trail.hops() if hit.trail is not None else []
    source = hit.source.source.place
    ends = [Place(hit.path, hit.line, hit.column)]
    return [*([source] if source is not None else []), *(one.place for one in hops), *ends]
