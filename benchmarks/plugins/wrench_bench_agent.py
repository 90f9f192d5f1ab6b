"""The product's no-op: an agent as any plugin's, whose operation only says that it began."""

from __future__ import annotations

from agents.base import Agent, OperationContext, Schema, operation
from benchmarks.marks import mark


class Order(Schema):
    number: int
    link: int = 0


class Nothing(Schema):
    pass


class Bench(Agent):
    """Does nothing, for measurements."""

    name = "bench"
    title = "Bench"
    description = "For measurements."
    priority = 5

    @operation(Order, Nothing, timeout_seconds=60)
    def noop(self, input: Order, context: OperationContext) -> Nothing:
        """Say that it began."""
        mark(input.number, input.link)
        return Nothing()
