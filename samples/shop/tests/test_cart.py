from decimal import Decimal
from http import HTTPStatus

import pytest

from orders.cart import CartLine, goods_value, stock_notices, weight_grams
from orders.shipping import PACKAGING_GRAMS, Quote, TooHeavy, quote


def test_adding_twice_adds_up(client, rake):
    client.post(f"/cart/add/{rake.pk}/", {"quantity": 2})
    client.post(f"/cart/add/{rake.pk}/", {"quantity": 3})
    assert client.get("/cart/").context["lines"] == [CartLine(rake, 5)]


def test_cart_has_an_upper_limit(client, rake):
    client.post(f"/cart/add/{rake.pk}/", {"quantity": 60})
    client.post(f"/cart/add/{rake.pk}/", {"quantity": 60})
    assert client.session["cart"] == {str(rake.pk): 99}


def test_quantity_must_make_sense(client, rake):
    response = client.post(f"/cart/add/{rake.pk}/", {"quantity": 0})
    assert (response.status_code, client.session.get("cart")) == (HTTPStatus.FOUND, None)


def test_delisted_product_leaves_the_cart(client, rake, spade):
    client.post(f"/cart/add/{rake.pk}/", {"quantity": 1})
    client.post(f"/cart/add/{spade.pk}/", {"quantity": 1})
    rake.is_listed = False
    rake.save()
    assert client.get("/cart/").context["lines"] == [CartLine(spade, 1)]


def test_sums(rake, spade):
    lines = [CartLine(rake, 2), CartLine(spade, 1)]
    assert (goods_value(lines), weight_grams(lines)) == (Decimal("61.00"), 2900)


def test_notice_when_there_is_not_enough(rake, spade):
    lines = [CartLine(rake, 21), CartLine(spade, 20)]
    assert stock_notices(lines) == ["Rake: only 20 left"]


@pytest.mark.parametrize(
    ("grams", "country", "goods", "expected"),
    [
        (500, "GB", "10.00", Quote(Decimal("3.20"), 2)),
        (1_000 - PACKAGING_GRAMS, "GB", "10.00", Quote(Decimal("3.20"), 2)),
        (1_001 - PACKAGING_GRAMS, "GB", "10.00", Quote(Decimal("4.45"), 2)),
        (500, "GB", "44.99", Quote(Decimal("3.20"), 2)),
        (500, "GB", "45.00", Quote(Decimal(0), 2)),
        (500, "FR", "90.00", Quote(Decimal("8.90"), 5)),
        (20_000 - PACKAGING_GRAMS, "JP", "90.00", Quote(Decimal("88.00"), 12)),
    ],
)
def test_quote(grams, country, goods, expected):
    assert quote(grams, country, Decimal(goods)) == expected


def test_heaviest_parcel():
    with pytest.raises(TooHeavy, match="20001 g is over"):
        quote(20_001 - PACKAGING_GRAMS, "GB", Decimal("10.00"))
