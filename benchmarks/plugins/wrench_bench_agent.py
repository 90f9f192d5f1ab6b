"""An agent as any plugin's: its no-op only says that it began, its other operation talks."""

from __future__ import annotations

import time

from agents.base import Agent, OperationContext, Schema, operation
from benchmarks.marks import mark


class Order(Schema):
    number: int
    link: int = 0


class Speech(Schema):
    lines: int
    pause_seconds: float


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

    @operation(Speech, Nothing, timeout_seconds=120)
    def talk(self, input: Speech, context: OperationContext) -> Nothing:
        """Say so many lines, with a pause after each."""
        for number in range(1, input.lines + 1):
            context.log(f"line {number} of {input.lines}")
            context.progress(number, input.lines)
            time.sleep(input.pause_seconds)
        return Nothing()
