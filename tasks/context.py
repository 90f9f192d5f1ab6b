"""What an operation may ask of the engine while it works: the `StepContext` of one attempt.

What it writes is filtered by the attempt's fence: after a lost lease every call raises LeaseLost, which stops the
operation. `once`, `call` and `ask` keep the step's journal: they number each name's uses within the attempt, so that
an operation which is executed again, from the top, meets what it did before in the same places.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from django.db import transaction
from django.db.models.functions import Now

from tasks import artifacts, events, runs
from tasks.changes import Change
from tasks.contract import (
    NOT_DONE,
    ArtifactRef,
    ChildFailed,
    Decision,
    Effect,
    LogLevel,
    Question,
    Remark,
    StepFailed,
)
from tasks.database import resilient
from tasks.errors import ArtifactMissing, LeaseLost, PlanInvalid, UnknownOperation
from tasks.interruption import uninterrupted, was_cancelled
from tasks.leases import Lease
from tasks.models import JournalEntry, LogChunk, Run, Step
from tasks.plans import JsonObject, Plan, PlannedStep
from tasks.states import StepState

TELL_EVERY_SECONDS = 0.25
LOG_CHUNK_BYTES = 8 * 1024
MAX_VALUE_BYTES = 256 * 1024  # of a deed's value: a column that each later attempt reads
ARTIFACT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. /+-]{0,199}\Z")
JOURNAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
LONGEST_KEY = 120


def cancel_requested(lease: Lease) -> bool:
    """Tell whether somebody wants the attempt's run to stop."""
    return Run.objects.filter(pk=lease.run_pk, cancel_requested_at__isnull=False).exists()


