"""Finding products by the beginning of their name.

Written in SQL because the prefix search must hit the pattern index on `search_name`, and the list page
needs the name of the category in the same row.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

COUNT = """
    SELECT COUNT(*)
    FROM catalog_product
    WHERE is_listed AND search_name LIKE %s ESCAPE '!'
"""


@dataclass(frozen=True)
class Hit:
    """A row of the list page."""

    name: str
    slug: str
    price: Decimal
    stock: int
    category: str


def prefix_pattern(text):
    """Turn what the visitor typed into a LIKE pattern in which `%` and `_` stand for themselves."""
    literal = text.strip().lower()
    for character in "!%_":
        literal = literal.replace(character, f"!{character}")
    return f"{literal}%"


def count(text):
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [prefix_pattern(text)])
        return cursor.fetchone()[0]


def find(text, *, sort, page):
    """Return the hits on one page, ordered by `sort`."""
    query = f"""
        SELECT p.name, p.slug, p.price, p.stock, c.name
        FROM catalog_product p
        JOIN catalog_category c ON c.id = p.category_id
        WHERE p.is_listed AND p.search_name LIKE %s ESCAPE '!'
        ORDER BY p.{sort}, p.id
        LIMIT %s OFFSET %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [prefix_pattern(text), page.size, page.offset])
        return [Hit(*row) for row in cursor.fetchall()]
