"""Which of two versions is newer, by the rules of their ecosystem.

Owns: the order of versions, and how a package's name is written. Refuses to know advisories and files.
Invariant: two versions that cannot be compared raise `Incomparable`; nothing is guessed.

    PyPI                             PEP 440, by `packaging`
    npm, crates.io, Go, Hex, Pub     Semantic Versioning 2.0.0 (Go's pseudo-versions are of that form)
    NuGet                            the same with four numbers, without regard to case
    RubyGems                         Gem::Version
    Maven                            org.apache.maven.artifact.versioning.ComparableVersion (`maven`)
    Packagist                        Composer's normal form, compared as PHP's version_compare does
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from agents.advisories import maven

MAX_CHARACTERS = 200  # a longer version is no version
START = "0"  # OSV: before every version


class Incomparable(ValueError):
    """A version is not of its ecosystem's form, or the ecosystem's order is not known here."""


def compare(ecosystem: str, left: str, right: str) -> int:
    """Give -1, 0 or 1 as left is older than, as old as, or newer than right. Raises Incomparable."""
    rule = _RULES.get(ecosystem)
    if rule is None:
        raise Incomparable(f"the order of {ecosystem} versions is not known here")
    if max(len(left), len(right)) > MAX_CHARACTERS:
        raise Incomparable("a version of more than 200 characters")
    return rule(left.strip(), right.strip())


def same(ecosystem: str, left: str, right: str) -> bool:
    """Tell whether two spellings mean one version; without an order, whether they are spelled alike."""
    if left == right:
        return True
    try:
        return compare(ecosystem, left, right) == 0
    except Incomparable:
        return False


def package_name(ecosystem: str, name: str) -> str:
    """Write a package's name as its ecosystem compares it."""
    if ecosystem == "PyPI":
        return str(canonicalize_name(name))
    if ecosystem in ("Packagist", "NuGet"):
        return name.lower()
    return name


def _order(left: object, right: object) -> int:
    return int(left > right) - int(left < right)  # type: ignore[operator]  # both are of one ordered type


def _pep440(left: str, right: str) -> int:
    return _order(_pep440_version(left), _pep440_version(right))


@lru_cache(maxsize=4096)
def _pep440_version(text: str) -> Version:
    try:
        return Version(text)
    except (InvalidVersion, ValueError) as error:
        raise Incomparable(f"{text!r} is no version by PEP 440") from error


_SEMVER = re.compile(
    r"[v=]?(?P<core>[0-9]+(?:\.[0-9]+){0,3})(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.+-]*)?"
)
Semver = tuple[tuple[int, ...], tuple[int, tuple[tuple[int, int, str], ...]]]


def _semver(left: str, right: str) -> int:
    return _order(_semver_key(left), _semver_key(right))


def _nuget(left: str, right: str) -> int:
    return _order(_semver_key(left.lower()), _semver_key(right.lower()))


@lru_cache(maxsize=4096)
def _semver_key(text: str) -> Semver:
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise Incomparable(f"{text!r} is no semantic version")
    core = [int(part) for part in found["core"].split(".")]
    while core and core[-1] == 0:
        core.pop()
    if found["pre"] is None:
        return tuple(core), (1, ())
    parts = tuple(
        (0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part)
        for part in found["pre"].split(".")
    )
    return tuple(core), (0, parts)


_GEM = re.compile(r"\s*[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\s*")
_GEM_PART = re.compile(r"[0-9]+|[a-z]+", re.IGNORECASE)


def _gem(left: str, right: str) -> int:
    for one, other in zip_longest(_gem_parts(left), _gem_parts(right), fillvalue=0):
        if one == other:
            continue
        if isinstance(one, str) and isinstance(other, int):
            return -1
        if isinstance(one, int) and isinstance(other, str):
            return 1
        return _order(one, other)
    return 0


@lru_cache(maxsize=4096)
def _gem_parts(text: str) -> tuple[int | str, ...]:
    if not _GEM.fullmatch(text):
        raise Incomparable(f"{text!r} is no version of RubyGems")
    parts: list[int | str] = [
        int(part) if part.isdigit() else part for part in _GEM_PART.findall(text.replace("-", ".pre."))
    ]
    first = next((n for n, part in enumerate(parts) if isinstance(part, str)), len(parts))
    return (*_without_zeros(parts[:first]), *_without_zeros(parts[first:]))


def _without_zeros(parts: list[int | str]) -> list[int | str]:
    while parts and parts[-1] == 0:
        parts = parts[:-1]
    return parts


def _maven(left: str, right: str) -> int:
    if not left or not right:
        raise Incomparable("an empty version")
    return maven.compare(left, right)


_PHP = re.compile(r"v?(?P<core>[0-9]+(?:\.[0-9]+){0,3})(?P<rest>[._+-]?[0-9A-Za-z._+-]*)", re.IGNORECASE)
_PHP_PART = re.compile(r"[0-9]+|[a-z]+")
_PHP_FORMS = {
    "dev": 0, "alpha": 1, "a": 1, "beta": 2, "b": 2, "rc": 3, "#": 4, "pl": 5, "p": 5, "patch": 5,
}  # fmt: skip


def _composer(left: str, right: str) -> int:
    for one, other in zip_longest(_composer_parts(left), _composer_parts(right)):
        found = _order(_php_rank(one), _php_rank(other))
        if found:
            return found
    return 0


def _php_rank(part: str | None) -> tuple[int, int]:
    """Numbers beat the end of the version; words stand around it, unknown ones first."""
    if part is None:
        return (_PHP_FORMS["#"], 0)
    if part.isdigit():
        return (_PHP_FORMS["#"], int(part) + 1)
    return (_PHP_FORMS.get(part, -1), 0)


@lru_cache(maxsize=4096)
def _composer_parts(text: str) -> tuple[str, ...]:
    found = _PHP.fullmatch(text.partition("+")[0])
    if found is None:
        raise Incomparable(f"{text!r} is no version of Packagist")
    core = found["core"].split(".")
    core += ["0"] * (4 - len(core))
    rest = [part for part in _PHP_PART.findall(found["rest"].lower()) if part != "stable"]
    return (*core, *rest)


_RULES: dict[str, Callable[[str, str], int]] = {
    "PyPI": _pep440,
    **dict.fromkeys(("npm", "crates.io", "Go", "Hex", "Pub"), _semver),
    "NuGet": _nuget,
    "RubyGems": _gem,
    "Maven": _maven,
    "Packagist": _composer,
}
