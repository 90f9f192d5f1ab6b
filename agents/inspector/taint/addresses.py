"""Addresses as decorators write them (`@app.route("/<int:number>")`): what their parts let through."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents.inspector.taint import charsets, kinds

# Also converters of a program's own, whose names say what they let through.
_CONVERTED = re.compile(
    r"<(?:\w+_)?(?:int|float|uuid|date|hex|slug|any)(?:_\w+)?(?:\([^()]*\))?:(\w+)>|\{(\w+):(?:int|float|uuid)\}"
)
# Parts of an address that end at the next slash: `<name>`, `<string:name>`, `{name}`.
_SEGMENT = re.compile(r"<(?:str(?:ing)?(?:\([^()]*\))?:)?(\w+)>|\{(\w+)(?::str)?\}")
_NAMED = re.compile(r"<(?:[^<>]*:)?(\w+)>|\{(\w+)(?::[^{}]*)?\}")  # any part, whatever it lets through
_BY_PATTERN = re.compile(r"<re(?:gexp?)?\((?P<mark>[\"'])(?P<pattern>.+?)(?P=mark)\):(?P<name>\w+)>")
_OF_ITS_OWN = re.compile(r"<(?!(?:str(?:ing)?|path|default|re(?:gexp?)?)\b)\w+(?:\([^()]*\))?:(\w+)>")


class Addresses:
    """The addresses that lead to one function."""

    def __init__(self, written: list[str]) -> None:
        self._written = written
        every = [(_names(_NAMED, one), _names(_CONVERTED, one)) for one in written]
        as_they_come = {name for names, converted in every for name in names - converted}
        # Numbers and the like, whichever address leads there.
        self.converted = {name for _, converted in every for name in converted} - as_they_come

    def marks(self, name: str) -> tuple[int, bool]:
        """What is known of a part whichever address leads there, and whether a converter of their own looks at it."""
        is_segment = self._is_in_all(name, (_names(_SEGMENT, one) for one in self._written))
        found = kinds.SEGMENT | kinds.STRIPPED if is_segment else 0
        patterns = [_patterns(one).get(name) for one in self._written]
        if patterns and None not in patterns:
            cleaned = kinds.EVERYTHING
            for one in patterns:
                cleaned &= charsets.excluded(one or "", "fullmatch")
            found |= cleaned
        return found, self._is_in_all(name, (_names(_OF_ITS_OWN, one) for one in self._written))

    def _is_in_all(self, name: str, names: Iterable[set[str]]) -> bool:
        return bool(self._written) and all(name in one for one in names)


def _names(pattern: re.Pattern[str], address: str) -> set[str]:
    return {name for match in pattern.finditer(address) for name in match.groups() if name}


def _patterns(address: str) -> dict[str, str]:
    return {found["name"]: found["pattern"] for found in _BY_PATTERN.finditer(address)}
