"""A SARIF file -> claims on files of a tree, and a book of what could not be used.

Invariant: each result of the file ends as a claim or under a reason; none is lost without a word. The worst
MAX_CLAIMS of a file are kept.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import BinaryIO

from agents.findings import Hop
from agents.inspector.analyzers.base import Claim
from agents.inspector.imports.meaning import OWN, meaning_of
from agents.inspector.imports.places import Places
from agents.inspector.imports.sarif import (
    Object,
    Run,
    as_list,
    as_object,
    as_text,
    message_of,
    results,
    rule_of,
    scan,
)
from agents.inspector.rules import NOT_IN_TESTS, canonical
from agents.inspector.survey import SourceFile
from agents.reporting.visible import one_line, visible

MAX_CLAIMS = 20_000
MAX_HOPS = 50
MAX_MESSAGE = 4_000
MAX_FINGERPRINTS = 10
MAX_PROOFS = 20
MAX_KEPT = 200  # characters of a fingerprint or its name
_LARGE = 2**31 - 1  # what a column of the database holds

OURS = frozenset(
    {"ruff", "bandit", "hadolint", "shellcheck", "complexipy", "pydoclint", "detect-secrets", "vulture"}
)

SUPPRESSED = "suppressed in the report"
ABSENT = "gone since its baseline"
NO_FAULT = "no fault: passed, or not applicable"
NO_PLACE = "without a file"
OUTSIDE = "on a file that is not in this tree, or is left out"
BEYOND = "on a line beyond the end of its file"
OF_TESTS = "says nothing about tests"
NO_OBJECT = "not in SARIF's form"
TOO_MANY = f"beyond the {MAX_CLAIMS:,} worst"
# Something was claimed, and nobody sees it; the other reasons say why there is nothing to see.
LOST = frozenset({NO_PLACE, OUTSIDE, BEYOND, NO_OBJECT, TOO_MANY})


@dataclass(frozen=True, slots=True)
class Told:
    """A claim, and by which tool."""

    claim: Claim
    tool: str
    version: str


@dataclass(slots=True, kw_only=True)
class Given:
    """What one tool said in a file: its claims, and how many results were not used, by reason.

    A report of ours speaks for the tools that it names: a claim of each for one result.
    """

    tool: str
    version: str
    speaks_for: frozenset[str]
    claims: list[Told] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)  # paths of the tree that it could not analyse

    @property
    def lost(self) -> dict[str, int]:
        """The results that claim something and stand nowhere, by reason."""
        return {reason: count for reason, count in sorted(self.unused.items()) if reason in LOST}

    @property
    def is_complete(self) -> bool:
        """Tell whether what it does not say is not there any more."""
        lost = (NO_OBJECT, TOO_MANY)
        return not self.failures and not any(self.unused[reason] for reason in lost)


class Lines:
    """How long the tree's files are, and at which line a character is."""

    def __init__(self, root: Path, files: Mapping[str, SourceFile]) -> None:
        self._root = root
        self._files = files

    def count(self, path: str) -> int:
        return self._files[path].lines

    def at(self, path: str, offset: int) -> int:
        """The line of a character; 1 if the file cannot be read."""
        try:
            text = (self._root / path).read_bytes().decode()  # as it is: line ends count as what they are
        except (OSError, UnicodeError):
            return 1
        return text.count("\n", 0, offset) + 1


def read_file(file: BinaryIO, root: Path, files: Mapping[str, SourceFile]) -> list[Given]:
    """Read a SARIF file against a tree. One `Given` for each of its runs. Raises NotSarif."""
    runs = scan(file)
    books = [
        Given(
            tool=called(run.tool.name),
            version=run.tool.version,
            speaks_for=_speaks_for(run),
            failures=run.failures,
        )
        for run in runs
    ]
    places = [Places(run, files) for run in runs]
    for place, seen in zip(places, _paths(file, places), strict=True):
        place.learn(seen)
    lines, order = Lines(root, files), count()
    kept: list[list[tuple[int, int, list[Told]]]] = [[] for _ in runs]
    for number, result in results(file):
        run = runs[number]
        claim = NO_OBJECT if result is None else _claim(run, result, places[number], files, lines)
        if isinstance(claim, str):
            books[number].unused[claim] += 1
            continue
        told = _told(run, result or {}, claim)
        entry = (-claim.severity.weight, -next(order), told)  # the least is the mildest, of these the last
        if len(kept[number]) < MAX_CLAIMS:
            heapq.heappush(kept[number], entry)
        else:
            heapq.heappushpop(kept[number], entry)
            books[number].unused[TOO_MANY] += 1
    for book, held, run, place in zip(books, kept, runs, places, strict=True):
        book.claims = [one for _, _, told in sorted(held, key=lambda entry: -entry[1]) for one in told]
        named = (place.in_tree(place.named(as_object(one.get("artifactLocation")))) for one in run.unread)
        book.unread = {path for path in named if path}
    return books


def called(tool: str) -> str:
    """Our name of a tool, where we run it ourselves."""
    return tool.lower() if tool.lower() in OURS else tool


def _speaks_for(run: Run) -> frozenset[str]:
    parts = run.tool.extensions if run.tool.name == OWN else ()
    return frozenset({called(run.tool.name), *parts})


