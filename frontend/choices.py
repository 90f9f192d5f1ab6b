"""What a browser remembers of its reader's choices: a cookie each, which no script reads and no other site sends.

answer = keep(request, way_back(request), COOKIE, "dark")       "" forgets it
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

A_YEAR = 365 * 24 * 3600  # seconds


def keep(request: HttpRequest, answer: HttpResponse, name: str, value: str) -> HttpResponse:
    """Let the browser keep a choice for a year, or forget it if `value` is empty. Returns the answer with it."""
    if value:
        answer.set_cookie(
            name, value, max_age=A_YEAR, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    else:
        answer.delete_cookie(name, samesite="Lax")
    return answer
