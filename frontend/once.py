"""Forms that do one thing however often they are sent, and edits that overwrite nothing unseen.

A form that makes something brings a ticket (`forms.ticket_of`), and the second request with a ticket is told so: a
double click makes one key, not two of which one is never seen. A form that changes something brings the `stamp` of
what it showed, as If-Match does over REST.
"""

from __future__ import annotations

import hashlib
import json

import structlog
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from frontend.forms import ticket_of

log = structlog.get_logger(__name__)

KEPT_SECONDS = 24 * 3600  # so long a form may lie open and be sent again


def is_first(request: HttpRequest, purpose: str) -> bool:
    """Tell whether this form was not sent before. While Redis is away every form counts as new."""
    ticket = ticket_of(request.POST.get("ticket"))
    try:
        return bool(cache.add(f"form:{purpose}:{request.user.pk}:{ticket}", 1, KEPT_SECONDS))
    except (RedisError, OSError) as error:
        log.warning("form_ticket_not_kept", purpose=purpose, reason=str(error))
        return True


def stamp(*shown: object) -> str:
    """Give what stands for these values: another as soon as one of them is another."""
    text = json.dumps(shown, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
