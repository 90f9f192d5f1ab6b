"""Taking a row back to a version, and putting a deleted row back: through the form of its admin page.

The form is the page's own, filled with what the version holds instead of what somebody types. So a revert can do no
more than an edit by hand, is refused by the same checks in the same words, and is stored by the page's `save_model`
with all that follows from it. What the page does not edit, `fixed` fields and masked ones stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.db.models import Model

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
        if name not in wanted:
            field.disabled = True  # it keeps its initial value, which is the row's
            continue
        if isinstance(field, forms.SplitDateTimeField):  # one value, not what two inputs would send
            field = form.fields[name] = forms.DateTimeField(required=field.required, disabled=field.disabled)
        is_json = isinstance(field, forms.JSONField)
        field.widget = _Given(field.prepare_value(wanted[name]) if is_json else wanted[name], field.widget)
    return form


def wanted_of(tracked: Tracked, version: Any) -> dict[str, Any]:
    """Give what a revert to this version asks for, by field."""
    kept = not_taken_back(tracked, version)
    return {name: value for name, value in values_of(tracked, version).items() if name not in kept}


def unrestorable(tracked: Tracked, version: Any) -> str:
    """Tell why the row of this version is not put back; empty: it can be."""
    masked = [name for name in tracked.masked if MASK in str(getattr(version, name))]
    return tracked.unrestorable or (
        f"{masked[0]} held a secret, of which versions keep nothing" if masked else ""
    )


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
