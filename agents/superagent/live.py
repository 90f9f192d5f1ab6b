"""A goal that speaks of a live database: which of the project's it is, and what becomes of the goal if none is.

Concerns operations with an input `database`. Owns: the decision between database and source. Invariant: what the
goal means and cannot be done is named with what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agents.databases.wishes import NoneChosen, Wish, choose, speaks_of_database, wish_of
from agents.superagent.goals import understand
from agents.superagent.selection import Choice, LeftOut, Selection
from agents.superagent.topics import BY_NAME
from agents.superagent.words import stems

INPUT = "database"
TOPIC = "database"
_ONLY_PLACES = frozenset(stems("database db postgres postgresql schema table"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a goal leads to. `database`: the name of the database URL that is read, "" for none; `schemas`: of it."""

    selection: Selection
    database: str = ""
    schemas: tuple[str, ...] = ()


def with_database(goal: str, selection: Selection, names: Callable[[], Sequence[str]]) -> Live:
    """Find the database that a goal means among those of its project, for the operations that can read one.

    `names` gives the names of the project's database URLs; it is asked only if the goal speaks of a database.
    """
    able = [one for one in selection.chosen if INPUT in one.operation.input.model_fields]
    if not able or not speaks_of_database(goal):
        return Live(selection=selection)
    there = names()
    wish = wish_of(goal, there)
    if wish is None:
        return Live(selection=selection)
    selection = _without_topic(goal, selection)
    try:
        return Live(selection=selection, database=choose(wish, list(there)), schemas=wish.schemas)
    except NoneChosen as error:
        return Live(selection=_undecided(selection, able, wish, str(error), has_any=bool(there)))


def _undecided(selection: Selection, able: list[Choice], wish: Wish, why: str, *, has_any: bool) -> Selection:
    """Leave out what was to read a database. Where nobody stored one, the source will do if it may be meant."""
    if not wish.is_certain and not has_any:
        told = LeftOut(what="the live database", why=f"{why}. What the source declares is told in its place")
        return replace(selection, left_out=[*selection.left_out, told])
    keys = {one.key for one in able}
    chosen = [one for one in selection.chosen if one.key not in keys]
    titles = [LeftOut(what=one.operation.title, why=why) for one in able]
    answer = selection.answer if chosen else f"No database was read: {why}."
    return replace(selection, chosen=chosen, left_out=[*selection.left_out, *titles], answer=answer)


def _without_topic(goal: str, selection: Selection) -> Selection:
    """Take back that nobody looks at databases, if the goal's words for it only say what is drawn."""
    named = [one.phrase for one in understand(goal).wanted if one.topic == TOPIC]
    if not _ONLY_PLACES.issuperset(stems(" ".join(named))):
        return selection
    title = BY_NAME[TOPIC].title
    return replace(selection, left_out=[one for one in selection.left_out if one.what != title])
