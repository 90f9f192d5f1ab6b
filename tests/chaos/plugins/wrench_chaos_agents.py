"""The agents of the chaos harness, installed as any plugin is: by an entry point.

Each effect is one line, written O_APPEND to a ledger outside PostgreSQL: "begin|end run step attempt pid time".
An attempt's ordinal stands for its fence: `tasks_attempt` gives each ordinal of a step exactly one.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time

from agents.base import Agent, OperationContext, Schema, operation
from tasks.contract import Question, RetryLater, StepFailed
from tasks.plans import Plan, PlannedStep


class Order(Schema):
    """What an attempt is told to do."""

    ledger: str = ""
    seconds: float = 0.0
    gate: str = ""  # the first attempt waits until this file exists
    fail_times: int = 0
    litter: int = 0  # processes that it leaves running
    count: int = 0
    megabytes: int = 0


class Answer(Schema):
    """What it gives."""

    value: int = 0


def write(order: Order, context: OperationContext, kind: str, also: str = "") -> None:
    """Write one effect down where the engine cannot change it."""
    if not order.ledger:
        return
    told = context.request
    line = f"{kind} {told.run_id} {told.step_key} {told.attempt} {os.getpid()} {time.time():.6f} {also}"
    handle = os.open(order.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, (line.rstrip() + "\n").encode())
    finally:
        os.close(handle)


def wait(order: Order, context: OperationContext) -> None:
    """Take the time that was ordered."""
    end = time.monotonic() + order.seconds
    gated = order.gate and context.request.attempt == 1
    while time.monotonic() < end or (gated and not os.path.exists(order.gate)):
        time.sleep(0.02)


def work(order: Order, context: OperationContext) -> Answer:
    """Begin, take time, fail as told, end."""
    write(order, context, "begin")
    for _ in range(order.litter):
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        write(order, context, "left", str(left.pid))
    wait(order, context)
    if context.request.attempt <= order.fail_times:
        raise StepFailed(f"told to fail in attempt {context.request.attempt}")
    write(order, context, "end")
    return Answer(value=order.count)


class Mill(Agent):
    """Does as it is told."""

    name = "mill"
    title = "Mill"
    description = "For the chaos harness."
    priority = 5

    @operation(Order, Answer, timeout_seconds=60, attempts=12)
    def work(self, input: Order, context: OperationContext) -> Answer:
        """Begin, take time, end."""
        return work(input, context)

    @operation(Order, Answer, attempts=12)
    def later(self, input: Order, context: OperationContext) -> Answer:
        """Ask for a short delay once, which only the scheduler ends."""
        if context.request.attempt == 1:
            raise RetryLater("not yet", delay_seconds=0.2)
        return work(input, context)

    @operation(Order, Answer, attempts=12)
    def caller(self, input: Order, context: OperationContext) -> Answer:
        """Call the other agent `count` times and add up what it gives."""
        total = 0
        for n in range(input.count):
            total += context.call("errand", "give", {"ledger": input.ledger, "count": n + 1})["value"]
        write(input, context, "end")
        return Answer(value=total)

    @operation(Order, Answer, attempts=12)
    def ask(self, input: Order, context: OperationContext) -> Answer:
        """Ask people whether to go on; a refusal ends the step."""
        decision = context.ask(Question(text="go on?", expires_seconds=input.count or None))
        if not decision.approved:
            raise StepFailed(f"the answer was {decision.decision}", retriable=False)
        return work(input, context)

    @operation(Order, Answer, attempts=12)
    def deed(self, input: Order, context: OperationContext) -> Answer:
        """Do something that must not happen twice."""

        def deed() -> int:
            write(input, context, "deed")
            wait(input, context)
            return context.request.attempt

        return Answer(value=context.once("deed", deed, effect="once"))

    @operation(Order, Answer, attempts=12)
    def store(self, input: Order, context: OperationContext) -> Answer:
        """Store an artifact of 20 KiB and read it back."""
        content = secrets.token_bytes(20 * 1024)
        ref = context.put_artifact("bytes", content, media_type="application/octet-stream")
        with context.open_artifact(ref.digest) as stored:
            if stored.read() != content:
                raise StepFailed("other bytes were read than were stored", retriable=False)
        return work(input, context)

    @operation(Order, Answer, attempts=12)
    def grow(self, input: Order, context: OperationContext) -> Answer:
        """Add `count` steps to the run."""
        key, given = context.request.step_key, {"ledger": input.ledger, "seconds": input.seconds}
        context.add_plan(
            Plan(
                tuple(
                    PlannedStep(key=f"{key}.{n}", agent="mill", operation="work", input=given)
                    for n in range(input.count)
                )
            )
        )
        write(input, context, "end")
        return Answer()


class Errand(Agent):
    """Another queue, with a limit of its own."""

    name = "errand"
    title = "Errand"
    description = "For the chaos harness."
    priority = 3

    @operation(Order, Answer, attempts=12)
    def give(self, input: Order, context: OperationContext) -> Answer:
        """Give the count back."""
        return work(input, context)


class Glutton(Agent):
    """Eats memory; its queue is served by the worker whose memory is bounded."""

    name = "glutton"
    title = "Glutton"
    description = "For the chaos harness."
    priority = 4

    @operation(Order, Answer, attempts=12)
    def eat(self, input: Order, context: OperationContext) -> Answer:
        """Take so much memory in the first attempt."""
        if context.request.attempt == 1 and input.megabytes:
            held = [bytearray(os.urandom(1024) * 1024) for _ in range(input.megabytes)]
            time.sleep(1)
            held.clear()
        return work(input, context)
