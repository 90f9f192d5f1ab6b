"""The cart, kept in the visitor's session as {product id: quantity}."""

from dataclasses import dataclass
from decimal import Decimal

from catalog.models import Product

SESSION_KEY = "cart"
MOST_PIECES = 99


@dataclass(frozen=True)
class CartLine:
    """A product and how many of it."""

    product: Product
    quantity: int

    @property
    def price(self):
        return self.product.price * self.quantity

    @property
    def weight_grams(self):
        return self.product.weight_grams * self.quantity


class Cart:
    """A view on the session; every change marks the session as modified."""

    def __init__(self, session):
        self.session = session
        self.quantities = session.setdefault(SESSION_KEY, {})

    def add(self, product, quantity=1):
        key = str(product.pk)
        wanted = self.quantities.get(key, 0) + quantity
        self.quantities[key] = max(1, min(wanted, MOST_PIECES))
        self.session.modified = True

    def clear(self):
        self.quantities.clear()
        self.session.modified = True

    def lines(self):
        """Return the lines in the order of the product names; products no longer listed are left out."""
        products = Product.listed.filter(pk__in=self.quantities)
        return [CartLine(product, self.quantities[str(product.pk)]) for product in products]


def goods_value(lines):
    return sum((line.price for line in lines), Decimal(0))


def weight_grams(lines):
    return sum(line.weight_grams for line in lines)


def stock_notices(lines, notices=[]):
    """Return a sentence for each line that asks for more than the shop has."""
    for line in lines:
        if line.quantity > line.product.stock:
            notices.append(f"{line.product.name}: only {line.product.stock} left")
    return notices
