"""Cutting a long list into pages."""

from dataclasses import dataclass

LAST_NUMBER = 10_000


@dataclass(frozen=True)
class Page:
    """One page of `size` rows out of `total`; the first page has the number 1."""

    number: int
    size: int
    total: int

    @property
    def offset(self):
        return (self.number - 1) * self.size

    @property
    def count(self):
        return self.total // self.size + 1

    @property
    def has_previous(self):
        return self.number > 1

    @property
    def has_next(self):
        return self.number < self.count


def page_number(value):
    """Read a page number from a query string; anything that is no positive number means page 1."""
    try:
        return min(max(1, int(value)), LAST_NUMBER)
    except (TypeError, ValueError):
        return 1
