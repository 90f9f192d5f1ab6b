"""Comprehensions: each element alike, or one by one where all are known."""

from __future__ import annotations

import ast
from collections.abc import Callable

from agents.inspector.taint import containers
from agents.inspector.taint.expressions import KNOWN_ELEMENTS, element_of, elements_of, truth_of
from agents.inspector.taint.frames import Frame, evaluates
from agents.inspector.taint.values import MISSING, NO_FACTS, Facts, Value, all_facts, deep_taints


@evaluates(ast.ListComp, ast.SetComp, ast.GeneratorExp)
def comprehension(frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
    """Each element alike, unless all are known; its variables are its own."""
    every = _of_known(frame, node, lambda: frame.evaluate(node.elt))
    if every is not None:
        return Value(shape="list", items=dict(enumerate(every)), exact=True)
    result = _within(frame, node.generators, lambda: frame.evaluate(node.elt))
    shape = "set" if isinstance(node, ast.SetComp) else "list"
    return Value(shape=shape, rest=result)


def _of_known(
    frame: Frame,
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
    make: Callable[[], Value],
) -> list[Value] | None:
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
                found.append(make())
        return found
    finally:
        frame.state = saved


@evaluates(ast.DictComp)
def dict_comprehension(frame: Frame, node: ast.DictComp) -> Value:
    """Each value alike, under unknown keys, unless all are known."""

    def pair() -> Value:
        return Value(
            shape="tuple", items={0: frame.evaluate(node.key), 1: frame.evaluate(node.value)}, exact=True
        )

    made = Value(shape="dict", items={}, exact=True)
    every = _of_known(frame, node, pair)
    for one in [_within(frame, node.generators, pair)] if every is None else every:
        key, value = (one.items or {})[0], (one.items or {})[1]
        made = containers.with_item(made, key.but(const=MISSING) if every is None else key, value)
    return made


def proved(frame: Frame, node: ast.GeneratorExp) -> Facts:
    """What holds if there is an element: the conditions, but for what they say of the elements themselves."""
    from agents.inspector.taint import statements

    saved = frame.state
    frame.state = saved.copy()
    found: Facts = NO_FACTS
    for generator in node.generators:
        iterated = frame.evaluate(generator.iter)
        statements.assign(frame, generator.target, element_of(frame, iterated))
        for test in generator.ifs:
            condition = frame.evaluate(test)
            if condition.facts and not deep_taints(iterated):
                found = all_facts(found, condition.facts[0])
                frame.state.assume(condition.facts[0])
    frame.state = saved
    return found


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
