"""The query of a page's address: read without ever failing, and written again.

    asked = Reader(request.GET)
    asked.text("q"); asked.known("state", ["open", "over"]); asked.uuid("run")
    asked.faults                     what could not be read, in words
    query([("q", "x")])              "?q=x"

An address is typed, cut and passed on: what cannot be read in it is left out and told, never an error page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

MAX_VALUES = 20  # of one name
MAX_TEXT = 200

Pair = tuple[str, str]


class Reader:
    """Reads a query, name by name; `faults` grows with what it had to leave out."""

    def __init__(self, given: QueryDict) -> None:
        self.given = given
        self.faults: list[str] = []

    def known(self, name: str, known: Sequence[str]) -> list[str]:
        """Give the values of a name that are among those known, once each."""
        asked = self._values(name)
        for one in asked:
            if one not in known:
                self.faults.append(_("%(name)s cannot be “%(value)s”.") % {"name": name, "value": one[:60]})
        return [one for one in asked if one in known]

    def texts(self, name: str) -> list[str]:
        """Give the values of a name that PostgreSQL can be asked for, once each, at most MAX_VALUES."""
        asked = self._values(name)
        kept = [one for one in asked if _is_sound(one)][:MAX_VALUES]
        if len(kept) < len(asked):
            self.faults.append(_("Some of the values of %(name)s were left out.") % {"name": name})
        return kept

    def text(self, name: str) -> str:
        """Give the value of a name; empty if there is none that PostgreSQL can be asked for."""
        asked = self.given.get(name, "").strip()
        if _is_sound(asked):
            return asked
        self._cannot(name)
        return ""

    def uuid(self, name: str) -> UUID | None:
        """Give the id that a name has."""
        asked = self.given.get(name, "")
        found = uuid_of(asked)
        if asked and found is None:
            self._cannot(name)
        return found

    def _values(self, name: str) -> list[str]:
        return [one for one in dict.fromkeys(self.given.getlist(name)) if one]

    def _cannot(self, name: str) -> None:
        self.faults.append(_("%(name)s cannot be looked for as it was given.") % {"name": name})


def uuid_of(text: str) -> UUID | None:
    """Read an id; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def query(pairs: Iterable[Pair]) -> str:
    """Write a query with its question mark; "?" for an empty one, which is the page without filters."""
    return "?" + urlencode(list(pairs))


def _is_sound(text: str) -> bool:
    return len(text) <= MAX_TEXT and "\0" not in text
