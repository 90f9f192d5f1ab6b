"""Which claims of mere patterns are refuted: it was seen what arrives at their place, and it can do nothing.

A pattern says "this text is executed"; our engine, which follows values, says "nothing but constants, numbers and
input cleaned for it arrives there". Then the claim is not low but wrong. Refused: to refute a claim that shows a way,
and any claim of a file in which not all could be followed. Invariant: what is refuted is counted and told beside the
tool that claimed it, so that nothing vanishes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agents.inspector.analyzers.base import Claim, Harmless
from agents.inspector.dangers import danger
from agents.inspector.weighing import Followed, is_mere_pattern

ALL_SEEN = "nothing arrives there but constants, numbers and input that was made harmless for it"
NO_ENTITIES = (
    "this parser of Python's own library reads no external entities unless it is told to, and nothing in this file "
    "tells it; Expat bounds the expansion of internal ones since 2.4.1"
)
Refuted = tuple[Claim, str]  # and why it is none of the findings
_OWN_PARSERS = frozenset({"S313", "S314", "S315", "S316", "S317", "S318", "S319"})
_TELLS = re.compile(
    r"feature_external|external-(?:general|parameter)-entities|resolve_entities|load_dtd|no_network"
    r"|ExternalEntity|SetParamEntityParsing"
)
_TELLS_NOTHING = re.compile(
    r"(?m)^\s*(?:from\s+\S+\s+)?import\s.*$|\bsetFeature\(\s*[\w.\"':/-]+\s*,\s*(?:False|0)\s*,?\s*\)"
)


class Refuting:
    """What is known of a tree that refutes claims, and which ones it has refuted."""

    def __init__(
        self,
        root: Path,
        followed: Followed = MappingProxyType({}),
        harmless: Harmless = MappingProxyType({}),
    ) -> None:
        self._refuted: dict[int, Refuted] = {}
        self.followed = followed
        self._harmless = harmless
        self._told = lru_cache(maxsize=None)(lambda path: _told_parsers(root / path))

    def refutes(self, claims: Sequence[Claim]) -> bool:
        """Tell whether these claims, which mean the same, are wrong; then they are noted."""
        why = self._why(claims) if is_mere_pattern(claims, self.followed) else ""
        if why:
            self._refuted.update((id(one), (one, why)) for one in claims)
        return bool(why)

    def of(self, claims: Iterable[Claim]) -> list[Refuted]:
        """Those of a tool's own claims that were refuted, and why."""
        return [self._refuted[id(one)] for one in claims if id(one) in self._refuted]

    def _why(self, claims: Sequence[Claim]) -> str:
        seen = self._harmless.get(claims[0].path, ())
        if all(one.rule in _OWN_PARSERS for one in claims):
            return self._why_of_parser(claims[0].path, seen)
        meant = danger(claims[0].rule)
        spans = [(one.span_start or one.line, one.end_line) for one in claims]
        return ALL_SEEN if all(_is_among(span, meant, seen) for span in spans) else ""

    def _why_of_parser(self, path: str, seen: Sequence[Sequence[Any]]) -> str:
        told = self._told(path)
        if told is None or not all(_is_among((line, line), "xxe", seen) for line in told):
            return ""
        return ALL_SEEN if told else NO_ENTITIES


def _is_among(span: tuple[int, int], meant: str, seen: Sequence[Sequence[Any]]) -> bool:
    return any(what == meant and first <= span[1] and span[0] <= last for first, last, what in seen)


def _told_parsers(path: Path) -> list[int] | None:
    """The lines of a file that tell some parser to read external entities, or may; None if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return None
    text = _TELLS_NOTHING.sub(lambda found: "\n" * found[0].count("\n"), text)
    return [number for number, line in enumerate(text.split("\n"), start=1) if _TELLS.search(line)]
