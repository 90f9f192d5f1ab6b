"""Whom a project tells of its runs: its webhooks, made, changed, tried and deleted; their secrets, shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.crypto import CryptoError
from frontend.fields import OneLine
from frontend.forms import ticket_of
from frontend.once import is_first, stamp
from frontend.project_settings import delivery_rows
from frontend.project_settings.credentials import UNSEALED
from frontend.project_settings.frame import Desk, open_section, sentence
from frontend.views import error
from monitoring import webhooks
from monitoring.addresses import MOST_CHARACTERS, AddressUnfit
from monitoring.models import WISHES, WebHook, WebHookDelivery
from monitoring.webhooks import MOST_PER_PROJECT, TooManyHooks

log = structlog.get_logger(__name__)

WORDS = {
    "run.accepted": gettext_lazy("a run is accepted"),
    "run.started": gettext_lazy("a run begins"),
    "run.finished": gettext_lazy("a run is over"),
    "approval.asked": gettext_lazy("a run asks people"),
    "approval.decided": gettext_lazy("a question is answered"),
}
OVERLAPS = (
    (0, gettext_lazy("at once: only the new secret signs")),
    (3_600, gettext_lazy("for an hour both sign")),
    (86_400, gettext_lazy("for a day both sign")),
    (604_800, gettext_lazy("for a week both sign")),
)


class WebHookForm(forms.Form):
    """Where a webhook leads, and what it is told."""

    url = forms.CharField(
        max_length=MOST_CHARACTERS,
        label=gettext_lazy("URL"),
        help_text=gettext_lazy("https, without user and password. Deliveries are POSTed there, signed."),
        widget=forms.TextInput(
            attrs={"placeholder": "https://ci.example.org/wrench", "spellcheck": "false", "inputmode": "url"}
        ),
    )
    events = forms.MultipleChoiceField(
        choices=[(wish, WORDS[wish]) for wish in WISHES],
        widget=forms.CheckboxSelectMultiple,
        label=gettext_lazy("Tell it when"),
        initial=["run.finished"],
        error_messages={"required": gettext_lazy("Choose what it is told of; one at least.")},
    )
    description = OneLine(max_length=200, required=False, label=gettext_lazy("Description"))


class WebHookChangeForm(WebHookForm):
    """The same for one that is there, and whether it is on."""

    active = forms.BooleanField(
        required=False,
        label=gettext_lazy("On"),
        help_text=gettext_lazy("Switched off it is told of nothing new, and what waits is given up."),
    )


class RotateForm(forms.Form):
    """How long the old secret signs along."""

    overlap = forms.TypedChoiceField(
        choices=OVERLAPS, coerce=int, initial=86_400, label=gettext_lazy("The old secret")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRow:
    """A webhook in the list, and how its last delivery ended."""

    hook: WebHook
    events: tuple[str, ...]
    last: str


@require_http_methods(["GET", "POST"])
@login_required
def listing(request: HttpRequest, project: str) -> HttpResponse:
    """Show the webhooks; make one. The answer to that shows its secret, this once."""
    desk = open_section(request, project, "webhooks")
    if request.method != "POST":
        return _page(desk, WebHookForm())
    desk.demand("webhook.manage")
    form = WebHookForm(request.POST)
    if not form.is_valid():
        return _page(desk, form, status=400)
    if not is_first(request, "webhook"):
        desk.refuse(
            _("This form was sent before; its webhook is in the list. Rotate its secret if you missed it.")
        )
        return desk.back()
    try:
        with desk.holding("webhook.manage") as held:
            made = webhooks.create(held, **form.cleaned_data, by=desk.user, now=timezone.now())
    except (AddressUnfit, TooManyHooks, CryptoError) as fault:
        _add_fault(form, fault)
        return _page(desk, form, status=400)
    return _detail(desk, made.hook, secret=made.secret, is_new=True)


@require_http_methods(["GET", "POST"])
@login_required
def one(request: HttpRequest, project: str, hook_id: UUID) -> HttpResponse:
    """Show a webhook with its deliveries; change it, try it, rotate its secret, delete it."""
    desk = open_section(request, project, "webhooks")
    hook = find(desk, hook_id)
    if request.method != "POST":
        return _detail(desk, hook)
    desk.demand("webhook.manage")
    acts = {"save": _save, "ping": _ping, "rotate": _rotate, "delete": _delete}
    act = acts.get(request.POST.get("act", ""))
    return error(request, 400) if act is None else act(desk, hook)


def find(desk: Desk, hook_id: UUID) -> WebHook:
    """Give a webhook of the project. Raises Http404."""
    found = webhooks.hooks_of(desk.project).filter(public_id=hook_id).first()
    if found is None:
        raise Http404
    return found


def seen(hook: WebHook) -> str:
    """Give the stamp of what the form shows. What the engine writes of its own accord is not in it."""
    return stamp(hook.url, sorted(hook.events), hook.description, hook.active)


def _save(desk: Desk, hook: WebHook) -> HttpResponse:
    form = WebHookChangeForm(desk.request.POST)
    if not form.is_valid():
        return _detail(desk, hook, form=form, status=400)
    try:
        with desk.holding("webhook.manage"):
            row = webhooks.locked(hook)
            if desk.request.POST.get("seen") != seen(row):
                form.add_error(
                    None, _("Somebody changed this while you wrote. Save again to put yours in its place.")
                )
                return _detail(desk, row, form=form, status=409)
            webhooks.change(row, **form.cleaned_data)
    except WebHook.DoesNotExist as gone:
        raise Http404 from gone
    except AddressUnfit as fault:
        _add_fault(form, fault)
        return _detail(desk, hook, form=form, status=400)
    desk.say(_("Saved."))
    return _back(desk, hook)


def _ping(desk: Desk, hook: WebHook) -> HttpResponse:
    try:
        with desk.holding("webhook.manage"):
            webhooks.ping(hook, by=desk.user, now=timezone.now())
    except WebHook.DoesNotExist as gone:
        raise Http404 from gone
    desk.say(_("A ping is on its way; it is tried once. Its delivery below tells what came of it."))
    return _back(desk, hook)


def _rotate(desk: Desk, hook: WebHook) -> HttpResponse:
    form = RotateForm(desk.request.POST)
    if not form.is_valid():
        return error(desk.request, 400)
    if not is_first(desk.request, "webhook-secret"):
        desk.refuse(_("This form was sent before. Rotate again if you did not see the secret."))
        return _back(desk, hook)
    try:
        with desk.holding("webhook.manage"):
            overlap = timedelta(seconds=form.cleaned_data["overlap"])
            made = webhooks.rotate(hook, overlap=overlap, now=timezone.now())
    except WebHook.DoesNotExist as gone:
        raise Http404 from gone
    except CryptoError as fault:
        log.error("webhook_secret_not_sealed", reason=str(fault))
        desk.refuse(str(UNSEALED))
        return _back(desk, hook)
    return _detail(desk, find(desk, made.hook.public_id), secret=made.secret)


def _delete(desk: Desk, hook: WebHook) -> HttpResponse:
    with desk.holding("webhook.manage"):
        webhooks.delete(hook)
    desk.say(_("The webhook to %(host)s is deleted, with the log of its deliveries.") % {"host": hook.host})
    return desk.back()


def _back(desk: Desk, hook: WebHook) -> HttpResponse:
    return desk.back("frontend:settings-webhook", hook.public_id)


def _add_fault(form: forms.Form, fault: Exception) -> None:
    if isinstance(fault, CryptoError):
        log.error("webhook_secret_not_sealed", reason=str(fault))
        form.add_error(None, UNSEALED)
    else:
        form.add_error("url" if isinstance(fault, AddressUnfit) else None, sentence(fault))


def _rows(hooks: Sequence[WebHook]) -> list[HookRow]:
    last = WebHookDelivery.objects.filter(hook=OuterRef("pk")).order_by("-pk")
    states = WebHook.objects.filter(pk__in=[hook.pk for hook in hooks]).annotate(
        last=Subquery(last.values("state")[:1])
    )
    by_pk = dict(states.order_by().values_list("pk", "last"))
    return [
        HookRow(
            hook=hook,
            events=tuple(str(WORDS.get(name, name)) for name in hook.events),
            last=by_pk.get(hook.pk) or "",
        )
        for hook in hooks
    ]


def _page(desk: Desk, form: WebHookForm, *, status: int = 200) -> HttpResponse:
    rows = _rows(list(webhooks.hooks_of(desk.project).order_by("-pk")))
    context = {
        "rows": rows,
        "form": form,
        "ticket": ticket_of(None),
        "may_manage": desk.may("webhook.manage"),
        "is_full": len(rows) >= MOST_PER_PROJECT,
        "most": MOST_PER_PROJECT,
    }
    return desk.show("frontend/settings/webhooks.html", context, status=status)


def _detail(
    desk: Desk,
    hook: WebHook,
    *,
    form: WebHookForm | None = None,
    secret: str = "",
    is_new: bool = False,
    status: int = 200,
) -> HttpResponse:
    initial = {"url": hook.url, "events": hook.events, "description": hook.description, "active": hook.active}
    context = {
        "hook": hook,
        "form": form or WebHookChangeForm(initial=initial),
        "seen": desk.request.POST.get("seen") if status == 400 else seen(hook),
        "rotation": RotateForm(),
        "ticket": ticket_of(None),
        "old_secret_until": webhooks.old_secret_until(hook, timezone.now()),
        "secret": secret,
        "is_new": is_new,
        "may_manage": desk.may("webhook.manage"),
        "deliveries": delivery_rows.listing(hook, desk.request.GET),
    }
    return desk.show("frontend/settings/webhook.html", context, status=status, secret=bool(secret))
