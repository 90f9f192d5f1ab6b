"""What a person does on a run's page: pause, resume, hurry, stop, do again, answer a question.

Thin: each view asks `access`, calls one function of `runs`, and says what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from frontend.forms import ticket_of
from frontend.rerun_graph import preview_graph
from frontend.views import error, find_run, user_of
from tasks import runs
from tasks.errors import EngineError
from tasks.models import Approval, Run

MAX_COMMENT = 2000  # characters, as in the API
PRIORITIES = [str(priority) for priority in range(10)]


@require_POST
@login_required
def cancel_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Ask for the end of a run."""
    return _ordered(request, run_id, "run.cancel", runs.cancel, _("The run was asked to stop."))


@require_POST
@login_required
def pause_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Begin nothing new in this run."""
    told = _("Paused: what runs now goes on to its end, nothing new begins.")
    return _ordered(request, run_id, "run.pause", runs.pause, told)


@require_POST
@login_required
def resume_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Let a paused run go on."""
    return _ordered(request, run_id, "run.pause", runs.resume, _("The run goes on."))


@require_POST
@login_required
def set_priority(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Give the steps that still wait another place in their queues."""
    run = find_run(request, run_id, "run.prioritize")
    wanted = request.POST.get("priority")
    if wanted not in PRIORITIES:
        messages.error(request, _("Choose a priority from 0 (most urgent) to 9: nothing was changed."))
        return redirect("frontend:run", run_id=run_id)
    with _told(request):
        runs.set_priority(run.public_id, int(wanted), by=user_of(request).get_username())
        messages.info(
            request,
            _("Priority %(wanted)s: the steps that wait have another place in their queues.")
            % {"wanted": wanted},
        )
    return redirect("frontend:run", run_id=run_id)


@require_http_methods(["GET", "POST"])
@login_required
def rerun(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show what would be taken over and done again; on POST, do it as a new run, once however often it is sent."""
    run = find_run(request, run_id, "run.rerun")
    user = user_of(request)
    given = request.POST if request.method == "POST" else request.GET
    key = given.get("from") or None
    try:
        if request.method == "POST":
            again = runs.rerun(
                run.public_id,
                key,
                by=user.get_username(),
                owner_id=user.pk,
                idempotency_key=f"form-{ticket_of(request.POST.get('ticket'))}",
            )
            return redirect("frontend:run", run_id=again.run.public_id)
        preview = runs.preview_rerun(run.public_id, key)
    except EngineError as refused:
        messages.error(request, str(refused))
        return redirect("frontend:run", run_id=run_id)
    context = {
        "run": run,
        "preview": preview,
        "graph": preview_graph(run, preview),
        "key": key,
        "ticket": ticket_of(None),
    }
    return render(request, "frontend/rerun.html", context)


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
    decision = request.POST.get("decision")
    if decision not in {"approve", "reject"}:
        return error(request, 400)
    comment = request.POST.get("comment", "").replace("\r\n", "\n").strip()
    if len(comment) > MAX_COMMENT:
        told = _("The comment has %(n)d characters, at most %(most)d are kept: nothing was decided.") % {
            "n": len(comment),
            "most": MAX_COMMENT,
        }
        messages.error(request, told)
        return redirect("frontend:run", run_id=run_id)
    with _told(request):
        runs.decide(
            approval.public_id,
            approved=decision == "approve",
            by_user_id=user.pk,
            by=user.get_username(),
            comment=comment,
        )
        messages.info(request, _("Approved.") if decision == "approve" else _("Rejected."))
    return redirect("frontend:run", run_id=run_id)


@contextmanager
def _told(request: HttpRequest) -> Iterator[None]:
    """Tell the person what the engine refuses, and why, on the next page."""
    try:
        yield
    except EngineError as refused:
        messages.error(request, str(refused))


def _ordered(
    request: HttpRequest, run_id: UUID, action: str, order: Callable[..., Run], told: str
) -> HttpResponse:
    run = find_run(request, run_id, action)
    with _told(request):
        order(run.public_id, by=user_of(request).get_username())
        messages.info(request, told)
    return redirect("frontend:run", run_id=run_id)
