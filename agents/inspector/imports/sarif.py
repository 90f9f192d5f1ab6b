"""A SARIF log in its own words: which tool says what. Of results one is held at a time, however long the log is.

    scan(file) -> the runs without their results: tools, rules, artifacts, base URIs, invocations
    results(file) -> each result with the place of its run

Two passes, because a result may point at rules and artifacts that stand behind it. Source: OASIS, Static Analysis
Results Interchange Format 2.1.0. Whatever has another type than the standard says counts as absent; what makes a
result useless counts as a fault of its own (`meaning`, `claims`), not of the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from agents.inspector.imports.stream import JsonStream, NotJson
from agents.reporting.visible import one_line, visible

VERSION = "2.1.0"
MAX_RUNS = 100
MAX_RESULT = 4 << 20  # characters
MAX_PROPERTY = 64 << 20  # characters of all rules of a tool, or of all artifacts of a run
MAX_NAME = 200
_KEPT = frozenset(
    {
        "tool",
        "artifacts",
        "originalUriBaseIds",
        "invocations",
        "threadFlowLocations",
        "externalPropertyFileReferences",
    }
)

# A link within a message to a location of its result (SARIF 3.11.6): `[a user-provided value](1)`.
_LINK = re.compile(r"(?<![\w)\]])\[((?:[^\[\]\\\n]|\\.){1,500})\]\(\d{1,10}\)")

Object = Mapping[str, Any]


class NotSarif(ValueError):
    """The file is no SARIF 2.1.0 log; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Who says it. `rules` of the driver, then of each extension."""

    name: str
    version: str
    rules: Sequence[Sequence[Object]]
    by_id: Mapping[str, Object]
    extensions: Sequence[str] = ()  # names


@dataclass(slots=True, kw_only=True)
class Run:
    """A run of the log, without its results."""

    tool: Tool
    given: dict[str, Any] = field(default_factory=dict)

    def list_of(self, name: str) -> list[Any]:
        return as_list(self.given.get(name))

    @property
    def failures(self) -> list[str]:
        """Why the tool's silence means nothing: what its invocations say of themselves."""
        told = []
        for one in map(as_object, self.list_of("invocations")):
            if one.get("executionSuccessful") is False:
                notes = [
                    *as_list(one.get("toolExecutionNotifications")),
                    *as_list(one.get("toolConfigurationNotifications")),
                ]
                words = (text_of(as_object(note).get("message")) for note in notes)
                told.append(next(filter(None, words), "") or "its run was not successful")
        if as_object(self.given.get("externalPropertyFileReferences")).get("results"):
            told.append("part of its results lies in other files, which were not given")
        return told

    @property
    def unread(self) -> list[Object]:
        """Locations of files that the tool says it could not analyse."""
        return [
            as_object(as_object(place).get("physicalLocation"))
            for one in map(as_object, self.list_of("invocations"))
            for note in map(as_object, as_list(one.get("toolExecutionNotifications")))
            if note.get("level") in ("error", "warning")
            for place in as_list(note.get("locations"))
        ]


def scan(file: BinaryIO) -> list[Run]:
    """Read all but the results, from the file's beginning. Raises NotSarif."""
    try:
        version, runs = _scanned(file)
    except NotJson as error:
        raise NotSarif(str(error)) from None
    if version != VERSION:
        told = "has no version" if version is None else f"is of version {one_line(str(version))[:40]!r}"
        raise NotSarif(f"it {told}; what is read is SARIF {VERSION}")
    if not runs:
        raise NotSarif("it has no `runs`, so no tool says anything")
    return runs


def results(file: BinaryIO) -> Iterator[tuple[int, Object | None]]:
    """Give each result with the place of its run, from the file's beginning; None for one that is no object.

    Raises NotSarif.
    """
    try:
        for key, stream in _top(file):
            if key != "runs" or not stream.is_array():
                stream.skip()
                continue
            for place in stream.items():
                for found in _results_here(stream):
                    yield place, found if isinstance(found, dict) else None
    except NotJson as error:
        raise NotSarif(f"a result cannot be read: {error}") from None


def _scanned(file: BinaryIO) -> tuple[Any, list[Run]]:
    runs: list[Run] = []
    version = None
    for key, stream in _top(file):
        if key == "version":
            version = stream.value()
        elif key == "runs" and stream.is_array():
            for place in stream.items():
                if place == MAX_RUNS:
                    raise NotSarif(f"it has more than {MAX_RUNS} runs; give it in parts")
                runs.append(_run(stream))
        else:
            stream.skip()
    return version, runs


