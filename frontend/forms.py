"""What people fill in."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from accounts.models import User

_TICKET = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def ticket_of(sent: str | None) -> str:
    """Give the one-time name that a form was sent with, or a new one for a form that brings none."""
    return sent if sent and _TICKET.match(sent) else str(uuid4())


def way_back(request: HttpRequest) -> HttpResponseRedirect:
    """Lead back to the page of ours that a form names as `next`; to the start if that is none."""
    back = request.POST.get("next", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(
        back, {request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(back if is_ours else "/")


class SignInForm(AuthenticationForm):
    """User name and password."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "This user name and password do not belong together. Both heed upper and lower case."
        ),
    }


class PasswordForm(PasswordChangeForm):
    """A new password, and the old one."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["new_password1"].help_text = " ".join(
            password_validators_help_texts()
        )  # not as a list in HTML
