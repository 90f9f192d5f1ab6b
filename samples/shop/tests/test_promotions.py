from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalog.models import Category, Product
from orders.cart import CartLine
from orders.models import Coupon
from orders.placing import Address, place
from orders.promotions import CouponRefused, discount_for

HOME = Address("Ada Lane", "1 Mill Lane", "Kendal", "LA9 4QQ", "GB")
NOON = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def make_coupon(db):
    def make(kind="percent", value="10", **fields):
        fields = {"code": "SPRING", "starts_at": NOON - timedelta(days=1)} | fields
        return Coupon.objects.create(kind=kind, value=Decimal(value), **fields)

    return make


@pytest.fixture
def seeds(db):
    return Category.objects.create(name="Seeds", slug="seeds")


@pytest.fixture
def lines(rake, make_product, seeds):
    return [CartLine(rake, 4), CartLine(make_product("Sweet pea", "2.95", category=seeds), 2)]


@pytest.mark.parametrize(
    ("terms", "discount"),
    [
        ({}, "7.99"),
        ({"maximum_discount": Decimal(5)}, "5.00"),
        ({"kind": "amount", "value": "8"}, "8.00"),
        ({"kind": "amount", "value": "500"}, "79.90"),
        ({"kind": "third_free"}, "18.50"),
        ({"minimum_spend": Decimal("79.90")}, "7.99"),
        ({"ends_at": NOON + timedelta(seconds=1)}, "7.99"),
        ({"uses_left": 1}, "7.99"),
        ({"first_order_only": True}, "7.99"),
    ],
)
def test_discount(make_coupon, lines, ada, terms, discount):
    assert discount_for(make_coupon(**terms), lines, customer=ada, now=NOON) == Decimal(discount)


@pytest.mark.parametrize(
    ("kind", "value", "discount"),
    [
        ("percent", "50", "2.95"),
        ("amount", "8", "5.90"),
        ("amount", "3", "3.00"),
        ("third_free", "0", "0.00"),
    ],
)
def test_discount_of_one_category(make_coupon, seeds, kind, value, discount):
    sweet_pea = Product(name="Sweet pea", price=Decimal("2.95"), category=seeds)
    other = Product(name="Rake", price=Decimal("18.50"))
    coupon = make_coupon(kind, value, category=seeds)
    lines = [CartLine(other, 4), CartLine(sweet_pea, 2)]
    assert discount_for(coupon, lines, customer=None, now=NOON) == Decimal(discount)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"starts_at": NOON + timedelta(seconds=1)}, "SPRING is not valid yet."),
        ({"ends_at": NOON}, "SPRING is no longer valid."),
        ({"uses_left": 0}, "SPRING has been used up."),
        ({"minimum_spend": Decimal("79.91")}, "SPRING needs a purchase of 79.91 or more."),
    ],
)
def test_refusal(make_coupon, lines, ada, fields, reason):
    with pytest.raises(CouponRefused, match=reason):
        discount_for(make_coupon(**fields), lines, customer=ada, now=NOON)


def test_coupon_of_another_category_is_refused(make_coupon, rake, ada, seeds):
    with pytest.raises(CouponRefused, match="covers nothing"):
        discount_for(make_coupon(category=seeds), [CartLine(rake, 1)], customer=ada, now=NOON)


def test_first_order_coupon_is_refused_to_a_regular_customer(make_coupon, rake, ada, ben):
    coupon = make_coupon(first_order_only=True)
    place(ada, [CartLine(rake, 1)], address=HOME, now=NOON)
    with pytest.raises(CouponRefused, match="for a first order"):
        discount_for(coupon, [CartLine(rake, 1)], customer=ada, now=NOON)
    assert discount_for(coupon, [CartLine(rake, 1)], customer=ben, now=NOON) == Decimal("1.85")


def test_placing_counts_the_uses_down(make_coupon, rake, ada):
    coupon = make_coupon(uses_left=2)
    order = place(ada, [CartLine(rake, 1)], address=HOME, coupon_code=" spring ", now=NOON)
    coupon.refresh_from_db()
    assert (order.discount, order.total, coupon.uses_left) == (Decimal("1.85"), Decimal("19.85"), 1)
    assert str(coupon) == "SPRING"


def test_unknown_code(rake, ada):
    with pytest.raises(CouponRefused, match="do not know the code NOPE"):
        place(ada, [CartLine(rake, 1)], address=HOME, coupon_code="NOPE", now=NOON)
