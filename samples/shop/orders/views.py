"""Cart, checkout and the customer's orders."""

from decimal import Decimal
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalog.models import Product
from orders import payments
from orders.cart import MOST_PIECES, Cart, goods_value, stock_notices
from orders.models import Order
from orders.placing import Address, OutOfStock, place
from orders.promotions import CouponRefused
from orders.shipping import TooHeavy

SHOWN_ORDERS = 50


class AddForm(forms.Form):
    """How many pieces go into the cart."""

    quantity = forms.IntegerField(min_value=1, max_value=MOST_PIECES, initial=1)


class CheckoutForm(forms.Form):
    """Where the order goes, and a coupon."""

    recipient = forms.CharField(max_length=120)
    street = forms.CharField(max_length=120)
    city = forms.CharField(max_length=80)
    postcode = forms.CharField(max_length=12, required=False)
    country = forms.RegexField(regex=r"^[A-Z]{2}$", initial="GB")
    coupon = forms.CharField(max_length=24, required=False)


class RefundForm(forms.Form):
    """How much goes back."""

    amount = forms.DecimalField(min_value=Decimal("0.01"), decimal_places=2)


@require_safe
def cart(request):
    lines = Cart(request.session).lines()
    context = {
        "lines": lines,
        "goods": goods_value(lines),
        "notices": stock_notices(lines),
        "form": CheckoutForm(),
    }
    return render(request, "orders/cart.html", context)


@require_POST
def cart_add(request, product_id):
    product = get_object_or_404(Product.listed, pk=product_id)
    form = AddForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Choose between 1 and {MOST_PIECES} pieces.")
        return redirect(product)
    Cart(request.session).add(product, form.cleaned_data["quantity"])
    return redirect("orders:cart")


@login_required
@require_POST
def checkout(request):
    basket = Cart(request.session)
    lines = basket.lines()
    form = CheckoutForm(request.POST)
    if not lines or not form.is_valid():
        messages.error(request, "Fill the cart and give an address with a country such as GB.")
        return redirect("orders:cart")
    coupon_code = form.cleaned_data.pop("coupon")
    address = Address(**form.cleaned_data)
    try:
        order = place(request.user, lines, address=address, coupon_code=coupon_code, now=timezone.now())
    except (CouponRefused, OutOfStock, TooHeavy) as refusal:
        messages.error(request, str(refusal))
        return redirect("orders:cart")
    basket.clear()
    return redirect("orders:detail", public_id=order.public_id)


@login_required
@require_safe
def history(request):
    entries = []
    for order in Order.objects.filter(customer=request.user)[:SHOWN_ORDERS]:
        lines = order.lines.all()
        entries.append(
            {
                "order": order,
                "pieces": sum(line.quantity for line in lines),
                "names": [line.product.name for line in lines],
            }
        )
    return render(request, "orders/history.html", {"entries": entries})


@login_required
@require_safe
def detail(request, public_id):
    order = get_object_or_404(Order, public_id=public_id, customer=request.user)
    lines = order.lines.select_related("product").order_by("pk")
    return render(request, "orders/detail.html", {"order": order, "lines": lines})


@staff_member_required(login_url="customers:sign-in")
@require_http_methods(["POST"])
def refund(request, public_id):
    order = get_object_or_404(Order, public_id=public_id)
    form = RefundForm(request.POST)
    if not form.is_valid():
        return HttpResponse("An amount such as 12.50 is needed.", status=HTTPStatus.BAD_REQUEST)
    try:
        order = payments.refund(order.pk, form.cleaned_data["amount"])
    except payments.RefundRefused as refusal:
        return HttpResponse(str(refusal), status=HTTPStatus.CONFLICT)
    return HttpResponse(f"{order.reference}: {order.refunded} given back.")


@csrf_exempt
@require_POST
def payment_notification(request):
    try:
        payments.receive(request.body, request.headers.get("X-Signature", ""))
    except payments.NotificationRefused as refusal:
        return HttpResponseForbidden(str(refusal))
    return HttpResponse(status=HTTPStatus.NO_CONTENT)
