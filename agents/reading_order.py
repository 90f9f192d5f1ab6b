"""The order in which to read findings: what is grave and sure first, and of one rule a few before others.

    step = severity (0 for critical) + doubt (0 for sure, 2 for likely, 4 for a guess)
           + repetition (0 for the first two of a rule, then one more for each doubling)

A doubt counts for two steps: of what was read in projects that nobody had tuned on, what was sure was mostly true
however small, what was grave and doubtful mostly not.

A mistake in judging seldom comes alone: what misleads a tool once in a project misleads it everywhere in it, and a
true mistake that was made forty times is known after two. Sorted by severity alone, either fills the whole beginning.
Nothing is left out and no severity changes: only who is read first. What is mere information stands last, and guesses
stand among it: of those that were read one in twenty was true, of what is small and sure nearly all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from agents.findings import Confidence, FindingData, Severity, sort_key

FEW = 2  # of one rule, that wait for nobody
_DOUBT = {Confidence.HIGH: 0, Confidence.MEDIUM: 2, Confidence.LOW: 4}
T = TypeVar("T")


def in_reading_order(found: Iterable[FindingData]) -> list[FindingData]:
    """Give the findings in the order in which to read them."""
    return by_reading_order(found, lambda one: one)


def by_reading_order(entries: Iterable[T], finding: Callable[[T], FindingData]) -> list[T]:
    """The same for what holds a finding."""
    ranked = sorted(entries, key=lambda entry: sort_key(finding(entry)))
    turns = _turns([finding(entry) for entry in ranked])
    order = sorted(range(len(ranked)), key=lambda number: _key(finding(ranked[number]), turns[number]))
    return [ranked[number] for number in order]


def _turns(ranked: list[FindingData]) -> list[int]:
    """For each the number of those of its rule that are read before it: of equal ones, one of each file first."""
    in_file: Counter[tuple[object, ...]] = Counter()
    keys = []
    for number, one in enumerate(ranked):
        weight = sort_key(one)[:5]
        place = (one.rule, weight, one.path)
        keys.append((weight, in_file[place], number))
        in_file[place] += 1
    of_rule: Counter[str] = Counter()
    turns = [0] * len(ranked)
    for _, _, number in sorted(keys):
        rule = ranked[number].rule
        turns[number] = of_rule[rule]
        of_rule[rule] += 1
    return turns


def _key(one: FindingData, turn: int) -> tuple[object, ...]:
    repetition, doubt = (turn // FEW).bit_length(), _DOUBT[one.confidence]
    _, _, is_upkeep, _, in_test_code, path, line = sort_key(one)
    step = one.severity.weight + doubt + repetition
    is_last = one.severity is Severity.INFO or one.confidence is Confidence.LOW
    grave = (is_last, step, doubt, is_upkeep, repetition, one.severity.weight)
    return (*grave, in_test_code, turn, path, line)
