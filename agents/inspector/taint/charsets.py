"""Which dangers a regular expression rules out: by the characters that a full match cannot contain."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

from agents.inspector.taint import kinds, letters

try:  # the same module under its old and its new name
    from re import _parser as _sre  # type: ignore[attr-defined]  # private, but the only parser of patterns there is
except ImportError:
    import sre_parse as _sre

# What an attack of a kind cannot do without.
_NEEDED: dict[str, str] = {
    "sql": "'\"`\\;()= \t\n",
    "command": ";|&$`<>(){}[]'\"\\ \t\n*?!~",
    "path": "/\\",
    "xss": "<>\"'&",
    "redirect": "/\\:",
    "xpath": "'\"[]()/|=",
    "ldap": "*()\\&|=",
    "code": "([{.;=\"'",
    "template": "{$<",
    "ssrf": "/:@.",
    "header": "\r\n",
    "log": "\r\n",
    "regex": "*+({",
}
_MARKUP = {"xxe": "<", "deserialisation": "({.\n!"}
_LAST = 126
_SAMPLE = [chr(code) for code in range(9, _LAST + 1)]
_FOREIGN = "\xaa"  # stands for every letter beyond: in a name of Python it is read as an "a"
_END = {"AT_END", "AT_END_STRING"}
_BEGIN = {"AT_BEGINNING", "AT_BEGINNING_STRING"}


@lru_cache(maxsize=256)
def hidden(taken: str) -> int:
    """The kinds that a text without these letters may be harmless for only because they were taken out."""
    clear = sum(kinds.KINDS[name].bit for name, danger in _NEEDED.items() if set(taken).isdisjoint(danger))
    return -1 & ~clear


def _ruled_out(possible: set[str]) -> int:
    """The kinds that a text of these letters cannot be dangerous for."""
    needed = {**_NEEDED, **_MARKUP}
    found = sum(kinds.KINDS[name].bit for name, danger in needed.items() if possible.isdisjoint(danger))
    if not any(letter.isalpha() or letter == "_" for letter in possible):
        found |= kinds.KINDS["code"].bit  # without a name nothing is called
    return found


@lru_cache(maxsize=1024)
def excluded(pattern: str, how: str) -> int:
    """The kinds that a value which matched cannot be dangerous for; 0 if it may contain anything."""
    if len(pattern) > 500:
        return 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed: Any = _sre.parse(pattern)
    except (re.error, RecursionError, OverflowError, ValueError):
        return 0
    if parsed.state.flags & (re.MULTILINE | re.DOTALL) and how != "fullmatch":
        return 0
    if not _anchored(list(parsed), how):
        return 0
    possible: set[str] = set()
    if not _letters(parsed, possible):
        return 0
    return _ruled_out(possible)


@lru_cache(maxsize=1024)
def of_group(pattern: str, group: int | str) -> int:
    """The kinds that what a group caught cannot be dangerous for, whatever stands before and behind it."""
    try:
        parsed: Any = _sre.parse(pattern) if len(pattern) <= 500 else []
    except (re.error, RecursionError, OverflowError, ValueError):
        return 0
    number = parsed.state.groupdict.get(group) if parsed and isinstance(group, str) else group
    possible: set[str] = set()
    caught = _subpattern(parsed, number)
    if caught is None or not _letters(caught, possible):
        return 0
    return _ruled_out(possible)


def groups(pattern: str) -> int:
    """How many groups it has; 0 if it is no pattern."""
    try:
        return int(_sre.parse(pattern).state.groups) - 1 if len(pattern) <= 500 else 0
    except (re.error, RecursionError, OverflowError, ValueError):
        return 0


def _subpattern(parts: Any, number: object) -> Any:
    for code, argument in parts:
        name = str(code)
        inner = []
        if name == "SUBPATTERN":
            if argument[0] == number:
                return argument[3]
            inner = [argument[3]]
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            inner = [argument[2]]
        elif name == "BRANCH":
            inner = argument[1]
        elif name == "ATOMIC_GROUP":
            inner = [argument]
        for one in inner:
            found = _subpattern(one, number)
            if found is not None:
                return found
    return None


@lru_cache(maxsize=1024)
def refused(pattern: str) -> int:
    """What is known of a text in which the pattern, one character of a class, is nowhere found: letters and kinds."""
    try:
        parsed: list[Any] = list(_sre.parse(pattern)) if len(pattern) <= 500 else []
    except (re.error, RecursionError, OverflowError, ValueError):
        return 0
    if len(parsed) != 1:
        return 0
    code, argument = parsed[0]
    if str(code) in ("MAX_REPEAT", "MIN_REPEAT") and argument[0] == 1 and len(argument[2]) == 1:
        code, argument = argument[2][0]
    inside: set[str] = set()
    if str(code) not in ("LITERAL", "IN") or not _letters([(code, argument)], inside):
        return 0
    if str(code) == "IN" and any(str(one) == "NEGATE" for one, _ in argument):
        return _ruled_out(set(_SAMPLE) - inside)
    return letters.absent("".join(sorted(inside)))


def _anchored(parts: list[Any], how: str) -> bool:
    if how == "fullmatch":
        return True
    ends = bool(parts) and str(parts[-1][0]) == "AT" and str(parts[-1][1]) in _END
    begins = bool(parts) and str(parts[0][0]) == "AT" and str(parts[0][1]) in _BEGIN
    return ends and (how == "match" or begins)


def _letters(parts: Any, found: set[str]) -> bool:
    """Gather the letters that may occur; False if any may."""
    for code, argument in parts:
        name = str(code)
        if name == "LITERAL":
            found.add(chr(argument))
        elif name == "IN":
            if not _class(argument, found):
                return False
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            if not _letters(argument[2], found):
                return False
        elif name == "SUBPATTERN":
            if not _letters(argument[3], found):
                return False
        elif name == "BRANCH":
            if not all(_letters(one, found) for one in argument[1]):
                return False
        elif name == "ATOMIC_GROUP":
            if not _letters(argument, found):
                return False
        elif name not in ("AT", "ASSERT", "ASSERT_NOT", "GROUPREF"):
            return False
    return True


def _class(members: Any, found: set[str]) -> bool:
    negated = any(str(code) == "NEGATE" for code, _ in members)
    inside: set[str] = set()
    for code, argument in members:
        name = str(code)
        if name == "LITERAL":
            inside.add(chr(argument))
        elif name == "RANGE":
            inside.update(letter for letter in _SAMPLE if argument[0] <= ord(letter) <= argument[1])
            inside.update(_FOREIGN if argument[1] > _LAST else "")
        elif name == "CATEGORY":
            category = str(argument)
            if category.startswith("CATEGORY_NOT"):
                inside.update(
                    letter for letter in _SAMPLE if not _in_category(letter, category.replace("NOT_", ""))
                )
            else:
                inside.update(letter for letter in _SAMPLE if _in_category(letter, category))
    found.update((set(_SAMPLE) - inside) | set(_FOREIGN) if negated else inside)
    return True


def _in_category(letter: str, category: str) -> bool:
    if "DIGIT" in category:
        return letter.isdigit()
    if "SPACE" in category:
        return letter.isspace()
    return letter.isalnum() or letter == "_"
