"""Which licence a text is, and what a policy says of one.

A licence's text is known by phrases that it alone has, compared without case, punctuation and line ends; the most
special first (the AGPL quotes the GPL). Expressions are SPDX's, read by `license_expression`.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from license_expression import ExpressionError, Licensing, get_spdx_licensing

from agents.dependencies.component import clean, table

MAX_BYTES = 512 << 10
UNKNOWN = "unknown"
_FILE = re.compile(r"(?:licen[sc]e|copying|unlicense)(?:[.-].*)?", re.IGNORECASE)

# SPDX id, phrases that must all stand in the text, phrases that must not. The first that fits wins.
_TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license version 3",), ()),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3",), ()),
    ("LGPL-2.1-only", ("gnu lesser general public license version 2 1",), ()),
    ("LGPL-2.0-only", ("gnu library general public license version 2",), ()),
    ("GPL-3.0-only", ("gnu general public license version 3",), ()),
    ("GPL-2.0-only", ("gnu general public license version 2",), ()),
    ("Apache-2.0", ("apache license version 2 0",), ()),
    ("MPL-2.0", ("mozilla public license version 2 0",), ()),
    ("EPL-2.0", ("eclipse public license v 2 0",), ()),
    ("EPL-1.0", ("eclipse public license v 1 0",), ()),
    ("EUPL-1.2", ("european union public licence v 1 2",), ()),
    ("BSL-1.0", ("boost software license version 1 0",), ()),
    ("BUSL-1.1", ("business source license 1 1",), ()),
    ("Elastic-2.0", ("elastic license 2 0",), ()),
    ("SSPL-1.0", ("server side public license version 1",), ()),
    ("CC0-1.0", ("cc0 1 0 universal",), ()),
    ("CC-BY-SA-4.0", ("attribution sharealike 4 0 international",), ()),
    ("CC-BY-4.0", ("attribution 4 0 international",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("PSF-2.0", ("python software foundation license version 2",), ()),
    ("Artistic-2.0", ("the artistic license 2 0",), ()),
    ("WTFPL", ("do what the fuck you want to public license",), ()),
    ("Zlib", ("this software is provided as is without any express or implied warranty in no event",
              "altered source versions must be plainly marked"), ()),
    ("ISC", ("permission to use copy modify and or distribute this software for any purpose",
             "provided that the above copyright notice and this permission notice appear in all copies"), ()),
    ("0BSD", ("permission to use copy modify and or distribute this software for any purpose",), ()),
    ("MIT", ("permission is hereby granted free of charge to any person obtaining a copy",
             "the software is provided as is"), ()),
    ("BSD-4-Clause", ("redistribution and use in source and binary forms",
                      "all advertising materials mentioning"), ()),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "endorse or promote products"), ()),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",), ("endorse or promote",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A licence and where it was read. `expression` is SPDX, or `unknown` for a text that is not recognised."""

    expression: str
    path: str
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which licences may be depended on. With `allow`, only those; `deny` wins. Both hold SPDX ids.

    An id without -only or -or-later, as `GPL-3.0`, means both; one that is allowed as -only may be had as -or-later,
    too, for the user chooses. `GPL-2.0-only WITH Classpath-exception-2.0` goes before what is said of `GPL-2.0-only`.
    """

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not self.allow and not self.deny

    def objection(self, licence: str) -> str:
        """Say why a licence is not accepted, or "". Of `A OR B` one accepted part is enough, wherever it stands."""
        if self.is_empty:
            return ""
        if not licence or licence == UNKNOWN:
            return "its licence is not known" if self.allow else ""
        tree = _parsed(licence, strict=False)
        return self._object_to(licence) if tree is None else self._object_to_tree(tree)

    def _object_to_tree(self, tree) -> str:  # type: ignore[no-untyped-def]  # the library has no types
        kind = type(tree).__name__
        if kind in ("OR", "AND"):
            objections = [self._object_to_tree(one) for one in tree.args]
            accepted = kind == "OR" and "" in objections
            return "" if accepted else next((one for one in objections if one), "")
        if kind == "LicenseWithExceptionSymbol":
            return self._object_to(str(tree), str(tree.license_symbol.key))
        return self._object_to(str(tree.key))

    def _object_to(self, *names: str) -> str:
        """Judge one licence by its names, the most special first; the first that a list has decides."""
        for name in names:
            if {_folded(name), _bare(name)} & _entries(self.deny):
                return f"{name} is denied"
            if self._allows(name):
                return ""
        return f"{names[0]} is not among the allowed" if self.allow else ""

    def _allows(self, name: str) -> bool:
        known = {_folded(name), _bare(name)}
        if _folded(name).endswith("-or-later"):
            known.add(f"{_bare(name)}-only")
        return bool(known & _entries(self.allow))


def fault_of_name(name: str) -> str:
    """Say why a name cannot stand in a policy, or "". One that no licence has would never be met."""
    if name.startswith("LicenseRef-") or _parsed(name) is not None:
        return ""
    names = {one.lower(): one for one in _licensing().known_symbols}
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.75)
    return "is no SPDX id" + (f"; did you mean {names[close[0]]!r}?" if close else "; see spdx.org/licenses")


@cache  # a policy is asked for each package
def _entries(names: frozenset[str]) -> set[str]:
    """Give the names of a list as they are compared; those that the library knows by another name have both."""
    found = {_folded(one) for one in names}
    for one in names:
        tree = _parsed(one)
        other = _folded(str(tree)) if tree is not None else ""
        if other and _bare(other) != _folded(one):  # GPL-3.0, which it takes for GPL-3.0-only, means both
            found.add(other)
    return found


def _folded(name: str) -> str:
    folded = name.lower()
    return f"{folded[:-1]}-or-later" if folded.endswith("+") else folded


def _bare(name: str) -> str:
    return _folded(name).removesuffix("-only").removesuffix("-or-later")


def classify(text: str) -> str:
    """Name the licence of a text by its SPDX id, or "unknown"."""
    words = " ".join(re.findall(r"[a-z0-9]+", text.lower()))
    for name, needed, forbidden in _TEXTS:
        if all(one in words for one in needed) and not any(one in words for one in forbidden):
            return name
    return UNKNOWN


def expression_of(text: str) -> str:
    """Write an SPDX expression as SPDX does; "" if it is none."""
    tree = _parsed(text)
    if tree is None:
        return ""
    return text.strip() if "LicenseRef-" in text else str(tree)  # it has names of its own for those


def of_repository(tree: Path) -> list[Told]:
    """Read the repository's own licences: files of the root by text, and what pyproject.toml declares."""
    found = []
    for name in sorted(os.listdir(tree)):
        if _FILE.fullmatch(name) and (text := _text(tree / name)):
            found.append(Told(expression=classify(text), path=name))
    return found + _declared(tree)


def _declared(tree: Path) -> list[Told]:
    text = _text(tree / "pyproject.toml")
    try:
        project = table(tomllib.loads(text).get("project")) if text else {}
    except (ValueError, RecursionError):
        return []  # the reading of dependencies tells of it
    licence = project.get("license")
    name = clean(licence if isinstance(licence, str) else table(licence).get("text"))
    if not name or not expression_of(name):
        return []
    line = next((n for n, one in enumerate(text.split("\n"), 1) if one.lstrip().startswith("license")), 1)
    return [Told(expression=expression_of(name), path="pyproject.toml", line=line)]


def _text(path: Path) -> str:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
            return ""
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()


def _parsed(text: str, *, strict: bool = True):  # type: ignore[no-untyped-def]  # the library has no types
    """Read an expression, or None. Unless `strict`, names that SPDX does not have may stand in it."""
    if len(text) > 300 or text.count("(") > 20:
        return None
    try:
        return _licensing().parse(text, validate=strict)
    except (ExpressionError, RecursionError, ValueError, TypeError):
        return None
