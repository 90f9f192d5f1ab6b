"""How a run is watched from a terminal: a live table, or plain lines where there is no terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from wrenchai_client.server import RunView, StepView

COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "dead": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "waiting_retry": "yellow",
    "waiting": "yellow",
    "waiting_approval": "magenta",
    "paused": "yellow",
}
TO_COME = {"accepted", "pending", "ready"}
KEY = 30  # columns of a step's name
PROGRESS_SECONDS = 10.0  # a step that works on says so often how far it is


def waits(run: RunView, admin: str = "") -> list[str]:
    """Say why a run stands still, and how it goes on: a sentence for a pause, and one for each question.

    `admin` is the account that a local installation makes, which has no password until somebody sets one.
    """
    told = []
    if run.state == "paused":
        told.append(f"The run is paused: nothing new begins until it is resumed at {run.page}")
    for question in run.questions:
        whom = f" (by a {question.role} or above)" if question.role else ""
        told.append(
            f"Step {question.key} waits for a decision: {question.text}  Answer{whom} at {run.page}#part-approvals"
        )
    if told and admin:
        told.append(f"Sign in there as {admin}; ./wrench manage changepassword {admin} sets a password.")
    return told


class Display(Protocol):
    """Shows the newest state of a run; called after every change and now and then in between."""

    def show(self, run: RunView) -> None: ...


class Lines:
    """A line when a step begins, when it ends, and now and then between: for logs and pipes."""

    def __init__(self, out: TextIO, admin: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._admin, self._clock = out, admin, clock
        self._states: dict[str, str] = {}
        self._told: dict[str, float] = {}  # when the last line of a step was printed
        self._waits: list[str] = []

    def show(self, run: RunView) -> None:
        """Print what changed since the last call, and what the run waits for now."""
        if not run.is_final:
            self._whole(run)
        self._planned([step for step in run.steps if step.key not in self._states and step.state in TO_COME])
        for step in run.steps:
            self._step(step)
        if run.is_final:
            self._whole(run)
        before, self._waits = self._waits, waits(run, self._admin)
        for told in self._waits:
            if told not in before:
                self._line(told)

    def _whole(self, run: RunView) -> None:
        if self._states.get("") != run.state:
            self._states[""] = run.state
            self._row("run", run.state)

    def _planned(self, steps: list[StepView]) -> None:
        """Tell steps that are to come, those of an agent in one line."""
        for agent in dict.fromkeys(step.agent for step in steps):
            names = ", ".join(step.operation for step in steps if step.agent == agent)
            self._row(agent, "planned", "", names)
        self._states.update((step.key, step.state) for step in steps)

    def _step(self, step: StepView) -> None:
        before, self._states[step.key] = self._states.get(step.key), step.state
        if step.state in TO_COME:
            return
        now, is_new = self._clock(), before != step.state
        is_far = step.state == "running" and now - self._told.get(step.key, now) >= PROGRESS_SECONDS
        if is_new or is_far:
            self._told[step.key] = now
            took = elapsed(step) if step.ended_at or not is_new else ""
            message = "" if is_new and step.state == "running" else step.message
            self._row(step.key, step.state, took, message)

    def _row(self, key: str, state: str, took: str = "", message: str = "") -> None:
        self._line(f"{key:<{KEY}}  {state.replace('_', ' '):<9}  {took:>7}  {message}")

    def _line(self, told: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S}  {told}".rstrip(), file=self._out, flush=True)


class Board:
    """A table of the steps that is drawn again in place."""

    def __init__(self, live: Live, admin: str = "") -> None:
        self._live, self._admin = live, admin
        self._spinner = Spinner("dots")

    def show(self, run: RunView) -> None:
        """Draw the table and, below it, what the run waits for.

        With more steps than lines, those that are over are counted only.
        """
        table = Table(box=None, pad_edge=False, show_header=False, expand=False)
        table.add_column()
        table.add_column(no_wrap=True, min_width=max((len(step.key) for step in run.steps), default=0))
        told = [Text(f"? {one}", style="magenta") for one in waits(run, self._admin)]
        taken = sum(len(one) // self._live.console.width + 1 for one in told)
        room = max(5, self._live.console.height - 4 - taken)
        over = [step for step in run.steps if step.ended_at is not None]
        hidden = over[: max(0, len(run.steps) - room)]
        if hidden:
            table.add_row(Text("✓", style="green"), Text(f"{len(hidden)} steps are over", style="dim"))
        for step in run.steps:
            if step not in hidden:
                table.add_row(*self._row(step))
        self._live.update(Group(table, *told))

    def _row(self, step: StepView) -> tuple[Spinner | Text, Text, Text, Text, Text]:
        colour = COLOURS.get(step.state, "dim")
        mark: Spinner | Text = self._spinner if step.state == "running" else Text("•", style=colour)
        return (
            mark,
            Text(step.key),
            Text(step.state.replace("_", " "), style=colour),
            Text(elapsed(step), style="dim", justify="right"),
            Text(step.message, style="dim", overflow="ellipsis", no_wrap=True),
        )


def elapsed(step: StepView) -> str:
    """Return how long a step has been worked on, or took: `12.3 s`; empty before its start."""
    try:
        start = datetime.fromisoformat(step.started_at or "")
        end = datetime.fromisoformat(step.ended_at) if step.ended_at else datetime.now(UTC)
    except ValueError:
        return ""
    return f"{max(0.0, (end - start).total_seconds()):.1f} s"


@contextmanager
def display(*, quiet_stdout: bool, admin: str = "") -> Iterator[Display]:
    """Yield what fits the place: a board on a terminal, lines elsewhere (on stderr when stdout is data)."""
    out = sys.stderr if quiet_stdout else sys.stdout
    console = Console(file=out)
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(out, admin)
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield Board(live, admin)
