"""What can go wrong in the engine.

EngineError
├── PlanInvalid            a plan has faults; each is named with its step's key
├── UnknownOperation       nobody in the catalog can do this
├── RequestRefused         what is to be done again and again cannot be read
├── IdempotencyConflict    the same key came with another body
├── RunNotFound
├── StepNotFound
├── ApprovalNotFound
├── ControlRefused         a person's order does not fit the state of things
│   ├── RunIsOver          nothing of a final run can be paused, resumed or hurried
│   ├── RunNotOver         only a final run can be done again, deleted, or reported
│   ├── RunReferredTo      a run that others come from, or work on, is not deleted
│   ├── NothingToRetry     nothing in the run failed
│   └── ApprovalDecided    the question has its answer
├── PrunerBusy             another pruner is at work
├── LeaseLost              the fence of this attempt is no longer current
├── ArtifactError
│   ├── ArtifactMissing    the bytes of a digest are not in the store
│   ├── ArtifactStoreFull  the disk has no room for the bytes
│   ├── ArtifactStoreForeign  the folder is another installation's, or another database's
│   └── UploadTooLarge     somebody sends more bytes than an upload may have
└── BrokerUnreachable      Redis did not take the bells; they stay in the outbox

Raised by operations, understood by the engine (in `contract`): StepFailed, RetryLater, StepCancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class EngineError(Exception):
    """Base of everything that the engine raises on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFault:
    """One thing that is wrong with one step of a plan."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"step {self.key!r}: {self.message}"


class PlanInvalid(EngineError):
    """A plan was refused before anything of it was stored."""

    def __init__(self, faults: Sequence[PlanFault]) -> None:
        self.faults = tuple(faults)
        shown = "; ".join(str(fault) for fault in self.faults[:5])
        more = f"; and {len(self.faults) - 5} more" if len(self.faults) > 5 else ""
        super().__init__(f"the plan has {len(self.faults)} fault(s): {shown}{more}")


class UnknownOperation(EngineError):
    """The catalog has no such agent or operation."""


class RequestRefused(EngineError):
    """The request of a schedule cannot be read; the message says what is wrong with it and what to do."""


class IdempotencyConflict(EngineError):
    """The idempotency key was used before with another request."""


class RunNotFound(EngineError):
    """There is no such run."""


class StepNotFound(EngineError):
    """The run has no such step."""


class ApprovalNotFound(EngineError):
    """There is no such question."""


class ControlRefused(EngineError):
    """A person's order does not fit the state of things; the message says which state that is."""


class RunIsOver(ControlRefused):
    """Nothing of a final run can be paused, resumed or hurried."""


class RunNotOver(ControlRefused):
    """Only a final run can be done again or deleted, and has a report."""


class RunReferredTo(ControlRefused):
    """A run that others come from, or work on, is not deleted."""


class NothingToRetry(ControlRefused):
    """Nothing in the run failed."""


class ApprovalDecided(ControlRefused):
    """The question has its answer."""


class PrunerBusy(EngineError):
    """Another pruner is at work."""


class LeaseLost(EngineError):
    """The fence of this attempt is no longer current: its result must be thrown away."""


class ArtifactError(EngineError):
    """Bytes could not be stored or read."""


class ArtifactMissing(ArtifactError):
    """The bytes of a digest are not in the store."""


class ArtifactStoreFull(ArtifactError):
    """The disk has no room for the bytes."""


class ArtifactStoreForeign(ArtifactError):
    """The folder of artifacts is another installation's, or another database's; the message says what to do."""


class UploadTooLarge(ArtifactError):
    """Somebody sends more bytes than an upload may have."""


class BrokerUnreachable(EngineError):
    """Redis did not take the bells; they stay in the outbox."""
