"""What every template knows: the reader's theme and language."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import get_language

THEMES = ("system", "light", "dark")
COOKIE = "wrench_theme"


def frame(request: HttpRequest) -> dict[str, str]:
    """Give `theme`, one of THEMES (what a cookie says otherwise counts as `system`), and the page's `language`."""
    asked = request.COOKIES.get(COOKIE, "")
    return {"theme": asked if asked in THEMES else "system", "language": get_language() or "en"}
