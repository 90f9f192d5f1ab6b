"""What an event tells whoever looks at a run by a link: what the run's page shows of plan, times and outcomes.

A table of what may be told, so that what is new is kept back until somebody has thought of it. Never told are the
names of people and machines, what people wrote, questions, and other runs; lines of the log only by a link that
shows the log. Invariant: what is kept back is there, and empty: an event has the shape that its kind promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_TOLD: Final = frozenset(
    {"key", "agent", "operation", "attempt", "state", "failure", "done", "total", "message", "summary"}
    | {"because", "decision", "chunk", "steps", "goal", "delay_seconds", "taken", "redone", "after", "before"}
)
_OF_KIND: Final[Mapping[str, frozenset[str]]] = {
    "step.added": frozenset({"reason"}),
    "step.retry": frozenset({"error"}),
    "step.lost": frozenset({"error"}),
    "step.dead": frozenset({"error"}),
}
_KEPT_BACK: Final = frozenset({"run.message", "agent.said"})  # nothing but that it happened, and where
_OF_AN_ERROR: Final = ("message", "kind")


def told(kind: str, data: Mapping[str, Any], *, with_logs: bool) -> dict[str, Any]:
    """Give what of an event's data is told."""
    names = frozenset({"key"}) if kind in _KEPT_BACK else _TOLD | _OF_KIND.get(kind, frozenset())
    if with_logs and kind == "step.logged":
        names |= {"tail"}
    return {name: _plain(name, value) if name in names else _empty(value) for name, value in data.items()}


def _plain(name: str, value: Any) -> Any:
    if name == "error" and isinstance(value, dict):
        return {part: str(value[part]) for part in _OF_AN_ERROR if value.get(part)}
    if isinstance(value, (list, tuple)):
        return [one for one in value if isinstance(one, str)]
    return _empty(value) if isinstance(value, dict) else value


def _empty(value: Any) -> Any:
    """Give nothing, of the same kind."""
    return None if value is None else type(value)()
