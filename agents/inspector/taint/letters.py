"""Letters that are known not to occur in a text, and what their absence rules out.

A filter by hand removes letters one by one, a check refuses them one by one. Each letter of interest is a bit, borne
by taints and by facts like the kinds; once all letters that a kind's attack cannot do without are absent, the kind is
clean.
"""

from __future__ import annotations

from agents.inspector.taint import kinds

_LETTERS = "<>\"'&;|`$()*\\/:{}\n\r"
_FIRST = 64  # below are the kinds and the other marks
BIT = {letter: 1 << (_FIRST + number) for number, letter in enumerate(_LETTERS)}
BEGINS_WITH_SLASH = 1 << (_FIRST + len(_LETTERS))
BEGINS_WITH_ONE = 1 << (_FIRST + len(_LETTERS) + 1)  # neither `//host` nor `/\\host`
NO_PARENT = 1 << (_FIRST + len(_LETTERS) + 2)  # `..` does not occur
ALL = (1 << (_FIRST + len(_LETTERS) + 3)) - (1 << _FIRST)

# The letters without which an attack of the kind does not work.
_ENOUGH: tuple[tuple[int, int], ...] = (
    *(
        (sum(BIT[letter] for letter in needed), kinds.mask(name))
        for name, needed in (
            ("xss", "<>"),
            ("ldap", "*()"),
            ("path", "/"),
            ("command", ";|&$`\n"),
            ("template", "{"),
            ("redirect", "/\\:"),
            ("xxe", "<"),
            ("log header", "\n"),
            ("log header", "\r"),
        )
    ),
    (BEGINS_WITH_SLASH | BEGINS_WITH_ONE, kinds.mask("redirect")),
)


def absent(text: str) -> int:
    """The marks that none of these letters occurs, and what follows from it."""
    found = NO_PARENT if text == ".." else 0
    for letter in text if not found else "":
        found |= BIT.get(letter, 0)
    return closed(found)


def marks(text: str) -> int:
    """The marks of these letters alone."""
    found = 0
    for letter in text:
        found |= BIT.get(letter, 0)
    return found


def closed(bits: int) -> int:
    """The bits with the kinds that they rule out together."""
    if not bits & ALL:
        return bits
    for needed, clean in _ENOUGH:
        if bits & needed == needed:
            bits |= clean
    return bits