def _results_here(stream: JsonStream) -> Iterator[Any]:
    for name in stream.members():
        if name != "results" or not stream.is_array():
            stream.skip()
            continue
        for _ in stream.items():
            yield stream.value(MAX_RESULT)


def _top(file: BinaryIO) -> Iterator[tuple[str, JsonStream]]:
    file.seek(0)
    stream = JsonStream(file)
    if not stream.is_object():
        raise NotSarif("it is no JSON object, as a SARIF log is")
    for key in stream.members():
        yield key, stream
    stream.end()


def _run(stream: JsonStream) -> Run:
    if not stream.is_object():
        raise NotSarif("one of its `runs` is no object")
    given: dict[str, Any] = {}
    for name in stream.members():
        if name in _KEPT:
            given[name] = stream.value(MAX_PROPERTY)
        else:
            stream.skip()
    return Run(tool=_tool(as_object(given.pop("tool", None))), given=given)


def _tool(told: Object) -> Tool:
    driver = as_object(told.get("driver"))
    name = one_line(as_text(driver.get("name"))).strip()[:MAX_NAME]
    if not name:
        raise NotSarif("one of its runs does not name its tool (`tool.driver.name`)")
    version = as_text(driver.get("semanticVersion")) or as_text(driver.get("version"))
    parts = [driver, *map(as_object, as_list(told.get("extensions")))]
    rules = [[as_object(rule) for rule in as_list(part.get("rules"))] for part in parts]
    by_id = {as_text(rule.get("id")): rule for part in reversed(rules) for rule in reversed(part)}
    named = [one_line(as_text(part.get("name")))[:MAX_NAME] for part in parts[1:]]
    return Tool(
        name=name,
        version=one_line(version)[:60],
        rules=rules,
        by_id=by_id,
        extensions=tuple(filter(None, named)),
    )


def rule_of(result: Object, tool: Tool) -> tuple[str, Object]:
    """Give (id, description) of a result's rule; an empty description if the log has none."""
    told = as_object(result.get("rule"))
    index = as_index(result.get("ruleIndex", told.get("index")))
    part = as_index(as_object(told.get("toolComponent")).get("index"))
    rules = tool.rules[0 if part is None else min(part + 1, len(tool.rules) - 1)]
    named = as_text(result.get("ruleId")) or as_text(told.get("id"))
    rule = rules[index] if index is not None and index < len(rules) else {}
    known = as_text(rule.get("id"))
    if named and known and named != known and not named.startswith(f"{known}/"):
        rule = {}  # its index points elsewhere
    if named and not rule:
        rule = tool.by_id.get(named) or tool.by_id.get(named.rpartition("/")[0]) or {}
    return one_line(named or as_text(rule.get("id")))[:MAX_NAME], rule


def message_of(result: Object, rule: Object) -> str:
    """Give the words of a result, with its arguments put in."""
    told = as_object(result.get("message"))
    text = as_text(told.get("text")) or as_text(told.get("markdown"))
    if not text and (key := as_text(told.get("id"))):
        text = text_of(as_object(rule.get("messageStrings")).get(key))
    for number, word in enumerate(as_list(told.get("arguments"))[:20]):
        text = text.replace(f"{{{number}}}", as_text(word))
    lines = _LINK.sub(_link_text, visible(text)).strip().split("\n")
    return "\n".join(dict.fromkeys(lines))  # CodeQL says the same of each way


def _link_text(link: re.Match[str]) -> str:
    """Give the text of a link to another place of the log, which nobody can follow here."""
    return link[1].replace("\\[", "[").replace("\\]", "]")


def text_of(message: Any) -> str:
    """Give the words of a message or multiformatMessageString."""
    told = as_object(message)
    return as_text(told.get("text")) or as_text(told.get("markdown"))


def as_object(given: Any) -> Object:
    """The value, if it is an object; else one without anything."""
    return given if isinstance(given, dict) else {}


def as_list(given: Any) -> list[Any]:
    """The value, if it is an array; else an empty one."""
    return given if isinstance(given, list) else []


def as_text(given: Any) -> str:
    """The value, if it is a text; else an empty one."""
    return given if isinstance(given, str) else ""


def as_index(given: Any) -> int | None:
    """The value, if it is a place in an array."""
    return given if type(given) is int and 0 <= given < 2**31 else None
