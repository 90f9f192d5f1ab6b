"""What people fill in about teams."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.roles import Role
from frontend.fields import UNPRINTABLE
from frontend.vocabulary import word

SLUG = re.compile(r"[a-z0-9][-a-z0-9]{0,59}\Z")


class TeamForm(forms.Form):
    """A new team."""

    slug = forms.CharField(
        max_length=60,
        label=_("Slug"),
        help_text=_("Lowercase letters, digits and hyphens; it stands in addresses."),
    )
    name = forms.CharField(max_length=120, label=_("Name"), required=False)

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if not SLUG.match(slug):
            raise ValidationError(_("Lowercase letters, digits and hyphens only; the first is no hyphen."))
        return slug

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise ValidationError(UNPRINTABLE)
        return name


class InviteForm(forms.Form):
    """Whom to invite as what. `mine` is the role of whoever invites: none above it can be chosen."""

    whom = forms.CharField(
        max_length=254,
        label=_("E-mail address, or user name"),
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    role = forms.ChoiceField(label=_("Role"))
    days = forms.IntegerField(min_value=1, max_value=30, initial=7, label=_("Days that it holds"))

    def __init__(self, *args: Any, mine: Role | None, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "invite-%s")
        super().__init__(*args, **kwargs)
        choices = [(role.label, word(role.label)) for role in Role if mine is not None and role <= mine]
        self.fields["role"] = forms.ChoiceField(
            choices=choices, label=_("Role"), initial=Role.DEVELOPER.label
        )
        self.email, self.account = "", None

    @property
    def chosen(self) -> Role:
        """The role that was chosen."""
        return {role.label: role for role in Role}[self.cleaned_data["role"]]

    email: str
    account: User | None

    def clean_whom(self) -> str:
        """Read an account's name, or else an address."""
        whom: str = self.cleaned_data["whom"].strip()
        self.account = User.objects.filter(username=whom, is_active=True).first()
        if self.account is None:
            try:
                validate_email(whom)
            except ValidationError as error:
                raise ValidationError(_("There is no account of that name, and it is no address.")) from error
            self.email = whom
        return whom


class JoinForm(BaseUserCreationForm[User]):
    """A new account."""

    class Meta:
        model = User
        fields = ("username",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = " ".join(
            password_validators_help_texts()
        )  # not as a list in HTML
