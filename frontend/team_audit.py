"""What was done in a team and in its projects that bears on safety. The address is the view; exports follow it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.views.decorators.http import require_GET, require_safe

from accounts import audit, audit_rows, spreadsheets
from accounts.audit import Act
from accounts.models import AuditRecord, Team
from frontend.audit_rows import AuditFilter, narrowed, page_of
from frontend.teams import find_team
from frontend.views import error, user_of

MOST_EXPORTED = 20_000  # records, some 10 MB; programs get all by GET /api/v1/teams/<team>/audit
FORMATS = ("csv", "json")


@require_safe
@login_required
def page(request: HttpRequest, team: str) -> HttpResponse:
    """Show the records of a team, newest first."""
    found = find_team(request, team, "team.audit")
    form, records = _asked(request, found)
    context = {
        "team": found,
        "form": form,
        "shown": page_of(records, form, with_projects=True),
        "most": number_format(MOST_EXPORTED, force_grouping=True),
    }
    return render(request, "frontend/team_audit.html", context, status=200 if form.is_valid() else 400)


@require_GET
@login_required
def export(request: HttpRequest, team: str) -> HttpResponse:
    """Give the records that the page's address chooses as a file, newest first. Recorded before it is given."""
    found = find_team(request, team, "team.audit")
    form, records = _asked(request, found)
    wanted = request.GET.get("format", "")
    if wanted not in FORMATS or not form.is_valid():
        return error(request, 400)
    rows = list(records.order_by("-number")[: MOST_EXPORTED + 1])
    shown = rows[:MOST_EXPORTED]
    with transaction.atomic():
        audit.record(
            Act.AUDIT_EXPORTED,
            subject=f"team:{found.pk}",
            details={"format": wanted, "records": len(shown), "chosen": dict(form.chosen)},
        )
    answer = _file(wanted, found, shown, has_more=len(rows) > MOST_EXPORTED)
    answer.headers["Content-Disposition"] = f'attachment; filename="audit-{found.slug}.{wanted}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _file(wanted: str, team: Team, rows: list[AuditRecord], *, has_more: bool) -> HttpResponse:
    if wanted == "csv":
        return HttpResponse(audit_rows.as_csv(rows), content_type=spreadsheets.CONTENT_TYPE)
    told = [audit_rows.fields_of(row) for row in rows]
    return JsonResponse({"team": team.slug, "records": told, "has_more": has_more})


def _asked(request: HttpRequest, team: Team) -> tuple[AuditFilter, QuerySet[AuditRecord]]:
    user = user_of(request)
    projects = list(audit_rows.projects_of(team, user).order_by("name", "pk"))
    form = AuditFilter(request.GET, projects=projects)
    chosen = next((one.pk for one in projects if one.slug == form.wanted.get("project")), None)
    return form, narrowed(audit_rows.of_team(team, [one.pk for one in projects]), form, project_pk=chosen)
