"""Whoever adds a model decides: it has versions, or it is named among those that have none, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model

from history.admin import VersionedAdmin
from history.exemptions import NOT_CONFIGURATION
from history.tracking import Tracked, find, tracked_models

SECRETS = {"password", "digest", "token", "secret", "value", "wrapped", "jti_hash", "hash", "key_hash"}

every_tracked = pytest.mark.parametrize("tracked", tracked_models(), ids=lambda one: str(one.label))


def stored_models() -> dict[str, type[Model]]:
    """All models with a table of their own that is not one of versions."""
    versions = {one.versions for one in tracked_models()}
    return {
        model._meta.label_lower: model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model not in versions
    }


def test_every_model_is_tracked_or_exempt() -> None:
    undecided = [
        label
        for label, model in stored_models().items()
        if not find(model) and label not in NOT_CONFIGURATION
    ]
    assert undecided == [], "decorate it by history.tracking.track, or name it in history/exemptions.py"


def test_exemptions_are_of_models_that_are_not_tracked() -> None:
    stored = stored_models()
    assert [label for label in NOT_CONFIGURATION if label not in stored or find(stored[label])] == []
    assert [label for label, reason in NOT_CONFIGURATION.items() if len(reason) < 10] == []


@every_tracked
def test_columns_with_names_of_secrets_are_in_no_version(tracked: Tracked) -> None:
    held = {one.name for one in tracked.fields}
    assert held & SECRETS == set()
    assert held.isdisjoint(tracked.secret)
    own = {one.name for one in tracked.model._meta.local_fields}
    assert {*tracked.secret, *tracked.churn, *tracked.masked, *tracked.fixed} <= own
    assert {*tracked.masked, *tracked.fixed} <= held


@every_tracked
def test_admin_of_a_tracked_model_shows_versions(tracked: Tracked) -> None:
    page: Any = admin.site._registry.get(tracked.model)
    assert page is None or isinstance(page, VersionedAdmin), (
        f"derive {type(page).__name__} from VersionedAdmin"
    )


@pytest.mark.django_db
def test_triggers_are_on_the_tracked_tables_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgname LIKE 'pgtrigger_version_%' GROUP BY 1"
        )
        found = dict(cursor.fetchall())
    assert found == {one.model._meta.db_table: 3 for one in tracked_models()}
