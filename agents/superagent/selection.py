"""Which operations serve a goal, and what of it nobody serves.

Owns: the choice among what the registry offers. Refuses to know the repository (that is the planner's).
Invariant: an operation that the goal leaves out is never chosen by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.base import Operation, Schema
from agents.registry import Registry
from agents.superagent.goals import Understanding, understand
from agents.superagent.topics import BY_NAME, TOPICS
from agents.superagent.words import Ranking, content_stems, stems

SELF = "super"
DOCUMENTS = "documents"  # given by operations that write pages: done only when asked for
WHOLE = "the goal asks for an inspection of the whole"
SARIF = "sarif"  # given with a run: what other tools found
SURE = 0.55  # of the goal's weight must be in an operation's manual if no topic tells


class LeftOut(Schema):
    """A part of the goal, or an operation, that is not done, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An operation that serves the goal, and by what. `is_named`: the goal names it, not just everything.

    `head_only`: in a review of a change, it is not compared with the base.
    """

    agent: str
    operation: Operation
    why: str
    is_named: bool = False
    head_only: bool = False

    @property
    def key(self) -> str:
        return f"{self.agent}.{self.operation.name}"


@dataclass(slots=True, kw_only=True)
class Selection:
    """What a goal leads to. `answer` is set if nothing can be done for it."""

    chosen: list[Choice] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    answer: str | None = None


def offered(registry: Registry) -> dict[str, tuple[str, Operation]]:
    """Give all operations that can be planned, by key."""
    return {
        f"{name}.{operation.name}": (name, operation)
        for name, agent in registry.agents.items()
        if name != SELF
        for operation in agent.operations().values()
    }


def select(goal: str, registry: Registry) -> Selection:
    """Choose operations for a goal, or answer why there are none."""
    found = understand(goal)
    offer = offered(registry)
    topics = {key: topics_of(operation) for key, (_, operation) in offer.items()}
    selection = Selection()
    if not (found.nothing and not found.topics):
        for key, why in _wanted(found, offer, topics).items():
            agent, operation = offer[key]
            choice = Choice(agent=agent, operation=operation, why=why, is_named=why != WHOLE)
            selection.chosen.append(choice)
    selection.left_out.extend(_left_out(found, registry, offer, topics))
    if not selection.chosen:
        selection.answer = _answer(found, selection.left_out, registry)
    return selection


def topics_of(operation: Operation) -> frozenset[str]:
    """Name the topics that an operation serves, by its name, else by its title."""
    own = frozenset(topic.name for topic in TOPICS if operation.name in topic.operations)
    if own:
        return own
    for text in (operation.name.replace("_", " "), operation.title):
        held = set(stems(text))
        served = frozenset(topic.name for topic in TOPICS if topic.anchors & held)
        if served:
            return served
    return frozenset()


def _wanted(
    found: Understanding, offer: dict[str, tuple[str, Operation]], topics: dict[str, frozenset[str]]
) -> dict[str, str]:
    """Give the wanted operations' keys, each with the reason."""
    kept = {key: served for key, served in topics.items() if not served & found.refused}
    if found.asks_for_the_whole:
        return {
            key: _named(found, served) or WHOLE
            for key, served in kept.items()
            if _inspects(offer[key][1]) or _named(found, served)
        }
    asked = {key: _named(found, served) for key, served in kept.items() if served & set(found.topics)}
    if asked:
        return asked
    if found.topics or found.deeds or found.unwanted:
        return {}
    return _by_manual(found, {key: offer[key] for key in kept})


def _inspects(operation: Operation) -> bool:
    """True for what a wish for the whole may bring in: it reads the repository, writes no pages, leaves no trace."""
    if operation.needs & {"base", SARIF} or DOCUMENTS in operation.gives:
        return False
    return bool(operation.needs) and operation.effect != "once"


def _named(found: Understanding, served: frozenset[str]) -> str:
    phrases = list(dict.fromkeys(m.phrase for m in found.wanted if m.topic in served & set(found.topics)))
    return f"the goal names {', '.join(repr(p) for p in phrases[:3])}" if phrases else ""


def _by_manual(found: Understanding, offer: dict[str, tuple[str, Operation]]) -> dict[str, str]:
    """Choose by BM25 over manuals and examples, where no table knows the words."""
    query = content_stems(found.text)
    texts = {key: " ".join([o.title, o.description, *o.examples]) for key, (_, o) in offer.items()}
    if not query or not texts:
        return {}
    ranking = Ranking(texts)
    scores = ranking.scores(query)
    best = max(scores, key=lambda key: scores[key])
    if not scores[best] or ranking.coverage(best, query) < SURE:
        return {}
    return {best: "its manual speaks of what the goal names"}


def _left_out(
    found: Understanding,
    registry: Registry,
    offer: dict[str, tuple[str, Operation]],
    topics: dict[str, frozenset[str]],
) -> Iterable[LeftOut]:
    served = {topic for names in topics.values() for topic in names}
    for name in found.topics:
        if name not in served:
            yield LeftOut(what=BY_NAME[name].title, why=_why_unserved(name, registry))
    for name in sorted(found.refused):
        yield LeftOut(what=BY_NAME[name].title, why="the goal leaves it out")
    for deed in found.deeds:
        yield LeftOut(what=deed, why="no agent of this installation does that: they look at code and report")


def _why_unserved(topic: str, registry: Registry) -> str:
    agent = registry.agents.get(BY_NAME[topic].agent)
    if agent is not None and not agent.operations():
        return f"the {agent.title} agent is not available in this installation yet"
    return "no operation of this installation does that"


def _answer(found: Understanding, left_out: list[LeftOut], registry: Registry) -> str:
    unserved = [item for item in left_out if item.what in {BY_NAME[name].title for name in found.topics}]
    if unserved:
        told = " ".join(f"{item.what[0].upper()}{item.what[1:]}: {item.why}." for item in unserved)
    elif found.deeds:
        told = f"Nobody here can do this: {found.deeds[0]!r}. The agents look at code and report."
    elif found.nothing or found.unwanted:
        told = "The goal says what not to do, and nothing that is to be done; so nothing was done."
    else:
        told = "This goal asks for nothing that the agents can do."
    return f"{told} {_abilities(registry)}"


def _abilities(registry: Registry) -> str:
    titles = [operation.title for _, operation in offered(registry).values()]
    if not titles:
        return "No agent of this installation has an operation yet."
    return "What the agents can do: " + "; ".join(title[0].lower() + title[1:] for title in titles) + "."
