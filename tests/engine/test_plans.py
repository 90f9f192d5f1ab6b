"""Plans are pure: composition and validation, also on random graphs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import PlanInvalid
from tasks.plans import (
    After,
    Plan,
    PlannedStep,
    chain,
    chord,
    group,
    plan_from_json,
    ref,
    resolve,
    topological,
    validate,
)
from tasks.states import EdgeCondition


def step(key: str, *after: str, **input: object) -> PlannedStep:
    return PlannedStep(
        key=key, agent="a", operation="o", input=input, after=tuple(After(key=k) for k in after)
    )


def edges(plan: Plan) -> dict[str, set[str]]:
    return {one.key: {edge.key for edge in one.after} for one in plan}


def test_chain_waits_for_the_sinks_of_the_part_before() -> None:
    plan = chain(step("a"), group(step("b"), chain(step("c"), step("d"))), step("e"))
    assert edges(plan) == {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"c"}, "e": {"b", "d"}}


def test_chord_puts_its_condition_on_its_own_edges_only() -> None:
    plan = chord(chain(step("a"), step("b")), step("c"), on=EdgeCondition.ALWAYS)
    assert {(one.key, edge.key, edge.on.value) for one in plan for edge in one.after} == {
        ("b", "a", "succeeded"),
        ("c", "b", "always"),
    }


def test_empty_group_does_not_break_a_chain() -> None:
    assert edges(chain(step("a"), group(), step("b"))) == {"a": set(), "b": {"a"}}


def test_plan_goes_through_json_unchanged() -> None:
    plan = chord(group(step("a", x=1), step("b")), step("c", y=ref("a", "x")), on=EdgeCondition.ALWAYS)
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "a plan is an object with a list 'steps'"),
        ({"steps": [1]}, "step '#0': cannot be read"),
        ({"steps": [{"key": "a", "agent": "x"}]}, "step 'a': cannot be read: KeyError('operation')"),
        (
            {"steps": [{"key": "a", "agent": "x", "operation": "o", "after": [{"key": "b", "on": "maybe"}]}]},
            "'maybe'",
        ),
    ],
)
def test_unreadable_json_names_the_step(data: object, told: str) -> None:
    with pytest.raises(PlanInvalid) as caught:
        plan_from_json(data)
    assert told in str(caught.value)


def test_references_are_resolved_deep() -> None:
    value = {"list": [ref("a", "items", 1, "name"), 2], "whole": ref("b"), "none": ref("c", "x")}
    outputs = {"a": {"items": [{}, {"name": "n"}]}, "b": {"k": 1}, "c": None}
    assert resolve(value, outputs) == {"list": ["n", 2], "whole": {"k": 1}, "none": None}


@given(st.integers(1, 30), st.data())
def test_acyclic_graphs_pass_and_come_in_order(size: int, data: st.DataObject) -> None:
    steps = []
    for n in range(size):
        needs = data.draw(st.sets(st.integers(0, n - 1), max_size=4)) if n else set()
        steps.append(step(f"s{n}", *(f"s{m}" for m in needs)))
    shuffled = Plan(tuple(data.draw(st.permutations(steps))))
    validate(shuffled)
    place = {one.key: index for index, one in enumerate(topological(shuffled))}
    assert len(place) == size
    assert all(place[edge.key] < place[one.key] for one in shuffled for edge in one.after)


@given(st.integers(2, 12), st.data())
def test_any_cycle_is_named(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 2))
    last = data.draw(st.integers(first + 1, size - 1))
    steps = [step(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(size)]
    steps[first] = step(f"s{first}", *([f"s{first - 1}"] if first else []), f"s{last}")
    with pytest.raises(PlanInvalid, match="waits for itself in a cycle: "):
        validate(Plan(tuple(steps)))
