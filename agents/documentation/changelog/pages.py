"""A changelog as text: Markdown in the form of Keep a Changelog, JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from agents.documentation.changelog.breakages import Breakage, Compared
from agents.documentation.changelog.conventional import Entry, shown
from agents.documentation.changelog.sections import Sections, area
from agents.reporting.markdown import code, escaped
from agents.reporting.model import plural
from agents.workspace.comparing import Difference
from agents.workspace.history import Span

SHOWN = 200  # entries of one section on the page; the JSON has all


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One end of a span: the commit, "" if it is not known, and what people call it."""

    name: str = ""
    commit: str = ""

    @property
    def told(self) -> str:
        return shown(self.name) or self.commit[:10] or "the beginning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything that a changelog is made of. `span` is None without history, `difference` without a base tree."""

    base: Revision
    head: Revision
    span: Span | None
    sections: Sections | None
    compared: Compared
    difference: Difference | None
    notes: list[str] = field(default_factory=list)


def markdown(told: Told) -> str:
    """The page. Names of the API are code spans, so that each is checked; all else is escaped."""
    lines = ["# Changelog", "", _title(told), "", *_paragraph(told), ""]
    lines += _breaking(told)
    if told.sections is not None:
        for name, entries in told.sections.entries.items():
            lines += [f"### {escaped(shown(name))}", "", *_bounded(map(_entry, entries), len(entries)), ""]
    elif told.difference is not None:
        lines += _areas(told.difference)
    if told.notes:
        lines += ["### Not told", "", *(f"- {escaped(shown(note))}" for note in told.notes), ""]
    return "\n".join(lines).rstrip() + "\n"


def document(told: Told) -> dict[str, Any]:
    """The same for programs, whole."""
    span = told.span
    return {
        "base": {"name": shown(told.base.name), "commit": told.base.commit},
        "head": {"name": shown(told.head.name), "commit": told.head.commit},
        "has_history": span is not None,
        "truncated": span.truncated if span else False,
        "authors": span.authors if span else None,
        "conventional": told.sections.conventional if told.sections else None,
        "sections": {
            name: [asdict(entry) for entry in entries]
            for name, entries in (told.sections.entries if told.sections else {}).items()
        },
        "breaking_api": [one.model_dump() for one in told.compared.breakages],
        "areas": {name: dict(counts) for name, counts in _counts(told).items()},
        "notes": [shown(note) for note in told.notes],
    }


def _title(told: Told) -> str:
    day = f" - {told.span.commits[0].at:%Y-%m-%d}" if told.span and told.span.commits else ""
    return f"## [{escaped(shown(told.head.name))}]{day}" if told.head.name else f"## [Unreleased]{day}"


def _paragraph(told: Told) -> list[str]:
    base, span = escaped(told.base.told), told.span
    if span is None:
        return [f"Since {base}, by the two trees alone: there is no history to read."]
    if not span.commits:
        return [f"Nothing was committed since {base}."]
    many = "more than " if span.truncated else ""
    people = "1 person" if span.authors == 1 else f"{span.authors:,} people"
    days = sorted({f"{commit.at:%Y-%m-%d}" for commit in span.commits})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    return [f"Since {base}: {many}{plural(len(span.commits), 'commit')} by {people}, {when}."]


def _breaking(told: Told) -> list[str]:
    said = told.sections.breaking if told.sections else []
    found = told.compared.breakages
    if not said and not found:
        return []
    lines = ["### Breaking changes", ""]
    if said:
        lines += [*_bounded(map(_announced, said), len(said)), ""]
    if found:
        lines += ["What callers of the public API lose, by comparison of the two trees:", ""]
        lines += [*_bounded(map(_breakage, found), len(found)), ""]
    return lines


def _announced(one: Entry) -> str:
    scope = f"**{escaped(one.scope)}:** " if one.scope else ""
    return f"- {scope}{escaped(one.breaking)} ({one.commit[:10]})"


def _entry(one: Entry) -> str:
    scope = f"**{escaped(one.scope)}:** " if one.scope else ""
    return f"- {scope}{escaped(one.text)} ({one.commit[:10]})"


def _breakage(one: Breakage) -> str:
    what = f" `{one.what}`" if one.what else ""
    change = (
        f", {escaped(one.old or 'nothing')} → {escaped(one.new or 'nothing')}" if one.old or one.new else ""
    )
    place = f" ({code(f'{one.new_file}:{one.new_line}')})" if one.new_file and one.new_line else ""
    if one.old_file:
        place = f" (was at {code(f'{one.old_file}:{max(one.old_line, 1)}')})"
    return f"- `{one.path}`: {escaped(one.kind)}{what}{change}{place}"


def _areas(difference: Difference) -> list[str]:
    lines = ["### Files by area", "", "| area | new | changed | removed | renamed |", "|---|--:|--:|--:|--:|"]
    for name, counts in _by_area(difference).items():
        numbers = " | ".join(str(counts[kind]) for kind in ("new", "changed", "removed", "renamed"))
        lines.append(f"| {escaped(name)} | {numbers} |")
    return [*lines, ""]


def _by_area(difference: Difference) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    old = set(difference.renamed.values())
    for path in sorted(difference.head | difference.base):
        if path in difference.renamed:
            kind = "renamed"
        elif path in old:
            continue
        else:
            kind = "changed" if path in difference.head & difference.base else (
                "new" if path in difference.head else "removed"
            )  # fmt: skip
        found.setdefault(area(path), Counter())[kind] += 1
    return dict(sorted(found.items()))


def _counts(told: Told) -> dict[str, Counter[str]]:
    return _by_area(told.difference) if told.difference is not None else {}


def _bounded(lines: Iterable[str], count: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == SHOWN:
            yield f"- and {count - SHOWN:,} more"
            return
        yield line
