"""What a coupon is worth. docs/operations.md tells the staff how to set one up."""

from decimal import ROUND_HALF_UP, Decimal

from orders.models import Coupon, Order

PENNY = Decimal("0.01")
FREE_EVERY = 3


class CouponRefused(Exception):
    """The coupon does not apply; the message is shown to the customer."""


def discount_for(coupon, lines, *, customer, now):
    """Return the discount on the goods, at most their value. Raises CouponRefused with the reason."""
    if now < coupon.starts_at:
        raise CouponRefused(f"{coupon.code} is not valid yet.")
    if coupon.ends_at is not None and now >= coupon.ends_at:
        raise CouponRefused(f"{coupon.code} is no longer valid.")
    if coupon.uses_left is not None and coupon.uses_left < 1:
        raise CouponRefused(f"{coupon.code} has been used up.")
    if coupon.first_order_only:
        earlier = Order.objects.filter(customer=customer).exclude(status=Order.Status.CANCELLED)
        if earlier.exists():
            raise CouponRefused(f"{coupon.code} is for a first order.")
    goods = Decimal(0)
    eligible = []
    for line in lines:
        goods += line.price
        if coupon.category_id is None or line.product.category_id == coupon.category_id:
            eligible.append(line)
    if goods < coupon.minimum_spend:
        raise CouponRefused(f"{coupon.code} needs a purchase of {coupon.minimum_spend} or more.")
    if not eligible:
        raise CouponRefused(f"{coupon.code} covers nothing in your cart.")
    discount = Decimal(0)
    if coupon.kind == Coupon.Kind.PERCENT:
        for line in eligible:
            discount += line.price * coupon.value / 100
    elif coupon.kind == Coupon.Kind.AMOUNT:
        discount = coupon.value
        if coupon.category_id is not None:
            covered = Decimal(0)
            for line in eligible:
                covered += line.price
            discount = min(discount, covered)
    elif coupon.kind == Coupon.Kind.THIRD_FREE:
        for line in eligible:
            if line.quantity >= FREE_EVERY:
                discount += line.product.price * (line.quantity // FREE_EVERY)
    if coupon.maximum_discount is not None and discount > coupon.maximum_discount:
        discount = coupon.maximum_discount
    return min(discount, goods).quantize(PENNY, rounding=ROUND_HALF_UP)
