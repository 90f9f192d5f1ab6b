"""The pages of teams: who is in them, who is invited, and answering an invitation.

Thin: each view asks `access`, calls one function of `members`, `invitations` or `teams`, and says what happened. A
team that you are not in is not there. A link of an invitation is opened without an account, too; opening it changes
nothing, and what it says is kept by no cache and sent to no other site as a referrer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, attempts, invitations, members, teams
from accounts.models import Invitation, Membership, Outcome, Team, User
from accounts.refusals import TeamRefused
from accounts.roles import Role
from frontend.people_rows import invitation_row, member_row
from frontend.team_forms import InviteForm, JoinForm, TeamForm
from frontend.views import error, slow_down, user_of
from frontend.vocabulary import word

SHOWN = 500


@require_http_methods(["GET", "POST"])
@login_required
def teams_page(request: HttpRequest) -> HttpResponse:
    """Show your teams and the invitations for you; make a team."""
    user = user_of(request)
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            team = teams.create(given["slug"], given["name"] or given["slug"], by=user)
        except TeamRefused as refused:
            form.add_error("slug", str(refused))
        else:
            messages.info(request, _("%(name)s is made, and you own it.") % {"name": team.name})
            return redirect("frontend:team", team=team.slug)
    mine = Membership.objects.filter(user=user).select_related("team").order_by("team__name", "team_id")
    answerable = invitations.answerable(invitations.for_person(user)[:SHOWN])
    context = {
        "mine": [(row.team, Role(row.role).label) for row in mine[:SHOWN]],
        "invited": [invitation_row(row, None) for row in answerable],
        "form": form,
        "may_create": teams.may_create(user),
    }
    return render(request, "frontend/teams.html", context, status=400 if form.errors else 200)


@require_GET
@login_required
def team_page(request: HttpRequest, team: str) -> HttpResponse:
    """Show who is in a team, and to those who may invite who is invited."""
    found = find_team(request, team)
    return _team_page(request, found, InviteForm(mine=access.role_in_team(user_of(request), found)))


@require_POST
@login_required
def change_member(request: HttpRequest, team: str) -> HttpResponse:
    """Give a member another role, or take them out."""
    found = find_team(request, team, "team.members")
    user = _member(found, request.POST.get("username", ""))
    roles = {role.label: role for role in Role}
    with _told(request):
        if request.POST.get("act") == "remove":
            members.remove(found, user, by=user_of(request))
            messages.info(
                request, _("%(name)s is out of the team and its projects.") % {"name": user.get_username()}
            )
        elif request.POST.get("role") in roles:
            role = roles[request.POST["role"]]
            members.change_role(found, user, role, by=user_of(request))
            messages.info(
                request,
                _("%(name)s is %(role)s now.") % {"name": user.get_username(), "role": word(role.label)},
            )
        else:
            return error(request, 400)
    return _back(request, found)


@require_POST
@login_required
def leave_team(request: HttpRequest, team: str) -> HttpResponse:
    """Leave a team."""
    found = find_team(request, team)
    with _told(request):
        members.leave(found, by=user_of(request))
        messages.info(request, _("You have left %(name)s.") % {"name": found.name})
    return _back(request, found)


@require_POST
@login_required
def invite(request: HttpRequest, team: str) -> HttpResponse:
    """Invite somebody. Without mail the answer shows the link, this once."""
    found, user = find_team(request, team, "team.members"), user_of(request)
    form = InviteForm(request.POST, mine=access.role_in_team(user, found))
    if not form.is_valid():
        return _team_page(request, found, form, status=400)
    try:
        attempts.count(request, group="invite", name=user.get_username())
        sent = invitations.invite(
            found,
            form.chosen,
            email=form.email,
            user=form.account,
            by=user,
            lasts=timedelta(days=form.cleaned_data["days"]),
        )
    except attempts.TooManyAttempts as refused:
        return slow_down(request, refused)
    except TeamRefused as refused:
        form.add_error("whom", str(refused))
        return _team_page(request, found, form, status=400)
    return _sent(request, found, sent)


@require_POST
@login_required
def change_invitation(request: HttpRequest, team: str, invitation_id: UUID) -> HttpResponse:
    """Send an invitation again, or take it back."""
    found, user = find_team(request, team, "team.members"), user_of(request)
    row = invitations.of(found).filter(public_id=invitation_id).first()
    if row is None:
        raise Http404
    if request.POST.get("act") == "resend":
        try:
            attempts.count(request, group="invite", name=user.get_username())
        except attempts.TooManyAttempts as refused:
            return slow_down(request, refused)
    with _told(request):
        if request.POST.get("act") == "resend":
            return _sent(request, found, invitations.resend(row, by=user))
        invitations.revoke(row, by=user)
        messages.info(request, _("The invitation is revoked; its link opens nothing."))
    return _back(request, found)


@require_POST
@login_required
def answer_invitation(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Answer an invitation for you, without its link."""
    user = user_of(request)
    row = invitations.for_person(user).filter(public_id=invitation_id).first()
    if row is None:
        raise Http404
    with _told(request):
        if request.POST.get("act") == "accept":
            return _joined(request, invitations.accept(row, user, token=None))
        invitations.decline(row, user, token=None)
        messages.info(request, _("Declined."))
    return redirect("frontend:teams")


