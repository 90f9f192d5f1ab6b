"""A person deletes a run: gone from everybody's sight at once, its rows soon after, as those of a run that is due."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from tasks.errors import RunNotFound, RunNotOver, RunReferredTo
from tasks.models import Artifact, Run, ScheduleFire, Upload
from tasks.retention.policies import FINAL, named_by
from tasks.states import RunState


def discard(public_id: UUID) -> Run:
    """Take a run out of everybody's sight, for good. Needs a transaction; gives the run as it was.

    Raises RunNotFound; RunNotOver; RunReferredTo if there is a rerun of it, or a live run that works on what it made.
    Who is about to do it again holds its row until the rerun is stored: one of the two is second, and sees the other.
    """
    run = Run.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if run is None:
        raise RunNotFound(f"there is no run {public_id}")
    if not RunState(run.state).is_final:
        raise RunNotOver(
            f"run {public_id} is {run.state}; only a run that is over can be deleted: cancel it first"
        )
    _refuse_if_needed(run)
    ScheduleFire.objects.filter(run=run).update(run=None)
    Run.objects.filter(pk=run.pk).update(hidden_at=Now(), idempotency_key=None)
    return run


def _refuse_if_needed(run: Run) -> None:
    reruns = list(Run.objects.filter(parent=run).order_by("pk").values_list("public_id", flat=True)[:4])
    if reruns:
        named = ", ".join(map(str, reruns[:3])) + (", ..." if len(reruns) > 3 else "")
        raise RunReferredTo(
            f"run {run.public_id} was done again as {named}, which took over what it did; delete reruns first"
        )
    made = set(Artifact.objects.filter(run=run).values_list("digest", flat=True))
    if not made:
        return
    live = Run.objects.filter(project_id=run.project_id).exclude(state__in=FINAL)
    wanted = made & named_by(live)
    others = Artifact.objects.filter(run__project_id=run.project_id, digest__in=wanted).exclude(run=run)
    uploads = Upload.objects.filter(project_id=run.project_id, digest__in=wanted)
    alone = (
        wanted - set(others.values_list("digest", flat=True)) - set(uploads.values_list("digest", flat=True))
    )
    if alone:
        raise RunReferredTo(
            f"a run that is not over, or a schedule, works on artifact {min(alone)} of run {run.public_id};"
            " wait for its end, or change the schedule"
        )
