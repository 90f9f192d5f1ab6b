"""The page of one finding: the evidence first, then the code, the fixes, and what people decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import access
from agents import judging
from agents.finding_story import story_of
from agents.findings import Status
from agents.models import TrackedFinding
from agents.reporting.visible import one_line, visible
from frontend import finding_page
from frontend.code_rows import address
from frontend.finding_rows import SEVERITY_WORDS, STATUS_WORDS, agent_titles
from frontend.finding_trail import GO_ON, trail_of
from frontend.findings import PAGE, stamps
from frontend.judge_form import JudgeForm, judge, tell
from frontend.navigation import place
from frontend.views import user_of


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def page(request: HttpRequest, finding_id: UUID) -> HttpResponse:
    """A finding; POST judges it."""
    row = _find(request, finding_id)
    form = JudgeForm()
    if request.method == "POST":
        if not access.may(user_of(request), "finding.triage", row.project):
            raise PermissionDenied
        form = JudgeForm(request.POST)
        if form.is_valid() and set(form.chosen) == {finding_id}:
            trail = trail_of(user_of(request), row, _asked(request))
            tell(request, judge(user_of(request), form))
            return redirect(trail.to((trail.goes_on and trail.next) or finding_id))
    return render(
        request, "frontend/finding.html", _context(request, row, form), status=400 if form.is_bound else 200
    )


@require_safe
@login_required
def now(request: HttpRequest, finding_id: UUID) -> JsonResponse:
    """How a finding is now, for its page's script."""
    return stamps([(finding_id, _stamp_of(_find(request, finding_id)))])


def _stamp_of(row: TrackedFinding) -> str:
    return judging.stamps_of([row])[row.pk]


def _asked(request: HttpRequest) -> QueryDict:
    """What the address says, and whether the form wants to go on to the next finding."""
    given = request.GET.copy()
    if request.method == "POST":
        given[GO_ON] = request.POST.get(GO_ON, "")
    return given


def _find(request: HttpRequest, finding_id: UUID) -> TrackedFinding:
    rows = TrackedFinding.objects.with_status().select_related("project__team")
    row = rows.filter(public_id=finding_id).first()
    if row is None or not access.may(user_of(request), "finding.view", row.project):
        raise Http404(f"there is no finding {finding_id}")
    return row


def _context(request: HttpRequest, row: TrackedFinding, form: JudgeForm) -> dict[str, Any]:
    frame = place(row.project, PAGE)
    story, tree = story_of(row), finding_page.source_of(row)
    code = finding_page.code_of(row, story, tree)
    status = row.status_now
    last = story.last
    rights, has_code = access.rights_in(request.user, row.project), bool(tree and not code.why)
    path = frame["project_path"]
    return {
        **frame,
        "row": row,
        "form": form,
        "trail": trail_of(user_of(request), row, _asked(request)),
        "stamp": _stamp_of(row),
        "news": {
            "now": reverse("frontend:finding-now", args=[row.public_id]),
            "topics": [f"project:{path}"],
        },
        "title": one_line(row.title or row.rule),
        "message": visible(row.message),
        "file": one_line(row.path),
        "rule": one_line(row.rule),
        "scope": one_line(last.scope) if last else "",
        "owners": one_line(row.owner).split(),
        "agent": agent_titles().get(row.agent, one_line(row.agent)),
        "cwes": [int(one) for one in last.cwe] if last else [],
        "in_test_code": bool(last and last.in_test_code),
        "severity_word": SEVERITY_WORDS[row.severity],
        "status": status,
        "status_word": STATUS_WORDS[status],
        "until": row.until if status == Status.DISMISSED.value else None,
        "code": code,
        "code_url": address(path, row.path, row.last_run, row.line) if has_code else "",
        "forge_url": finding_page.forge_url(row, tree),
        "proofs": finding_page.proofs_of(row, story, path, has_code=has_code),
        "fixes": finding_page.fixes_of(story),
        "history": finding_page.history_of(story),
        "seen_count": story.seen_count,
        "decisions": finding_page.decisions_of(story),
        "may_triage": rights.may("finding.triage"),
        "may_dismiss": rights.may("finding.dismiss"),
        "can_reopen": status != Status.OPEN.value,
    }
