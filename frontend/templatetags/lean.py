"""Two of Django's own words for templates, which every list says for each row, without what they cost there.

Both say what Django's say. They are built in (settings.TEMPLATES), so that a template writes them as ever.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.template import defaultfilters, defaulttags
from django.template.base import Parser, Token
from django.template.context import Context
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

register = template.Library()

ADDRESSES_KEPT = 4_096  # some 300 bytes each


@register.filter(is_safe=True)
@defaultfilters.stringfilter
def truncatechars(text: str, most: SafeString | int) -> str:
    """Cut a text off after so many characters. Most are short and plain: to tell that, none is taken apart."""
    if isinstance(most, int) and text.isascii() and len(text) <= most:
        return text
    return str(defaultfilters.truncatechars(text, most))


class AddressNode(defaulttags.URLNode):
    """A URL by its name. The same is asked for again and again: it is looked up once."""

    def render(self, context: Context) -> str:
        values = tuple(value.resolve(context) for value in self.args)
        named = tuple((name, value.resolve(context)) for name, value in self.kwargs.items())
        urls = get_urlconf() or settings.ROOT_URLCONF
        try:
            address = _address(self.view_name.resolve(context), values, named, get_script_prefix(), urls)
        except NoReverseMatch:
            if self.asvar is None:
                raise
            address = ""
        if self.asvar:
            context[self.asvar] = address
            return ""
        return str(conditional_escape(address)) if context.autoescape else address


@lru_cache(maxsize=ADDRESSES_KEPT, typed=True)
def _address(
    name: str, values: tuple[Any, ...], named: tuple[tuple[str, Any], ...], _prefix: str, urls: Any
) -> str:
    """Look a URL up. Below which prefix, `reverse` asks itself; it is here to be told apart by."""
    return reverse(name, urls, args=values, kwargs=dict(named))


@register.tag
def url(parser: Parser, token: Token) -> AddressNode:
    """Write a URL by its name, as Django's tag of this name does."""
    given = defaulttags.url(parser, token)
    return AddressNode(given.view_name, given.args, given.kwargs, given.asvar)
