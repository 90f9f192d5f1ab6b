"""What a goal asks for: topics wanted and not wanted, or nothing that anybody here does.

    text -> pieces with a polarity -> topics, wishes for the whole, deeds

Owns: reading. Refuses to know which operations exist. Uses rules and word tables, no LLM.
Invariant: every word of a goal may be ignored, none may cause an exception; the same goal reads the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.superagent import cues
from agents.superagent.deeds import Deed, deed_in
from agents.superagent.mentions import Mention, mentions, sought, with_umbrellas
from agents.superagent.polarity import Piece, pieces
from agents.superagent.topics import TOPICS
from agents.superagent.words import normalised, words

FIXES = "fixes"
MAX_GOAL = 4_000  # characters that are read; the rest of a longer goal is ignored


@dataclass(slots=True, kw_only=True)
class Understanding:
    """What a goal asks for.

    `general`: an inspection of the whole; `vague`: an inspection, of the whole if no topic is named; `only`:
    nothing beside the named; `nothing`: no work at all; `prohibited`: something is denied by "do not".
    `deeds` are things asked for that no analysis does, in the goal's words.
    """

    text: str
    general: bool = False
    vague: bool = False
    only: bool = False
    nothing: bool = False
    prohibited: bool = False
    wanted: list[Mention] = field(default_factory=list)
    unwanted: list[Mention] = field(default_factory=list)
    deeds: list[str] = field(default_factory=list)

    @property
    def topics(self) -> tuple[str, ...]:
        """Wanted topics in the order of the tables, without those that were taken back."""
        names = {mention.topic for mention in self.wanted} - self.refused
        return tuple(topic.name for topic in TOPICS if topic.name in names)

    @property
    def refused(self) -> frozenset[str]:
        """Topics to leave out: denied, and not wanted by other words."""
        wanted = {mention.topic: mention.phrase for mention in self.wanted}
        return frozenset(
            mention.topic for mention in self.unwanted if wanted.get(mention.topic) in (None, mention.phrase)
        )

    @property
    def asks_for_the_whole(self) -> bool:
        """True if everything that fits is to be looked at, but for what is refused."""
        if self.only and self.topics:
            return False
        if self.general or (self.vague and not self.wanted):
            return True
        # "skip the secrets": the rest is wanted
        return bool(self.unwanted) and not (self.wanted or self.prohibited or self.deeds)


def understand(goal: str) -> Understanding:
    """Read a goal. No goal at all is the wish to see what there is."""
    text = normalised(goal[:MAX_GOAL])
    found = Understanding(text=text, general=not text.strip(), nothing=bool(cues.NOTHING.search(text)))
    for piece in pieces(text):
        if piece.negative:
            _read_denial(piece, found)
        else:
            _read_wish(piece.text, found)
    return found


def _read_denial(piece: Piece, found: Understanding) -> None:
    named = mentions(piece.text)
    found.unwanted.extend(named)
    found.prohibited = found.prohibited or piece.prohibition
    if piece.prohibition and not named and _speaks_of_work(piece.text):
        found.nothing = True


def _read_wish(text: str, found: Understanding) -> None:
    deed = deed_in(text)
    if deed is not None and deed.keeps_topics and any(one.topic == FIXES for one in mentions(text)):
        deed = None  # "fix what you can" asks for patches, and these are made
    if deed is not None:
        if not deed.is_served:
            found.deeds.append(deed.text)
        if not deed.keeps_topics:
            found.wanted.extend(deed.topics)
            for other in deed.others:
                if mentions(other) or cues.WEAK_GENERAL.search(other):
                    _read_wish(other, found)
            return
    elif _is_of_another_world(text):
        found.deeds.append(text.strip())
        return
    named = [mention for mention in sought(text) if deed is None or mention.phrase != deed.verb]
    found.wanted.extend(with_umbrellas(named))
    found.only = found.only or bool(named and cues.ONLY.search(text))
    _read_whole(text, named, deed, found)


def _read_whole(text: str, named: list[Mention], deed: Deed | None, found: Understanding) -> None:
    """Find the wish for an inspection of the whole."""
    if named and cues.EVERYTHING_ABOUT.search(text):
        return
    inspects = deed is None and bool(cues.WEAK_GENERAL.search(text))
    if named:
        lists_all = cues.EVERYTHING.search(text) and not cues.ALL_OVER.search(text)
        found.general = found.general or bool(lists_all or (inspects and cues.EMPHASIS.search(text)))
        return
    of_software = bool(set(words(text)) & cues.SOFTWARE or cues.CODE_PLACE.search(text))
    whole = cues.EVERYTHING.search(text) or cues.STRONG_GENERAL.search(text) or (inspects and of_software)
    found.general = found.general or bool(whole)
    found.vague = found.vague or bool(cues.BEFORE.search(text)) or (inspects and not _subject(text))


def _is_of_another_world(text: str) -> bool:
    """True for pizza and horoscopes, and for questions that ask how to do something."""
    listed = set(words(text))
    foreign = bool(listed & cues.FOREIGN) and not listed & cues.SOFTWARE
    return foreign or (bool(cues.HOW_TO.search(text)) and not cues.EVERYTHING_ABOUT.search(text))


def _speaks_of_work(text: str) -> bool:
    patterns = (cues.STRONG_GENERAL, cues.WEAK_GENERAL, cues.DOING)
    return any(pattern.search(text) for pattern in patterns)


def _subject(text: str) -> list[str]:
    """Give the words that no table knows: what a wish is about if it is about something else."""
    rest = cues.STRONG_GENERAL.sub(" ", cues.WEAK_GENERAL.sub(" ", text))
    return [word for word in words(rest) if word not in cues.KNOWN]
