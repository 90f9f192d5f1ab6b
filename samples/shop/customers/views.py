"""Signing in and out, confirming an address."""

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.core.mail import send_mail
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import tokens
from customers.models import Customer


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request):
    destination = request.POST.get("next") or request.GET.get("next", "")
    if request.method != "POST":
        form = AuthenticationForm(request)
        return render(request, "customers/sign_in.html", {"form": form, "next": destination})
    form = AuthenticationForm(request, data=request.POST)
    if not form.is_valid():
        context = {"form": form, "next": destination}
        return render(request, "customers/sign_in.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    login(request, form.get_user())
    return redirect(destination or "catalog:list")


@require_POST
def sign_out(request):
    logout(request)
    return redirect("catalog:list")


@login_required
@require_POST
def send_confirmation(request):
    customer = request.user
    link = reverse("customers:confirm", args=[customer.pk, tokens.confirmation_token(customer)])
    send_mail(
        subject="Confirm your address",
        message=f"Please open {request.build_absolute_uri(link)} to confirm this address.",
        from_email=None,
        recipient_list=[customer.email],
    )
    messages.info(request, f"We have written to {customer.email}.")
    return redirect("orders:history")


@require_safe
def confirm_email(request, customer_id, token):
    customer = get_object_or_404(Customer, pk=customer_id)
    if not tokens.is_valid(customer, token):
        messages.error(request, "This link is no longer valid. Ask for a new one from your account.")
        return redirect("catalog:list")
    Customer.objects.filter(pk=customer.pk, email_confirmed_at=None).update(email_confirmed_at=timezone.now())
    messages.success(request, f"Thank you, {customer.email} is confirmed.")
    return redirect("catalog:list")
