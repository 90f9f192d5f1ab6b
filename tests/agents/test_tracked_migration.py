"""Findings that were stored before claims were tracked."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import Project, Team
from agents.models import TrackedFinding
from tests.agents.found import claim, find

pytestmark = pytest.mark.django_db(transaction=True)


def test_old_findings_become_claims_and_the_way_back_is_open() -> None:
    team = Team.objects.create(name="Alice's team", slug="alice")
    shop, other = (Project.objects.create(team=team, name=name, slug=name) for name in ("shop", "other"))
    find(shop, claim(), claim("b"))
    find(other, claim())
    find(shop, claim(line=40, end_line=41), claim("c"))
    names = [field.attname for field in TrackedFinding._meta.concrete_fields]
    told = [
        name for name in names if name not in {"id", "public_id", "sightings"}
    ]  # where, old findings do not say
    before = list(TrackedFinding.objects.order_by("project", "fingerprint").values(*told))
    call_command("migrate", "agents", "0001", verbosity=0)
    assert "agents_trackedfinding" not in connection.introspection.table_names()
    call_command("migrate", "agents", verbosity=0)
    assert len(before) == 4
    assert list(TrackedFinding.objects.order_by("project", "fingerprint").values(*told)) == before
