import json
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus

import pytest

from orders import payments
from orders.cart import CartLine
from orders.models import Order
from orders.placing import Address, OutOfStock, place

HOME = Address("Ada Lane", "1 Mill Lane", "Kendal", "LA9 4QQ", "GB")
NOON = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def order(ada, rake):
    return place(ada, [CartLine(rake, 2)], address=HOME, now=NOON)


@pytest.fixture
def paid(order):
    order.status = Order.Status.PAID
    order.save()
    return order


def notify(client, body, signature=None):
    headers = {"X-Signature": payments.signature(body) if signature is None else signature}
    return client.post("/payments/notify/", body, content_type="application/json", headers=headers)


def test_checkout_places_the_order_and_empties_the_cart(client, ada, rake):
    client.force_login(ada)
    client.post(f"/cart/add/{rake.pk}/", {"quantity": 2})
    response = client.post("/checkout/", asdict(HOME))
    order = Order.objects.get()
    assert response["Location"] == f"/orders/{order.public_id}/"
    assert (order.goods, order.shipping, order.total) == (Decimal("37.00"), Decimal("4.45"), Decimal("41.45"))
    assert client.session["cart"] == {}
    rake.refresh_from_db()
    assert (rake.stock, order.lines.get().quantity) == (18, 2)


def test_checkout_needs_something_in_the_cart(client, ada):
    client.force_login(ada)
    response = client.post("/checkout/", asdict(HOME))
    assert (response["Location"], Order.objects.count()) == ("/cart/", 0)


def test_checkout_tells_why_it_refuses(client, ada, rake):
    client.force_login(ada)
    client.post(f"/cart/add/{rake.pk}/", {"quantity": 1})
    response = client.post("/checkout/", {"coupon": "NOPE", **asdict(HOME)}, follow=True)
    assert [str(message) for message in response.context["messages"]] == ["We do not know the code NOPE."]


def test_failed_order_returns_the_pieces(ada, rake, spade):
    spade.weight_grams = 10
    with pytest.raises(OutOfStock, match="Spade is no longer available"):
        place(ada, [CartLine(rake, 1), CartLine(spade, 21)], address=HOME, now=NOON)
    rake.refresh_from_db()
    assert (rake.stock, Order.objects.count()) == (20, 0)


def test_history_lists_own_orders(client, order, ada, ben):
    client.force_login(ada)
    entries = client.get("/orders/").context["entries"]
    assert entries == [{"order": order, "pieces": 2, "names": ["Rake"]}]
    client.force_login(ben)
    assert client.get("/orders/").context["entries"] == []


def test_detail_is_for_the_customer_alone(client, order, ada, ben):
    client.force_login(ben)
    assert client.get(f"/orders/{order.public_id}/").status_code == HTTPStatus.NOT_FOUND
    client.force_login(ada)
    page = client.get(f"/orders/{order.public_id}/").content.decode()
    assert f"<h1>{order.reference}</h1>" in page
    assert "Rake at £18.50" in page


def test_names(order):
    line = order.lines.get()
    assert (str(order), str(line)) == (f"order {order.reference}", f"2 x {line.product_id}")


def test_notification_marks_as_paid_once(client, order):
    body = json.dumps({"order": str(order.public_id), "status": "succeeded"}).encode()
    assert [notify(client, body).status_code for _ in range(2)] == [HTTPStatus.NO_CONTENT] * 2
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_failed_payment_changes_nothing(client, order):
    notify(client, json.dumps({"order": str(order.public_id), "status": "failed"}).encode())
    order.refresh_from_db()
    assert order.status == Order.Status.PLACED


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", b'{"order": "7", "status": "succeeded"}'])
def test_malformed_notification_is_refused(client, db, body):
    response = notify(client, body)
    assert (response.status_code, response.content) == (HTTPStatus.FORBIDDEN, b"malformed notification")


def test_forged_notification_is_refused(client, order):
    body = json.dumps({"order": str(order.public_id), "status": "succeeded"}).encode()
    response = notify(client, body, signature="0" * 64)
    assert (response.status_code, response.content) == (HTTPStatus.FORBIDDEN, b"wrong signature")


def test_refunds_add_up(client, paid, stella):
    client.force_login(stella)
    for amount in ("10.00", "5.50"):
        response = client.post(f"/orders/{paid.public_id}/refund/", {"amount": amount})
    assert response.content.decode() == f"{paid.reference}: 15.50 given back."
    paid.refresh_from_db()
    assert paid.refundable == paid.total - Decimal("15.50")


def test_refund_of_an_unpaid_order_is_refused(client, order, stella):
    client.force_login(stella)
    response = client.post(f"/orders/{order.public_id}/refund/", {"amount": "10.00"})
    assert (response.status_code, response.content.decode()) == (
        HTTPStatus.CONFLICT,
        f"{order.reference} has not been paid.",
    )


def test_refund_needs_an_amount(client, paid, stella):
    client.force_login(stella)
    response = client.post(f"/orders/{paid.public_id}/refund/", {"amount": "0"})
    assert response.status_code == HTTPStatus.BAD_REQUEST


def test_refund_is_for_staff(client, paid, ada):
    client.force_login(ada)
    client.post(f"/orders/{paid.public_id}/refund/", {"amount": "10.00"})
    paid.refresh_from_db()
    assert paid.refunded == 0
