"""What a page that lists things shows around its rows: `frontend/list_page.html`, with the keys of js/list-page.js.

The address is the view: a search, an order, filters with their counts, and the row after which the page begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.functional import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A value of a facet: what the address calls it, what people call it, how many rows have it if that is known."""

    value: str
    label: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A filter with its values. `has_more`: there are values that are not told."""

    name: str
    title: str
    options: tuple[Option, ...]
    has_more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """Something that is chosen, and the query without it."""

    label: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """A list without its rows. `first` and `next` are queries of pages; empty where there is nothing to lead to.

    `total` is None where counting takes longer than a page may: the query `counted_at` has it, and all counts.
    """

    text: str
    orders: Sequence[tuple[str, str | Promise, bool]]  # value, word, whether it is the one
    total: int | None
    chips: Sequence[Chip]
    facets: Sequence[Facet]
    faults: Sequence[str]
    first: str
    next: str
    counted_at: str = ""


def by(column: str, *, backwards: bool) -> tuple[str, str]:
    """The order of a list by a column; rows that are alike there stand by their keys."""
    sign = "-" if backwards else ""
    return f"{sign}{column}", f"{sign}pk"


def beyond(column: str, last: tuple[object, int], *, backwards: bool) -> Q:
    """What comes after a row, given its value of the column that orders and its key.

    The column's bound stands by itself, so that an index can begin there.
    """
    sign = "lt" if backwards else "gt"
    value, key = last
    return Q(**{f"{column}__{sign}e": value}) & (
        Q(**{f"{column}__{sign}": value}) | Q(**{f"pk__{sign}": key})
    )
