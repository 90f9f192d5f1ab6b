"""Turning a cart into an order."""

from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import F

from catalog.models import Product
from orders import shipping
from orders.cart import goods_value, weight_grams
from orders.models import Coupon, Order, OrderLine
from orders.promotions import CouponRefused, discount_for


class OutOfStock(Exception):
    """Somebody else bought the last pieces; the message names the product."""


@dataclass(frozen=True)
class Address:
    """Where an order goes; `country` is a two-letter code."""

    recipient: str
    street: str
    city: str
    postcode: str
    country: str


@transaction.atomic
def place(customer, lines, *, address, coupon_code="", now):
    """Store the order and take its pieces from the stock, or do neither.

    Raises CouponRefused, OutOfStock or shipping.TooHeavy.
    """
    goods = goods_value(lines)
    delivery = shipping.quote(weight_grams(lines), address.country, goods)
    coupon, discount = None, 0
    if coupon_code:
        coupon = _locked_coupon(coupon_code)
        discount = discount_for(coupon, lines, customer=customer, now=now)
        Coupon.objects.filter(pk=coupon.pk, uses_left__isnull=False).update(uses_left=F("uses_left") - 1)
    for line in lines:
        _take(line)
    order = Order.objects.create(
        customer=customer,
        placed_at=now,
        coupon=coupon,
        goods=goods,
        discount=discount,
        shipping=delivery.price,
        **asdict(address),
    )
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=line.product, quantity=line.quantity, unit_price=line.product.price)
        for line in lines
    )
    return order


def _locked_coupon(code):
    try:
        return Coupon.objects.select_for_update().get(code=code.strip().upper())
    except Coupon.DoesNotExist as error:
        raise CouponRefused(f"We do not know the code {code}.") from error


def _take(line):
    enough = Product.objects.filter(pk=line.product.pk, stock__gte=line.quantity)
    if not enough.update(stock=F("stock") - line.quantity):
        raise OutOfStock(f"{line.product.name} is no longer available in this quantity.")
