"""What the engine stores. Each class opens with what a row is; each index names its query.

States move only along `states.STEP_TRANSITIONS` and `states.RUN_TRANSITIONS`: triggers made from these tables
refuse everything else, whoever writes. `runs` is the only package that changes a state.

    work       Run, Step, StepDependency, Attempt
    workers    Queue, WorkerSession, LimitRule
    journal    JournalEntry, Approval: what an operation that suspends must not do twice
    records    Event, LogChunk, Artifact, Upload, OutboxMessage
    schedules  Schedule, ScheduleFire
    sharing    RunShare
    retention  RetentionPolicy, PruneReport, Installation
"""

from __future__ import annotations

from tasks.models.journal import Approval, JournalEntry
from tasks.models.records import Artifact, Event, LogChunk, OutboxMessage, Upload
from tasks.models.retention import Installation, PruneReport, RetentionPolicy
from tasks.models.schedules import Schedule, ScheduleFire
from tasks.models.sharing import RunShare
from tasks.models.work import Attempt, Run, Step, StepDependency, new_public_id
from tasks.models.workers import LimitRule, Queue, WorkerSession

__all__ = [
    "Approval",
    "Artifact",
    "Attempt",
    "Event",
    "Installation",
    "JournalEntry",
    "LimitRule",
    "LogChunk",
    "OutboxMessage",
    "PruneReport",
    "Queue",
    "RetentionPolicy",
    "Run",
    "RunShare",
    "Schedule",
    "ScheduleFire",
    "Step",
    "StepDependency",
    "Upload",
    "WorkerSession",
    "new_public_id",
]
