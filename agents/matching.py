"""Which new claims are old ones whose file moved or whose line was edited.

    primary (agents.tracking) ─> move: the same but for the path, as many on each side; of several the likest paths
                              ─> fuzzy: same rule, path and scope, lines at least .8 alike, best pair first ─> new

Owns: the passes. Pure: refuses to know where the old ones come from. Who calls it gives only old claims that a look
at their place did not see again, so that a copy takes nothing from what is still there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from agents.findings import FindingData

ALIKE = 0.8
MAX_TWINS = 20  # claims that only their paths tell apart; of more, nobody knows which went where
MAX_PATH = 200  # characters of a path's end that are compared
MAX_PAIRS = 5_000  # lines compared in one call, 0.1 to 0.5 ms each; what is beyond counts as new


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is needed of a claim to know it again; `name` is its fingerprint."""

    name: str
    rule: str
    path: str
    scope: str
    move: str
    line_text: str


def known_of(finding: FindingData) -> Known:
    """Give what is needed of a finding to know it again."""
    return Known(
        name=finding.fingerprint, rule=finding.rule, path=finding.path, scope=finding.scope,
        move=finding.move_fingerprint, line_text=finding.line_text,
    )  # fmt: skip


def match(
    new: Iterable[Known], old: Iterable[Known], *, moves: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give for new claims the old one that each is: new name -> old name. Each old one is given once.

    `moves`: new path -> old path of files that git says were renamed; they need no unique pair.
    """
    fresh, gone = list(new), list(old)
    passes = (lambda new, old: _renamed(new, old, moves or {}), _moved, _edited)
    found: dict[str, str] = {}
    for one_pass in passes:
        taken = set(found.values())
        found |= one_pass(
            [one for one in fresh if one.name not in found], [one for one in gone if one.name not in taken]
        )
    return found


def _renamed(new: list[Known], old: list[Known], moves: Mapping[str, str]) -> dict[str, str]:
    there = {(one.move, one.path): one.name for one in old if one.move}
    found: dict[str, str] = {}
    for one in new:
        if one.path in moves:
            name = there.pop((one.move, moves[one.path]), None)
            if name is not None:
                found[one.name] = name
    return found


def _moved(new: list[Known], old: list[Known]) -> dict[str, str]:
    fresh, gone = _by_move(new), _by_move(old)
    found: dict[str, str] = {}
    for move, claims in fresh.items():
        then = gone.get(move, [])
        if len(claims) == len(then) <= MAX_TWINS:
            found |= _by_path(claims, then)
    return found


def _by_path(new: list[Known], old: list[Known]) -> dict[str, str]:
    """Pair equally many claims that differ by their paths alone: those with the likest paths first."""
    if len(new) == 1:
        return {new[0].name: old[0].name}
    alike = sorted(
        ((_likeness(one.path, other.path), one.name, other.name) for one in new for other in old),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, fresh, gone in alike:
        if fresh not in found and gone not in taken:
            found[fresh] = gone
            taken.add(gone)
    return found


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(a=one[-MAX_PATH:], b=other[-MAX_PATH:], autojunk=False).ratio()


def _by_move(claims: Iterable[Known]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = defaultdict(list)
    for one in claims:
        if one.move:
            found[one.move].append(one)
    return found


def _edited(new: list[Known], old: list[Known]) -> dict[str, str]:
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, fresh, gone in sorted(_alike(new, old), key=lambda pair: (-pair[0], pair[1], pair[2])):
        if fresh not in found and gone not in taken:
            found[fresh] = gone
            taken.add(gone)
    return found


def _alike(new: list[Known], old: list[Known]) -> Iterator[tuple[float, str, str]]:
    places: dict[tuple[str, str, str], list[Known]] = defaultdict(list)
    for one in old:
        if one.line_text:
            places[one.rule, one.path, one.scope].append(one)
    room = MAX_PAIRS
    for one in new:
        if not one.line_text:
            continue
        matcher = SequenceMatcher(b=one.line_text, autojunk=False)
        for other in places.get((one.rule, one.path, one.scope), ()):
            room -= 1
            if room < 0:
                return
            matcher.set_seq1(other.line_text)
            if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE:
                ratio = matcher.ratio()
                if ratio >= ALIKE:
                    yield ratio, one.name, other.name
