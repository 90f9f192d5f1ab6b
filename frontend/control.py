"""What a person does on a run's page: pause, resume, stop, do again, answer a question.

Thin: each view asks `access`, calls one function of `runs`, and says what happened.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from frontend.views import find_run, user_of
from tasks import runs
from tasks.errors import EngineError
from tasks.models import Approval, Run


@require_POST
@login_required
def cancel_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Ask for the end of a run."""
    run = _run_for(request, run_id, "run.cancel")
    runs.cancel(run.public_id, by=user_of(request).get_username())
    messages.info(request, "The run was asked to stop.")
    return redirect("frontend:run", run_id=run_id)


@require_POST
@login_required
def pause_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Begin nothing new in this run."""
    run = _run_for(request, run_id, "run.pause")
    try:
        runs.pause(run.public_id, by=user_of(request).get_username())
        messages.info(request, "Paused: what runs now goes on to its end, nothing new begins.")
    except EngineError as error:
        messages.error(request, str(error))
    return redirect("frontend:run", run_id=run_id)


@require_POST
@login_required
def resume_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Let a paused run go on."""
    run = _run_for(request, run_id, "run.pause")
    try:
        runs.resume(run.public_id, by=user_of(request).get_username())
        messages.info(request, "The run goes on.")
    except EngineError as error:
        messages.error(request, str(error))
    return redirect("frontend:run", run_id=run_id)


@require_http_methods(["GET", "POST"])
@login_required
def rerun(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show what would be taken over and done again; on POST, do it as a new run."""
    run = _run_for(request, run_id, "run.rerun")
    key = request.POST.get("from") or request.GET.get("from") or None
    by = user_of(request).get_username()
    try:
        if request.method == "POST":
            again, _ = runs.rerun_from(run.public_id, key, by=by) if key else runs.retry(run.public_id, by=by)
            return redirect("frontend:run", run_id=again.public_id)
        preview = runs.preview_rerun(run.public_id, key)
    except EngineError as error:
        messages.error(request, str(error))
        return redirect("frontend:run", run_id=run_id)
    return render(request, "frontend/rerun.html", {"run": run, "preview": preview, "key": key})


@require_POST
@login_required
def decide(request: HttpRequest, run_id: UUID, approval_id: UUID) -> HttpResponse:
    """Answer a question that a step of this run asks."""
    run = find_run(request, run_id)
    approval = Approval.objects.filter(public_id=approval_id, run=run).first()
    if approval is None:
        raise Http404
    user = user_of(request)
    if not access.may_decide(user, run.project, role=approval.role, users=approval.users):
        raise PermissionDenied
    approved = request.POST.get("decision") == "approve"
    try:
        runs.decide(
            approval.public_id,
            approved=approved,
            by_user_id=user.pk,
            by=user.get_username(),
            comment=request.POST.get("comment", "")[:2000],
        )
        messages.info(request, "Approved." if approved else "Rejected.")
    except EngineError as error:
        messages.error(request, str(error))
    return redirect("frontend:run", run_id=run_id)


def _run_for(request: HttpRequest, run_id: UUID, action: str) -> Run:
    run = find_run(request, run_id)
    if not access.may(user_of(request), action, run.project):
        raise PermissionDenied
    return run
