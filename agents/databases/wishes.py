"""Does a goal speak of a live database, and of which? By rules, as goals are read; no LLM.

    "draw the ER diagram of the live database shop"   the live one, named shop
    "data model of our database"                      a database: the project's only one
    "draw the data model"                             no database: the source

A name is what is quoted beside the word, what follows "database", or a stored name beside it. `is_certain`: the goal
leaves no doubt that a live database is meant; else the source may be drawn in its place, if none is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from agents.databases.stored import HOW_TO_STORE, unknown

_NOUN = r"(?:databases?|db|postgres(?:ql)?(?:\s+(?:database|db))?)(?!\.\w)"
_WORD = re.compile(rf"\b{_NOUN}\b", re.I)
_OF_CODE = (  # "the database models" are code
    r"(?!['’]?s?[\s-]+(?:models?|layers?|code|modules?|packages?|class(?:es)?|migrations?|quer(?:y|ies)|drivers?|settings"
    r"|access|urls?|functions?)\b)"
)
_DETERMINED = (
    r"(?:(?:the|our|my|your|its|this|that|an?|one|live|running|real|actual|production|prod|staging|test)\s+)*"
)
_LIVE = re.compile(
    rf"\b(?:live|running|real|actual|deployed|production|prod|staging)\s+(?:[\w-]+\s+)?{_NOUN}\b{_OF_CODE}",
    re.I,
)
_OF = re.compile(
    rf"\b(?:of|from|in|for|on|what|document|draw|describe|read|show|map)\s+{_DETERMINED}(?:[\"'`“]?[\w-]+[\"'`”]?\s+)?"
    rf"{_NOUN}\b{_OF_CODE}",
    re.I,
)
_QUOTED = re.compile(
    rf"\b{_NOUN}\s+(?:is\s+|named\s+|called\s+)?[\"'`“]([\w-]{{1,60}})[\"'`”]"
    rf"|[\"'`“]([\w-]{{1,60}})[\"'`”]\s+(?:live\s+)?{_NOUN}\b",
    re.I,
)
_NAMED = re.compile(rf"\b{_NOUN}\s+(?:(?:named|called)\s+)?([A-Za-z0-9_][\w-]{{0,59}})\b", re.I)
_NAME = r"[\"'`“]?[A-Za-z0-9_][\w$-]{0,62}[\"'`”]?"
_SCHEMAS = re.compile(
    rf"\bschem(?:as?|ata)\s+(?:named\s+|called\s+)?({_NAME}(?:(?:\s*,\s*|\s+and\s+){_NAME})*)", re.I
)
_NO_NAME = re.compile(  # words that follow "database" and name none
    r"a|about|after|an|and|are|as|at|based|before|behind|but|by|can|diagram|diagrams|do|does|"
    r"document|documentation|draw|drawing|overview|design|changes|history|for|from|give|has|have|how|if|in|into|is|it|its|itself|"
    r"live|looks|make|me|model|must|not|now|of|on|only|or|picture|please|schema|schemas|"
    r"server|shall|she|should|show|so|structure|table|tables|that|the|their|them|then|there|"
    r"they|this|to|today|too|us|using|via|view|views|was|we|what|when|where|which|while|will|"
    r"with|without|you",
    re.I,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A goal that speaks of a live database. `name`: which, "" if it does not say. `schemas`: of it, none: all."""

    name: str
    is_certain: bool
    schemas: tuple[str, ...] = ()


class NoneChosen(Exception):
    """It cannot be told which database is meant; the message says why and what to do."""


def speaks_of_database(goal: str) -> bool:
    """Tell whether a goal holds the word at all; without it no `wish_of` finds anything."""
    return bool(_WORD.search(goal))


def wish_of(goal: str, there: Iterable[str]) -> Wish | None:
    """Read a goal. `there` are the names of the project's database URLs. None: it speaks of no live database."""
    found = _database_of(goal, {name.lower(): name for name in there})
    return replace(found, schemas=_schemas_of(goal)) if found else None


def _database_of(goal: str, known: dict[str, str]) -> Wish | None:
    if quoted := _QUOTED.search(goal):
        given = quoted[1] or quoted[2]
        return Wish(name=known.get(given.lower(), given), is_certain=True)
    beside = _beside(goal, known)
    if beside:
        return Wish(name=beside, is_certain=True)
    live, of = _LIVE.search(goal), _OF.search(goal)
    if not (live or of):
        return None
    named = next((one[1] for one in _NAMED.finditer(goal) if not _NO_NAME.fullmatch(one[1])), "")
    return Wish(name=named, is_certain=bool(live or named))


def _schemas_of(goal: str) -> tuple[str, ...]:
    """What follows "schema": names up to the first word that is none."""
    listed = _SCHEMAS.search(goal)
    names = []
    for part in re.split(r"\s*,\s*|\s+and\s+", listed[1]) if listed else ():
        name = part.strip("\"'`“”")
        if name == part and _NO_NAME.fullmatch(name):
            break
        names.append(name)
    return tuple(dict.fromkeys(names))


def _beside(goal: str, known: dict[str, str]) -> str:
    """A stored name right before or behind the word, in the goal's words."""
    for low, name in known.items():
        word = re.escape(low)
        if re.search(
            rf"\b{_NOUN}\s+{word}(?![\w-])|(?<![\w-]){word}\s+(?:live\s+)?{_NOUN}\b{_OF_CODE}", goal, re.I
        ):
            return name
    return ""


def choose(wish: Wish, there: list[str]) -> str:
    """Give the name of the database URL that is meant. Raises NoneChosen."""
    if wish.name:
        if wish.name not in there:
            raise NoneChosen(unknown(wish.name, there))
        return wish.name
    if not there:
        raise NoneChosen(f"the project keeps no database URL; {HOW_TO_STORE}")
    if len(there) > 1:
        raise NoneChosen(
            f"the project keeps several database URLs, {', '.join(map(repr, there))}; name one in the goal, such as "
            f"'the data model of the database {there[0]}'"
        )
    return there[0]
