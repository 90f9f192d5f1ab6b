"""What the HTML report can be narrowed down to, by style sheets alone: it works where no script may run.

Each card has a class for each facet (`rule-3`), each choice of a facet is an option or a box, and a rule such as
`body:has(#rule [value="3"]:checked) .card:not(.rule-3) { display: none }` hides the others. Only numbers and words of
ours get into the style sheet, never a text from a repository.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agents.findings import Severity
from agents.reporting.model import ReportedFinding
from agents.reporting.visible import one_line

MAX_OPTIONS = 60  # of one facet; what is rarer is under "other"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Facet:
    """Something that findings are told apart by. `options`: (number, text, findings), the most frequent first."""

    name: str
    title: str
    options: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Filters:
    """All that a page needs: its facets, the classes of each finding in their order, and the rules of its style."""

    severities: list[tuple[str, str, int]]
    facets: list[Facet]
    has_new: bool
    has_tests: bool
    classes: list[str]
    style: str


def filters_of(ranked: Sequence[ReportedFinding]) -> Filters:
    """Make the filters of a page. A facet that would tell nothing apart is left out."""
    sources: tuple[tuple[str, str, Callable[[ReportedFinding], str]], ...] = (
        ("rule", "Rule", lambda entry: entry.finding.rule),
        ("agent", "Agent", lambda entry: entry.agent),
        ("kind", "Kind", lambda entry: entry.finding.category),
        ("path", "Folder", lambda entry: _folder(entry.finding.path)),
    )
    classes: list[list[str]] = [[] for _ in ranked]
    facets = []
    for name, title, read in sources:
        values = [read(entry) for entry in ranked]
        numbers = {
            value: number for number, (value, _) in enumerate(Counter(values).most_common(MAX_OPTIONS))
        }
        if len(numbers) < 2:
            continue
        told = Counter(str(numbers.get(value, OTHER)) for value in values)
        named = {str(number): one_line(value)[:80] for value, number in numbers.items()}
        facets.append(
            Facet(
                name, title, [(key, named.get(key, OTHER), told[key]) for key in [*named, OTHER] if told[key]]
            )
        )
        for at, value in enumerate(values):
            classes[at].append(f"{name}-{numbers.get(value, OTHER)}")
    for at, entry in enumerate(ranked):
        classes[at] += ["is-new"] if entry.newness else []
        classes[at] += ["in-tests"] if entry.finding.in_test_code else []
    counts = Counter(entry.finding.severity for entry in ranked)
    severities = [(one.value, one.value.capitalize(), counts[one]) for one in Severity if counts[one]]
    fresh = sum(bool(entry.newness) for entry in ranked)
    tests = sum(entry.finding.in_test_code for entry in ranked)
    return Filters(
        severities=severities if len(severities) > 1 else [],
        facets=facets,
        has_new=0 < fresh < len(ranked),
        has_tests=0 < tests < len(ranked),
        classes=[" ".join(one) for one in classes],
        style=_style([key for key, _, _ in severities], facets),
    )


def _folder(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first + slash if slash else "(top)"


def _style(severities: Sequence[str], facets: Sequence[Facet]) -> str:
    rules = [f"body:has(#show-{one}:not(:checked)) .group.{one}" for one in severities]
    rules += [
        f'body:has(#by-{facet.name} [value="{key}"]:checked) .card:not(.{facet.name}-{key})'
        for facet in facets
        for key, _, _ in facet.options
    ]
    rules += ["body:has(#only-new:checked) .card:not(.is-new)", "body:has(#no-tests:checked) .card.in-tests"]
    return ",\n".join(rules) + " { display: none; }"


def as_page(filters: Filters) -> dict[str, Any]:
    """Give what the template shows; nothing for a page that has nothing to choose from."""
    shown = bool(filters.severities or filters.facets or filters.has_new or filters.has_tests)
    return {
        "shown": shown,
        "severities": [{"key": key, "name": name, "count": count} for key, name, count in filters.severities],
        "facets": [
            {
                "name": facet.name,
                "title": facet.title,
                "options": [{"key": key, "text": text, "count": count} for key, text, count in facet.options],
            }
            for facet in filters.facets
        ],
        "has_new": filters.has_new,
        "has_tests": filters.has_tests,
        "style": filters.style,
    }
