"""Which agents there are: built-ins and plugins through the same door.

Owns: loading, the check for clashing names, and the `Catalog` that the engine executes by.
Invariant: after `load()` every name is unique; a plugin that cannot be loaded is reported and left out,
a clash of names refuses to start.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points

from agents.base import Agent, Operation
from tasks.errors import UnknownOperation

BUILT_IN: tuple[str, ...] = (
    "agents.superagent.agent:SuperAgent",
    "agents.inspector.agent:Inspector",
    "agents.journey.agent:Journey",
    "agents.dba.agent:Dba",
    "agents.test_engineer.agent:TestEngineer",
    "agents.documentation.agent:Documentation",
)
GROUP = "wrenchai.agents"


class AgentNameClash(Exception):
    """Two agents want the same name, and so the same queue."""


class AgentInvalid(Exception):
    """A registered object is no agent, or lacks a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPlugin:
    """An entry point that could not be loaded, and why."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Registry:
    """The loaded agents by name, and the plugins that were left out."""

    agents: Mapping[str, Agent]
    broken: tuple[BrokenPlugin, ...] = field(default=())

    def operation(self, agent: str, operation: str) -> tuple[Agent, Operation]:
        """Find one operation. Raises UnknownOperation, telling what there is instead."""
        found = self.agents.get(agent)
        if found is None:
            raise UnknownOperation(
                f"there is no agent {agent!r}; the agents are {', '.join(sorted(self.agents))}"
            )
        described = found.operations().get(operation)
        if described is None:
            names = ", ".join(found.operations()) or "none yet"
            raise UnknownOperation(f"agent {agent!r} has no operation {operation!r}; it has: {names}")
        return found, described


def load(*, built_in: Iterable[str] = BUILT_IN, plugins: bool = True) -> Registry:
    """Load every agent. Raises AgentNameClash; a broken plugin is reported in the result and left out."""
    agents: dict[str, Agent] = {}
    origins: dict[str, str] = {}
    for target in built_in:
        _add(_instantiate(target), target, agents, origins)
    broken: list[BrokenPlugin] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name) if plugins else ():
        try:
            agent = _checked(entry.load()(), entry.value)
        except (
            Exception
        ) as error:  # whatever a foreign package raises while it loads must not stop the others
            broken.append(
                BrokenPlugin(name=entry.name, value=entry.value, reason=f"{type(error).__name__}: {error}")
            )
            continue
        _add(agent, entry.value, agents, origins)
    return Registry(agents, tuple(broken))


def _instantiate(target: str) -> Agent:
    module, _, name = target.partition(":")
    return _checked(getattr(importlib.import_module(module), name)(), target)


def _checked(agent: object, origin: str) -> Agent:
    if not isinstance(agent, Agent) or not agent.name:
        raise AgentInvalid(f"{origin} is no subclass of agents.base.Agent with a name")
    return agent


def _add(agent: Agent, origin: str, agents: dict[str, Agent], origins: dict[str, str]) -> None:
    if agent.name in agents:
        raise AgentNameClash(
            f"two agents are named {agent.name!r}: {origins[agent.name]} and {origin}; rename or remove one"
        )
    agents[agent.name] = agent
    origins[agent.name] = origin
