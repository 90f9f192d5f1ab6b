"""Counting attempts to sign in, by address and by name, with django-ratelimit (fixed window).

Shared by the sign-in page and the token resource. Refuses to know how a refusal looks. If Redis is away nobody is
let through: uncounted guesses at passwords are worse than a pause.
"""

from __future__ import annotations

from django.http import HttpRequest
from django_ratelimit.core import is_ratelimited
from redis.exceptions import RedisError

PER_ADDRESS = "30/m"
PER_NAME = "10/m"
MAX_NAME = 150  # characters that count; as long as a user name may be


class TooManyAttempts(Exception):
    """The address or the name was tried too often."""


class AttemptsNotCounted(Exception):
    """Redis does not answer, so attempts cannot be counted."""


def count(request: HttpRequest, *, group: str, name: str = "") -> None:
    """Count one attempt. Raises TooManyAttempts, AttemptsNotCounted."""
    try:
        limited = is_ratelimited(request, group=group, key="ip", rate=PER_ADDRESS, increment=True)
        if name:
            folded = name[:MAX_NAME].casefold()
            by_name = is_ratelimited(
                request, group=f"{group}-name", key=lambda *_: folded, rate=PER_NAME, increment=True
            )
            limited = limited or by_name
    except RedisError as error:
        raise AttemptsNotCounted(
            "signing in is not possible while Redis does not answer; try again soon"
        ) from error
    if limited:
        raise TooManyAttempts("too many attempts; wait a minute and try again")