@require_http_methods(["GET", "POST"])
def invitation_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link invites to; accept or decline it, as who is signed in, or with a new account."""
    try:
        attempts.count(request, group="invitation")
    except attempts.TooManyAttempts as refused:
        return slow_down(request, refused)
    row = invitations.by_token(token)
    if row is None:
        text = _("This link opens nothing: perhaps a newer mail has another, or it was not copied whole.")
        return _kept_by_nobody(error(request, 404, text=text))
    if request.method != "POST":
        return _invitation_page(request, row, token, JoinForm())
    return _kept_by_nobody(_answer(request, row, token))


def _answer(request: HttpRequest, row: Invitation, token: str) -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    form = JoinForm(request.POST)
    try:
        if request.POST.get("act") == "decline":
            invitations.decline(row, user, token=token)
            messages.info(request, _("Declined."))
            return redirect("frontend:teams" if user else "frontend:login")
        if user is not None:
            return _joined(request, invitations.accept(row, user, token=token))
        if not form.is_valid():
            return _invitation_page(request, row, token, form, status=400)
        given = form.cleaned_data
        user = invitations.join(row, token=token, username=given["username"], password=given["password1"])
    except TeamRefused as refused:
        return _invitation_page(request, row, token, form, status=409, fault=str(refused))
    login(request, user)
    return _joined(request, row)


def _invitation_page(
    request: HttpRequest, row: Invitation, token: str, form: JoinForm, *, status: int = 200, fault: str = ""
) -> HttpResponse:
    here = reverse("frontend:invitation", args=[token])
    context = {
        "shown": invitation_row(row, None),
        "over": invitations.why_over(row),
        "fault": fault,
        "form": form,
        "is_for_other": row.user_id is not None and row.user_id != request.user.pk,
        "may_join": row.user_id is None and not invitations.has_account(row),
        "sign_in": f"{reverse('frontend:login')}?{urlencode({'next': here})}",
    }
    return _kept_by_nobody(render(request, "frontend/invitation.html", context, status=status))


def _kept_by_nobody(answer: HttpResponse) -> HttpResponse:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = (
        "same-origin"  # "no-referrer" takes the Origin off forms, which CSRF wants
    )
    return answer


def _joined(request: HttpRequest, row: Invitation) -> HttpResponse:
    messages.info(
        request,
        _("Welcome: you are in %(name)s.") % {"name": row.project.name if row.project else row.team.name},
    )
    return redirect("frontend:home") if row.project else redirect("frontend:team", team=row.team.slug)


def _sent(request: HttpRequest, team: Team, sent: invitations.Sent) -> HttpResponse:
    if sent.mail == "sent":
        messages.info(request, _("The invitation is mailed."))
    elif sent.mail == "failed":
        messages.error(request, _("The mail server did not take the mail. Send it again in a minute."))
    form = InviteForm(mine=access.role_in_team(user_of(request), team))
    return _kept_by_nobody(_team_page(request, team, form, link=sent.link))


def _team_page(
    request: HttpRequest, team: Team, form: InviteForm, *, status: int = 200, link: str | None = None
) -> HttpResponse:
    user = user_of(request)
    mine = access.role_in_team(user, team)
    may_manage = access.may(user, "team.members", team)
    rows = Membership.objects.filter(team=team).select_related("user", "team").order_by("-role", "pk")
    open_ones = invitations.of(team).filter(outcome=Outcome.OPEN)[:SHOWN] if may_manage else ()
    context = {
        "team": team,
        "rows": [member_row(row, user, mine if may_manage else None) for row in rows[:SHOWN]],
        "invited": [invitation_row(row, mine) for row in open_ones],
        "projects": access.projects_for(user, "project.view")
        .filter(team=team)
        .select_related("team")
        .order_by("name", "pk")[:SHOWN],
        "may_manage": may_manage,
        "may_edit": access.may(user, "team.edit", team),
        "may_audit": access.may(user, "team.audit", team),
        "may_create": access.may(user, "project.create", team),
        "is_member": rows.filter(user=user).exists(),
        "form": form,
        "link": link,
    }
    return render(request, "frontend/team.html", context, status=status)


def find_team(request: HttpRequest, slug: str, action: str = "team.view") -> Team:
    """Give a team in which this person may do `action`. Raises Http404, PermissionDenied."""
    user = user_of(request)
    team = access.teams_for(user, "team.view").filter(slug=slug).first()
    if team is None:
        raise Http404
    if not access.may(user, action, team):
        raise PermissionDenied
    return team


def _member(team: Team, username: str) -> User:
    found = (
        None if "\0" in username else User.objects.filter(memberships__team=team, username=username).first()
    )
    if found is None:
        raise Http404
    return found


def _back(request: HttpRequest, team: Team) -> HttpResponse:
    """Go to the team's page, or, for who is no longer in it, to the teams."""
    if access.role_in_team(user_of(request), team) is None:
        return redirect("frontend:teams")
    return redirect("frontend:team", team=team.slug)


@contextmanager
def _told(request: HttpRequest) -> Iterator[None]:
    """Say on the next page why something was refused."""
    try:
        yield
    except TeamRefused as refused:
        text = str(refused)
        messages.error(request, f"{text[:1].upper()}{text[1:]}.")
