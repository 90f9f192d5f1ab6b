"""Coupons in the admin. Orders are not here: their amounts must not be edited."""

from django.contrib import admin

from orders.models import Coupon


@admin.register(Coupon)
class CouponAdmin(admin.ModelAdmin):
    """Codes for the checkout."""

    list_display = ("code", "kind", "value", "starts_at", "ends_at", "uses_left")
    list_filter = ("kind",)
