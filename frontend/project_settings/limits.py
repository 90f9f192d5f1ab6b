"""Which rate limits hold for the reader here, and how much of each is left."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.limits import addresses, standing
from accounts.limits.calls import Call
from accounts.limits.engine import Applied
from accounts.limits.rules import Kind, Rule, Scope
from accounts.limits.shared import RedisAway
from accounts.models import ApiKey
from frontend.project_settings.frame import Desk, open_section

KEYS_SHOWN = 20
WHOSE = {
    Scope.GLOBAL: gettext_lazy("everybody together"),
    Scope.ROUTE: gettext_lazy("everybody together"),
    Scope.IP: gettext_lazy("your address"),
    Scope.USER: gettext_lazy("you"),
    Scope.KEY: gettext_lazy("your key"),
    Scope.PROJECT: gettext_lazy("this project"),
    Scope.SOCKET: gettext_lazy("each of your sockets"),
    Scope.SOCKET_USER: gettext_lazy("all your sockets"),
    Scope.LLM: gettext_lazy("this project"),
}
KINDS = {
    Kind.REQUEST: gettext_lazy("requests"),
    Kind.MESSAGE: gettext_lazy("messages of sockets"),
    Kind.LLM: gettext_lazy("calls of language models"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """A limit in words. `left` is None where it is not known: Redis does not answer, or each socket has its own."""

    name: str
    whose: str
    what: str
    rate: str
    burst: int
    left: int | None
    is_soft: bool


@require_safe
@login_required
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Show the limits. Looking charges nothing but the request itself."""
    desk = open_section(request, project, "limits")
    call = _call(desk)
    mine = [key for key in keys.keys_of(desk.user) if key.is_live(timezone.now())][:KEYS_SHOWN]
    try:
        found, is_known = standing.standing(call, [key.prefix for key in mine]), True
    except RedisAway:
        found, is_known = standing.unmeasured(call, [key.prefix for key in mine]), False
    rows = [_row(one, mine, is_known=is_known) for one in found]
    return desk.show("frontend/settings/limits.html", {"rows": rows, "is_known": is_known})


def _call(desk: Desk) -> Call:
    """What stands for all that this person does here."""
    return Call(
        address=addresses.of_request(desk.request),
        user_id=desk.user.pk,
        user_name=desk.user.get_username(),
        project_id=desk.project.pk,
        project_name=desk.path,
    )


def _row(one: Applied, mine: list[ApiKey], *, is_known: bool) -> LimitRow:
    rule = one.rule
    whose = str(WHOSE[rule.scope])
    if rule.scope is Scope.KEY:
        key = next(key for key in mine if one.bucket.key.endswith(f":key-{key.prefix}"))
        whose = _("your key %(name)s") % {"name": key.name}
    return LimitRow(
        name=rule.name,
        whose=whose,
        what=rule.route or str(KINDS[rule.kind]),
        rate=_rate(rule),
        burst=rule.burst,
        left=one.remaining if is_known and rule.scope is not Scope.SOCKET else None,
        is_soft=rule.is_soft,
    )


def _rate(rule: Rule) -> str:
    """Write a rate in words: 50 a second, 600 a minute, 100 in 600 s."""
    units, seconds = rule.quota
    words = {1: _("a second"), 60: _("a minute"), 3_600: _("an hour"), 86_400: _("a day")}
    return f"{units} {words.get(seconds) or _('in %(n)d s') % {'n': seconds}}"
