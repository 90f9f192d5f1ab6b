"""One delivery of a webhook: what was sent, what each attempt was answered, and sending it again."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from frontend.forms import ticket_of
from frontend.once import is_first
from frontend.project_settings import delivery_rows
from frontend.project_settings.frame import Desk, open_section
from frontend.project_settings.webhooks import find
from monitoring import webhooks
from monitoring.models import DeliveryState, WebHook, WebHookDelivery
from monitoring.webhooks import DeliveryWaits


@require_http_methods(["GET", "POST"])
@login_required
def one(request: HttpRequest, project: str, hook_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Show a delivery; send the same again."""
    desk = open_section(request, project, "webhooks")
    hook = find(desk, hook_id)
    row = webhooks.deliveries_of(hook).filter(public_id=delivery_id).first()
    if row is None:
        raise Http404
    if request.method == "POST":
        desk.demand("webhook.manage")
        return _replay(desk, hook, row)
    context = {
        "hook": hook,
        "row": row,
        "attempts": delivery_rows.attempts_of(row),
        "body": delivery_rows.body_of(row),
        "ticket": ticket_of(None),
        "may_replay": desk.may("webhook.manage") and row.state != DeliveryState.WAITING.value,
    }
    return desk.show("frontend/settings/delivery.html", context)


def _replay(desk: Desk, hook: WebHook, row: WebHookDelivery) -> HttpResponse:
    if not is_first(desk.request, "replay"):
        desk.refuse(_("This was sent again already; it is in the log."))
        return desk.back("frontend:settings-webhook", hook.public_id)
    try:
        with desk.holding("webhook.manage"):
            made = webhooks.replay(row, now=timezone.now())
    except DeliveryWaits as waits:
        desk.refuse(waits)
        return desk.back("frontend:settings-delivery", hook.public_id, row.public_id)
    except (WebHook.DoesNotExist, WebHookDelivery.DoesNotExist) as gone:
        raise Http404 from gone
    desk.say(_("The same is on its way again, as a delivery of its own."))
    return desk.back("frontend:settings-delivery", hook.public_id, made.public_id)
