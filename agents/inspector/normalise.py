"""From the claims of several tools to findings: one per place and meaning, with every tool as evidence.

Owns: de-duplication, identity, snippets. Invariants: claims of one danger (`dangers`) whose lines overlap, or touch
in the same function, made by different tools, become one finding with the worst severity; no snippet or message
leaves here without redaction.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agents.codeowners import Owners
from agents.findings import Evidence, FindingData, Hop, fingerprint, line_key, move_fingerprint, sort_key
from agents.inspector.analyzers.base import Claim
from agents.inspector.dangers import danger
from agents.inspector.installed import installed_names
from agents.inspector.memory import Memory
from agents.inspector.nearby import Nearby, start
from agents.inspector.refuting import Refuting
from agents.inspector.rules import HARD_CODED
from agents.inspector.scopes import Scopes
from agents.inspector.survey import SourceFile
from agents.inspector.weighing import (
    NO_WAY_FOUND,
    as_undefined,
    has_undefined_names,
    is_mere_pattern,
    is_reviewed,
    told_too_often,
    weigh,
)
from agents.redaction import redact, redact_literals

SNIPPET_LINES = 6
SNIPPET_CHARACTERS = 200  # of each line


class Teller(Protocol):
    """Whoever makes claims, as the evidence names it: an analyzer of ours, or a tool that ran elsewhere."""

    @property
    def name(self) -> str:
        """The tool's name."""

    def reproduce(self, claim: Claim) -> str:
        """The command that shows a reader the same claim, or "" if there is none."""


@dataclass(frozen=True, slots=True)
class Said:
    """A claim and who made it."""

    teller: Teller
    version: str
    claim: Claim


@dataclass(slots=True)
class _Cluster:
    """Claims that mean the same; the first one is the most exact."""

    said: list[Said] = field(default_factory=list)

    def distance(self, other: Said) -> int | None:
        """How far another tool's claim of the same danger is: less is nearer, None means another place."""
        first = self.said[0].claim
        if not self.is_apart([other]):
            return None
        if start(first) <= other.claim.end_line and start(other.claim) <= first.end_line:
            return 0 if first.rule == other.claim.rule else 1
        return 2 if _leads_through(other.claim, first) or _leads_through(first, other.claim) else None

    def is_apart(self, others: Iterable[Said]) -> bool:
        """Tell whether none of the others is of a tool that is here."""
        return {one.teller.name for one in self.said}.isdisjoint(one.teller.name for one in others)


def _leads_through(path: Claim, place: Claim) -> bool:
    """Tell whether a value's way passes the other claim's lines: the text was put together there, used here."""
    return any(hop.path == place.path and start(place) <= hop.line <= place.end_line for hop in path.hops)


def _is_beside(one: Claim, other: Claim, sources: Sources) -> bool:
    """Tell whether the lines touch, in the same function: one tool names the call, another its argument's line."""
    if start(one) > other.end_line + 1 or start(other) > one.end_line + 1:
        return False
    return sources.scope(one.path, one.line) == sources.scope(other.path, other.line)


class Sources:
    """The lines and scopes of the tree's files, read once each."""

    def __init__(
        self, root: Path, files: Mapping[str, SourceFile], memory: Memory, paths: Iterable[str]
    ) -> None:
        self._root = root
        self._files = files
        self._memory = memory
        self._known = memory.spans(files[path] for path in set(paths) if path in files)
        self._read = functools.lru_cache(maxsize=64)(self._read_now)
        self.clean = functools.lru_cache(maxsize=1024)(
            _clean
        )  # the same words stand in a claim and its proof

    def _read_now(self, path: str) -> tuple[list[str], Scopes | None]:
        try:
            text = (self._root / path).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return [], None
        return text.split("\n"), self._scopes(path, text)

    def _scopes(self, path: str, text: str) -> Scopes | None:
        file = self._files.get(path)
        if file is None or file.language != "python":
            return None
        if path in self._known:
            return Scopes(self._known[path])
        found = Scopes.of(text.removeprefix("\ufeff"))
        self._memory.keep_spans(file, found.spans)
        return found

    def line(self, path: str, number: int) -> str:
        """One line, or "" if there is none."""
        lines = self._read(path)[0]
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def lines(self, path: str, first: int, last: int) -> str:
        """Some lines, shortened for showing."""
        wanted = self._read(path)[0][first - 1 : min(last, first + SNIPPET_LINES - 1)]
        return "\n".join(line[:SNIPPET_CHARACTERS].rstrip() for line in wanted)

    def scope(self, path: str, line: int) -> str:
        """The enclosing function or class, or ""."""
        scopes = self._read(path)[1]
        return scopes.at(line) if scopes else ""


def findings(
    said: Sequence[Said],
    root: Path,
    files: Mapping[str, SourceFile],
    *,
    memory: Memory | None = None,
    refuting: Refuting | None = None,
) -> list[FindingData]:
    """Merge, name and sort what the tools said of a tree, but for what is refuted."""
    refuting = refuting or Refuting(root)
    sources = Sources(root, files, memory or Memory(), (one.claim.path for one in said))
    owners = Owners.of(root)
    too_often = told_too_often(one.claim for one in said)
    if has_undefined_names(one.claim for one in said):
        too_often |= as_undefined(installed_names(root, files.values()))
    equals: Counter[tuple[str, str, str, str]] = Counter()
    found = []
    for cluster in sorted(_clusters(said, sources), key=_place):
        claims = [one.claim for one in cluster.said]
        if refuting.refutes(claims):
            continue
        claim = claims[0]
        scope = sources.scope(claim.path, claim.line)
        text = sources.line(claim.path, claim.line)
        if is_reviewed(claim, text):
            continue
        identity = (claim.rule, claim.path, scope, "".join(text.split()))
        finding = _finding(cluster, sources, scope, text, occurrence=equals[identity], files=files)
        weight = weigh(
            claims, file=files.get(claim.path), line=text, too_often=too_often, followed=refuting.followed
        )
        known = {
            "severity": weight.severity,
            "confidence": weight.confidence,
            "owner": owners.of_path(claim.path),
        }
        if is_mere_pattern(claims, refuting.followed):
            known["message"] = f"{finding.message.rstrip('.')}; {NO_WAY_FOUND}"
        found.append(finding.model_copy(update=known))
        equals[identity] += 1
    return sorted(found, key=sort_key)


