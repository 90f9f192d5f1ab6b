"""Which topics a text names, and by which words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.superagent import cues
from agents.superagent.topics import BY_NAME, TOPICS, UMBRELLAS
from agents.superagent.words import stem

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_PHRASES = {phrase: topic.name for topic in reversed(TOPICS) for phrase in topic.phrases}
_LONGEST = max(map(len, _PHRASES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A topic that a goal names, by which words, and where they begin."""

    topic: str
    phrase: str
    start: int


def mentions(text: str) -> list[Mention]:
    """Find topics by their phrases, the longest first; no word counts twice. In the order of the text."""
    found = list(_WORD.finditer(text))
    stems = [stem(word.group().replace("'", "")) for word in found]
    taken = [False] * len(stems)
    named: list[Mention] = []
    for length in range(_LONGEST, 0, -1):
        for index in range(len(stems) - length + 1):
            part = slice(index, index + length)
            topic = _PHRASES.get(tuple(stems[part]))
            if topic is None or any(taken[part]):
                continue
            taken[part] = [True] * length
            start, end = found[index].start(), found[index + length - 1].end()
            named.append(Mention(topic=topic, phrase=text[start:end], start=start))
    return sorted(named, key=lambda mention: mention.start)


def sought(text: str) -> list[Mention]:
    """Find the topics that are looked for, without those that only say where: "secrets in the tests"."""
    found = mentions(text)
    split = cues.OBJECT_FOR.match(text)
    if split is not None and cues.WEAK_GENERAL.search(split["object"]):  # "check the tests for secrets"
        found = [mention for mention in found if mention.start >= split.start("sought")] or found
    kept: list[Mention] = []
    for mention in found:
        is_new = bool(kept) and mention.topic not in {earlier.topic for earlier in kept}
        if is_new and BY_NAME[mention.topic].agent and cues.PLACE_BEFORE.search(text[: mention.start]):
            continue
        kept.append(mention)
    return kept


def with_umbrellas(named: Iterable[Mention]) -> Iterator[Mention]:
    """Add what a topic as a whole brings along. For wishes only: "no security" does not mean "no secrets"."""
    for mention in named:
        yield mention
        for brought, (causes, source) in UMBRELLAS.items():
            if mention.topic == source and stem(mention.phrase) in causes:
                yield Mention(topic=brought, phrase=mention.phrase, start=mention.start)