def _told(run: Run, result: Object, claim: Claim) -> list[Told]:
    """Who says it: the tool; of a report of ours, the tools that are its evidence."""
    proofs = as_list(as_object(result.get("properties")).get("evidence")) if run.tool.name == OWN else []
    told = [
        Told(
            replace(claim, tool_rule=_short(proof, "rule") or claim.tool_rule), name, _short(proof, "version")
        )
        for proof in map(as_object, proofs[:MAX_PROOFS])
        if (name := _short(proof, "tool"))
    ]
    return told or [Told(claim, called(run.tool.name), run.tool.version)]


def _short(given: Object, name: str) -> str:
    return one_line(as_text(given.get(name)))[:MAX_KEPT]


def _paths(file: BinaryIO, places: list[Places]) -> list[set[str]]:
    """The paths that the results of each run name."""
    seen: list[set[str]] = [set() for _ in places]
    for number, result in results(file):
        path = places[number].named(_artifact(_place(result or {})))
        if path and len(seen[number]) < MAX_CLAIMS:
            seen[number].add(path)
    return seen


def _claim(
    run: Run, result: Object, places: Places, files: Mapping[str, SourceFile], lines: Lines
) -> Claim | str:
    """Read a result, or say why it is of no use."""
    if _is_suppressed(result):
        return SUPPRESSED
    if result.get("baselineState") == "absent":
        return ABSENT
    if as_text(result.get("kind")) in ("pass", "notApplicable", "informational"):
        return NO_FAULT
    named = places.named(_artifact(_place(result)))
    if not named:
        return NO_PLACE
    path = places.in_tree(named)
    if not path:
        return OUTSIDE
    line, end_line, column = _region(as_object(_place(result).get("region")), path, lines)
    if line > max(1, lines.count(path)):
        return BEYOND
    rule_id, rule = rule_of(result, run.tool)
    message = message_of(result, rule)
    meaning = meaning_of(run.tool.name, rule_id, rule, result, message)
    if files[path].in_test_code and NOT_IN_TESTS & {rule_id, canonical(rule_id)}:
        return OF_TESTS
    return Claim(
        rule=meaning.rule,
        tool_rule=rule_id or "-",
        title=meaning.title,
        message=(message or meaning.title)[:MAX_MESSAGE],
        path=path,
        line=line,
        end_line=end_line,
        column=column,
        severity=meaning.severity,
        confidence=meaning.confidence,
        category=meaning.category,
        cwe=meaning.cwe,
        url=meaning.url,
        hops=_hops(run, result, places, lines),
        fingerprints=_fingerprints(result),
    )


def _place(result: Object) -> Object:
    first = next(iter(as_list(result.get("locations"))), None)
    return as_object(as_object(first).get("physicalLocation"))


def _artifact(place: Object) -> Object:
    return as_object(place.get("artifactLocation"))


def _is_suppressed(result: Object) -> bool:
    """By the standard: something suppresses it, and nothing of that is still under review or rejected."""
    told = [as_object(one) for one in as_list(result.get("suppressions"))]
    return bool(told) and all(
        one.get("status", one.get("state")) not in ("underReview", "rejected") for one in told
    )


def _region(region: Object, path: str, lines: Lines) -> tuple[int, int, int]:
    """Give (line, last line, column). Without a line: that of its character, else the first."""
    line = _positive(region.get("startLine"))
    if line is None:
        offset = region.get("charOffset", region.get("byteOffset"))
        line = lines.at(path, offset) if type(offset) is int and offset >= 0 else 1
    end = _positive(region.get("endLine")) or line
    if end > line and region.get("endColumn") == 1:
        end -= 1  # it ends before the first character of that line
    return line, min(max(line, end), max(line, lines.count(path))), _positive(region.get("startColumn")) or 1


def _positive(given: object) -> int | None:
    return given if type(given) is int and 0 < given <= _LARGE else None


def _hops(run: Run, result: Object, places: Places, lines: Lines) -> tuple[Hop, ...]:
    """The first way of a value that has at least two steps in this tree, source first."""
    for flow in map(as_object, as_list(result.get("codeFlows"))[:10]):
        for thread in map(as_object, as_list(flow.get("threadFlows"))[:10]):
            steps = as_list(thread.get("locations"))
            if len(steps) > MAX_HOPS:
                steps = [*steps[: MAX_HOPS - 1], steps[-1]]
            hops = [hop for step in steps if (hop := _hop(run, as_object(step), places, lines))]
            if len(hops) > 1:
                return tuple(hops)
    return ()


def _hop(run: Run, step: Object, places: Places, lines: Lines) -> Hop | None:
    index = step.get("index")
    shared = run.list_of("threadFlowLocations")
    if "location" not in step and type(index) is int and 0 <= index < len(shared):
        step = as_object(shared[index])
    location = as_object(step.get("location"))
    place = as_object(location.get("physicalLocation"))
    path = places.in_tree(places.named(_artifact(place)))
    if not path:
        return None
    line = min(_region(as_object(place.get("region")), path, lines)[0], max(1, lines.count(path)))
    words = visible(as_text(as_object(location.get("message")).get("text")))
    return Hop(path=path, line=line, what=one_line(words)[:300] or "it goes on here")


def _fingerprints(result: Object) -> tuple[tuple[str, str], ...]:
    """What the tool knows the result again by."""
    told = {**as_object(result.get("partialFingerprints")), **as_object(result.get("fingerprints"))}
    return tuple(_pairs(told))[:MAX_FINGERPRINTS]


def _pairs(told: Object) -> Iterator[tuple[str, str]]:
    for name, value in sorted(told.items()):
        if isinstance(value, str) and value and len(name) <= MAX_KEPT and len(value) <= MAX_KEPT:
            yield one_line(name), one_line(value)
