"""Comprehensions: each element alike, or one by one where all are known."""

from __future__ import annotations

import ast
from collections.abc import Callable

from agents.inspector.taint.expressions import KNOWN_ELEMENTS, element_of, elements_of, truth_of
from agents.inspector.taint.frames import Frame, evaluates
from agents.inspector.taint.values import Value, merged


@evaluates(ast.ListComp, ast.SetComp, ast.GeneratorExp)
def comprehension(frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
    """Each element alike, unless all are known; its variables are its own."""
    every = _of_known(frame, node)
    if every is not None:
        return Value(shape="list", items=dict(enumerate(every)), exact=True)
    result = _within(frame, node.generators, lambda: frame.evaluate(node.elt))
    shape = "set" if isinstance(node, ast.SetComp) else "list"
    return Value(shape=shape, rest=result)


def _of_known(frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> list[Value] | None:
    """The elements of a comprehension over known ones, whose conditions are constant."""
    from agents.inspector.taint import statements

    generator = node.generators[0]
    if isinstance(node, ast.SetComp) or len(node.generators) > 1:
        return None
    saved = frame.state
    frame.state = saved.copy()
    found: list[Value] = []
    try:
        every = elements_of(frame.evaluate(generator.iter))
        if every is None or len(every) > KNOWN_ELEMENTS:
            return None
        for one in every:
            statements.assign(frame, generator.target, one)
            tests = [truth_of(frame.evaluate(test)) for test in generator.ifs]
            if None in tests:
                return None
            if all(tests):
                found.append(frame.evaluate(node.elt))
        return found
    finally:
        frame.state = saved


@evaluates(ast.DictComp)
def dict_comprehension(frame: Frame, node: ast.DictComp) -> Value:
    """Each value alike, under unknown keys."""

    def pair() -> Value:
        key, value = frame.evaluate(node.key), frame.evaluate(node.value)
        return value.but(taints=merged(value.taints, key.taints)) if key.taints else value

    return Value(shape="dict", rest=_within(frame, node.generators, pair))


def _within(frame: Frame, generators: list[ast.comprehension], make: Callable[[], Value]) -> Value:
    from agents.inspector.taint import statements

    saved = frame.state
    frame.state = saved.copy()
    for generator in generators:
        iterated = frame.evaluate(generator.iter)
        statements.assign(frame, generator.target, element_of(frame, iterated))
        for test in generator.ifs:
            condition = frame.evaluate(test)
            if condition.facts:
                frame.state.assume(condition.facts[0])
    value = make()
    value = frame.state.settled(value)
    frame.state = saved
    return value
