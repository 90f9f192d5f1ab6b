"""Retention: deleting what is over and older than its project's policy says.

    policies   what is due: final runs, by when they ended, and what else belongs to them
    rows       deleting parts of runs, bounded, each batch a transaction with its part of the report
    hidden     deleting whole runs: hidden first, then some rows at a time
    discarding a person's wish that a run be deleted
    files      deleting stored bytes that nobody refers to
    rounds     one round of pruning: the report, the order, at most one pruner at a time
    forecast   what a round would delete now

    partitions of whole days ─> runs (artifacts, logs, events, then the run) ─> uploads ─> the engine's own ─> files

Invariant: nothing live is touched. A run that is not final keeps all it has, and the bytes that its request names;
a run that a live rerun comes from stays; bytes stay while a row names them, and while a run is live that began
before they were last stored. Counts in a report are written in the transaction that deletes what they count.
"""

from __future__ import annotations

from tasks.retention.discarding import discard
from tasks.retention.forecast import forecast
from tasks.retention.rounds import Daily, prune
from tasks.retention.rows import prune_too

__all__ = ["Daily", "discard", "forecast", "prune", "prune_too"]
