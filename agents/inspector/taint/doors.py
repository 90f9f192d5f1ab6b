"""Decorators of the tree stand before a view: what they check, refuse and hand on is known to its body."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any, cast

from agents.inspector.taint import calls
from agents.inspector.taint.frames import Frame
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


# Who is let in where a decorator, a base or a class's own list says so.
_STAFF = re.compile(
    r"(?i)(?:^|[._])(?:is_?)?(?:staff|admin|superuser|super_?admin|sysadmin|site_?admin|root_?user)_?(?:user|member)?s?"
    r"_?(?:required|only|permission|check|access|view|mixin|$)"
    r"|require[sd]?_?(?:an?_)?(?:staff|admin|superuser)|(?:^|[._])admin_only"
)
_PERMISSIONS = "permission_classes"
_REASON = "that only staff may ask for, as its decorator or class says"


def for_staff(hit: Hit, root: tuple[Function, Class | None] | None) -> Hit:
    """The hit, less sure if what it comes from is read where only staff may come."""
    place = hit.source.source.place
    if root is None or place is None or hit.source.source.origin != "remote":
        return hit
    function, owner = root
    node = function.node
    if place.path != function.module.path or not node.lineno <= place.line <= (
        node.end_lineno or node.lineno
    ):
        return hit
    if not is_for_staff(function, owner):
        return hit
    taint = hit.source
    trail = Trail(
        hit.trail, Place(place.path, node.lineno, node.col_offset + 1), "", f"is of a function {_REASON}"
    )
    return replace(hit, source=Taint(taint.source, taint.cleaned, trail, min(3, taint.weak + 1)), trail=trail)


def is_for_staff(function: Function, owner: Class | None) -> bool:
    """Tell whether a decorator, a base's name or a list of permissions lets nobody in but staff."""
    if isinstance(function.node, ast.Lambda):
        return False
    written = [_name_of(one) for one in function.node.decorator_list]
    for cls in owner.order() if owner is not None else ():
        written += [_name_of(one) for one in (*cls.node.decorator_list, *cls.node.bases)]
        cls.member(_PERMISSIONS)  # it is read, as its node tells
        for part in cls.node.body:
            if isinstance(part, ast.Assign) and any(_name_of(one) == _PERMISSIONS for one in part.targets):
                names = [_name_of(one) for one in getattr(part.value, "elts", ())]
                if any(map(_STAFF.search, names)):
                    return True
    return any(map(_STAFF.search, written))


def _name_of(node: ast.expr) -> str:
    """What a decorator or base is called; of a call, what it is given too: `method_decorator(staff_required)`."""
    if isinstance(node, ast.Call):
        return ".".join([_name_of(node.func), *(name for one in node.args if (name := _name_of(one)))])
    if isinstance(node, ast.Attribute):
        return f"{_name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
