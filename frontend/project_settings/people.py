"""Who is in a project: by the team, by a role of their own, or as a guest; and whom it invites."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, attempts, invitations, members
from accounts.models import Outcome
from accounts.refusals import TeamRefused
from accounts.roles import Role
from frontend.people_rows import invitation_row, person_in, person_rows
from frontend.project_settings.frame import Desk, open_section, sentence
from frontend.team_forms import InviteForm
from frontend.views import error, slow_down

PER_PAGE = 100
INVITED_SHOWN = 200


@require_http_methods(["GET", "POST"])
@login_required
def people(request: HttpRequest, project: str) -> HttpResponse:
    """Show who is in the project; give, change and take roles; leave."""
    desk = open_section(request, project, "people")
    if request.method != "POST":
        return _page(desk, _form(desk))
    act = request.POST.get("act")
    if act == "leave":
        return _leave(desk)
    desk.demand("project.members")
    who = person_in(desk.project, request.POST.get("username", ""))
    roles = {role.label: role for role in Role}
    with desk.told():
        if act == "unset":
            members.unset_project_role(desk.project, who, by=desk.user)
            desk.say(_("%(name)s has no role of their own here any more.") % {"name": who.get_username()})
        elif request.POST.get("role") in roles:
            role = roles[request.POST["role"]]
            members.set_project_role(desk.project, who, role, by=desk.user)
            desk.say(_("%(name)s is %(role)s here now.") % {"name": who.get_username(), "role": role.label})
        else:
            return error(request, 400)
    if not access.may(desk.user, "project.view", desk.project):
        return redirect("frontend:runs")
    return desk.back()


@require_POST
@login_required
def invite(request: HttpRequest, project: str) -> HttpResponse:
    """Invite a guest. Without mail the answer shows the link, this once."""
    desk = open_section(request, project, "people")
    desk.demand("project.members")
    form = InviteForm(request.POST, mine=desk.role)
    if not form.is_valid():
        return _page(desk, form, status=400)
    try:
        attempts.count(request, group="invite", name=desk.user.get_username())
        sent = invitations.invite(
            desk.project,
            form.chosen,
            email=form.email,
            user=form.account,
            by=desk.user,
            lasts=timedelta(days=form.cleaned_data["days"]),
        )
    except attempts.TooManyAttempts as refused:
        return slow_down(request, refused)
    except TeamRefused as refused:
        form.add_error("whom", sentence(refused))
        return _page(desk, form, status=400)
    return _sent(desk, sent)


@require_POST
@login_required
def change_invitation(request: HttpRequest, project: str, invitation_id: UUID) -> HttpResponse:
    """Send an invitation again, or take it back."""
    desk = open_section(request, project, "people")
    desk.demand("project.members")
    row = invitations.of(desk.project).filter(public_id=invitation_id).first()
    if row is None:
        raise Http404
    with desk.told():
        if request.POST.get("act") == "resend":
            try:
                attempts.count(request, group="invite", name=desk.user.get_username())
            except attempts.TooManyAttempts as refused:
                return slow_down(request, refused)
            return _sent(desk, invitations.resend(row, by=desk.user))
        invitations.revoke(row, by=desk.user)
        desk.say(_("The invitation is revoked; its link opens nothing."))
    return desk.back()


def _leave(desk: Desk) -> HttpResponse:
    with desk.told():
        members.leave_project(desk.project, by=desk.user)
        desk.say(_("You have left %(name)s.") % {"name": desk.project.name})
    if not access.may(desk.user, "project.view", desk.project):
        return redirect("frontend:runs")
    return desk.back()


def _sent(desk: Desk, sent: invitations.Sent) -> HttpResponse:
    if sent.mail == "sent":
        desk.say(_("The invitation is mailed."))
    elif sent.mail == "failed":
        desk.refuse(_("The mail server did not take the mail. Send it again in a minute."))
    return _page(desk, _form(desk), link=sent.link)


def _form(desk: Desk) -> InviteForm:
    return InviteForm(mine=desk.role)


def _page(desk: Desk, form: InviteForm, *, status: int = 200, link: str | None = None) -> HttpResponse:
    may_manage = desk.may("project.members")
    found = Paginator(members.people_in(desk.project).order_by("username", "pk"), PER_PAGE)
    page = found.get_page(desk.request.GET.get("page"))
    rows = person_rows(desk.project, page.object_list, desk.user, desk.role if may_manage else None)
    open_ones = invitations.of(desk.project).filter(outcome=Outcome.OPEN) if may_manage else ()
    mine = next((row for row in rows if row.is_me), None)
    context = {
        "rows": rows,
        "page": page,
        "invited": [invitation_row(row, desk.role) for row in open_ones[:INVITED_SHOWN]],
        "may_manage": may_manage,
        "is_guest": mine is not None and not mine.in_team,
        "form": form,
        "link": link,
    }
    return desk.show("frontend/settings/people.html", context, status=status, secret=link is not None)
