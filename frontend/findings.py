"""The lists of findings: those of a project, and those of all projects that a person sees.

The address is the saved view (`finding_query`). POST to the same address judges the chosen rows: what can be judged
is, the rest is named. Thin: `finding_rows` makes the values, `agents.judging` says what may be judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import access
from accounts.models import Project, User
from agents import facets
from agents.models import TrackedFinding, TrackedFindings
from frontend import finding_rows, finding_trail
from frontend.finding_query import ORDERS, View, read
from frontend.finding_rows import FindingRow
from frontend.judge_form import JudgeForm, judge, tell
from frontend.lists import Around
from frontend.navigation import ProjectPage, place
from frontend.views import user_of
from tasks.models import Run

COUNTED = "counted"  # in an address: whoever asks waits for the counts
PAGE = ProjectPage(name="findings", route="frontend:findings", title=_("Findings"), action="finding.view")


@PAGE.door(post="finding.triage")
def project_findings(request: HttpRequest, project: Project) -> HttpResponse:
    """The findings of a project."""
    return _answer(
        request, _rows_of(project), {**place(project, PAGE), "frame": "frontend/project.html"}, project
    )


@PAGE.door()
def project_now(request: HttpRequest, project: Project) -> JsonResponse:
    """How what the page of a project's list shows is now, for its script: the stamp of each finding."""
    return _now(request, _rows_of(project), project)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def all_findings(request: HttpRequest) -> HttpResponse:
    """The findings of all projects that you see."""
    user = user_of(request)
    if request.method == "POST" and not access.projects_for(user, "finding.triage").exists():
        raise PermissionDenied
    return _answer(request, _rows_for(user), {"frame": "frontend/base.html"}, None)


@require_safe
@login_required
def all_now(request: HttpRequest) -> JsonResponse:
    """The same of the list of all projects."""
    return _now(request, _rows_for(user_of(request)), None)


def stamps(of: Iterable[tuple[UUID, str]]) -> JsonResponse:
    """Tell a script how findings are now: `changed.js` compares it with what its page shows."""
    return JsonResponse({"stamps": {str(finding): stamp for finding, stamp in of}})


def _rows_of(project: Project) -> TrackedFindings:
    return TrackedFinding.objects.with_status().select_related("project__team").filter(project=project)


def _rows_for(user: User) -> TrackedFindings:
    seen = access.projects_for(user, "finding.view")
    return TrackedFinding.objects.with_status().select_related("project__team").filter(project__in=seen)


def _now(request: HttpRequest, rows: TrackedFindings, project: Project | None) -> JsonResponse:
    view = read(request.GET)
    page = finding_rows.page_of(rows, view, run=run_of(request, view, project))
    return stamps((row.id, row.stamp) for row in page.rows)


def _answer(
    request: HttpRequest, rows: TrackedFindings, context: dict[str, Any], project: Project | None
) -> HttpResponse:
    form = JudgeForm()
    if request.method == "POST":
        form = JudgeForm(request.POST)
        if form.is_valid():
            tell(request, judge(user_of(request), form))
            return redirect(request.get_full_path())
    view = read(request.GET)
    run = run_of(request, view, project)
    context |= _list(rows, view, form, run, counts=COUNTED in request.GET) | _rights(request, project)
    context["trail"] = finding_trail.query_for(view, project)
    context["export"] = f"{request.path}/export{view.query}"
    context["matching"] = f"{request.path}/all{view.query}"
    context["news"] = _news(request, view, context["rows"], project)
    return render(request, "frontend/findings.html", context, status=400 if form.is_bound else 200)


def _list(
    rows: TrackedFindings, view: View, form: JudgeForm, run: Run | None, *, counts: bool
) -> dict[str, Any]:
    """Give the list of a page. `counts`: count them however long it takes."""
    page = finding_rows.page_of(rows, view, run=run, chosen=form.chosen)
    is_soon = counts or not facets.are_many(rows)  # all of them: a filter is no sooner looked at
    sheet = finding_rows.facets_of(rows, view, run=run) if is_soon else None
    around = Around(
        text=view.wanted.text,
        orders=[(value, word, value == view.order) for value, (_, word) in ORDERS.items()],
        total=sheet.total if sheet else None,
        chips=finding_rows.chips(view),
        facets=finding_rows.facet_rows(sheet, view) if sheet else finding_rows.uncounted_facets(view),
        faults=view.faults,
        first=view.query if view.after else "",
        next=page.next or "",
        counted_at="" if sheet else view.with_pair(COUNTED, "1"),
    )
    return {
        "view": view,
        "form": form,
        "rows": page.rows,
        "list": around,
        "folders": finding_rows.folder_rows(sheet, view) if sheet else [],
    }


def _news(
    request: HttpRequest, view: View, rows: Sequence[FindingRow], project: Project | None
) -> dict[str, Any]:
    """Where a page's script asks how its findings are now, and whose news tell it when."""
    query = view.from_row(view.after) if view.after else view.query
    of = [f"{project.team.slug}/{project.slug}"] if project else [row.project for row in rows]
    return {"now": f"{request.path}/now{query}", "topics": [f"project:{one}" for one in dict.fromkeys(of)]}


def run_of(request: HttpRequest, view: View, project: Project | None) -> Run | None:
    """Give the run whose findings are asked for. Raises Http404 if it is not there for this person."""
    if view.run is None:
        return None
    run = Run.objects.select_related("project__team").filter(public_id=view.run).first()
    if run is None or (project is not None and run.project_id != project.pk):
        raise Http404(f"there is no run {view.run}")
    if not access.may(user_of(request), "finding.view", run.project):
        raise Http404(f"there is no run {view.run}")
    return run


def _rights(request: HttpRequest, project: Project | None) -> dict[str, bool]:
    user = user_of(request)
    if project is not None:
        rights = access.rights_in(user, project)
        may = {name: rights.may(f"finding.{name}") for name in ("triage", "dismiss")}
    else:
        may = {name: access.projects_for(user, f"finding.{name}").exists() for name in ("triage", "dismiss")}
    return {"may_triage": may["triage"], "may_dismiss": may["dismiss"]}


urlpatterns = [
    path("projects/<project:project>/findings", project_findings, name="findings"),
    path("projects/<project:project>/findings/now", project_now, name="findings-now"),
]
