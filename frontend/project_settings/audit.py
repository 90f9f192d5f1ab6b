"""What was done in a project that bears on its safety: roles, credentials, webhooks, approvals, exports."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import audit_rows
from frontend.audit_rows import AuditFilter, narrowed, page_of
from frontend.project_settings.frame import open_section


@require_safe
@login_required
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Show the records of a project, newest first."""
    desk = open_section(request, project, "audit")
    form = AuditFilter(request.GET)
    shown = page_of(narrowed(audit_rows.of_project(desk.project.pk), form), form)
    context = {"form": form, "shown": shown}
    return desk.show("frontend/settings/audit.html", context, status=200 if form.is_valid() else 400)
