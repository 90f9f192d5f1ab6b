"""What the payment gateway tells the shop, and giving money back."""

import hashlib
import hmac
import json

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import constant_time_compare

from orders.models import Order

GATEWAY_SECRET = "w8GvgV-tZM-gM_1DZJGuzLqIa4sXXhA0CUtMYzqVh3WlZQXK"


class NotificationRefused(Exception):
    """The notification is not from the gateway, or makes no sense."""


class RefundRefused(Exception):
    """The amount cannot be given back; the message is shown to the staff."""


def signature(body):
    """Return the hexadecimal HMAC-SHA256 that the gateway puts into `X-Signature`."""
    return hmac.new(GATEWAY_SECRET.encode(), body, hashlib.sha256).hexdigest()


def receive(body, given_signature):
    """Mark the order of a payment notification as paid. The gateway may send the same one twice."""
    if not constant_time_compare(signature(body), given_signature):
        raise NotificationRefused("wrong signature")
    try:
        message = json.loads(body)
        placed = Order.objects.filter(public_id=message["order"], status=Order.Status.PLACED)
        succeeded = message["status"] == "succeeded"
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise NotificationRefused("malformed notification") from error
    if succeeded:
        placed.update(status=Order.Status.PAID)


@transaction.atomic
def refund(order_id, amount):
    """Give a part of the order's total back and return the order. Raises RefundRefused."""
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status == Order.Status.PLACED:
        raise RefundRefused(f"{order.reference} has not been paid.")
    if amount > order.refundable:
        raise RefundRefused(f"{order.reference}: {amount} is more than {order.refundable_amount}.")
    order.refunded += amount
    order.save(update_fields=["refunded"])
    return order
