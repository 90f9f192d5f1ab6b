"""Rate rules in Django's admin: edited with all checks, each edit told, and a page that tries and shows them."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.limits import edits, trial
from accounts.models import RateRule, User
from history.admin import VersionedAdmin


@admin.register(RateRule)
class RateRuleAdmin(VersionedAdmin[RateRule]):
    change_list_template = "admin/accounts/raterule/change_list.html"
    list_display = [
        "name", "scope", "route", "subject", "rate", "burst", "cost", "action", "dry_run", "enabled", "updated_at"
    ]  # fmt: skip
    list_filter = ["scope", "action", "dry_run", "enabled"]
    search_fields = ["name", "route", "subject", "note"]
    actions = ["enable", "disable", "begin_dry_run", "end_dry_run"]

    def get_urls(self) -> list[URLPattern]:
        ours = path("try/", self.admin_site.admin_view(self.try_view), name="accounts_raterule_try")
        return [ours, *super().get_urls()]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would happen to a request, and how full the buckets are."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = trial.TrialForm(request.GET or None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Limits now",
            "opts": self.model._meta,
            "form": form,
            "trial": trial.tried(form.cleaned_data) if form.is_bound and form.is_valid() else None,
            "now": trial.now(),
        }
        return TemplateResponse(request, "admin/accounts/raterule/try.html", context)

    def save_model(
        self, request: HttpRequest, obj: RateRule, form: forms.ModelForm[RateRule], change: bool
    ) -> None:
        before = edits.stored(obj)
        super().save_model(request, obj, form, change)
        edits.tell(_person(request), "changed" if change else "added", before, edits.values(obj))

    def delete_model(self, request: HttpRequest, obj: RateRule) -> None:
        edits.tell(_person(request), "deleted", edits.values(obj), {})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RateRule]) -> None:
        with transaction.atomic():
            for rule in queryset:
                self.delete_model(request, rule)

    def construct_change_message(
        self, request: HttpRequest, form: forms.BaseForm, formsets: Any, add: bool = False
    ) -> Any:
        """Keep what a field was and is in the history of the row, not only its name."""
        if add:
            return super().construct_change_message(request, cast("Any", form), formsets, add)
        told = [f"{name}: {form[name].initial!r} → {form.cleaned_data[name]!r}" for name in form.changed_data]
        return [{"changed": {"fields": told}}] if told else []

    @admin.action(description="Enable the chosen rules", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[RateRule]) -> None:
        self._set(request, queryset, enabled=True)

    @admin.action(description="Disable the chosen rules", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[RateRule]) -> None:
        self._set(request, queryset, enabled=False)

    @admin.action(description="Only count with the chosen rules (dry run)", permissions=["change"])
    def begin_dry_run(self, request: HttpRequest, queryset: QuerySet[RateRule]) -> None:
        self._set(request, queryset, dry_run=True)

    @admin.action(description="Apply the chosen rules (end of the dry run)", permissions=["change"])
    def end_dry_run(self, request: HttpRequest, queryset: QuerySet[RateRule]) -> None:
        self._set(request, queryset, dry_run=False)

    def _set(self, request: HttpRequest, rules: QuerySet[RateRule], **wanted: bool) -> None:
        changed = 0
        with transaction.atomic():
            for rule in rules.select_for_update():
                before = edits.values(rule)
                for name, value in wanted.items():
                    setattr(rule, name, value)
                after = edits.values(rule)
                if told := edits.changes(before, after):
                    rule.save()
                    edits.tell(_person(request), "changed", before, after)
                    self.log_change(request, rule, [{"changed": {"fields": told}}])
                    changed += 1
        messages.success(request, f"{changed} rule(s) changed; in force everywhere within two seconds.")


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)  # the admin lets nobody else in
