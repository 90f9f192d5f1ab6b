"""Figures and files for the staff."""

import csv
from datetime import timedelta
from http import HTTPStatus

from django import forms
from django.contrib.admin.views.decorators import staff_member_required
from django.http import FileResponse, Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from catalog.models import Product
from reports import documents, sales

LONGEST_PERIOD = timedelta(days=366)

staff_only = staff_member_required(login_url="customers:sign-in")


class PeriodForm(forms.Form):
    """The first and the last day of a report."""

    first = forms.DateField()
    last = forms.DateField()

    def clean(self):
        cleaned = super().clean()
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and not first <= last <= first + LONGEST_PERIOD:
            raise forms.ValidationError("The period must be in order and no longer than a year.")
        return cleaned


@staff_only
@require_safe
def sales_csv(request):
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return JsonResponse(form.errors, status=HTTPStatus.BAD_REQUEST)
    response = HttpResponse(content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="sales.csv"'
    writer = csv.writer(response)
    writer.writerow(["day", "orders", "goods", "shipping", "refunded"])
    for day in sales.daily(form.cleaned_data["first"], form.cleaned_data["last"]):
        writer.writerow([day.day, day.orders, day.goods, day.shipping, day.refunded])
    return response


@staff_only
@require_safe
def product_figures(_request, product_id):
    product = get_object_or_404(Product, pk=product_id)
    return JsonResponse({"sku": product.sku, **sales.sold(product)})


@staff_only
@require_safe
def export(request):
    """Send the export called `file`, or the list of all exports."""
    name = request.GET.get("file")
    if name is None:
        return JsonResponse({"exports": documents.listing()})
    try:
        stream = documents.open_export(name)
    except FileNotFoundError as error:
        raise Http404(f"no export {name}") from error
    return FileResponse(stream, as_attachment=True)
