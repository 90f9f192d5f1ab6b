"""The form of a new run: what is wanted, of which code, compared with what; and what it becomes when it is sent.

Owns: which faults stand beside which field. What a target may be is decided by `agents.workspace.targets`, for the
form as for the API.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import access
from accounts.models import Project, User
from agents import requests
from agents.workspace.errors import PathRefused, WorkspaceError
from agents.workspace.local import open_folder
from agents.workspace.targets import GitTarget, PathTarget, parse_target, target_from_text
from frontend.forms import ticket_of
from tasks import artifacts

PRIORITIES = [("", gettext_lazy("as usual")), *((str(n), str(n)) for n in range(10))]


class ProjectField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for the type checker only
    """A project, named so that two of the same name can be told apart."""

    def label_from_instance(self, obj: Project) -> str:
        return f"{obj.name} ({obj.team.slug}/{obj.slug})"


class RunForm(forms.Form):
    """A new run. `ticket` makes a form that is sent twice one run; `digest` names an archive that is here already."""

    project = ProjectField(
        Project.objects.none(),
        label=gettext_lazy("Project"),
        empty_label=None,
        error_messages={
            "invalid_choice": gettext_lazy("There is no such project in which you may start a run.")
        },
    )
    goal = forms.CharField(
        max_length=requests.MAX_GOAL,
        label=gettext_lazy("What should be done?"),
        help_text=gettext_lazy("In your words. A question or a wish is enough."),
        error_messages={
            "required": gettext_lazy("Say what should be done, such as: find security problems.")
        },
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": gettext_lazy("Find security problems and bugs")}
        ),
    )
    target = forms.CharField(
        max_length=4096,
        required=False,
        label=gettext_lazy("Where is the code?"),
        widget=forms.TextInput(
            attrs={"placeholder": "https://github.com/team/project.git", "spellcheck": "false"}
        ),
    )
    ref = forms.CharField(
        max_length=250,
        required=False,
        label=gettext_lazy("Branch, tag or commit"),
        help_text=gettext_lazy("Of a git URL; the default branch if you leave it empty."),
        widget=forms.TextInput(attrs={"placeholder": "main", "spellcheck": "false"}),
    )
    archive = forms.FileField(
        required=False,
        label=gettext_lazy("Or upload an archive"),
        widget=forms.FileInput(attrs={"accept": ".zip,.tar,.gz,.tgz,.bz2,.xz"}),
    )
    base = forms.CharField(
        max_length=4096,
        required=False,
        label=gettext_lazy("Report only what is new against"),
        help_text=gettext_lazy(
            "For reviews: a branch, tag or commit of the same repository, or another address."
        ),
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    priority = forms.TypedChoiceField(
        required=False,
        choices=PRIORITIES,
        coerce=int,
        empty_value=None,
        label=gettext_lazy("Priority"),
        help_text=gettext_lazy("0 is most urgent, 9 least."),
    )
    digest = forms.RegexField(r"^[0-9a-f]{64}\Z", required=False, widget=forms.HiddenInput)
    archive_name = forms.RegexField(
        r"^[^\x00-\x1f\x7f/\\]{1,255}\Z", required=False, widget=forms.HiddenInput
    )
    ticket = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "new-run-%s")
        super().__init__(*args, **kwargs)
        self._fill_projects(user)
        self.fields["ticket"].initial = str(uuid4())
        self.fields["target"].help_text = _where()
        self.fields["archive"].help_text = _("A .zip, .tar.gz, .tar.bz2 or .tar.xz of at most %(most)s.") % {
            "most": _size(settings.UPLOAD_BYTES)
        }

    def _fill_projects(self, user: User) -> None:
        field = self.fields["project"]
        assert isinstance(field, ProjectField)
        found = access.projects_for(user, "run.submit").select_related("team")
        field.queryset = found
        field.initial = self.initial.get("project") or found.first()

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one project to choose from."""
        return len(self.fields["project"].choices) > 1  # type: ignore[attr-defined]  # a ModelChoiceField

    @property
    def more_is_open(self) -> bool:
        """Whether something rare is filled in or faulty, so that it must be seen."""
        return any(self[name].value() or self[name].errors for name in ("base", "priority"))

    def clean_ticket(self) -> str:
        return ticket_of(self.cleaned_data.get("ticket"))

    def clean(self) -> dict[str, Any]:
        """Read the target and its base. Their faults stand beside the fields that they come from."""
        data = super().clean() or {}
        if not {"target", "archive", "digest"} & set(self.errors):
            data["of"] = self._target(data)
        if data.get("of") is not None and data.get("base"):
            data["against"] = self._read("base", lambda: _base(data["base"], data["of"]))
        return data

    def request(self) -> requests.Request:
        """Give what is wanted. Only of a form without faults."""
        data = self.cleaned_data
        return requests.Request(goal=data["goal"], target=data["of"], base=data.get("against"))

    def _target(self, data: dict[str, Any]) -> requests.Target | None:
        text, digest, project = data.get("target"), data.get("digest"), data.get("project")
        if text and digest:
            self.add_error("target", _("Give one: an address, or an archive."))
        elif text:
            return self._read("target", lambda: _address(text, data.get("ref")))
        elif digest:
            if project is not None and artifacts.belongs_to(digest, project_id=project.pk):
                name = data.get("archive_name") or _("archive")
                return parse_target({"kind": "archive", "digest": digest, "name": name})
            self.add_error(
                "archive", _("This archive is not here any more, or is another project's: upload it.")
            )
        else:
            self.add_error(
                "target", _("Say where the code is: a git URL, a folder on this server, or an archive.")
            )
        return None

    def _read(self, field: str, read: Any) -> requests.Target | None:
        try:
            target: requests.Target = read()
            requests.refuse_secret(target)
            _refuse_outside(target)
        except WorkspaceError as error:
            self.add_error(field, str(error))
            return None
        return target


def _address(text: str, ref: str | None) -> requests.Target:
    target = target_from_text(text)
    if ref and isinstance(target, GitTarget):
        return parse_target({**target.model_dump(mode="json"), "ref": ref})
    return target


def _base(text: str, target: requests.Target) -> requests.Target | None:
    """Read a base: an address of its own, or a name in the target's repository."""
    if text.startswith(("/", "~")) or "://" in text or "@" in text.partition(":")[0]:
        return target_from_text(text)
    return requests.base_of(text, target)


def _refuse_outside(target: requests.Target) -> None:
    """Say at once that a folder may not be read here. Whether it is there, only a worker's host can tell."""
    if not isinstance(target, PathTarget):
        return
    try:
        open_folder(target.path, settings.LOCAL_ROOTS)
    except PathRefused as error:
        told = _("`./wrench serve --root DIR` allows another folder; an archive can always be uploaded.")
        raise PathRefused(f"{error}. {told}") from None
    except WorkspaceError:
        return


def _where() -> str:
    roots = " · ".join(str(root) for root in settings.LOCAL_ROOTS)
    if not roots:
        return _("A git URL (https or ssh).")
    return _("A git URL (https or ssh), or a folder on this server below %(roots)s.") % {"roots": roots}


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.0f} MB" if count >= 1_000_000 else f"{count / 1_000:,.0f} KB"
