"""The pages that need no account."""

from django.conf import settings
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from catalog import search
from catalog.models import Product
from catalog.paging import Page, page_number
from catalog.suggestions import suggestions_for


@require_safe
def product_list(request):
    text = request.GET.get("q", "")
    sort = request.GET.get("sort", "name")
    page = Page(
        number=page_number(request.GET.get("page")),
        size=settings.PAGE_SIZE,
        total=search.count(text),
    )
    context = {"hits": search.find(text, sort=sort, page=page), "page": page, "text": text, "sort": sort}
    return render(request, "catalog/list.html", context)


@require_safe
def product_detail(request, slug):
    product = get_object_or_404(Product.listed.select_related("category"), slug=slug)
    context = {"product": product, "suggestions": suggestions_for(product)}
    return render(request, "catalog/detail.html", context)
