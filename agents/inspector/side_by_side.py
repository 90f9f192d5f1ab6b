"""Several analyzers at once, in one thread: the longest first, no more than the step's share of the cores.

Invariant: when the block is left, by the end of the work, a wish to cancel or any other exception, no process of any
analyzer is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from agents import process
from agents.inspector.analyzers.base import Analyzer, Batch
from agents.inspector.shares import Shares
from agents.inspector.survey import SourceFile
from tasks.contract import StepCancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of one tool. `weight` is how long it may take, in seconds of CPU.

    `noted`: what the tool noted for itself in an earlier run; None if nobody keeps its notes.
    """

    analyzer: Analyzer
    files: tuple[SourceFile, ...]
    weight: float
    owner: int = 0  # whose it is; the caller's own number
    noted: bytes | None = None
    hurry: bool = False  # a second try at what a first one failed at: a quarter of the tool's time

    @property
    def timeout_seconds(self) -> float:
        """How long the call may take."""
        return self.analyzer.timeout_seconds / (4 if self.hurry else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A job that ended. The batch's scratch folder is there until the next one is asked for."""

    job: Job
    batch: Batch
    outcome: process.Outcome


@dataclass(slots=True, kw_only=True)
class _Busy:
    job: Job
    batch: Batch
    running: process.Running
    folder: TemporaryDirectory[str]

    def clear(self) -> None:
        """End the process and delete its folder."""
        self.running.end()
        self.folder.cleanup()


@dataclass(slots=True, kw_only=True)
class _Floor:
    tree: Path
    scratch: Path
    shares: Shares
    waiting: list[Job]
    busy: list[_Busy] = field(default_factory=list)

    def fill(self) -> None:
        """Start what may start."""
        while self.waiting and self.shares.allow(len(self.busy)):
            job = self.waiting.pop()
            folder = TemporaryDirectory(prefix=f"{job.analyzer.name}-", dir=self.scratch)
            try:
                batch = _batch(job, self.tree, Path(folder.name))
                running = process.start(
                    job.analyzer.command(batch),
                    cwd=self.tree,
                    scratch=batch.scratch,
                    timeout_seconds=job.timeout_seconds,
                    limits=process.Limits(memory_bytes=job.analyzer.memory_bytes),
                )
            except BaseException:
                folder.cleanup()
                raise
            self.busy.append(_Busy(job=job, batch=batch, running=running, folder=folder))

    def ended(self) -> _Busy | None:
        """One that has ended, taken off the floor; None while all run."""
        for one in self.busy:
            if one.running.poll() is not None:
                self.busy.remove(one)
                return one
        return None

    def clear(self) -> None:
        """End all that run: ask all, then force each."""
        for one in self.busy:
            one.running.ask()
        while self.busy:
            self.busy[-1].clear()
            self.busy.pop()
        self.shares.release(0)


def _batch(job: Job, tree: Path, scratch: Path) -> Batch:
    if job.noted is None:
        return Batch(root=tree, files=job.files, scratch=scratch)
    noted = scratch / "noted" if job.noted else None
    if noted is not None:
        noted.write_bytes(job.noted)
    return Batch(root=tree, files=job.files, scratch=scratch, noted=noted, notes=scratch / "notes")


def side_by_side(
    jobs: Sequence[Job],
    *,
    tree: Path,
    scratch: Path,
    shares: Shares,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[Done, None, None]:
    """Run the jobs and yield each as it ends. Raises StepCancelled. Close the iterator if you leave it early."""
    floor = _Floor(
        tree=tree, scratch=scratch, shares=shares, waiting=sorted(jobs, key=lambda job: job.weight)
    )
    ask_again = 0.0
    try:
        while floor.waiting or floor.busy:
            now = time.monotonic()
            if now >= ask_again:
                ask_again = now + process.CANCEL_POLL_SECONDS
                if cancelled():
                    raise StepCancelled("nobody wants the result any more")
            floor.fill()
            one = floor.ended()
            if one is None:
                process.wait([each.running for each in floor.busy], process.LOOK_SECONDS)
                continue
            shares.release(len(floor.busy))
            floor.fill()
            assert one.running.outcome is not None
            try:
                yield Done(job=one.job, batch=one.batch, outcome=one.running.outcome)
            finally:
                one.clear()
    finally:
        floor.clear()
