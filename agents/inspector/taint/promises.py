"""What a function's name promises of what it is given, where nothing shows whether it keeps its word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from agents.inspector.taint import guards, kinds
from agents.inspector.taint.structures import Arguments
from agents.inspector.taint.values import NO_FACTS, WEAKEN, Facts, OrNone, all_facts, deep_taints

_REDIRECT = kinds.mask("redirect")
_OF_NUMBERS = re.compile(
    r"^is_(?:valid_)?(?:uuid|guid|integer|int|number|date|mac)[1-8]?$|^(?:uuid|int)_is_valid$"
)
_WORDS = (
    "is_safe",
    "is_valid",
    "validate",
    "is_allowed",
    "allowed",
    "check",
    "verify",
    "sanitize",
    "is_local",
    "safe",
    "allow",
    "permit",
    "is_trusted",
    "assert_",
    "ensure_",
    "reject_",
    "refuse_",
    "forbid_",
    "raise_not",
    "raise_if",
    "raise_unless",
)


def by_word(name: str, given: Arguments) -> guards.Both | None:
    """A function whose name promises a check that we cannot see: believed a little."""
    lowered = name.lower().lstrip("_")
    if not (lowered.startswith(_WORDS) or lowered.endswith(_WORDS) or _OF_NUMBERS.search(lowered)):
        return None
    facts: Facts = NO_FACTS
    for one in given.every():
        facts = all_facts(facts, guards.about(deep_taints(one), WEAKEN))
    if _OF_NUMBERS.search(lowered) and given.positional:  # `is_valid_uuid(text)`: no text but such
        return all_facts(facts, guards.about(deep_taints(given.positional[0]), kinds.INJECTIONS)), facts
    return (facts, facts) if facts else None


# By what something stored is found: `get_page_by_id(number)`, `find_by_name_and_owner(name, owner)`.
_FINDS_BY = re.compile(
    r"^_*(?:get|find|fetch|load|look_?up|select|retrieve)_(?:\w+_)?by_\w*?(?:id|pk|uuid|guid|slug|name|key|email)s?$"
)
FOUND = WEAKEN | kinds.mask("log header")  # what something is stored under has no line ends


def by_finding(name: str, given: Arguments) -> OrNone | None:
    """A function whose name says by what it finds something; that it found anything tells of what it was given."""
    if _FINDS_BY.search(name.lower()) is None:
        return None
    first = [*given.positional[:1], *([] if given.positional else list(given.keywords.values())[:1])]
    asked = guards.about(tuple(taint for one in first for taint in deep_taints(one)), FOUND)
    return OrNone((asked, NO_FACTS)) if asked else None


_PROMISES_HOST = re.compile(
    r"^_*(?:is_|url_)?(?:safe|valid|allowed|local|trusted|has_allowed)_?\w*(?:url|uri|redirect|host|next|target|link)"
    r"|^_*url_(?:is_safe|is_allowed|has_allowed)"
)
_HOSTS = frozenset({"netloc", "hostname"})


def by_host(name: str, body: Iterable[ast.stmt], given: Arguments) -> Facts:
    """What holds if a function of the tree says yes whose name promises safe addresses and which looks at hosts."""
    if not _PROMISES_HOST.search(name.lower()):
        return NO_FACTS
    if not any(
        isinstance(one, ast.Attribute) and one.attr in _HOSTS for part in body for one in ast.walk(part)
    ):
        return NO_FACTS
    facts: Facts = NO_FACTS
    for one in given.every():
        facts = all_facts(facts, guards.about_begin(deep_taints(one), _REDIRECT))
    return facts
