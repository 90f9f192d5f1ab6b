"""A hit in words: the claim, how sure it is, and every hop that a person can follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from agents.inspector.taint import kinds, reviews, sureness
from agents.inspector.taint.structures import Hit
from agents.inspector.taint.taints import Source

_LEFT = re.compile(r"~(?:\d+:\d+|[eds])")  # what is left of a text, which nobody calls by a name
_LOWER = {"critical": "high", "high": "medium", "medium": "low", "low": "low", "info": "info"}
GUESS = 3  # doubts that make a way a guess, which is told as information
_CONFIDENCE = ("high", "medium", "low", "low")


def finding(hit: Hit) -> dict[str, Any]:
    """The finding as plain data; its lines are names, and it has a message only if none is in there."""
    kind = kinds.BY_BIT[hit.kind]
    taint = hit.source
    if taint.source.origin == reviews.ORIGIN:
        return _to_review(hit, kind)
    severity = kind.local if taint.source.origin == "local" else kind.severity
    doubts = taint.weak + sureness.doubt(hit)
    weak = 2 if sureness.is_of_whoever_starts(hit) else min(doubts, GUESS)
    reason = sureness.harmless(hit)
    if reason:
        severity = "info"
        weak = weak if kind.name == "hash" else max(weak, 2)  # what is wrong by itself stands before it
    elif doubts >= GUESS and severity != "info" and taint.source.origin != "fact":
        severity, reason = "info", "So much speaks against it that it is a mere guess."
    elif sureness.is_back_where_one_was(hit):
        severity, reason = "low", "It leads back to the page that the browser says it was on."
    return {
        "rule": kind.rule,
        "kind": kind.name,
        "title": kind.title,
        "cwe": list(kind.cwe),
        "severity": _LOWER[_LOWER[severity]] if weak > 2 else _LOWER[severity] if weak == 2 else severity,
        "confidence": _CONFIDENCE[weak],
        "path": hit.path,
        "line": hit.line,
        "column": hit.column,
        "end_line": hit.end_line,
        "source": _source(taint.source),
        "sink": hit.sink,
        "message": _fact(hit),
        "reason": reason,
        "hops": hops(hit),
    }


def _to_review(hit: Hit, kind: kinds.Kind) -> dict[str, Any]:
    what = hit.source.source.what
    return {
        "rule": f"review-{kind.rule.removeprefix('taint-')}",
        "kind": kind.name,
        "title": reviews.title(kind),
        "cwe": list(kind.cwe),
        "severity": "info",
        "confidence": "low",
        "path": hit.path,
        "line": hit.line,
        "column": hit.column,
        "end_line": hit.end_line,
        "source": what,
        "sink": hit.sink,
        "message": reviews.message(what, hit.sink),
        "reason": "",
        "hops": [],
    }


def _source(source: Source) -> str:
    selector = _LEFT.sub("", source.selector)
    return f"{source.what} {selector}" if selector else source.what


def _fact(hit: Hit) -> str:
    what: str = hit.source.source.what
    return f"{_capital(what)}: {hit.sink}." if hit.source.source.origin == "fact" else ""


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def told(
    named: dict[str, Any], place: tuple[str, int, int] | None, line: Callable[[str, int], int]
) -> dict[str, Any]:
    """A finding as people are told it. `place` is its source's, `line` gives the line of a file by its name."""
    path = named["path"]
    at = line(path, named["line"])
    message = named["message"] or _message(named, place, at, line)
    return {
        **{name: value for name, value in named.items() if name != "reason"},
        "line": at,
        "end_line": line(path, named["end_line"]),
        "message": f"{message} {named['reason']}".rstrip(),
        "hops": [{**hop, "line": line(hop["path"], hop["line"])} for hop in named["hops"]],
    }


def _message(
    named: dict[str, Any],
    place: tuple[str, int, int] | None,
    at: int,
    line: Callable[[str, int], int],
) -> str:
    text = _capital(named["source"])
    if place is not None:
        here = "" if place[0] == named["path"] else f" of {place[0]}"
        text += f" (line {line(place[0], place[1])}{here})"
    return f"{text} reaches {named['sink']} (line {at})."


def hops(hit: Hit) -> list[dict[str, Any]]:
    """Every hop, source first, sink last."""
    found = [
        {
            "path": hop.place.path,
            "line": hop.place.line,
            "column": hop.place.column,
            "variable": hop.variable,
            "what": hop.what,
        }
        for hop in (hit.trail.hops() if hit.trail else [])
    ]
    if hit.source.source.origin != "fact":
        found.append(
            {
                "path": hit.path,
                "line": hit.line,
                "column": hit.column,
                "variable": "",
                "what": f"reaches {hit.sink}",
            }
        )
    return found


def lines(told: dict[str, Any]) -> str:
    """The result for a terminal."""
    text = ""
    for one in told["findings"]:
        sure = f"{one['severity']}/{one['confidence']}"
        text += f"{one['path']}:{one['line']}: {one['rule']} [{sure}] {one['message']}\n"
        for hop in one["hops"]:
            variable = f" {hop['variable']}:" if hop["variable"] else ""
            text += f"    {hop['path']}:{hop['line']}:{variable} {hop['what']}\n"
    for one in told["not_analysed"]:
        text += f"not analysed: {one['path']}:{one['line']} {one['what']}: {one['reason']}\n"
    return text + (
        f"{len(told['findings'])} findings in {told['files']} files, {told['functions']} functions, "
        f"{told['seconds']} s, {told['peak_rss_bytes'] >> 20} MB\n"
    )
