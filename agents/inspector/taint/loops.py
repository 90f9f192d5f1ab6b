"""Loops: round by round where it is known what each round gets, else until nothing changes any more.

A loop over a few known elements, or as long as a test of constants holds, is executed as it would be. Any other one
is executed up to ROUNDS times, each time with the join of what came before.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from agents.inspector.taint import expressions, statements
from agents.inspector.taint.expressions import truth_of
from agents.inspector.taint.frames import Frame, Loop, executes
from agents.inspector.taint.states import State, joined
from agents.inspector.taint.values import NO_FACTS, Facts, Value, deep_taints

ROUNDS = 3  # of a loop's body, at most; a chain of four assignments that run backwards is rare
KNOWN_ROUNDS = 12  # that are told apart
NESTED_ROUNDS = 36  # of loops within each other, together


@executes(ast.For, ast.AsyncFor)
def iteration(frame: Frame, node: ast.For | ast.AsyncFor) -> None:
    """A loop over the elements, each alike."""
    iterated = frame.evaluate(node.iter)
    if iterated.exact and not iterated.items and iterated.shape in ("list", "tuple", "set", "dict"):
        frame.execute(node.orelse)
        return

    known = expressions.elements_of(iterated)
    if known is not None and len(known) <= _rounds_left(frame):
        _known(frame, node, known)
        return

    def head() -> None:
        statements.assign(frame, node.target, expressions.element_of(frame, iterated))

    every = _judged_whole(frame, node.iter, iterated)
    _loop(frame, Loop(), head, node.body, node.orelse, ends=True, every=every)


def _judged_whole(frame: Frame, node: ast.expr, iterated: Value) -> set[Any]:
    """Sources of which all parts are looked at: a text, a call's list. A mapping's keys say nothing of its values."""
    taints = deep_taints(iterated)
    is_call = isinstance(node, ast.Call) and (
        not isinstance(node.func, ast.Attribute) or node.func.attr not in ("items", "keys", "values")
    )
    is_answer = iterated.name.startswith("@") and frame.engine.tables.of(iterated.name) is None
    if not (is_call or is_answer) and not all(one.source.selector for one in taints):
        return set()
    return {source.key for one in taints for source in one.source.lineage()}


def _rounds_left(frame: Frame) -> int:
    """How many rounds of one more loop may be told apart."""
    product = 1
    for one in frame.loops:
        product *= max(1, one.rounds)
    return min(KNOWN_ROUNDS, NESTED_ROUNDS // product)


def _known(frame: Frame, node: ast.For | ast.AsyncFor, every: list[Value]) -> None:
    """Execute the body once for each element."""
    loop = Loop(len(every))
    for value in every:
        statements.assign(frame, node.target, value)
        _round(frame, loop, node.body)
        if not frame.state.alive:
            break
    _after(frame, loop, node.orelse)


def _round(frame: Frame, loop: Loop, body: list[ast.stmt]) -> None:
    loop.continues = []
    frame.loops.append(loop)
    frame.execute(body)
    frame.loops.pop()
    for one in loop.continues:
        frame.state = joined(frame.state, one)


def _after(frame: Frame, loop: Loop, orelse: list[ast.stmt]) -> None:
    frame.execute(orelse)
    for one in loop.breaks:
        frame.state = joined(frame.state, one)


@executes(ast.While)
def repetition(frame: Frame, node: ast.While) -> None:
    """A loop as long as the test holds."""
    loop = Loop(KNOWN_ROUNDS)
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    for _ in range(_rounds_left(frame)):
        before = frame.state.copy()
        test = frame.evaluate(node.test)
        truth = truth_of(test)
        if truth is False:
            _after(frame, loop, node.orelse)
            return
        if truth is None:
            frame.state = before
            break
        _round(frame, loop, node.body)
        if not frame.state.alive:
            _after(frame, loop, [])
            return
        if _same(before, frame.state):
            break

    def head() -> None:
        value = frame.evaluate(node.test)
        if value.facts:
            frame.state.assume(value.facts[0])

    _loop(frame, loop, head, node.body, node.orelse, ends=not endless)
    if frame.state.alive and not endless:
        last = frame.evaluate(node.test)
        if last.facts and not _breaks(node.body):
            frame.state.assume(last.facts[1])


def _breaks(body: list[ast.stmt]) -> bool:
    return any(isinstance(one, ast.Break) for part in body for one in ast.walk(part))


def _loop(
    frame: Frame,
    loop: Loop,
    head: Any,
    body: list[ast.stmt],
    orelse: list[ast.stmt],
    *,
    ends: bool,
    every: Collection[Any] = (),
) -> None:
    """Execute a loop. What each round proves about the sources `every` that are iterated over holds after it."""
    proved: Facts = NO_FACTS
    loop.rounds = 1
    entry = frame.state
    current = entry.copy()
    for number in range(ROUNDS):
        frame.state = current.copy()
        head()
        if number == ROUNDS - 1:  # what a round after it would bring is not seen
            frame.doubtful = True
        _round(frame, loop, body)
        after = frame.state
        following = joined(entry, after) if after.alive else entry
        proved = (
            {key: bits for key, bits in after.facts.items() if key[0] in every} if after.alive else NO_FACTS
        )
        if number and _same(current, following) and _as_seen(current, following):
            break
        current = following
    frame.state = current if ends else State(dict(current.variables), current.facts, alive=False)
    if proved:
        frame.state.assume(proved)
    _after(frame, loop, orelse if ends else [])


def _same(first: State, second: State) -> bool:
    if first.variables.keys() != second.variables.keys() or first.facts != second.facts:
        return False
    return all(_alike(value, second.variables[name], 3) for name, value in first.variables.items())


def _as_seen(first: State, second: State) -> bool:
    """Tell whether as much was seen of each variable."""
    return all(value.seen == second.variables[name].seen for name, value in first.variables.items())


def _alike(first: Value, second: Value, depth: int) -> bool:
    if first is second:
        return True
    if first.const is not second.const and first.const != second.const:
        return False
    if {(t.source.key, t.cleaned) for t in first.taints} != {
        (t.source.key, t.cleaned) for t in second.taints
    }:
        return False
    if depth == 0:
        return True
    one, other = first.items or {}, second.items or {}
    if one.keys() != other.keys() or (first.rest is None) != (second.rest is None):
        return False
    if first.rest is not None and second.rest is not None and not _alike(first.rest, second.rest, depth - 1):
        return False
    return all(_alike(value, other[key], depth - 1) for key, value in one.items())


@executes(ast.Break)
def leave(frame: Frame, node: ast.Break) -> None:
    """On after the loop."""
    if frame.loops:
        frame.loops[-1].breaks.append(frame.state.copy())
    frame.state.alive = False


@executes(ast.Continue)
def again(frame: Frame, node: ast.Continue) -> None:
    """On with the next element."""
    if frame.loops:
        frame.loops[-1].continues.append(frame.state.copy())
    frame.state.alive = False
