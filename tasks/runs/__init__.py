"""The only writer of states: every move of a run or a step is a function here.

    submit ─> ready ─claim(start)─> running ─settle──> succeeded ─> dependents released, planned steps added
                 ▲                     ├─fail────> waiting_retry ─promote─> ready, or dead
                 └──release, recover───┤
                                       └─cancelled

Each function is one transaction: lock the steps by id, check the fence where an attempt writes, move, gather what
follows in a `Change`, write the run's row and its events last. Invariants: an attempt whose fence is not the
step's changes nothing; a step's success, its findings, its artifacts and the steps that it adds are stored
together or not at all.

    accept      submit, and the check of a plan
    storing     rows of a plan's steps and edges
    circles     added steps that would wait for themselves, refused
    attempts    start, settle, fail, postpone, release: what one attempt may write
    recovery    what the scheduler's sweep moves
    cancelling  a person's wish to stop
    pausing     a person's wish to hold, or to hurry
    saying      what people tell a run while it works
    suspending  the journal; steps that wait for a call or an approval
    approvals   answers to the questions that steps ask
    sorting     what becomes of each step of a finished run that is done again
    reruns      that new run, stored
    moves       the moves of one locked step, shared by the others
"""

from __future__ import annotations

from tasks.runs.accept import Order, body_digest, check, submit, submit_all
from tasks.runs.approvals import decide, expire_approvals, open_questions
from tasks.runs.attempts import (
    Settled,
    backoff_seconds,
    fail,
    postpone,
    record_stale,
    release,
    settle,
    settle_all,
    settle_cancelled,
    start,
    start_several,
    was_ended,
    was_settled,
)
from tasks.runs.cancelling import cancel
from tasks.runs.pausing import pause, pause_queue, resume, resume_queue, set_priority
from tasks.runs.recovery import expire, give_back, promote_due, recover
from tasks.runs.reruns import Rerun, preview_rerun, rerun, rerun_from, retry
from tasks.runs.saying import LONGEST_REMARK, said, say
from tasks.runs.sorting import RedoneStep, RerunPreview
from tasks.runs.success import Success
from tasks.runs.suspending import (
    Ask,
    Call,
    Mark,
    Suspended,
    begin,
    doubt,
    finish,
    must_fit,
    read_journal,
    suspend,
)

__all__ = [
    "LONGEST_REMARK",
    "Ask",
    "Call",
    "Mark",
    "Order",
    "RedoneStep",
    "Rerun",
    "RerunPreview",
    "Settled",
    "Success",
    "Suspended",
    "backoff_seconds",
    "begin",
    "body_digest",
    "cancel",
    "check",
    "decide",
    "doubt",
    "expire",
    "expire_approvals",
    "fail",
    "finish",
    "give_back",
    "must_fit",
    "open_questions",
    "pause",
    "pause_queue",
    "postpone",
    "preview_rerun",
    "promote_due",
    "read_journal",
    "record_stale",
    "recover",
    "release",
    "rerun",
    "rerun_from",
    "resume",
    "resume_queue",
    "retry",
    "said",
    "say",
    "set_priority",
    "settle",
    "settle_all",
    "settle_cancelled",
    "start",
    "start_several",
    "submit",
    "submit_all",
    "suspend",
    "was_ended",
    "was_settled",
]