@dataclass(slots=True, kw_only=True)
class AttemptContext:
    """The `StepContext` of one attempt."""

    lease: Lease
    project_id: int
    artifacts: list[ArtifactRef] = field(default_factory=list)
    _scratch: Path | None = None
    _told_at: float = 0.0
    _progress: tuple[int, int, str] | None = None
    _lines: list[str] = field(default_factory=list)
    _levels: str = ""
    _chunks: int = 0
    _logged_at: float = 0.0
    _untold: str = ""
    _journal: dict[tuple[str, int], JournalEntry] | None = None  # as earlier attempts left it
    _begun: str = ""  # the deed that is under way now, if it must not happen twice
    _used: Counter[str] = field(default_factory=Counter)  # how often each name of the journal was used so far

    @property
    def scratch(self) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="wrench-step-"))
        return self._scratch

    def progress(self, done: int, total: int, message: str = "") -> None:
        self._progress = (done, total, message)
        if time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
            self._tell_progress()

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        lines = text.split("\n")
        self._lines += lines
        self._levels += level[0] * len(lines)
        if time.monotonic() - self._logged_at >= TELL_EVERY_SECONDS:
            self._tell_log()
        elif sum(map(len, self._lines)) > LOG_CHUNK_BYTES:
            self._store_lines()

    def emit(self, kind: str, data: JsonObject) -> None:
        fact = events.AgentSaid(key=self.lease.key, attempt=self.lease.attempt, topic=kind, content=data)
        self._write(fact)

    def cancelled(self) -> bool:
        return was_cancelled() or cancel_requested(self.lease)

    def messages(self) -> tuple[Remark, ...]:
        return resilient(lambda: runs.said(self.lease.run_pk), what="listen")

    def once(
        self,
        name: str,
        deed: Callable[[], Any],
        *,
        effect: Effect = "idempotent",
        input: Any = None,
        reconcile: Callable[[], Any] | None = None,
    ) -> Any:
        mark = self._mark(name, JournalEntry.Kind.ONCE, {"effect": effect, "input": input}, effect=effect)
        entry = self._read(mark)
        if entry is not None and entry.done_at is not None:
            return entry.value
        if entry is not None and entry.effect == "once":
            known = self._reconciled(entry, reconcile)
            if known is not NOT_DONE:
                return self._finish(entry, known)
        entry = resilient(lambda: runs.begin(self.lease, mark), what="begin")
        around, self._begun = self._begun, name if effect == "once" else self._begun
        try:
            value = deed()
        finally:
            self._begun = around
        return self._finish(entry, value)

    def call(self, agent: str, operation: str, input: JsonObject, *, name: str | None = None) -> JsonObject:
        order: JsonObject = {"agent": agent, "operation": operation, "input": input}
        mark = self._mark(name or f"{agent}.{operation}", JournalEntry.Kind.CALL, order)
        child = PlannedStep(
            key=self._child_key(mark),
            agent=agent,
            operation=operation,
            input=input,
            reason=f"asked for by {self.lease.key}",
        )
        entry = self._read(mark)
        if entry is None:
            _refuse_unknown(child)
        if entry is None or entry.child is None or not StepState(entry.child.state).is_final:
            self._suspend(runs.Call(mark=mark, child=child))
        if entry.child.state == StepState.SUCCEEDED.value:
            return entry.child.output or {}
        error = entry.child.error or {"kind": entry.child.state, "message": "no reason recorded"}
        raise ChildFailed(
            f"{agent}.{operation} (step {entry.child.key!r}) is {entry.child.state}: {error['message']}",
            error=error,
        )

    def ask(self, question: Question, *, name: str = "approval") -> Decision:
        order = {"text": question.text, "role": question.role, "users": list(question.users)}
        return self._asked(self._mark(name, JournalEntry.Kind.APPROVAL, order), question)

    def put_artifact(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        if not ARTIFACT_NAME.match(name):
            raise ValueError(
                f"an artifact cannot be named {name!r}: use 1 to 200 of A-Z a-z 0-9 _ . / + - and blank"
            )
        ref = artifacts.put(name, content, media_type=media_type)
        self.artifacts.append(ref)
        return ref

    def open_artifact(self, digest: str) -> BinaryIO:
        mine = any(ref.digest == digest for ref in self.artifacts)
        if not mine and not artifacts.belongs_to(digest, project_id=self.project_id):
            raise ArtifactMissing(f"this project has no artifact {digest}")
        return artifacts.open_blob(digest)

    def flush(self) -> None:
        """Write what progress and log hold back."""
        if self._progress is not None:
            self._tell_progress()
        if self._lines or self._untold:
            self._tell_log()

    def close(self) -> None:
        """Delete the scratch folder."""
        if self._scratch is not None:
            try:
                shutil.rmtree(self._scratch, ignore_errors=True)
            except RecursionError:  # a tree that is a thousand folders deep; rm needs no stack
                subprocess.run(
                    ["rm", "-rf", "--", os.fspath(self._scratch)], check=False, stdin=subprocess.DEVNULL
                )

    def _mark(
        self, name: str, kind: JournalEntry.Kind, order: JsonObject, *, effect: Effect = "read"
    ) -> runs.Mark:
        """Give the place in the journal of this use of the name."""
        if not JOURNAL_NAME.match(name):
            raise StepFailed(
                f"the journal cannot name a deed {name!r}: use 1 to 100 of A-Z a-z 0-9 _ . -", retriable=False
            )
        try:
            told = json.dumps(order, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise StepFailed(f"the input of {name!r} is no JSON: {error}", retriable=False) from None
        self._used[name] += 1
        digest = hashlib.sha256(told.encode()).hexdigest()
        return runs.Mark(
            name=name, occurrence=self._used[name], kind=kind.value, digest=digest, effect=effect
        )

    def _suspend(self, order: runs.Call | runs.Ask) -> NoReturn:
        """End the attempt here. Not in the middle of a deed that must not repeat: it would be begun again."""
        if self._begun:
            raise StepFailed(
                f"{self._begun!r} must not happen twice, so it cannot wait in its middle:"
                " call and ask before or after it",
                retriable=False,
                kind="bad_call",
            )
        raise runs.Suspended(order)

    def _read(self, mark: runs.Mark) -> JournalEntry | None:
        """Read what the journal says at this place, all of it at the first use. Raises JournalDiverged."""
        if self._journal is None:
            self._journal = resilient(lambda: runs.read_journal(self.lease), what="read journal")
        entry = self._journal.get((mark.name, mark.occurrence))
        if entry is not None:
            runs.must_fit(entry, mark, self.lease)
        return entry

    def _finish(self, entry: JournalEntry, value: Any) -> Any:
        """Store a deed's value, and give it as a later attempt would get it."""
        with uninterrupted():
            size = len(json.dumps(value, allow_nan=False))
            if size > MAX_VALUE_BYTES:
                raise StepFailed(
                    f"the value of {entry.name!r} has {size} bytes; at most {MAX_VALUE_BYTES} are kept,"
                    " larger things are artifacts",
                    retriable=False,
                )
            resilient(lambda: runs.finish(self.lease, entry, value), what="finish")
        return json.loads(json.dumps(events.storable(value)))

    def _reconciled(self, entry: JournalEntry, reconcile: Callable[[], Any] | None) -> Any:
        """Find out what became of a deed that an attempt began and that must not happen twice; or ask people."""
        if reconcile is not None:
            return reconcile()
        deed = f"{self.lease.agent}.{self.lease.operation}: {entry.name}"
        question = runs.doubt(deed, entry.attempt, "its attempt ended in the middle")
        place = runs.Mark(
            name=f"{entry.name}?{entry.occurrence}",
            occurrence=entry.attempt,
            kind=JournalEntry.Kind.APPROVAL.value,
            digest="",
            effect="once",
        )
        self._asked(place, question)  # no other answer than "approved" brings the step back here
        return NOT_DONE

    def _asked(self, mark: runs.Mark, question: Question) -> Decision:
        entry = self._read(mark)
        approval = None if entry is None else getattr(entry, "approval", None)
        if approval is None or not approval.decision:
            self._suspend(runs.Ask(mark=mark, question=question))
        by = approval.decided_by.get_username() if approval.decided_by else ""
        return Decision(
            approved=approval.decision == "approved",
            decision=approval.decision,
            by=by,
            comment=approval.comment,
        )

    def _child_key(self, mark: runs.Mark) -> str:
        key = f"{self.lease.key}:{mark.name}.{mark.occurrence}"
        if len(key) <= LONGEST_KEY:
            return key
        return f"{key[: LONGEST_KEY - 17]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"

    def _tell_progress(self) -> None:
        if self._progress is None:
            return
        done, total, message = self._progress
        self._progress, self._told_at = None, time.monotonic()
        stored = events.storable({"done": done, "total": total, "message": message})
        lease = self.lease
        fact = events.StepProgress(key=lease.key, attempt=lease.attempt, **stored)
        self._write(fact, progress=stored)

    def _tell_log(self) -> None:
        self._store_lines()
        tail, self._untold, self._logged_at = self._untold, "", time.monotonic()
        lease = self.lease
        self._write(events.StepLogged(key=lease.key, attempt=lease.attempt, chunk=self._chunks, tail=tail))

    def _store_lines(self) -> None:
        """Store the lines as a chunk; `_tell_log` tells of it, and of others that piled up."""
        if not self._lines:
            return
        chunk = (events.storable("\n".join(self._lines)), self._levels if self._levels.strip("i") else "")
        self._untold, self._lines, self._levels = self._lines[-1][:400] or " ", [], ""
        self._chunks += 1
        self._write(None, chunk=chunk)

    def _write(
        self,
        fact: events.Fact | None,
        *,
        progress: JsonObject | None = None,
        chunk: tuple[str, str] | None = None,
    ) -> None:
        """Store a fact of this attempt, in one transaction with what it is about. Raises LeaseLost.

        `chunk` is some lines of the log and their levels.
        """
        lease = self.lease

        def act() -> None:
            with transaction.atomic():
                mine = Step.objects.filter(pk=lease.step_pk, fence=lease.fence, state=StepState.RUNNING.value)
                changes = {"progress": progress} if progress is not None else {"key": lease.key}
                if not mine.update(**changes):
                    raise LeaseLost(
                        f"attempt {lease.attempt} of step {lease.key!r} is no longer the one that counts"
                    )
                if chunk is not None:  # there already, if the answer to its commit was lost
                    LogChunk.objects.get_or_create(
                        step_id=lease.step_pk,
                        attempt=lease.attempt,
                        ordinal=self._chunks,
                        defaults={"at": Now(), "text": chunk[0], "levels": chunk[1]},
                    )
                if fact is not None:
                    change = Change(lease.run_pk)
                    change.tell(fact, lease.step_pk)
                    change.write()

        resilient(act, what="tell")


def _refuse_unknown(child: PlannedStep) -> None:
    """Tell the operation at once what is wrong with its call. Raises StepFailed."""
    try:
        runs.check(Plan((child,)))
    except (PlanInvalid, UnknownOperation) as error:
        raise StepFailed(
            f"cannot call {child.agent}.{child.operation}: {error}", retriable=False, kind="bad_call"
        ) from None
