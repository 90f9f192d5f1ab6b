"""Versions in Django's admin: a row's History shows them and takes the row back; deleted rows are found and put back.

`class TeamAdmin(VersionedAdmin[Team])` is all that it takes. To look needs the right to view, to
take back the right to change that row, to put back the right to add one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field, quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from history import origins, reverting, versions
from history.tracking import CHANGED, CREATED, DELETED, FOUND, Tracked, find
from history.versions import Change, Version

SHOWN = 100  # versions on a page, and deleted rows
WORDS = {CREATED: "Added", CHANGED: "Changed", DELETED: "Deleted", FOUND: "Found when tracking began"}

M = TypeVar("M", bound=models.Model)


class RevertRefused(Exception):
    """The row cannot be taken back; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A version as the pages show it."""

    number: int
    at: Any
    what: str
    by: str
    through: str
    request: str
    note: str
    changes: list[tuple[str, str, str]] | None
    is_newest: bool


class VersionedAdmin(admin.ModelAdmin[M]):
    """The admin of a tracked model; where Django has an admin of its own, put before it."""

    object_history_template = "history/object_history.html"

    @property
    def tracked(self) -> Tracked:
        """What is known of the model's versions."""
        found = find(self.model)
        assert found is not None, f"{self.model} is not tracked"
        return found

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        wrap = self.admin_site.admin_view
        own = [
            path("deleted/", wrap(self.deleted_view), name=f"{name}_deleted"),
            path("deleted/<int:number>/", wrap(self.restore_view), name=f"{name}_restore"),
            path("<path:object_id>/history/<int:number>/", wrap(self.revert_view), name=f"{name}_revert"),
        ]
        return own + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"deleted_url": self._url("deleted"), **(extra_context or {})}
        return super().changelist_view(request, context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        rows = list(versions.of_row(self.tracked, row.pk)[:SHOWN]) if row is not None else []
        told = self._shown(versions.with_before(self.tracked, rows))
        may = row is not None and self.has_change_permission(request, row)
        links = [(one, self._url("revert", quote(row.pk), one.number) if may else "") for one in told]  # type: ignore[union-attr]  # may: there is a row
        return super().history_view(request, object_id, {"versions": links, **(extra_context or {})})

    def revert_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponseBase:
        """Ask whether to take the row back to a version, and do so."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404("there is no such row any more")
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        version = self._version(number, pgh_obj=row.pk)
        if request.method == "POST":
            try:
                row = self._revert(request, row.pk, version, seen=request.POST.get("seen", ""))
            except RevertRefused as refused:
                self.message_user(request, str(refused), messages.ERROR)
                return redirect(self._url("revert", quote(row.pk), number))
            self.message_user(request, f"{row} is as it was in version {number}.", messages.SUCCESS)
            return redirect(self._url("history", quote(row.pk)))
        wanted = reverting.wanted_of(self.tracked, version)
        form = reverting.filled_form(self._form_of(request, row, is_new=False), row, wanted)
        changed = set(form.changed_data)
        now = versions.values_of(self.tracked, row)
        context = {
            "object": row,
            "version": self._shown(versions.with_before(self.tracked, [version]))[0],
            "seen": self._newest(row.pk),
            "changes": [self._told(Change(field=n, before=now[n], after=wanted[n])) for n in changed],
            "kept": self._kept(version, now, set(form.fields)),
        }
        return self._page(request, "history/revert.html", f"Take back: {row}", context)

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        """List what was deleted."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        rows = list(versions.deleted(self.tracked)[:SHOWN])
        told = self._shown(versions.with_before(self.tracked, rows))
        found = [
            (str(reverting.row_of(self.tracked, row)) if self._can_be_told(row) else row.pgh_obj_id, one,
             self._url("restore", one.number))
            for row, one in zip(rows, told, strict=True)
        ]  # fmt: skip
        title = f"Deleted {self.opts.verbose_name_plural}"
        context = {"found": found, "unrestorable": self.tracked.unrestorable, "most": SHOWN}
        return self._page(request, "history/deleted.html", title, context)

    def restore_view(self, request: HttpRequest, number: int) -> HttpResponseBase:
        """Show a deleted row, and put it back."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        version = self._version(number, pgh_label=DELETED)
        unrestorable = reverting.unrestorable(self.tracked, version)
        may = not unrestorable and self.has_add_permission(request)
        if request.method == "POST":
            if not may:
                raise PermissionDenied
            try:
                row = self._restore(request, version)
            except RevertRefused as refused:
                self.message_user(request, str(refused), messages.ERROR)
                return redirect(self._url("restore", number))
            self.message_user(request, f"{row} is there again.", messages.SUCCESS)
            return redirect(self._url("history", quote(row.pk)))
        shown = self._shown(versions.with_before(self.tracked, [version]))[0]
        context = {"version": shown, "may": may, "unrestorable": unrestorable}
        return self._page(request, "history/restore.html", f"Put back {self.opts.verbose_name}", context)

    def _revert(self, request: HttpRequest, pk: Any, version: Any, *, seen: str) -> Any:
        """Take the row back in one transaction, under its lock. Raises RevertRefused."""
        try:
            with transaction.atomic():
                row = self.model._base_manager.select_for_update(of=("self",)).filter(pk=pk).first()
                if row is None or str(self._newest(pk)) != seen:
                    raise RevertRefused("It was changed meanwhile. Look at what would change now.")
                wanted = reverting.wanted_of(self.tracked, version)
                form = reverting.filled_form(self._form_of(request, row, is_new=False), row, wanted)
                self._check(form)
                if not form.changed_data:
                    raise RevertRefused("Nothing would change: what can be taken back is as it was then.")
                with origins.noting(reverted_to=version.pgh_id):
                    stored = self._store(request, form, is_new=False)
                told = [
                    {"changed": {"fields": [f"reverted to version {version.pgh_id}", *form.changed_data]}}
                ]
                self.log_change(request, row, told)
        except IntegrityError as error:
            raise RevertRefused(_reason(error)) from error
        return stored

    def _restore(self, request: HttpRequest, version: Any) -> Any:
        """Put the row back under its old key, in one transaction. Raises RevertRefused."""
        row = reverting.row_of(self.tracked, version)
        try:
            with transaction.atomic():
                if self.model._base_manager.filter(pk=row.pk).exists():
                    raise RevertRefused("It is there already.")
                wanted = versions.values_of(self.tracked, version)
                form = reverting.filled_form(self._form_of(request, None, is_new=True), row, wanted)
                self._check(form)
                with origins.noting(restored_from=version.pgh_id):
                    stored = self._store(request, form, is_new=True)
                self.log_addition(
                    request, stored, [{"added": {"name": f"version {version.pgh_id}", "object": str(stored)}}]
                )
        except IntegrityError as error:
            raise RevertRefused(_reason(error)) from error
        return stored

    def _store(self, request: HttpRequest, form: Any, *, is_new: bool) -> Any:
        row = form.save(commit=False)
        self.save_model(request, row, form, change=not is_new)
        return row

    def _check(self, form: Any) -> None:
        if not form.is_valid():
            told = [
                f"{name}: {fault}" if name != "__all__" else str(fault)
                for name, faults in form.errors.items()
                for fault in faults
            ]
            raise RevertRefused(f"It cannot be as it was. {' '.join(told)}")

    def _form_of(self, request: HttpRequest, row: Any, *, is_new: bool) -> Any:
        return self.get_form(request, row, change=not is_new)

    def _version(self, number: int, **of: Any) -> Any:
        version = self.tracked.versions.objects.filter(pgh_id=number, **of).first()
        if version is None:
            raise Http404(f"there is no version {number} of it")
        return version

    def _newest(self, pk: Any) -> int:
        newest = versions.of_row(self.tracked, pk).values_list("pgh_id", flat=True).first()
        return int(newest or 0)

    def _kept(self, version: Any, now: dict[str, Any], editable: set[str]) -> list[tuple[str, str]]:
        """Tell what is another in the version and stays as it is, with the reason."""
        reasons = reverting.not_taken_back(self.tracked, version)
        then = versions.values_of(self.tracked, version)
        told = []
        for name, value in now.items():
            if then[name] != value and (name in reasons or name not in editable):
                told.append((self._label(name), reasons.get(name, "this page does not edit it")))
        told += [(self._label(name), "no version has it") for name in self.tracked.secret]
        return told

    def _can_be_told(self, version: Any) -> bool:
        """Tell whether the rows that it names are still there: a row's name may ask them."""
        for one in self.tracked.fields:
            pk = getattr(version, one.attname)
            if isinstance(one, models.ForeignKey) and pk is not None and _row_of(one, pk) is None:
                return False
        return True

    def _shown(self, found: list[Version]) -> list[Shown]:
        newest = max((one.row.pgh_id for one in found), default=0)
        return [
            Shown(
                number=one.row.pgh_id,
                at=one.row.pgh_created_at,
                what=WORDS.get(one.row.pgh_label, one.row.pgh_label),
                by=str(one.stamp.get("by", "")),
                through=str(one.stamp.get("through", "past this program")),
                request=str(one.stamp.get("request", "")),
                note=", ".join(
                    f"{name.replace('_', ' ')} {value}"
                    for name, value in (one.stamp.get("note") or {}).items()
                ),
                changes=None if one.changes is None else [self._told(change) for change in one.changes],
                is_newest=one.row.pgh_id == newest,
            )
            for one in found
        ]

    def _told(self, change: Change) -> tuple[str, str, str]:
        field = self.tracked.model._meta.get_field(change.field)
        return self._label(change.field), _word(field, change.before), _word(field, change.after)

    def _label(self, name: str) -> str:
        return str(label_for_field(name, self.model))

    def _url(self, view: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}", args=args)

    def _page(
        self, request: HttpRequest, template: str, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        whole = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, whole)


def _word(field: Any, value: Any) -> str:
    """Tell a value of a field: a choice by its name, another row by its own name, if it is still there."""
    if value is None or value == "":
        return "–"
    if isinstance(field, models.ForeignKey):
        row = _row_of(field, value)
        return f"{row} ({value})" if row is not None else f"({value}, no more)"
    if isinstance(field, models.JSONField):
        return json.dumps(value, ensure_ascii=False)
    return str(dict(field.flatchoices).get(value, value))


def _row_of(field: Any, pk: Any) -> Any:
    return field.related_model._base_manager.filter(pk=pk).first()


def _reason(error: IntegrityError) -> str:
    """Tell what the database refused, in its words, without the values of other rows."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or "a constraint"
    return (
        f"The database refuses it ({name}): other rows have changed since. Change them, or edit it by hand."
    )
