"""What was bought, and the coupons that made it cheaper."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone


class Coupon(models.Model):
    """A code that a customer may enter at the checkout."""

    class Kind(models.TextChoices):
        PERCENT = "percent", "percentage of the goods"
        AMOUNT = "amount", "fixed amount"
        THIRD_FREE = "third_free", "every third piece free"

    code = models.CharField(max_length=24, unique=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    value = models.DecimalField(max_digits=7, decimal_places=2, default=Decimal(0))
    category = models.ForeignKey(
        "catalog.Category", on_delete=models.PROTECT, null=True, blank=True, related_name="coupons"
    )
    minimum_spend = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal(0))
    maximum_discount = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    first_order_only = models.BooleanField(default=False)
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    uses_left = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self):
        return self.code


class Order(models.Model):
    """A purchase. Its amounts are frozen at the checkout and never computed again."""

    class Status(models.TextChoices):
        PLACED = "placed", "placed"
        PAID = "paid", "paid"
        SHIPPED = "shipped", "shipped"
        CANCELLED = "cancelled", "cancelled"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PLACED)
    placed_at = models.DateTimeField(default=timezone.now)
    recipient = models.CharField(max_length=120)
    street = models.CharField(max_length=120)
    city = models.CharField(max_length=80)
    postcode = models.CharField(max_length=12, blank=True)
    country = models.CharField(max_length=2)
    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, null=True, blank=True, related_name="orders")
    goods = models.DecimalField(max_digits=10, decimal_places=2)
    discount = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    shipping = models.DecimalField(max_digits=8, decimal_places=2)
    refunded = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))

    class Meta:
        ordering = ("-placed_at",)
        indexes = (models.Index(fields=("placed_at",), name="order_placed_at"),)

    def __str__(self):
        return f"order {self.reference}"

    @property
    def reference(self):
        return f"LL-{self.pk:06d}"

    @property
    def total(self):
        return self.goods - self.discount + self.shipping

    @property
    def refundable(self):
        return self.total - self.refunded


class OrderLine(models.Model):
    """So many pieces of one product, at the price of that day."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(
        "catalog.Product", on_delete=models.PROTECT, related_name="order_lines", db_index=False
    )
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="order_line_quantity_positive"),
        )

    def __str__(self):
        return f"{self.quantity} x {self.product_id}"
