"""A goal that is about a change: what of it can be compared with a base, and what happens to the rest.

    compared    operations that a comparing operation does on both trees (it lists them in its input `operations`)
    measured    operations that tell what is new by themselves, from an input `base` that they can do without
    head only   what the goal names and nobody can compare: done on the head, and said so
    left out    what only the wish for everything would bring in and nobody can compare: named, not done

Invariant: each operation that the goal leads to is in one of these four; nothing is dropped without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agents.base import Operation
from agents.registry import Registry
from agents.superagent import cues
from agents.superagent.selection import SARIF, Choice, LeftOut, Selection, offered, select
from agents.superagent.words import normalised

HEAD_ONLY = "not compared with the base: of the whole head, old or new"
NOT_COMPARED = (
    "it cannot be compared with a base, so it was not looked at: name it in the goal, or run without a base"
)
NO_BASE = (
    "the goal speaks of a change, and this run names nothing to compare it with. Give a base: `--base main` on the"
    ' command line, `"base": "main"` over REST'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a goal leads to when there is a base. `operations`: names for the comparing operation, sorted by plan."""

    selection: Selection
    operations: tuple[str, ...] = ()


def speaks_of_change(goal: str) -> bool:
    """Tell whether a goal is about a change: a pull request, a branch that makes something worse, what is new."""
    return bool(cues.OF_CHANGE.search(cues.UNTIL_CHANGE.sub("", normalised(goal))))


def importing(review: Review, registry: Registry) -> Review:
    """Add to what a goal leads to the operations that read what other tools found: the run brings such files."""
    there = {choice.key for choice in review.selection.chosen}
    added = [
        Choice(agent=agent, operation=one, why="the run brings results of other tools")
        for key, (agent, one) in offered(registry).items()
        if SARIF in one.needs and key not in there
    ]
    if not added:
        return review
    chosen = [*review.selection.chosen, *added]
    return replace(review, selection=replace(review.selection, chosen=chosen, answer=None))


def without_base(selection: Selection) -> Selection:
    """Say what becomes of a goal that is about a change if there is nothing to compare it with.

    What the goal names is done on the whole, and said so. A goal that names nothing is answered: the whole is not
    what it asks for.
    """
    named = [one for one in selection.chosen if one.is_named and "base" not in one.operation.needs]
    if named and all("since" in one.operation.input.model_fields for one in named):
        return replace(selection, chosen=named)  # these find out by themselves what a change is compared with
    if not named:
        return replace(selection, chosen=[], answer=f"Nothing was looked at: {NO_BASE}.")
    told = LeftOut(what="the change alone", why=f"the whole was looked at instead: {NO_BASE}")
    return replace(selection, chosen=named, left_out=[told, *selection.left_out])


def reviewing(selection: Selection, registry: Registry) -> Review:
    """Turn what a goal leads to into a review of a change; a goal that names nothing looks for all."""
    offer = offered(registry)
    comparing = {key: pair for key, pair in offer.items() if "base" in pair[1].needs}
    if not comparing:
        return Review(selection=selection)
    if not [one for one in selection.chosen if one.key not in comparing] and not selection.left_out:
        selection = select("", registry)
    able = {(agent, name) for agent, one in comparing.values() for name in comparable(one)}
    names: list[str] = []
    beside: list[Choice] = []
    left_out = list(selection.left_out)
    for one in selection.chosen:
        if one.key in comparing:
            continue
        if (one.agent, one.operation.name) in able:
            names.append(one.operation.name)
        elif "base" in one.operation.input.model_fields:
            beside.append(replace(one, why=f"{one.why}; what is new is told by the base"))
        elif one.is_named:
            beside.append(replace(one, why=f"{one.why}; {HEAD_ONLY}", head_only=True))
        else:
            left_out.append(LeftOut(what=one.operation.title, why=NOT_COMPARED))
    chosen = [*(_comparing(comparing, names) if names else ()), *beside]
    return Review(selection=replace(selection, chosen=chosen, left_out=left_out), operations=tuple(names))


def comparable(comparing: Operation) -> frozenset[str]:
    """Names of the operations that a comparing one does on both trees: the choices of its input `operations`."""
    field = comparing.input.model_json_schema().get("properties", {}).get("operations", {})
    return frozenset(field.get("items", {}).get("enum", ()))


def _comparing(comparing: Mapping[str, tuple[str, Operation]], names: list[str]) -> list[Choice]:
    why = f"the run has a base to compare with: {', '.join(names)}"
    return [
        Choice(agent=agent, operation=one, why=why)
        for agent, one in comparing.values()
        if comparable(one).intersection(names)
    ]
