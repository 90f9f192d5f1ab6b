"""Orders that no analysis fulfils: "deploy it", "write me a game", "fix the bugs".

A verb is an order only where an order stands: at the start of a clause, behind words of politeness.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from agents.superagent import cues
from agents.superagent.mentions import Mention, mentions
from agents.superagent.topics import BY_NAME, WRITTEN
from agents.superagent.words import words

_PARTS = re.compile(r"\band\s+(?:then\s+)?")
_ARTICLE = re.compile(r"^(?:(?:an?|the|all|its|our|my|also)\s+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something to be done that is no analysis.

    `keeps_topics`: what it is about can still be looked at ("fix the bugs" names bugs). `topics`: else, what an
    agent will do once it has operations ("write tests"). `is_served`: they are what writes such a thing.
    `others`: what else the piece asks for, by "and"; without a verb of its own it takes this one's.
    """

    text: str
    verb: str
    keeps_topics: bool = False
    topics: tuple[Mention, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def is_served(self) -> bool:
        return any(mention.topic in WRITTEN for mention in self.topics)


def deed_in(text: str) -> Deed | None:
    """Find the first such order in a piece of a goal."""
    parts = [cues.LEAD.sub("", f"{part.strip()} ").strip() for part in _PARTS.split(text)]
    for number, told in enumerate(parts):
        verb, _, rest = told.partition(" ")
        found = _deed(verb, rest, told)
        if found is not None:
            behind = (part if _has_verb(part) else f"{verb} {part}" for part in parts[number + 1 :])
            return replace(found, others=(*parts[:number], *behind))
    return None


def _has_verb(part: str) -> bool:
    """Tell whether a part says itself what is to be done: "find bugs", but not "the API reference"."""
    bare = _ARTICLE.sub("", part)
    begins = [mention.phrase for mention in mentions(part) if bare.startswith(mention.phrase)]
    return not begins or any(_ARTICLE.match(bare.removeprefix(phrase).strip()) for phrase in begins)


def _deed(verb: str, rest: str, told: str) -> Deed | None:
    if verb in cues.CHANGES and not rest.startswith("candidate"):
        return Deed(text=told, verb=verb, keeps_topics=True)
    if verb in cues.CREATES and not cues.HARMLESS_OBJECTS.search(rest):
        made = [mention for mention in mentions(rest) if BY_NAME[mention.topic].agent]
        return Deed(text=told, verb=verb, topics=_to_write(made[0]) if made else ())
    if verb in cues.OPERATES and not (verb in cues.RUNNING and _is_analysis(rest)):
        return Deed(text=told, verb=verb)
    if verb in cues.DESTROYS or verb in cues.ATTACKS:
        return Deed(text=told, verb=verb)
    if verb in cues.ERRANDS and not (verb in cues.TELLING and _is_about_code(rest)):
        return Deed(text=told, verb=verb)
    return None


def _to_write(mention: Mention) -> tuple[Mention, ...]:
    """What an order to write something leads to: to write docstrings is not to check them."""
    written = BY_NAME[mention.topic].written
    return tuple(replace(mention, topic=name) for name in written) or (mention,)


def _is_analysis(rest: str) -> bool:
    """True for what may follow "run": "the linter", "all checks", "the tests"."""
    return bool(cues.HARMLESS_OBJECTS.search(rest) or cues.ALL_THAT_IS.search(rest) or mentions(rest))


def _is_about_code(rest: str) -> bool:
    listed = words(rest)
    return bool(set(listed) & cues.SOFTWARE or mentions(rest) or listed[:1] in (["me"], ["us"]))
