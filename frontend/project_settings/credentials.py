"""The secrets that a project works with: that there are some, of which kind; never their values."""

from __future__ import annotations

from uuid import UUID

import structlog
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import credentials
from accounts.credentials import MOST_CHARACTERS, NameTaken, ValueUnfit
from accounts.crypto import CryptoError
from accounts.models import Credential
from frontend.fields import OneLine
from frontend.project_settings.frame import Desk, open_section, sentence
from frontend.views import error
from frontend.vocabulary import word

log = structlog.get_logger(__name__)

UNSEALED = gettext_lazy(
    "This installation cannot keep credentials now: its operators find in the log what to set. Nothing was stored."
)


def _kinds() -> list[tuple[str, str]]:
    return [(kind, word(label)) for kind, label in Credential.Kind.choices]


class ValueForm(forms.Form):
    """A value. It is never written back into a page, also not when something else is wrong."""

    value = forms.CharField(
        max_length=MOST_CHARACTERS,
        strip=False,
        label=gettext_lazy("Value"),
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Sealed when it is stored, and never shown again, to nobody."),
    )


class CredentialForm(ValueForm):
    """A new credential."""

    kind = forms.ChoiceField(choices=_kinds, label=gettext_lazy("Kind"))
    name = forms.RegexField(
        r"^[-a-zA-Z0-9_]{1,60}\Z",
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("Letters, digits, hyphens, underscores. Runs ask for it by this name."),
        error_messages={
            "invalid": gettext_lazy("Letters, digits, hyphens and underscores only, at most 60.")
        },
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    description = OneLine(max_length=200, required=False, label=gettext_lazy("Description"))
    field_order = ("kind", "name", "value", "description")


@require_http_methods(["GET", "POST"])
@login_required
def listing(request: HttpRequest, project: str) -> HttpResponse:
    """Show what credentials there are; store one."""
    desk = open_section(request, project, "credentials")
    if request.method != "POST":
        return _page(desk, CredentialForm())
    desk.demand("credential.manage")
    form = CredentialForm(request.POST)
    if not form.is_valid():
        return _page(desk, form, status=400)
    given = form.cleaned_data
    try:
        with desk.holding("credential.manage") as held:
            credentials.store(
                held,
                Credential.Kind(given["kind"]),
                given["name"],
                given["value"],
                description=given["description"],
                by=desk.user,
                now=timezone.now(),
            )
    except ValueUnfit as unfit:
        form.add_error("value", sentence(unfit))
    except NameTaken as taken:
        form.add_error("name", sentence(taken))
    except CryptoError as fault:
        _log_unsealed(fault)
        form.add_error(None, UNSEALED)
    if form.errors:
        return _page(desk, form, status=400)
    desk.say(_("%(name)s is stored.") % {"name": given["name"]})
    return desk.back()


@require_http_methods(["GET", "POST"])
@login_required
def one(request: HttpRequest, project: str, credential_id: UUID) -> HttpResponse:
    """Show what is known of a credential; replace its value; delete it."""
    desk = open_section(request, project, "credentials")
    row = credentials.credentials_of(desk.project).filter(public_id=credential_id).first()
    if row is None:
        raise Http404
    if request.method != "POST":
        return _detail(desk, row, ValueForm())
    desk.demand("credential.manage")
    act = request.POST.get("act")
    if act == "delete":
        with desk.holding("credential.manage"):
            credentials.delete(row)
        desk.say(
            _("%(name)s is deleted. Whatever still needs it says so in its next run.") % {"name": row.name}
        )
        return desk.back()
    return _replace(desk, row) if act == "replace" else error(request, 400)


def _replace(desk: Desk, row: Credential) -> HttpResponse:
    form = ValueForm(desk.request.POST)
    if not form.is_valid():
        return _detail(desk, row, form, status=400)
    try:
        with desk.holding("credential.manage"):
            credentials.replace(row, form.cleaned_data["value"], now=timezone.now())
    except ValueUnfit as unfit:
        form.add_error("value", sentence(unfit))
    except CryptoError as fault:
        _log_unsealed(fault)
        form.add_error(None, UNSEALED)
    except Credential.DoesNotExist as gone:
        raise Http404 from gone
    if form.errors:
        return _detail(desk, row, form, status=400)
    desk.say(_("%(name)s has its new value; the old one is gone.") % {"name": row.name})
    return desk.back("frontend:settings-credential", row.public_id)


def _log_unsealed(fault: CryptoError) -> None:
    log.error("credential_not_sealed", reason=str(fault))


def _page(desk: Desk, form: CredentialForm, *, status: int = 200) -> HttpResponse:
    context = {
        "rows": credentials.credentials_of(desk.project),
        "form": form,
        "may_manage": desk.may("credential.manage"),
    }
    return desk.show("frontend/settings/credentials.html", context, status=status)


def _detail(desk: Desk, row: Credential, form: ValueForm, *, status: int = 200) -> HttpResponse:
    context = {"row": row, "form": form, "may_manage": desk.may("credential.manage")}
    return desk.show("frontend/settings/credential.html", context, status=status)
