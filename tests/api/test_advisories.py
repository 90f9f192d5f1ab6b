"""How old the database of known vulnerabilities is, over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from agents.advisories.models import AdvisorySource
from api.shapes import moment

pytestmark = pytest.mark.django_db
PATH = "/api/v1/advisories/sources"


def source(ecosystem: str, *, days: int) -> AdvisorySource:
    then = timezone.now() - timedelta(days=days, hours=1)
    return AdvisorySource.objects.create(
        ecosystem=ecosystem,
        file="all.zip",
        digest="a" * 64,
        imported_at=timezone.now(),
        newest=then,
        records=7,
    )


def test_sources_are_listed_with_their_age(settings: Any) -> None:
    settings.ADVISORIES_STALE_DAYS = 14
    old, new = source("npm", days=15), source("PyPI", days=3)
    client = APIClient()
    client.force_authenticate(User.objects.create_user("alice"))
    answer = client.get(PATH)
    assert answer.status_code == 200
    assert {
        row["ecosystem"]: (row["is_stale"], row["newest"], row["records"]) for row in answer.json()["results"]
    } == {
        "npm": (True, moment(old.newest), 7),
        "PyPI": (False, moment(new.newest), 7),
    }
    assert answer.json()["next"] is None


def test_nobody_imports_over_rest() -> None:
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("root", password=None))
    assert client.post(PATH, {}, format="json").status_code == 405
    assert APIClient().get(PATH).status_code == 401


def test_admin_shows_and_changes_nothing(client: Any) -> None:
    row = source("PyPI", days=1)
    client.force_login(User.objects.create_superuser("root", password=None))
    assert b"all.zip" in client.get("/admin/agents/advisorysource/").content
    assert client.post(f"/admin/agents/advisorysource/{row.pk}/change/", {"file": "x"}).status_code == 403
    assert client.get("/admin/agents/advisory/").status_code == 200
