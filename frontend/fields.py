"""Fields of forms that hold what people write: no character in them acts on a reader or on the database."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

UNPRINTABLE = _("A control or formatting character is in it; leave it out.")


class OneLine(forms.CharField):
    """A text of one line: without control characters, or those that turn the direction of writing."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if not text.isprintable():
            raise ValidationError(UNPRINTABLE, code="unprintable")
        return text


class Lines(forms.CharField):
    """A text of several lines, which end as they do in the database; what `OneLine` refuses is refused here, too."""

    widget = forms.Textarea

    def clean(self, value: Any) -> str:
        text: str = super().clean(value).replace("\r\n", "\n").replace("\r", "\n")
        if not re.sub(r"[\n\t]", "", text).isprintable():
            raise ValidationError(UNPRINTABLE, code="unprintable")
        return text
