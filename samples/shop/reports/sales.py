"""Figures for the staff."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.db import connection
from django.db.models import F, Sum

from orders.models import Order, OrderLine

DAILY_SALES = (Path(__file__).parent / "sql" / "daily_sales.sql").read_text(encoding="utf-8")
EARNING = (Order.Status.PAID, Order.Status.SHIPPED)
PENNY = Decimal("0.01")


@dataclass(frozen=True)
class Day:
    """The sales of one day, in pounds."""

    day: str
    orders: int
    goods: Decimal
    shipping: Decimal
    refunded: Decimal


def daily(first, last):
    """Return the days from `first` to `last` on which something was sold, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(DAILY_SALES, [first, last])
        rows = cursor.fetchall()
    return [
        Day(str(day), orders, *(Decimal(str(amount)).quantize(PENNY) for amount in amounts))
        for day, orders, *amounts in rows
    ]


def sold(product):
    """Return how many pieces of a product were sold and what they brought in."""
    lines = OrderLine.objects.filter(product=product, order__status__in=EARNING)
    figures = lines.aggregate(pieces=Sum("quantity"), income=Sum(F("quantity") * F("unit_price")))
    income = figures["income"] or Decimal(0)
    return {"pieces": figures["pieces"] or 0, "income": income.quantize(PENNY)}
