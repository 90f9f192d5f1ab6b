"""Counting attempts to sign in, by address and by name, with django-ratelimit (fixed window).

The one way: the sign-in page, through which the admin signs in, and the token resources ask here. Refuses to know how
a refusal looks. django-ratelimit lets a connection error through as it is, and waits as long as its cache does. So it
has a cache of short patience, and asks through the circuit of `accounts.limits`; while Redis is away a small bucket
in this process counts instead: nobody guesses uncounted, and who knows the password gets in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.limits import addresses, engine, shared

PER_ADDRESS = "30/m"
PER_NAME = "10/m"
MAX_NAME = 150  # characters that count; as long as a user name may be


class TooManyAttempts(Exception):
    """The address or the name was tried too often. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(f"too many attempts; try again in {self.retry_after} s")


def count(request: HttpRequest, *, group: str, name: str = "") -> None:
    """Count one attempt. Raises TooManyAttempts."""
    folded = name[:MAX_NAME].casefold()
    try:
        wait = shared.circuit.call(lambda: _count(request, group, folded))
    except shared.RedisAway:
        wait = _count_here(request, group, folded)
    if wait:
        raise TooManyAttempts(wait)


def _count(request: HttpRequest, group: str, name: str) -> int:
    """Count in Redis. Returns the seconds to wait; 0: none."""
    usages = [get_usage(request, group=group, key="ip", rate=PER_ADDRESS, increment=True)]
    if name:
        usages.append(
            get_usage(request, group=f"{group}-name", key=lambda *_: name, rate=PER_NAME, increment=True)
        )
    return max(_wait(usage) for usage in usages)


def _wait(usage: Mapping[str, int] | None) -> int:
    """Seconds until the window is over. -1 as `time_left`: the cache lost the count in between; wait a moment."""
    if usage is None or not usage["should_limit"]:
        return 0
    return max(1, usage["time_left"])


def _count_here(request: HttpRequest, group: str, name: str) -> int:
    owners = [f"{group}:{addresses.owner(addresses.of_request(request))}"]
    if name:
        owners.append(f"{group}-name:{name}")
    verdict = engine.take_small(*owners)
    return 0 if verdict.allowed else math.ceil(verdict.retry_after)
