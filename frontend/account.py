"""The pages of a person's own account: where they are signed in, ending that, and a new password."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import attempts, devices, sessions
from accounts.models import DeviceSession, EndedBecause
from frontend.account_frame import show
from frontend.forms import PasswordForm
from frontend.views import error, slow_down, user_of

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session as the page shows it."""

    session: DeviceSession
    device: str
    is_this: bool


@require_GET
@login_required
def sessions_page(request: HttpRequest) -> HttpResponse:
    """Show where you are signed in, this browser first."""
    mine = request.session.get(sessions.SID)
    rows = [
        SessionRow(session=row, device=devices.name(row.user_agent), is_this=str(row.public_id) == mine)
        for row in sessions.alive(user_of(request))[:MOST_SHOWN]
    ]
    rows.sort(key=lambda row: not row.is_this)
    context = {"rows": rows, "has_others": len(rows) > 1}
    return show(request, "sessions", "frontend/sessions.html", context)


@require_POST
@login_required
def revoke_session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """End one of your sessions."""
    if sessions.end(session_id, user_of(request).pk, EndedBecause.REVOKED):
        messages.info(request, _("Signed out there."))
    else:
        messages.error(request, _("That session was over already."))
    return redirect("frontend:sessions")


@require_POST
@login_required
def revoke_sessions(request: HttpRequest) -> HttpResponse:
    """End your other sessions, or all, this one too."""
    which = request.POST.get("which")
    if which not in {"others", "all"}:
        return error(request, 400)
    but = request.session.get(sessions.SID) if which == "others" else None
    count = sessions.end_all(user_of(request).pk, EndedBecause.REVOKED, but=but)
    if which == "all":
        messages.info(request, _("You are signed out everywhere."))
    else:
        messages.info(
            request,
            ngettext("Signed out of %(n)d other session.", "Signed out of %(n)d other sessions.", count)
            % {"n": count},
        )
    return redirect("frontend:sessions")


@require_http_methods(["GET", "POST"])
@login_required
def change_password(request: HttpRequest) -> HttpResponse:
    """Set a new password. It ends all sessions of the person (`accounts.sessions`), this one too."""
    user = user_of(request)
    if request.method != "POST":
        return _password_page(request, PasswordForm(user))
    try:
        attempts.count(
            request, group="password", name=user.get_username()
        )  # the old one must not be guessed here
    except attempts.TooManyAttempts as refused:
        return slow_down(request, refused)
    form = PasswordForm(user, request.POST)
    if not form.is_valid():
        return _password_page(request, form, status=400)
    form.save()
    logout(request)
    messages.info(
        request, _("Your password is changed, and you are signed out everywhere. Sign in with the new one.")
    )
    return redirect("frontend:login")


def _password_page(request: HttpRequest, form: PasswordForm, status: int = 200) -> HttpResponse:
    return show(request, "password", "frontend/password.html", {"form": form}, status=status)