def _place(cluster: _Cluster) -> tuple[str, int, int, str]:
    claim = cluster.said[0].claim
    return (claim.path, claim.line, claim.column, claim.rule)


def _clusters(said: Iterable[Said], sources: Sources) -> list[_Cluster]:
    groups: dict[tuple[str, str], list[Said]] = {}
    for one in _once(said):
        claim = one.claim
        shared = danger(claim.rule, claim.cwe, category=claim.category, words=claim.title)
        groups.setdefault((claim.path, shared), []).append(one)
    every = [cluster for group in groups.values() for cluster in _clustered(group, sources)]
    for cluster in every:
        cluster.said.sort(key=lambda one: one.claim.rule == HARD_CODED)  # stable: the telling one first
    return every


def _once(said: Iterable[Said]) -> Iterator[Said]:
    """Leave out what the same tool said before of the same line in the same words: a name that stands there twice."""
    known: set[tuple[int, str, int, str, str]] = set()
    for one in said:
        claim = one.claim
        words = (id(one.teller), claim.path, claim.line, claim.rule, claim.message)
        if claim.hops or words not in known:
            known.add(words)
            yield one


def _clustered(group: list[Said], sources: Sources) -> list[_Cluster]:
    """Part claims of one danger in one file by place."""
    if len({one.teller.name for one in group}) == 1:
        return [_Cluster([one]) for one in group]
    found: list[_Cluster] = []
    nearby = Nearby()
    for one in group:
        near = [(far, at) for at in nearby.of(one.claim) if (far := found[at].distance(one)) is not None]
        if near:
            found[min(near)[1]].said.append(one)
        else:
            found.append(_Cluster([one]))
            nearby.add(one.claim)
    return _with_neighbours(found, sources)


def _with_neighbours(clusters: list[_Cluster], sources: Sources) -> list[_Cluster]:
    """Put together what is on lines that touch, once all that is on the same lines has been."""
    found: list[_Cluster] = []
    nearby = Nearby()
    for cluster in clusters:
        claim = cluster.said[0].claim
        beside = (
            home
            for home in map(found.__getitem__, nearby.of(claim, margin=1))
            if home.is_apart(cluster.said) and _is_beside(home.said[0].claim, claim, sources)
        )
        home = next(beside, None)
        if home is None:
            found.append(cluster)
            nearby.add(claim)
        else:
            home.said.extend(cluster.said)
    return found


def _finding(
    cluster: _Cluster,
    sources: Sources,
    scope: str,
    text: str,
    *,
    occurrence: int,
    files: Mapping[str, SourceFile],
) -> FindingData:
    claim = cluster.said[0].claim
    concealed = next((one.claim.snippet for one in cluster.said if one.claim.snippet is not None), None)
    snippet = concealed if concealed is not None else sources.lines(claim.path, claim.line, claim.end_line)
    if claim.category == "secret" and concealed is None:
        snippet = redact_literals(snippet)
    return FindingData(
        rule=claim.rule,
        title=claim.title[:200],
        message=sources.clean(_proof(cluster).message),
        severity=min((one.claim.severity for one in cluster.said), key=lambda s: s.weight),
        confidence=min((one.claim.confidence for one in cluster.said), key=lambda c: c.weight),
        category=claim.category,
        path=claim.path,
        line=claim.line,
        end_line=max(claim.line, claim.end_line),
        column=claim.column,
        scope=scope,
        cwe=tuple(sorted({number for one in cluster.said for number in one.claim.cwe})),
        in_test_code=files[claim.path].in_test_code if claim.path in files else False,
        fingerprint=fingerprint(
            rule=claim.rule, path=claim.path, scope=scope, line_text=text, occurrence=occurrence
        ),
        move_fingerprint=move_fingerprint(
            rule=claim.rule, scope=scope, line_text=text, occurrence=occurrence
        ),
        line_text="" if claim.category == "secret" else line_key(sources.clean(text)),
        evidence=tuple(
            _evidence(one, sources.clean(snippet), sources)
            for one in sorted(cluster.said, key=lambda one: not one.claim.hops)
        ),
    )


def _proof(cluster: _Cluster) -> Claim:
    """The claim that shows its way; else the first one."""
    return next((one.claim for one in cluster.said if one.claim.hops), cluster.said[0].claim)


def _shown(hop: Hop, sources: Sources) -> Hop:
    """The hop with the line that it speaks of."""
    line = sources.lines(hop.path, hop.line, hop.line).strip()
    return hop.model_copy(update={"what": sources.clean(hop.what), "snippet": sources.clean(line)})


def _evidence(said: Said, snippet: str, sources: Sources) -> Evidence:
    return Evidence(
        kind="taint_path" if said.claim.hops else "tool_trace",
        hops=tuple(_shown(hop, sources) for hop in said.claim.hops),
        tool=said.teller.name,
        tool_version=said.version,
        rule=said.claim.tool_rule,
        message=sources.clean(said.claim.message),
        snippet=snippet,
        command=said.teller.reproduce(said.claim),
        url=said.claim.url,
        fingerprints=dict(said.claim.fingerprints),
    )


def _clean(text: str) -> str:
    return redact(text).replace("\0", "")
