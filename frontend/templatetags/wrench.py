"""Small words for the templates."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from accounts.models import Project
from frontend.vocabulary import word

register = template.Library()

_FORMS = {
    "%d": "d",
    "%b": "M",
    "%B": "F",
    "%A": "l",
    "%Y": "Y",
    "%H": "H",
    "%M": "i",
    "%S": "s",
    "%Z": "T",
    "%m": "m",
}
"""Forms of strftime as Django writes them."""


@register.simple_tag
def flower_path() -> str:
    """Give the path of Flower; empty if this installation has none."""
    return reverse("frontend:flower") if settings.FLOWER_URL else ""


@register.filter
def duration(seconds: float | None) -> str:
    """Write seconds as people do: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min. Nothing for None. So does clock.js."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{number_format(max(seconds, 0), 1)} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@register.filter
def effort(minutes: float | None) -> str:
    """Write minutes of work as people plan it: 45 min, 3 h 20 min, 2 d 4 h. A day has eight hours."""
    if minutes is None:
        return ""
    whole = max(round(minutes), 0)
    if whole < 60:
        return f"{whole} min"
    if whole < 480:
        return f"{whole // 60} h {whole % 60} min" if whole % 60 else f"{whole // 60} h"
    days, hours = whole // 480, whole % 480 // 60
    if hours and days < 100:
        return f"{days} d {hours} h"
    return f"{number_format(days, 0, force_grouping=True)} d"


@register.filter
def number(count: float | None) -> str:
    """Write a count with its thousands apart; a dash for what was not counted."""
    return "–" if count is None else number_format(round(count), 0, force_grouping=True)


@register.filter
def revision(name: str, most: int = 12) -> str:
    """Write a commit or the digest of a tree in short."""
    return str(name).rpartition(":")[2][:most]


@register.filter
def path_of(project: Project) -> str:
    """Name a project as addresses do: team/slug."""
    return f"{project.team.slug}/{project.slug}"


@register.filter
def moment(at: datetime | None, form: str = "%d %b %H:%M") -> SafeString | str:
    """Write a time in UTC as a <time> element, which the pages' script turns into the reader's own time.

    `form` is as of strftime; names of days and months are in the reader's language.
    """
    return "" if at is None else _moment(at, form, get_language())


@lru_cache(maxsize=4_096)
def _moment(at: datetime, form: str, _language: str | None) -> SafeString:
    """Write it once for each language: lists are asked for again and again, with the same times in them."""
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat().replace("+00:00", "Z"),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        said(utc, form),
    )


def said(at: datetime, form: str) -> str:
    """Write a time by a form of strftime, with names of days and months in the reader's language."""
    return date_format(at, "".join(_FORMS.get(part, part) for part in re.split("(%[a-zA-Z])", form)))


@register.filter
def iso(at: datetime | None) -> str:
    """Write a time for scripts."""
    return "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@register.filter
def words(state: object) -> str:
    """Write a stored word for people, in the reader's language: a state, a severity, a role."""
    return word(str(state))


@register.filter
def ticks(seconds: int) -> str:
    """Write a mark of an axis of time: 0, 30 s, 5 min, 1 h 30 min, 2 d."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0"
