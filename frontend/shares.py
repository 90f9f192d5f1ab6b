"""Sharing a run by a link: the page that makes, lists and revokes them, and what whoever has one sees.

    /runs/<id>/shares                the links of a run; POST makes one, whose address is shown once
    /runs/<id>/shares/<link>/revoke  ends one
    /shared/<token>                  the run, without any control, to whoever comes

A link shows what the page of the run shows of plan, times, steps and result; no logs, no files, no questions, no
other run. It shows nothing once it is revoked, has expired, or its maker may no longer share the run (ADR-0043).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access, attempts, audit
from accounts.audit import Act
from frontend import run_parts
from frontend.forms import ticket_of
from frontend.views import error, find_run, user_of
from tasks import sharing
from tasks.models import Run, RunShare
from tasks.sharing import SharingRefused

DAYS = (
    (1, gettext_lazy("one day")),
    (7, gettext_lazy("a week")),
    (30, gettext_lazy("30 days")),
    (90, gettext_lazy("90 days")),
)


class ShareForm(forms.Form):
    """For how long, and for whom."""

    days = forms.TypedChoiceField(
        choices=DAYS, coerce=int, initial=7, label=gettext_lazy("Shows the run for")
    )
    note = forms.CharField(
        required=False,
        max_length=80,
        label=gettext_lazy("For whom"),
        help_text=gettext_lazy("Only you and your team read this."),
    )


@require_http_methods(["GET", "POST"])
@login_required
def shares_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """List the links of a run; on POST make one, once however often it is sent, and show its address once."""
    run = _shared_run(request, run_id)
    form = ShareForm(request.POST or None)
    if request.method != "POST":
        return _page(request, run, form)
    if not form.is_valid():
        return _page(request, run, form, status=400)
    try:
        row, token = _share(request, run, form)
    except SharingRefused as refused:
        form.add_error(None, str(refused))
        return _page(request, run, form, status=409)
    address = f"{settings.BASE_URL.rstrip('/')}{reverse('frontend:shared', args=[token])}"
    answer = _page(request, run, ShareForm(), address=address, made=row)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@require_POST
@login_required
def revoke_share(request: HttpRequest, run_id: UUID, share_id: UUID) -> HttpResponse:
    """Let a link show nothing any more."""
    run = _shared_run(request, run_id)
    row = RunShare.objects.filter(run=run, public_id=share_id).first()
    if row is None:
        raise Http404
    with transaction.atomic():
        ended = sharing.revoke(row, by_id=user_of(request).pk)
        if ended:
            _record(Act.SHARE_REVOKED, row, run, note=row.note)
    messages.info(
        request, _("The link shows nothing any more.") if ended else _("The link was over already.")
    )
    return redirect("frontend:run-shares", run_id=run_id)


@require_safe
def shared_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show a run to whoever has a link."""
    return _shared(request, token, "frontend/shared.html")


@require_safe
def shared_parts(request: HttpRequest, token: str) -> HttpResponse:
    """The changing parts of that page, for its script to put in place."""
    return _shared(request, token, "frontend/shared_parts.html")


def _shared(request: HttpRequest, token: str, template: str) -> HttpResponse:
    row = sharing.follow(token)
    maker = row.created_by if row else None
    if row is None or maker is None or not access.may(maker, "run.share", row.run.project):
        return _nothing(request)
    context = run_parts.shown(row.run, whole=request.GET.get("graph") == "whole", steps_at="#step-")
    context |= {"share": row, "token": token, "shared": True, "query": request.GET.urlencode()}
    answer = render(request, template, context)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _nothing(request: HttpRequest) -> HttpResponse:
    """Say that a link shows nothing, the same whether there ever was one; who guesses is slowed down."""
    try:
        attempts.count(request, group="shared")
    except attempts.TooManyAttempts as refused:
        answer = error(request, 429)
        answer.headers["Retry-After"] = str(refused.retry_after)
        return answer
    return error(
        request, 404, text=_("This link shows nothing, or no longer. Ask whoever gave it to you for another.")
    )


def _share(request: HttpRequest, run: Run, form: ShareForm) -> tuple[RunShare, str]:
    days, note = form.cleaned_data["days"], form.cleaned_data["note"]
    ticket = UUID(ticket_of(request.POST.get("ticket")))
    with transaction.atomic():
        row, token = sharing.share(
            run, by_id=user_of(request).pk, lasts=timedelta(days=days), note=note, ticket=ticket
        )
        _record(Act.SHARE_CREATED, row, run, note=note, days=days)
    return row, token


def _record(act: Act, row: RunShare, run: Run, **details: Any) -> None:
    audit.record(
        act,
        subject=f"share:{row.public_id}",
        project_id=run.project_id,
        details={"run": str(run.public_id), **details},
    )


def _shared_run(request: HttpRequest, run_id: UUID) -> Run:
    run = find_run(request, run_id)
    if not access.may(user_of(request), "run.share", run.project):
        raise PermissionDenied
    return run


def _page(
    request: HttpRequest,
    run: Run,
    form: ShareForm,
    *,
    status: int = 200,
    address: str = "",
    made: RunShare | None = None,
) -> HttpResponse:
    context = {
        "run": run,
        "form": form,
        "links": sharing.links_of(run),
        "address": address,
        "made": made,
        "ticket": ticket_of(request.POST.get("ticket") if status != 200 else None),
    }
    return render(request, "frontend/shares.html", context, status=status)
