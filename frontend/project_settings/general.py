"""What a project is called, and what it is for."""

from __future__ import annotations

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import projects
from accounts.models import Project
from accounts.refusals import TeamRefused
from frontend.fields import Lines, OneLine
from frontend.once import stamp
from frontend.project_settings.frame import Desk, open_section, sentence

MAX_DESCRIPTION = 2_000


class ProjectForm(forms.Form):
    """Name and description."""

    name = OneLine(max_length=120, label=gettext_lazy("Name"))
    description = Lines(
        max_length=MAX_DESCRIPTION,
        required=False,
        label=gettext_lazy("Description"),
        help_text=gettext_lazy("What it is, for people who see it for the first time."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )


@require_http_methods(["GET", "POST"])
@login_required
def general(request: HttpRequest, project: str) -> HttpResponse:
    """Show name and description, and change them."""
    desk = open_section(request, project, "general")
    if request.method != "POST":
        return _page(desk, _form_of(desk.project))
    desk.demand("project.edit")
    form = ProjectForm(request.POST)
    if not form.is_valid():
        return _page(desk, form, status=400)
    try:
        with desk.holding("project.edit") as held:
            if request.POST.get("seen") != seen(held):
                form.add_error(None, _changed(held))
                return _page(desk, form, status=409, now=held)
            projects.edit(held, **form.cleaned_data)
    except TeamRefused as refused:
        form.add_error(None, sentence(refused))
        return _page(desk, form, status=409)
    desk.say(_("Saved."))
    return desk.back()


def seen(project: Project) -> str:
    """Give the stamp of what the form shows."""
    return stamp(project.name, project.description)


def _form_of(project: Project) -> ProjectForm:
    return ProjectForm(initial={"name": project.name, "description": project.description})


def _changed(project: Project) -> str:
    return _(
        "Somebody changed this while you wrote: the name is now “%(name)s”. What you wrote is below; save again to"
        " put it in place of theirs."
    ) % {"name": project.name}


def _page(desk: Desk, form: ProjectForm, *, status: int = 200, now: Project | None = None) -> HttpResponse:
    context = {
        "form": form,
        "seen": desk.request.POST.get("seen") if status == 400 else seen(now or desk.project),
        "may_edit": desk.may("project.edit"),
    }
    return desk.show("frontend/settings/general.html", context, status=status)
