"""What else a visitor might like."""

import random

from catalog.models import Product

SHOWN = 2


def suggestions_for(product, *, shown=SHOWN):
    """Pick other listed products of the same category, in random order."""
    others = list(
        Product.listed.filter(category=product.category_id, stock__gt=0).exclude(pk=product.pk)[:100]
    )
    random.shuffle(others)
    return others[:shown]
