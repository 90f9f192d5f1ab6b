"""What goals are about.

A topic is served by the operations whose name holds one of its anchors, whoever's they are; so a plugin that
names its operation "license_check" serves "licenses" without a line here. Words are compared by stems, phrases
as sequences of stems. `agent` is who will serve a topic once it has operations. A topic that names operations in
full is the only one that they serve; `written` are the topics of an order to write what this one is about.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.superagent.lexicon import LEXICON, TopicTable
from agents.superagent.words import stem, stems


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One subject of goals."""

    name: str
    title: str
    anchors: frozenset[str]
    phrases: frozenset[tuple[str, ...]]
    agent: str
    operations: frozenset[str] = frozenset()
    written: tuple[str, ...] = ()


def _topic(table: TopicTable) -> Topic:
    return Topic(
        name=table.name,
        title=table.title,
        anchors=frozenset(map(stem, table.anchors.split())),
        phrases=frozenset(tuple(stems(phrase)) for phrase in table.phrases),
        agent=table.agent,
        operations=frozenset(table.operations.split()),
        written=tuple(table.written.split()),
    )


TOPICS = tuple(map(_topic, LEXICON.topics))
BY_NAME = {topic.name: topic for topic in TOPICS}
WRITTEN = frozenset(name for topic in TOPICS for name in topic.written)
UMBRELLAS: dict[str, tuple[frozenset[str], str]] = {
    # words that mean a topic as a whole bring another along: a leaked password is a security problem
    "secrets": (frozenset(stems("security secure insecure safe")), "security"),
}
