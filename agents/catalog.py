"""The engine's catalog, made of the registered agents and of what the admin overrides.

Owns: turning an operation into a `StepSpec`, checking inputs, calling the method, storing findings.
Knows no Celery and no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import structlog
from pydantic import ValidationError

from agents import findings_store, fixes_store, registry
from agents.base import OperationContext
from agents.models import AgentConfig
from agents.quality import store as quality_store
from agents.quality.adjusting import adjusted
from agents.quality.config import Settings
from agents.registry import Registry
from tasks.contract import (
    QueueSpec,
    RecordedStep,
    StepContext,
    StepFailed,
    StepRequest,
    StepResult,
    StepSpec,
    is_reference,
)
from tasks.models import Queue
from tasks.plans import JsonObject, references

log = structlog.get_logger(__name__)


@cache
def current_registry() -> Registry:
    """Load the agents once per process. Raises AgentNameClash."""
    loaded = registry.load()
    for plugin in loaded.broken:
        log.error("agent_plugin_broken", plugin=plugin.name, value=plugin.value, reason=plugin.reason)
    return loaded


class RegistryCatalog:
    """`tasks.contract.Catalog` over a registry (the current one unless a test gives its own)."""

    def __init__(self, loaded: Registry | None = None) -> None:
        self._loaded = loaded

    @property
    def registry(self) -> Registry:
        return self._loaded or current_registry()

    def queues(self) -> Iterable[QueueSpec]:
        for agent in self.registry.agents.values():
            yield QueueSpec(name=agent.queue(), agent=agent.name, priority=agent.priority)

    def spec(self, agent: str, operation: str) -> StepSpec:
        found, described = self.registry.operation(agent, operation)
        return StepSpec(
            agent=agent,
            operation=operation,
            queue=found.queue(),
            priority=found.priority,
            timeout_seconds=described.timeout_seconds,
            max_attempts=described.attempts,
            effect=described.effect,
        )

    def check_input(self, agent: str, operation: str, input: JsonObject) -> list[str]:
        _, described = self.registry.operation(agent, operation)
        try:
            described.input.model_validate(input)
        except ValidationError as error:
            return [_told(fault) for fault in error.errors() if not _stands_for_later(fault, input)]
        return []

    def execute(self, request: StepRequest, context: StepContext) -> StepResult:
        found, described = self.registry.operation(request.agent, request.operation)
        try:
            typed = described.input.model_validate(request.input)
        except ValidationError as error:
            told = "; ".join(_told(fault) for fault in error.errors())
            raise StepFailed(f"the input does not fit: {told}", retriable=False, kind="bad_input") from error
        working = OperationContext(request=request, engine=context)
        output = described.method(found, typed, working)
        if not isinstance(output, described.output):
            raise StepFailed(
                f"{request.agent}.{request.operation} returned {type(output).__name__},"
                f" not {described.output.__name__}",
                retriable=False,
                kind="bad_output",
            )
        settings = getattr(typed, "settings", None)  # what the project wants of those that ask for it
        findings = (
            adjusted(working.findings, settings) if isinstance(settings, Settings) else working.findings
        )
        return StepResult(
            output=output.model_dump(mode="json"),
            plan=working.plan,
            records=(
                *findings_store.records_of(findings, working.coverage),
                *({fixes_store.MARK: fix.model_dump(mode="json")} for fix in working.fixes),
            ),
            summary=working.summary,
        )

    def record(self, step: RecordedStep, result: StepResult) -> None:
        findings_store.record(step, (one for one in result.records if fixes_store.MARK not in one))
        fixes_store.record(step, (one[fixes_store.MARK] for one in result.records if fixes_store.MARK in one))
        quality_store.record(step, result.output)

    def take_over(self, step: RecordedStep, source_step: int) -> None:
        findings_store.take_over(step, source_step)
        fixes_store.take_over(step, source_step)


def write_queue(config: AgentConfig) -> None:
    """Write the agent's class values, overridden by its configuration, into the queue row that the engine reads."""
    agent = current_registry().agents.get(config.agent)
    if agent is None:
        return  # configured for a plugin that is not installed any more
    values = {
        "agent": agent.name,
        "enabled": config.enabled,
        "priority": agent.priority if config.priority is None else config.priority,
        "concurrency_limit": config.concurrency_limit,
        "timeout_seconds": config.timeout_seconds,
        "max_attempts": config.max_attempts,
    }
    Queue.objects.update_or_create(name=agent.queue(), defaults=values)


def store_configurations(**kwargs: Any) -> None:
    """Give every registered agent its configuration and its queue. Runs after each migrate."""
    for agent in current_registry().agents.values():
        config, _ = AgentConfig.objects.get_or_create(agent=agent.name)
        write_queue(config)


def _told(fault: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "input"
    return f"{where}: {fault['msg']}"


def _stands_for_later(fault: Mapping[str, Any], input: JsonObject) -> bool:
    """A value that is (or holds) a reference cannot be judged before its step has run."""
    value: Any = input
    for part in fault["loc"]:
        if is_reference(value):
            return True
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return any(True for _ in references(value))
