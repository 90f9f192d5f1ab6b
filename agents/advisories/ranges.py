"""Whether a version lies in what an advisory calls affected.

Method: the evaluation algorithm of the OSV schema (https://ossf.github.io/osv-schema/#evaluation): the version is
listed, or it lies in a range. A range of git commits says nothing about a version and is passed over; where there is
nothing else, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

from agents.advisories.versions import START, Incomparable, compare, same

KINDS = ("introduced", "fixed", "last_affected", "limit")
Event = tuple[str, str]  # (one of KINDS, version)
Range = Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Why a version is affected: the range in words, and the version that mends it ("" if none is known)."""

    matched: str
    fixed: str


def judge(ecosystem: str, version: str, ranges: Sequence[Range], listed: Sequence[str]) -> Hit | None:
    """Find whether a version is affected. Raises Incomparable if that cannot be told."""
    doubt: Incomparable | None = None
    if not ranges and not listed:
        doubt = Incomparable("it names no version, but commits or nothing")
    for events in ranges:
        try:
            if _lies_in(ecosystem, version, events):
                return Hit(matched=in_words(events), fixed=_mended_by(ecosystem, version, events))
        except Incomparable as error:
            doubt = error
    if version in listed or any(same(ecosystem, version, one) for one in listed):
        return Hit(matched=f"version {version} is listed", fixed="")
    if doubt is not None and not listed:
        raise doubt
    return None


def _lies_in(ecosystem: str, version: str, events: Range) -> bool:
    limits = [bound for kind, bound in events if kind == "limit" and bound != "*"]
    if limits and not any(compare(ecosystem, version, bound) < 0 for bound in limits):
        return False
    affected = False
    for kind, bound in _sorted(ecosystem, events):
        order = 1 if bound == START and kind == "introduced" else compare(ecosystem, version, bound)
        if kind == "introduced" and order >= 0:
            affected = True
        elif (kind == "fixed" and order >= 0) or (kind == "last_affected" and order > 0):
            affected = False
    return affected


def _sorted(ecosystem: str, events: Range) -> list[Event]:
    def by_version(left: Event, right: Event) -> int:
        if START in (left[1], right[1]):
            return (left[1] != START) - (right[1] != START)
        return compare(ecosystem, left[1], right[1])

    return sorted((event for event in events if event[0] != "limit"), key=cmp_to_key(by_version))


def _mended_by(ecosystem: str, version: str, events: Range) -> str:
    """Give the nearest fixed version above this one."""
    for kind, bound in _sorted(ecosystem, events):
        if kind == "fixed" and compare(ecosystem, bound, version) > 0:
            return bound
    return ""


_SIGNS: Mapping[str, str] = {"introduced": ">=", "fixed": "<", "last_affected": "<=", "limit": "<"}


def in_words(events: Range) -> str:
    """Tell a range: `>=4.2, <4.2.16`."""
    told = [f"{_SIGNS[kind]}{bound}" for kind, bound in events if (kind, bound) != ("introduced", START)]
    return ", ".join(told[:12]) or "all versions"
