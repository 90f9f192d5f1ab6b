"""The pages: one run, signing in, and what goes wrong.

Thin: rows come from `rows`, requests go through `agents.requests`, the door that the API uses too. Every page but
sign-in asks who you are; a run that you may not see is not there.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_safe

from accounts import access, attempts
from accounts.models import User
from agents import requests
from frontend import event_filter, rows
from frontend.forms import SignInForm
from frontend.run_lineage import lineage_of
from frontend.run_parts import shown as run_parts_of
from tasks.models import Run
from tasks.states import RunState

ERRORS = {
    400: (_("That did not work"), _("The request could not be read. Go back and try again.")),
    403: (
        _("Not for you"),
        _("Your role does not allow this. Ask an owner of the project, or sign in as somebody else."),
    ),
    404: (_("Nothing here"), _("There is no such page, or you may not see it.")),
    410: (
        _("This link is over"),
        _(
            "A sign-in link works once and for a quarter of an hour, and only the newest one."
            " Start ./wrench serve again for another, or sign in with your password."
        ),
    ),
    429: (_("Slow down"), _("Too many attempts. Wait a minute, then try again.")),
    500: (_("Something broke"), _("This is our fault, and it is in the log. Try again in a moment.")),
    503: (_("Not ready"), _("A server behind this page does not answer. Try again in a moment.")),
}


@require_GET
@login_required
def run_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run, as it is now; the page's script keeps it so."""
    run = find_run(request, run_id)
    parts = _parts(request, run)
    events = event_filter.events_of(run, request.GET, parts["steps"])
    context = {**parts, "events": events, "query": request.GET.urlencode()}
    return render(request, "frontend/run.html", context)


@require_GET
@login_required
def run_parts(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The changing parts of a run's page, for its script to put in place."""
    return render(request, "frontend/run_parts.html", _parts(request, find_run(request, run_id)))


class SignIn(LoginView):
    """Sign in by password. Attempts are counted by address and by name."""

    template_name = "frontend/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            attempts.count(request, group="sign-in", name=str(request.POST.get("username", "")))
        except attempts.TooManyAttempts as refused:
            return slow_down(request, refused)
        return super().post(request, *args, **kwargs)


def admin_login(request: HttpRequest) -> HttpResponse:
    """Send people who come to the admin to the one sign-in page."""
    if request.user.is_authenticated:
        raise PermissionDenied
    target = request.GET.get("next") or reverse("admin:index")
    return redirect(f"{reverse('frontend:login')}?{urlencode({'next': target})}")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came without its token: usually it was open since before the last sign-in."""
    return error(
        request, 403, text=gettext("This form is too old. Go back, load the page anew, and send it again.")
    )


@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """Lead a browser that asks for an icon by itself to ours."""
    return redirect(static("img/wrench.svg"))


def error(request: HttpRequest, status: int, *, text: str = "") -> HttpResponse:
    """Answer with a page that says what went wrong. A 500 asks nothing of the database."""
    title, usual = ERRORS.get(status, ERRORS[500])
    context = {"status": status, "title": title, "text": text or usual}
    body = render_to_string("frontend/error.html", context, request if status < 500 else None)
    return HttpResponse(body, status=status)


def slow_down(request: HttpRequest, refused: attempts.TooManyAttempts) -> HttpResponse:
    """Refuse what was tried too often, and say when to come back."""
    answer = error(request, 429)
    answer.headers["Retry-After"] = str(refused.retry_after)
    return answer


def _parts(request: HttpRequest, run: Run) -> dict[str, Any]:
    steps_at = f"{reverse('frontend:run', args=[run.public_id])}/steps/"
    parts = run_parts_of(run, whole=request.GET.get("graph") == "whole", steps_at=steps_at)
    row, rights = parts["row"], access.rights_in(request.user, run.project)
    is_open = not row.is_final and run.cancel_requested_at is None
    reruns = list(run.reruns.order_by("pk"))
    may_rerun = row.is_final and rights.may("run.rerun")
    may_pause = is_open and rights.may("run.pause")
    return {
        **parts,
        "log_at": reverse("frontend:run-log", args=[run.public_id]),
        "may_share": rights.may("run.share"),
        "artifacts": rows.artifact_rows(run),
        "may_cancel": is_open and rights.may("run.cancel"),
        "may_pause": may_pause and run.paused_at is None,
        "may_resume": may_pause and run.paused_at is not None,
        "priorities": range(10) if is_open and rights.may("run.prioritize") else (),
        "may_rerun": may_rerun,
        "invites": row.is_final and run.idempotency_key == requests.FIRST_RUN and rights.may("run.submit"),
        "may_retry": may_rerun and any(step.has_failed for step in parts["steps"]),
        "approvals": rows.approval_rows(run, rights),
        "decided": rows.decided_rows(run),
        "reruns": reruns,
        "lineage": lineage_of(run, has_reruns=bool(reruns)),
        "is_stopping": not row.is_final and run.cancel_requested_at is not None,
        "has_failed": run.state == RunState.FAILED.value,
    }


def find_run(request: HttpRequest, run_id: UUID, action: str = "") -> Run:
    """Give a run that this person may look at, and do `action` with.

    Raises Http404 if they may not look at it, PermissionDenied if they may do no more than that.
    """
    run = Run.objects.select_related("project__team", "owner", "parent").filter(public_id=run_id).first()
    if run is None or not access.may(user_of(request), "run.view", run.project):
        raise Http404
    if action and not access.may(user_of(request), action, run.project):
        raise PermissionDenied
    return run


def user_of(request: HttpRequest) -> User:
    """Give the person of a request that has passed `login_required`."""
    assert isinstance(request.user, User)
    return request.user
