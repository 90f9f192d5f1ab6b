"""A goal in pieces that each say yes or each say no.

Negation reaches from its word to the end of the clause, or to a word that turns back ("but", "and find ...").
A clause that only lists things goes on with the polarity of the one before ("everything except x, y and z").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.superagent import cues
from agents.superagent.mentions import mentions
from agents.superagent.words import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a goal. `prohibition`: denied by "do not" and its like, rather than left out of something."""

    text: str
    negative: bool
    prohibition: bool = False


def pieces(text: str) -> Iterator[Piece]:
    """Split a normalised goal."""
    negative = False
    for clause in _clauses(text):
        for piece in _pieces_of(clause, inherited=negative):
            negative = piece.negative
            if piece.text.strip():
                yield piece


def _clauses(text: str) -> Iterator[str]:
    text = cues.ONLY_INSTEAD.sub("only", cues.HARMLESS.sub(" ", text))
    for sentence in cues.CLAUSES.split(text):
        for clause in cues.ORDERS.split(sentence):
            if clause.strip():
                yield " ".join(clause.split())


def _pieces_of(clause: str, *, inherited: bool) -> Iterator[Piece]:
    if cues.BEHIND.search(clause) or cues.LEAVE_OUT.search(clause):
        yield Piece(text=clause, negative=True)
        return
    start = search = 0
    negative, prohibition = inherited and _only_lists(clause), False
    while (turn := _next_turn(clause, search, negative)) is not None:
        yield Piece(text=clause[start : turn.start()], negative=negative, prohibition=prohibition)
        negative = not negative
        prohibition = negative and turn.group() in cues.PROHIBITIONS
        start, search = turn.end() if negative else turn.start(), turn.end()
    yield Piece(text=clause[start:], negative=negative, prohibition=prohibition)


def _next_turn(clause: str, position: int, negative: bool) -> re.Match[str] | None:
    if negative:
        return cues.TURNING_BACK.search(clause, position)
    denials = cues.NEGATIVE.finditer(clause, position)
    return next((found for found in denials if not _is_neutral(clause, found)), None)


def _is_neutral(clause: str, found: re.Match[str]) -> bool:
    """True where "not" and "no" deny no wish: "make sure that no password is in there"."""
    if found.group() not in cues.DENIALS:
        return False
    before, after = clause[: found.start()], clause[found.end() :]
    if cues.WANT.match(after) and cues.UNWANTED_STATE.search(after):
        return True
    if cues.THERE_IS.search(before) and cues.NEED.match(after):
        return False
    return bool(cues.VERIFYING.search(before + found.group())) and not cues.STILL_NEGATIVE.match(after)


def _only_lists(clause: str) -> bool:
    """True for "x and the y": topics with nothing but joints between them."""
    rest = clause
    for mention in mentions(clause):
        rest = rest.replace(mention.phrase, " ")
    return all(word in cues.JOINTS for word in words(rest))
