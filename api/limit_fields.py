"""What callers are told of rate limits: fields on every answer below /api/, and the 429.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10, and Retry-After (RFC 9110):

    RateLimit-Policy: "user";q=50;w=1, "project";q=100;w=1     every rule that applies: q units in w seconds
    RateLimit: "user";r=499;t=1                                the tightest: r units now, full again in t seconds
    Retry-After: 3                                             on a 429

After a pause `r` may be more than `q`: the bucket holds a burst, `q` and `w` tell the rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from accounts.limits import addresses, engine
from accounts.limits.calls import Call
from accounts.limits.engine import Applied, Fallback, LimitReached, Verdict
from api.errors import MEDIA_TYPE, limit_problem
from api.limits import LIMITED, VERDICT


class RateLimits:
    """Middleware: charge what no view has charged, and tell every caller how much is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path.startswith(LIMITED):
            return response
        verdict: Verdict | None = getattr(request, VERDICT, None)
        if verdict is None:
            verdict = engine.take(_anonymous(request), fallback=Fallback.LOCAL)
            if not verdict.allowed:
                response.close()
                body = limit_problem(LimitReached(verdict))
                response = JsonResponse(body, status=429, content_type=MEDIA_TYPE)
        for name, value in fields(verdict).items():
            response.headers[name] = value
        return response


def fields(verdict: Verdict) -> dict[str, str]:
    """Give the fields for a response."""
    told = [one for one in verdict.applied if not one.bucket.soft]
    found: dict[str, str] = {}
    if told:
        found["RateLimit-Policy"] = ", ".join(_policy(one) for one in told)
    if (tightest := verdict.tightest) is not None:
        full_in = math.ceil(tightest.reset_seconds)
        found["RateLimit"] = f'"{tightest.rule.name}";r={tightest.remaining};t={full_in}'
    if not verdict.allowed:
        found["Retry-After"] = str(LimitReached(verdict).retry_after)
    return found


def _policy(one: Applied) -> str:
    units, seconds = one.rule.quota
    return f'"{one.rule.name}";q={units};w={seconds}'


def _anonymous(request: HttpRequest) -> Call:
    return Call(method=request.method or "", path=request.path, address=addresses.of_request(request))
