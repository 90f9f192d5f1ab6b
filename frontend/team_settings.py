"""What is dear to undo about a team: its name and address, who owns it, its end. And its projects: making one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import access, members, projects, teams
from accounts.models import Membership, Project, Team, User
from accounts.refusals import TeamRefused
from agents import deletion
from frontend.fields import Lines, OneLine
from frontend.once import stamp
from frontend.project_settings.frame import sentence
from frontend.project_settings.general import MAX_DESCRIPTION
from frontend.team_forms import SLUG, TeamForm
from frontend.teams import find_team
from frontend.views import error, user_of

OLD_SLUG = gettext_lazy("Lowercase letters, digits and hyphens. What has the old one leads nowhere then.")


class TeamChangeForm(TeamForm):
    """Another name, or another slug."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].help_text = OLD_SLUG
        self.fields["name"].required = True


class TransferForm(forms.Form):
    """Who shall own it instead of the reader."""

    to = forms.ModelChoiceField(
        User.objects.none(), to_field_name="username", label=gettext_lazy("To"), empty_label=None
    )

    def __init__(self, *args: Any, team: Team, by: User) -> None:
        super().__init__(*args)
        others = User.objects.filter(memberships__team=team, is_active=True).exclude(pk=by.pk)
        people: Any = self.fields["to"]
        people.queryset = others.order_by("username")


class NewProjectForm(forms.Form):
    """A new project."""

    slug = forms.RegexField(
        f"^{SLUG.pattern}",
        max_length=60,
        label=gettext_lazy("Slug"),
        help_text=gettext_lazy("Lowercase letters, digits and hyphens; it stands in addresses."),
        error_messages={
            "invalid": gettext_lazy("Lowercase letters, digits and hyphens; the first is no hyphen.")
        },
    )
    name = OneLine(max_length=120, required=False, label=gettext_lazy("Name"))
    description = Lines(
        max_length=MAX_DESCRIPTION,
        required=False,
        label=gettext_lazy("Description"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@require_http_methods(["GET", "POST"])
@login_required
def new_project(request: HttpRequest, team: str) -> HttpResponse:
    """Make a project in a team."""
    found = find_team(request, team, "project.create")
    form = NewProjectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = projects.create(
                found,
                given["slug"],
                given["name"] or given["slug"],
                description=given["description"],
                by=user_of(request),
            )
        except TeamRefused as refused:
            form.add_error("slug", sentence(refused))
        else:
            messages.info(
                request, _("%(name)s is made. Its first run tells how it is.") % {"name": made.name}
            )
            return redirect("frontend:project", f"{found.slug}/{made.slug}")
    context = {"team": found, "form": form}
    return render(request, "frontend/new_project.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def settings_page(request: HttpRequest, team: str) -> HttpResponse:
    """Show what could be done; do it for who may."""
    found = find_team(request, team, "team.edit")
    if request.method != "POST":
        return _page(request, found)
    acts = {"save": _save, "transfer": _transfer, "delete": _delete}
    act = acts.get(request.POST.get("act", ""))
    return error(request, 400) if act is None else act(request, found)


def _save(request: HttpRequest, team: Team) -> HttpResponse:
    form = TeamChangeForm(request.POST)
    if not form.is_valid():
        return _page(request, team, form=form, status=400)
    with transaction.atomic():
        held = _held(request, team, "team.edit")
        if request.POST.get("seen") != stamp(held.name, held.slug):
            form.add_error(
                None, _("Somebody changed this while you wrote. Save again to put yours in its place.")
            )
            return _page(request, held, form=form, status=409)
        try:
            edited = teams.edit(held, **form.cleaned_data)
        except TeamRefused as refused:
            form.add_error("slug", sentence(refused))
            return _page(request, team, form=form, status=400)
    messages.info(request, _("Saved."))
    return redirect("frontend:team-settings", edited.slug)


def _transfer(request: HttpRequest, team: Team) -> HttpResponse:
    find_team(request, team.slug, "team.transfer")
    form, fault = TransferForm(request.POST, team=team, by=user_of(request)), _not_repeated(request, team)
    if form.is_valid() and not fault:
        to = form.cleaned_data["to"]
        try:
            members.transfer(team, to, by=user_of(request))
        except TeamRefused as refused:
            fault = sentence(refused)
        else:
            messages.info(
                request,
                _("%(name)s owns the team now, and you are a maintainer.") % {"name": to.get_username()},
            )
            return redirect("frontend:team", team.slug)
    return _page(request, team, transfer=form, transfer_fault=fault, status=400)


def _delete(request: HttpRequest, team: Team) -> HttpResponse:
    find_team(request, team.slug, "team.delete")
    if fault := _not_repeated(request, team):
        return _page(request, team, delete_fault=fault, status=400)
    try:
        with transaction.atomic():
            held = _held(request, team, "team.delete")
            inside = _projects(held)
            told = deletion.preview(held.slug, inside, held)
            locked = Project.objects.select_for_update().filter(pk__in=[one.pk for one in inside])
            list(locked.order_by("pk"))  # nobody submits a run meanwhile
            deletion.begin(inside)
        done = deletion.finish(inside, told["goes"], held)
    except TeamRefused as refused:
        return _page(request, team, delete_fault=sentence(refused), status=409)
    if not done["deleted"]:
        left = {"runs": done["runs_left"]}
        messages.error(
            request,
            _("It has a long past, of which %(runs)d runs are left. Delete it again to go on.") % left,
        )
        return redirect("frontend:team-settings", team.slug)
    messages.info(request, _("%(name)s is deleted, with all its projects.") % {"name": team.name})
    return redirect("frontend:teams")


def _held(request: HttpRequest, team: Team, action: str) -> Team:
    """Lock a team, and ask once more. Raises Http404."""
    try:
        held = members.hold_team(team.pk)
    except Team.DoesNotExist as error:
        raise Http404 from error
    if not access.may(user_of(request), action, held):
        raise Http404
    return held


def _projects(team: Team) -> list[Project]:
    return list(Project.objects.filter(team=team).select_related("team").order_by("pk"))


def _not_repeated(request: HttpRequest, team: Team) -> str:
    if request.POST.get("confirm", "").strip() == team.slug:
        return ""
    return _("Repeat %(slug)s to confirm.") % {"slug": team.slug}


def _page(
    request: HttpRequest,
    team: Team,
    *,
    form: TeamChangeForm | None = None,
    transfer: TransferForm | None = None,
    transfer_fault: str = "",
    delete_fault: str = "",
    status: int = 200,
) -> HttpResponse:
    user = user_of(request)
    may_delete = access.may(user, "team.delete", team)
    context = {
        "team": team,
        "form": form or TeamChangeForm(initial={"name": team.name, "slug": team.slug}),
        "seen": request.POST.get("seen") if status == 400 else stamp(team.name, team.slug),
        "may_transfer": access.may(user, "team.transfer", team),
        "may_delete": may_delete,
        "transfer": transfer or TransferForm(team=team, by=user),
        "has_others": Membership.objects.filter(team=team).exclude(user=user).exists(),
        "transfer_fault": transfer_fault,
        "delete_fault": delete_fault,
        "told": deletion.preview(team.slug, _projects(team), team) if may_delete else None,
    }
    return render(request, "frontend/team_settings.html", context, status=status)
