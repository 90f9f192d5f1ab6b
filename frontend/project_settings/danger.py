"""What is dear to undo: another address, another team, the end of the project. Two want its name repeated."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import access, projects
from accounts.models import Project, Team
from accounts.refusals import TeamRefused
from agents import deletion
from frontend.project_settings.frame import Desk, open_section, sentence
from frontend.team_forms import SLUG
from frontend.views import error


class RenameForm(forms.Form):
    """Another slug."""

    slug = forms.RegexField(
        f"^{SLUG.pattern}",
        max_length=60,
        label=gettext_lazy("Slug"),
        help_text=gettext_lazy(
            "Lowercase letters, digits and hyphens. What has the old one leads nowhere then."
        ),
        error_messages={
            "invalid": gettext_lazy("Lowercase letters, digits and hyphens; the first is no hyphen.")
        },
    )


class MoveForm(forms.Form):
    """Another team of the reader's own."""

    team = forms.ModelChoiceField(
        Team.objects.none(), to_field_name="slug", label=gettext_lazy("To the team"), empty_label=None
    )

    def __init__(self, *args: Any, desk: Desk) -> None:
        super().__init__(*args)
        mine = (
            access.teams_for(desk.user, "team.transfer")
            .exclude(pk=desk.project.team_id)
            .order_by("name", "pk")
        )
        self.fields["team"].queryset = mine  # type: ignore[attr-defined]  # a ModelChoiceField


@require_http_methods(["GET", "POST"])
@login_required
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Show what could be done; do it for who repeats the project's name."""
    desk = open_section(request, project, "danger")
    if request.method != "POST":
        return _page(desk)
    acts = {"rename": _rename, "move": _move, "delete": _delete}
    act = acts.get(request.POST.get("act", ""))
    return error(request, 400) if act is None else act(desk)


def _rename(desk: Desk) -> HttpResponse:
    desk.demand("project.edit")
    form = RenameForm(desk.request.POST)
    if form.is_valid():
        try:
            with desk.holding("project.edit") as held:
                edited = projects.edit(held, slug=form.cleaned_data["slug"])
        except TeamRefused as refused:
            form.add_error("slug", sentence(refused))
        else:
            desk.say(_("The project is at %(slug)s now.") % {"slug": f"{edited.team.slug}/{edited.slug}"})
            return redirect("frontend:settings-danger", f"{edited.team.slug}/{edited.slug}")
    return _page(desk, rename=form, status=400)


def _move(desk: Desk) -> HttpResponse:
    desk.demand("project.move")
    form, fault = MoveForm(desk.request.POST, desk=desk), _not_repeated(desk)
    if form.is_valid() and not fault:
        try:
            lost = projects.move(desk.project, form.cleaned_data["team"], by=desk.user)
        except (Team.DoesNotExist, Project.DoesNotExist) as gone:
            raise Http404 from gone
        except TeamRefused as refused:
            fault = sentence(refused)
        else:
            told = _("The project is in %(team)s now.") % {"team": form.cleaned_data["team"].name}
            if lost:
                names = ", ".join(user.get_username() for user in lost)
                told += " " + _("Out of it, as they were here by the old team: %(names)s.") % {"names": names}
            desk.say(told)
            return redirect(
                "frontend:settings-danger", f"{form.cleaned_data['team'].slug}/{desk.project.slug}"
            )
    return _page(desk, move=form, move_fault=fault, status=400)


def _delete(desk: Desk) -> HttpResponse:
    desk.demand("project.delete")
    if fault := _not_repeated(desk):
        return _page(desk, delete_fault=fault, status=400)
    try:
        with desk.holding("project.delete") as held:
            told = deletion.preview(desk.path, [held])
            Project.objects.select_for_update().get(pk=held.pk)  # nobody submits a run meanwhile
            deletion.begin([held])
        done = deletion.finish([held], told["goes"])
    except TeamRefused as refused:
        return _page(desk, delete_fault=sentence(refused), status=409)
    if not done["deleted"]:
        desk.refuse(
            _("It has a long past, of which %(runs)d runs are left. Delete it again to go on.")
            % {"runs": done["runs_left"]}
        )
        return desk.back()
    desk.say(_("%(path)s is deleted, with all that it has run.") % {"path": desk.path})
    return (
        redirect("frontend:team", desk.project.team.slug) if _sees_team(desk) else redirect("frontend:home")
    )


def _not_repeated(desk: Desk) -> str:
    if desk.request.POST.get("confirm", "").strip() == desk.path:
        return ""
    return _("Repeat %(path)s to confirm.") % {"path": desk.path}


def _sees_team(desk: Desk) -> bool:
    return access.may(desk.user, "team.view", desk.project.team)


def _page(
    desk: Desk,
    *,
    rename: RenameForm | None = None,
    move: MoveForm | None = None,
    move_fault: str = "",
    delete_fault: str = "",
    status: int = 200,
) -> HttpResponse:
    may_delete = desk.may("project.delete")
    context = {
        "may_move": desk.may("project.move"),
        "may_delete": may_delete,
        "rename": rename or RenameForm(initial={"slug": desk.project.slug}),
        "move": move or MoveForm(desk=desk),
        "move_fault": move_fault,
        "delete_fault": delete_fault,
        "told": deletion.preview(desk.path, [desk.project]) if may_delete else None,
    }
    return desk.show("frontend/settings/danger.html", context, status=status)
