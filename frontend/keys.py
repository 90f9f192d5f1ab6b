"""The page of a person's API keys: made with what they may do and for how long, shown once, rotated, revoked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, keys
from accounts.bounds import READ_ALL, SCOPES
from accounts.models import ApiKey, Project, User
from accounts.roles import STAFF_ACTIONS
from frontend.account_frame import show
from frontend.fields import OneLine
from frontend.forms import ticket_of
from frontend.once import is_first
from frontend.views import error, user_of

PER_PAGE = 50
PROJECTS_SHOWN = 200
DAYS = (
    (7, gettext_lazy("a week")),
    (30, gettext_lazy("30 days")),
    (90, gettext_lazy("90 days")),
    (366, gettext_lazy("a year")),
)
OVERLAPS = (
    (0, gettext_lazy("ends at once")),
    (3_600, gettext_lazy("works for an hour more")),
    (86_400, gettext_lazy("works for a day more")),
    (604_800, gettext_lazy("works for a week more")),
)
LONGEST = timedelta(days=366)


class KeyForm(forms.Form):
    """A new key. Staff may give what staff may do."""

    name = OneLine(
        max_length=100,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("What will use it, such as “nightly CI”."),
    )
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, initial=90, label=gettext_lazy("Good for"))
    projects = forms.ModelMultipleChoiceField(
        Project.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=gettext_lazy("Only in these projects"),
    )
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        label=gettext_lazy("It may"),
        error_messages={"required": gettext_lazy("Choose what it may do; one thing at least.")},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = access.visible_projects(user).select_related("team").order_by("team__slug", "slug")
        projects: Any = self.fields["projects"]
        projects.queryset = mine.filter(pk__in=mine.values("pk")[:PROJECTS_SHOWN])
        projects.label_from_instance = lambda project: f"{project.team.slug}/{project.slug}"
        offered = [scope for scope in SCOPES if user.is_staff or scope not in STAFF_ACTIONS]
        scopes: Any = self.fields["scopes"]
        scopes.choices = [(scope, scope) for scope in offered]
        if not self.is_bound:
            self.initial["scopes"] = [READ_ALL]

    def groups(self) -> list[tuple[str, list[Any]]]:
        """Give the boxes of the scopes by what they are about, without the one that reads everything."""
        found: dict[str, list[Any]] = defaultdict(list)
        for box in self["scopes"]:
            if box.data["value"] != READ_ALL:
                found[str(box.data["value"]).partition(".")[0]].append(box)
        return sorted(found.items())

    def reads_all(self) -> Any:
        """Give the box of the scope that reads everything."""
        return next(box for box in self["scopes"] if box.data["value"] == READ_ALL)

    def has_chosen_scopes(self) -> bool:
        """Tell whether one of the others is chosen, so that they are shown at once."""
        return any(scope != READ_ALL for scope in self["scopes"].value() or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key in the list. `state` is live, replaced (it ends soon), revoked or expired."""

    row: ApiKey
    state: str
    projects: tuple[str, ...]


@require_http_methods(["GET", "POST"])
@login_required
def keys_page(request: HttpRequest) -> HttpResponse:
    """Show your keys; make one. The answer to that shows the key, this once."""
    user = user_of(request)
    if request.method != "POST":
        return _page(request, KeyForm(user=user))
    form, now = KeyForm(request.POST, user=user), timezone.now()
    if not form.is_valid():
        return _page(request, form, status=400)
    if not is_first(request, "key"):
        messages.error(
            request, _("This form was sent before; its key is in the list. Revoke it if you missed it.")
        )
        return redirect("frontend:keys")
    given = form.cleaned_data
    try:
        minted = keys.create(
            user,
            given["name"],
            scopes=given["scopes"],
            projects=list(given["projects"]) or None,
            expires_at=now + timedelta(days=given["days"]),
            now=now,
        )
    except keys.TooManyKeys as refused:
        form.add_error(None, str(refused))
        return _page(request, form, status=400)
    return _page(request, KeyForm(user=user), minted=minted)


@require_POST
@login_required
def change_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Rotate or revoke one of your keys."""
    user, now = user_of(request), timezone.now()
    row = keys.keys_of(user).filter(public_id=key_id).first()
    if row is None:
        raise Http404
    if request.POST.get("act") == "revoke":
        keys.revoke(row, now=now)
        messages.info(request, _("%(name)s is revoked; it opens nothing any more.") % {"name": row.name})
        return redirect("frontend:keys")
    overlap = request.POST.get("overlap", "")
    if request.POST.get("act") != "rotate" or overlap not in {str(seconds) for seconds, _word in OVERLAPS}:
        return error(request, 400)
    return _rotate(request, row, timedelta(seconds=int(overlap)), now)


def _rotate(request: HttpRequest, row: ApiKey, overlap: timedelta, now: datetime) -> HttpResponse:
    user = user_of(request)
    life = min(max(row.expires_at - row.created_at, timedelta(days=1)), LONGEST)
    try:
        minted = keys.rotate(user, row, overlap=overlap, expires_at=now + life, now=now)
    except (keys.KeyNotLive, keys.TooManyKeys) as refused:
        text = str(refused)
        messages.error(request, f"{text[:1].upper()}{text[1:]}.")
        return redirect("frontend:keys")
    return _page(request, KeyForm(user=user), minted=minted)


def _rows(found: Iterable[ApiKey], now: datetime) -> list[KeyRow]:
    listed = list(found)
    replaced = set(
        ApiKey.objects.filter(replaces__in=[row.pk for row in listed]).values_list("replaces_id", flat=True)
    )
    return [
        KeyRow(
            row=row,
            state=_state(row, now, is_replaced=row.pk in replaced),
            projects=tuple(f"{project.team.slug}/{project.slug}" for project in row.projects.all()),
        )
        for row in listed
    ]


def _state(row: ApiKey, now: datetime, *, is_replaced: bool) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if not row.is_live(now):
        return "expired"
    return "replaced" if is_replaced else "live"


def _page(
    request: HttpRequest, form: KeyForm, *, status: int = 200, minted: keys.MintedKey | None = None
) -> HttpResponse:
    page = Paginator(keys.keys_of(user_of(request)), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": _rows(page.object_list, timezone.now()),
        "page": page,
        "form": form,
        "ticket": ticket_of(None),
        "minted": minted,
        "overlaps": OVERLAPS,
    }
    answer = show(request, "keys", "frontend/keys.html", context, status=status)
    if minted is not None:
        answer.headers["Cache-Control"] = "no-store"
    return answer
