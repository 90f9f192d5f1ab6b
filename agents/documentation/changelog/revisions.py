"""Which two revisions a goal speaks of: "changelog since v1.2", "what changed between v1.1 and v1.2"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"[`'\"]?(?P<{0}>\w[\w./+@#-]*)[`'\"]?"
_BETWEEN = re.compile(
    rf"\b(?:between|from)\s+(?:version\s+|release\s+|tag\s+)?{_NAME.format('a')}\s+(?:and|to|until|till|up to)\s+"
    rf"(?:version\s+|release\s+|tag\s+)?{_NAME.format('b')}",
    re.IGNORECASE,
)
_DOTS = re.compile(r"(?<![\w./])(?P<a>\w[\w/+@#-]*(?:\.[\w/+@#-]+)*)\.{2,3}(?P<b>\w[\w./+@#-]*)")
_SINCE = re.compile(
    rf"\b(?:since|after)\s+(?:the\s+)?(?:version\s+|release\s+|tag\s+|commit\s+)?{_NAME.format('a')}",
    re.IGNORECASE,
)
_WORDS = frozenset(  # no names of revisions: the last release is meant, or nothing that could be one
    ("last", "latest", "previous", "release", "version", "tag", "then", "we", "i", "it", "our", "this", "that", "my",
     "a", "an", "the", "beginning", "start", "head", "now")
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Names of revisions as people write them; "" for what was not said."""

    since: str = ""
    until: str = ""


def wish_of(goal: str) -> Wish:
    """Read a goal."""
    for pattern in (_BETWEEN, _DOTS):
        if found := pattern.search(goal):
            since, until = _name(found["a"]), _name(found["b"])
            if since:
                return Wish(since=since, until=until)
    found = _SINCE.search(goal)
    return Wish(since=_name(found["a"]) if found else "")


def spellings(name: str) -> tuple[str, ...]:
    """How a tag of that version may be called: people say 1.2 of v1.2."""
    if not name:
        return ()
    others = (name[1:],) if name[:1] in "vV" and name[1:2].isdigit() else ()
    return (name, *others, *((f"v{name}",) if name[:1].isdigit() else ()))


def _name(text: str) -> str:
    name = text.rstrip(".,;:!?")
    return "" if name.lower() in _WORDS or ".." in name else name
