"""What people fill in."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts

from accounts import access
from accounts.models import Project, User
from agents import requests
from agents.workspace.errors import WorkspaceError
from agents.workspace.targets import target_from_text

_TICKET = re.compile(r"[0-9a-f-]{36}\Z")


def ticket_of(sent: str | None) -> str:
    """Give the one-time name that a form was sent with, or a new one for a form that brings none."""
    return sent if sent and _TICKET.match(sent) else str(uuid4())


class RunForm(forms.Form):
    """A new run. `ticket` makes a form that is sent twice one run."""

    goal = forms.CharField(
        max_length=requests.MAX_GOAL,
        label="What should be done?",
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Find security problems and bugs"}),
    )
    target = forms.CharField(
        max_length=4096,
        label="Where?",
        widget=forms.TextInput(
            attrs={"placeholder": "https://github.com/team/project.git", "spellcheck": "false"}
        ),
    )
    project = forms.ModelChoiceField(Project.objects.none(), label="Project", empty_label=None)
    ticket = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "new-run-%s")
        super().__init__(*args, **kwargs)
        projects = access.projects_for(user, "run.submit")
        self.fields["project"] = forms.ModelChoiceField(
            projects, label="Project", empty_label=None, initial=projects.first()
        )
        self.fields["ticket"].initial = str(uuid4())
        roots = [str(root) for root in settings.LOCAL_ROOTS]
        where = f", or a folder on this server below {' or '.join(roots)}" if roots else ""
        self.fields["target"].help_text = f"A git URL (https or ssh){where}"

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one project to choose from."""
        return len(self.fields["project"].choices) > 1  # type: ignore[attr-defined]  # a ModelChoiceField

    def clean_target(self) -> requests.Target:
        try:
            return target_from_text(self.cleaned_data["target"])
        except WorkspaceError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_ticket(self) -> str:
        return ticket_of(self.cleaned_data.get("ticket"))


class SignInForm(AuthenticationForm):
    """User name and password."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This user name and password do not belong together. Both heed upper and lower case.",
    }


class PasswordForm(PasswordChangeForm):
    """A new password, and the old one."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["new_password1"].help_text = " ".join(
            password_validators_help_texts()
        )  # not as a list in HTML
