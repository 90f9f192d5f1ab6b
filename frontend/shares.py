"""Sharing a run by a link: the page that makes, lists and revokes them. `shared` is what whoever has one sees.

/runs/<id>/shares                the links of a run; POST makes one, whose address is shown once
/runs/<id>/shares/<link>/revoke  ends one
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from agents import run_links
from frontend.forms import ticket_of
from frontend.views import find_run, user_of
from tasks import sharing
from tasks.models import Run, RunShare
from tasks.sharing import SharingRefused, Terms

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
        max_length=run_links.MAX_NOTE,
        label=gettext_lazy("For whom"),
        help_text=gettext_lazy("Only you and your team read this."),
    )
    with_files = forms.BooleanField(
        required=False,
        initial=True,
        label=gettext_lazy("The report"),
        help_text=gettext_lazy(
            "All findings with the lines of source that prove them, and the changes that would fix them."
        ),
    )
    with_logs = forms.BooleanField(
        required=False,
        label=gettext_lazy("The log of all steps"),
        help_text=gettext_lazy("Whatever the tools wrote, word for word. Read it before you share it."),
    )


@require_http_methods(["GET", "POST"])
@login_required
def shares_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """List the links of a run; on POST make one, once however often it is sent, and show its address once."""
    run = find_run(request, run_id, "run.share")
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
    answer = _page(request, run, ShareForm(), address=run_links.address_of(token), made=row)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@require_POST
@login_required
def revoke_share(request: HttpRequest, run_id: UUID, share_id: UUID) -> HttpResponse:
    """Let a link show nothing any more."""
    run = find_run(request, run_id, "run.share")
    row = RunShare.objects.filter(run=run, public_id=share_id).first()
    if row is None:
        raise Http404
    ended = run_links.end(row, run, user_of(request))
    messages.info(
        request, _("The link shows nothing any more.") if ended else _("The link was over already.")
    )
    return redirect("frontend:run-shares", run_id=run_id)


def _share(request: HttpRequest, run: Run, form: ShareForm) -> tuple[RunShare, str]:
    given = form.cleaned_data
    terms = Terms(
        lasts=timedelta(days=given["days"]),
        note=given["note"],
        with_logs=given["with_logs"],
        with_files=given["with_files"],
    )
    ticket = UUID(ticket_of(request.POST.get("ticket")))
    return run_links.make(run, user_of(request), terms, ticket=ticket)


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
        "choices": [form["with_files"], form["with_logs"]],
        "links": sharing.links_of(run),
        "address": address,
        "made": made,
        "ticket": ticket_of(request.POST.get("ticket") if status != 200 else None),
    }
    return render(request, "frontend/shares.html", context, status=status)
