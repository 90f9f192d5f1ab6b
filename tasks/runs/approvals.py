"""Answers to the questions that steps ask people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now
from django.dispatch import Signal

from tasks import events
from tasks.changes import Change
from tasks.database import resilient
from tasks.errors import ApprovalDecided, ApprovalNotFound
from tasks.models import Approval, Step
from tasks.runs.moves import bury, database_now, error_of, lock_one, make_ready
from tasks.states import StepState

PATIENCE_SECONDS = 10.0  # a person waits for the answer
_D = Approval.Decision

decided_by_person = Signal()
"""Sent with `approval` and `decision` in the transaction of a person's answer: receivers write together with it."""


def decide(
    public_id: UUID, *, approved: bool, by_user_id: int | None, by: str, comment: str = ""
) -> Approval:
    """Answer a question; its step goes on, or ends if the answer forbids the only thing that it could do.

    Whether this person may is for the caller to check. The same answer by the same person twice is one answer.
    Raises ApprovalNotFound, ApprovalDecided (who decided what, and when).
    """
    decision = _D.APPROVED if approved else _D.REJECTED
    approval = Approval.objects.filter(public_id=public_id).first()
    if approval is None:
        raise ApprovalNotFound(f"there is no approval {public_id}")
    pk = approval.pk
    resilient(
        lambda: _decide(pk, decision, by_user_id, by, comment),
        what="decide",
        patience_seconds=PATIENCE_SECONDS,
    )
    return Approval.objects.select_related("run__project__team", "step", "decided_by").get(pk=pk)


def open_questions(run_pks: Iterable[int]) -> dict[int, int]:
    """Count the questions that wait for people, by run. Runs without any are left out. One query."""
    asked = Approval.objects.filter(run_id__in=list(run_pks), decision="")
    return dict(asked.values_list("run_id").annotate(count=Count("pk")).order_by())


def expire_approvals() -> int:
    """Answer questions whose time is over as expired. Returns how many."""
    late = (
        Approval.objects.filter(decision="", expires_at__lte=Now())
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    expired = 0
    for pk in list(late[:200]):
        try:
            _decide(pk, _D.EXPIRED, None, "the clock", "")
            expired += 1
        except ApprovalDecided:
            continue  # somebody was faster
    return expired


def _decide(pk: int, decision: Approval.Decision, user_id: int | None, by: str, comment: str) -> None:
    with transaction.atomic():
        step = lock_one(Approval.objects.values_list("step_id", flat=True).get(pk=pk))
        approval = Approval.objects.select_related("entry", "decided_by", "run", "step").get(pk=pk)
        if approval.decision:
            if (approval.decision, approval.decided_by_id) == (decision.value, user_id):
                return
            raise ApprovalDecided(_told(approval))
        if decision is not _D.EXPIRED and _is_late(approval):
            raise ApprovalDecided(
                f"approval {approval.public_id} has expired: its time was over at {_moment(approval.expires_at)};"
                " no answer counts any more"
            )
        assert step is not None  # it has a question
        Approval.objects.filter(pk=pk).update(
            decision=decision.value,
            decided_at=Now(),
            decided_by_id=user_id,
            comment=events.storable(comment),
        )
        change = Change(step.run_id)
        change.tell(
            events.ApprovalDecided(
                key=step.key,
                approval=str(approval.public_id),
                decision=decision.value,
                by=by,
                comment=comment,
            ),
            step.pk,
        )
        if step.state == StepState.WAITING_APPROVAL.value:
            _go_on(step, approval, decision, change)
        change.write()
        if user_id is not None:
            decided_by_person.send(sender=Approval, approval=approval, decision=decision.value)


def _go_on(step: Step, approval: Approval, decision: Approval.Decision, change: Change) -> None:
    """Let the step read the answer, unless it asked whether it may repeat a deed, and may not."""
    if approval.entry.effect == "once" and decision is not _D.APPROVED:
        error = error_of("effect_unknown", f"{approval.question} The answer was: {decision.value}.")
        bury(step, error, change, step.attempts_made, spent=step.attempts_spent)
    else:
        make_ready(step, change, spent=step.attempts_spent)


def _is_late(approval: Approval) -> bool:
    """Tell whether the time is over although the sweep has not said so yet."""
    return approval.expires_at is not None and approval.expires_at <= database_now()


def _told(approval: Approval) -> str:
    """Say who was faster, and that nothing changes it."""
    name = f"approval {approval.public_id}"
    when = _moment(approval.decided_at)
    if approval.decision == _D.WITHDRAWN.value:
        return f"{name} was withdrawn at {when}: its step ended without an answer, so none is needed any more"
    if approval.decision == _D.EXPIRED.value:
        return f"{name} has expired: its time was over at {when}; no answer counts any more"
    who = approval.decided_by.get_username() if approval.decided_by else "somebody"
    return f"{name} is {approval.decision} already (by {who} at {when}); that answer counts"


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
