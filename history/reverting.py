"""Taking a row back to a version, and putting a deleted row back: through the form of its admin page.

The form is the page's own, filled with what the version holds instead of what somebody types. So a revert can do no
more than an edit by hand, is refused by the same checks in the same words, and is stored by the page's `save_model`
with all that follows from it. What the page does not edit, `fixed` fields and masked ones stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.db.models import JSONField, Model

from history.tracking import MASK, Tracked
from history.versions import values_of

MASKED = "it held a secret, of which versions keep nothing"


def not_taken_back(tracked: Tracked, version: Any) -> dict[str, str]:
    """Tell the fields that a revert to this version leaves as they are, each with the reason."""
    told = dict(tracked.fixed)
    for name in tracked.masked:
        if MASK in str(getattr(version, name)):
            told[name] = MASKED
    return told


def filled_form(
    make: Callable[..., forms.ModelForm[Any]], row: Model, wanted: Mapping[str, Any]
) -> forms.ModelForm[Any]:
    """Give a bound form of a row, in which the `wanted` fields are as given and all others as the row has them."""
    form = make(data={}, instance=row)
    for name, field in form.fields.items():
        value = form.get_initial_for_field(field, name)
        if name in wanted:
            value = wanted[name]
            if isinstance(row._meta.get_field(name), JSONField):
                value = field.prepare_value(value)
        if isinstance(field, forms.SplitDateTimeField):  # one value, not what two inputs would send
            form.fields[name] = forms.DateTimeField(required=field.required, disabled=field.disabled)
        form.fields[name].widget = _Given(value, form.fields[name].widget)
    return form


def wanted_of(tracked: Tracked, version: Any) -> dict[str, Any]:
    """Give what a revert to this version asks for, by field."""
    kept = not_taken_back(tracked, version)
    return {name: value for name, value in values_of(tracked, version).items() if name not in kept}


def row_of(tracked: Tracked, version: Any) -> Model:
    """Make the row, not stored yet, that a version of a deleted one holds: under its old key."""
    values = {one.attname: getattr(version, one.attname) for one in tracked.fields}
    return tracked.model(pk=version.pgh_obj_id, **values)


class _Given(forms.Widget):
    """A widget that has been given its value."""

    def __init__(self, value: Any, shown_as: forms.Widget) -> None:
        super().__init__()
        self.value = value
        self.is_required = shown_as.is_required

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return self.value

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False
