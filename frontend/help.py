"""Help: the list of the product's pages of documentation, their search, and each of them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from frontend import manual
from frontend.addresses import Reader

GROUPS = (
    ("how_to", _("How to")),
    ("operations", _("For operators")),
    ("reference", _("Reference")),
    ("", _("How it is built")),
)
"""Folders below docs/ and what they are for."""


@require_safe
@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """List the pages, or what a search finds in them."""
    asked = Reader(request.GET).text("q")
    listed = [page for page in manual.pages().values() if page.about]
    groups = [
        (title, [page for page in listed if page.path.rpartition("/")[0] == folder])
        for folder, title in GROUPS
    ]
    context = {"asked": asked, "hits": manual.search(asked), "groups": groups}
    return render(request, "frontend/help.html", context)


@require_safe
@login_required
def page(request: HttpRequest, page: str) -> HttpResponse:
    """Show a page."""
    found = manual.pages().get(page)
    if found is None:
        raise Http404(f"there is no page {page!r} in the documentation")
    return render(request, "frontend/help_page.html", {"page": found, "written": manual.written(found)})
