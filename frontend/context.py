"""What every template knows: the theme that the reader chose."""

from __future__ import annotations

from django.http import HttpRequest

THEMES = ("system", "light", "dark")
COOKIE = "wrench_theme"


def frame(request: HttpRequest) -> dict[str, str]:
    """Give `theme`, one of THEMES; what a cookie says otherwise counts as `system`."""
    asked = request.COOKIES.get(COOKIE, "")
    return {"theme": asked if asked in THEMES else "system"}
