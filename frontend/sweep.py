"""Judging all findings that match: the page that asks, and the page that tells how far it is.

    list ─> "all 8,412 that match" ─> what, how many, which verdict? ─> sweep: progress, cancel, undo

What the form judges is what was there when the page was drawn: `agents.sights`, `agents.sweeps`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.models import Project
from agents import sights, sweeps
from agents.finding_lists import narrow
from agents.findings import UNDO, Verdict
from agents.models import Sweep, SweepState, TrackedFinding
from agents.reporting.visible import visible
from agents.sights import Sight
from agents.sweeps import NotUndone
from frontend.finding_query import query_of, read
from frontend.finding_rows import SEVERITY_WORDS, chips
from frontend.findings import PAGE, run_of
from frontend.judge_form import VerdictForm
from frontend.navigation import open_project, place
from frontend.views import user_of

_TOO_MANY = gettext_lazy("So many are not judged at once. Narrow the list down: by severity, rule or folder.")
_NOT_UNDONE = {
    NotUndone.UNDOES_ITSELF: gettext_lazy("it takes something back itself"),
    NotUndone.UNDER_WAY: gettext_lazy("it is under way, cancel it first"),
    NotUndone.TOO_OLD: gettext_lazy("it is more than a day ago, judge the findings anew"),
}


class SweepForm(VerdictForm):
    """A verdict on all that was seen."""

    seen = forms.CharField(max_length=20_000, widget=forms.HiddenInput)

    def clean_seen(self) -> Sight:
        try:
            return sights.opened(self.cleaned_data["seen"])
        except sights.SightLost as error:
            told = gettext_lazy("This page was open for too long. Look at the number again, then judge.")
            raise forms.ValidationError(told) from error


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def project_matching(request: HttpRequest, project: str) -> HttpResponse:
    """Judge all findings of a project that match the address."""
    found = open_project(request, project, "finding.triage")
    frame = {**place(found, PAGE), "frame": "frontend/project.html"}
    return _ask(request, [found.pk], frame, found)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def all_matching(request: HttpRequest) -> HttpResponse:
    """Judge all findings that match the address, of the projects in which you judge."""
    mine = access.projects_for(user_of(request), "finding.triage").values_list("pk", flat=True)
    if not mine:
        raise PermissionDenied
    return _ask(request, list(mine), {"frame": "frontend/base.html"}, None)


def _ask(
    request: HttpRequest, projects: list[int], frame: dict[str, Any], project: Project | None
) -> HttpResponse:
    form = SweepForm(request.POST) if request.method == "POST" else SweepForm()
    if form.is_bound and form.is_valid():
        done = _order(request, form, projects)
        if done is not None:
            return redirect("frontend:sweep", done.public_id)
    view = read(request.GET)
    run = run_of(request, view, project)
    sight = sights.take(projects, view.wanted, run=run)
    rows = TrackedFinding.objects.with_status().filter(project__in=projects)
    matching = narrow(rows, view.wanted, run=run).order_by()
    counts = dict(matching.values_list("severity").annotate(n=Count("pk")))
    user = user_of(request)
    context = {
        **frame,
        "view": view,
        "form": form,
        "chips": chips(view),
        "count": sight.count,
        "most": sights.MOST,
        "is_too_much": sight.is_too_much,
        "seen": sights.sealed(sight),
        "severities": [
            (value, word, counts[value]) for value, word in SEVERITY_WORDS.items() if value in counts
        ],
        "back": f"{request.path.removesuffix('/all')}{view.query}",
        "may_dismiss": (
            access.may(user, "finding.dismiss", project)
            if project
            else access.projects_for(user, "finding.dismiss").exists()
        ),
    }
    return render(request, "frontend/sweep_ask.html", context, status=400 if form.is_bound else 200)


def _order(request: HttpRequest, form: SweepForm, projects: list[int]) -> Sweep | None:
    """Begin what a valid form asks for; None if it cannot be, with the reason in the form."""
    given = form.cleaned_data
    sight: Sight = given["seen"]
    if not set(sight.projects) <= set(projects):
        raise Http404("this was seen elsewhere")
    verdict = Verdict(given["act"])
    try:
        sweep = sweeps.order(user_of(request), sight, verdict, reason=given["reason"], until=given["ends"])
    except sweeps.TooMany:
        form.add_error(None, _TOO_MANY)
        return None
    except sweeps.NotJudged as error:
        raise PermissionDenied from error
    return sweeps.work(sweep)


@require_http_methods(["GET", "HEAD"])
@login_required
def page(request: HttpRequest, sweep_id: UUID) -> HttpResponse:
    """How far a sweep is, and what can be done about it."""
    sweep = _find(request, sweep_id)
    sight = sights.read(sweep.seen)
    project = _project_of(request, sight)
    frame: dict[str, Any] = {"frame": "frontend/base.html"}
    back = reverse("frontend:all-findings")
    if project is not None:
        frame = {**place(project, PAGE), "frame": "frontend/project.html"}
        back = reverse("frontend:findings", args=[f"{project.team.slug}/{project.slug}"])
    undone_by = sweeps.undone_by(sweep)
    is_running = sweep.state == SweepState.RUNNING
    context = {
        **frame,
        "sweep": sweep,
        "is_running": is_running,
        "was_cancelled": sweep.state == SweepState.CANCELLED,
        "title": _title(sweep),
        "left": max(sweep.expected - sweep.judged, 0),
        "reason": visible(sweep.reason),
        "back": back + query_of(sight.wanted, sight.run),
        "undone_by": undone_by,
        "may_undo": not undone_by and bool(sweep.judged) and not sweeps.why_not_undone(sweep),
    }
    return render(request, "frontend/sweep.html", context)


@require_POST
@login_required
def cancel(request: HttpRequest, sweep_id: UUID) -> HttpResponse:
    """Let a sweep end where it is."""
    sweep = _find(request, sweep_id)
    sweeps.cancel(sweep)
    return redirect("frontend:sweep", sweep.public_id)


@require_POST
@login_required
def undo(request: HttpRequest, sweep_id: UUID) -> HttpResponse:
    """Take back what a sweep has changed."""
    sweep = _find(request, sweep_id)
    try:
        undoing = sweeps.work(sweeps.undo(user_of(request), sweep))
    except sweeps.CannotUndo as error:
        messages.error(request, _("It cannot be undone: %s.") % _NOT_UNDONE[error.why])
        return redirect("frontend:sweep", sweep.public_id)
    except sweeps.NotJudged as error:
        raise PermissionDenied from error
    return redirect("frontend:sweep", undoing.public_id)


def _find(request: HttpRequest, sweep_id: UUID) -> Sweep:
    """Give a sweep of this person. Raises Http404 for that of another."""
    sweep = Sweep.objects.filter(public_id=sweep_id, by_user=user_of(request).pk).first()
    if sweep is None:
        raise Http404(f"there is no sweep {sweep_id} of yours")
    return sweep


def _project_of(request: HttpRequest, sight: Sight) -> Project | None:
    """Give the one project that was looked at; None if they were several, or it is not seen any more."""
    if len(sight.projects) != 1:
        return None
    seen = access.projects_for(user_of(request), "finding.view").filter(pk=sight.projects[0])
    return seen.select_related("team").first()


def _title(sweep: Sweep) -> str:
    running = sweep.state == SweepState.RUNNING
    count = sweep.expected if running else sweep.judged
    shown = number_format(count, force_grouping=True)
    words = {
        Verdict.ACCEPT.value: ngettext("%s finding accepted", "%s findings accepted", count),
        Verdict.DISMISS.value: ngettext("%s finding dismissed", "%s findings dismissed", count),
        Verdict.REOPEN.value: ngettext("%s finding reopened", "%s findings reopened", count),
        UNDO: ngettext("%s finding is as it was before", "%s findings are as they were before", count),
    }
    going = {
        Verdict.ACCEPT.value: ngettext("Accepting %s finding", "Accepting %s findings", count),
        Verdict.DISMISS.value: ngettext("Dismissing %s finding", "Dismissing %s findings", count),
        Verdict.REOPEN.value: ngettext("Reopening %s finding", "Reopening %s findings", count),
        UNDO: ngettext("Taking back %s finding", "Taking back %s findings", count),
    }
    return (going if running else words)[sweep.verdict] % shown


urlpatterns = [path("projects/<project:project>/findings/all", project_matching, name="findings-matching")]
