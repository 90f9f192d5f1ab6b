"""The command that prunes, and the admin's pages of policies and reports."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Project, User
from tasks import retention
from tasks.models import (
    PruneReport,
    RetentionPolicy,
    Run,
)


def said(*options: str) -> str:
    out = io.StringIO()
    call_command("prune", *options, stdout=out)
    return out.getvalue()


def test_command_counts_then_deletes(policy: RetentionPolicy, finished: Any) -> None:
    finished(31)
    dry = json.loads(said("--dry-run", "--json"))
    assert dry["dry_run"] is True
    assert Run.objects.count() == 1
    assert not PruneReport.objects.exists()
    assert "1  tasks.Run" in said("--dry-run")
    wet = json.loads(said("--json"))
    assert wet == {"dry_run": False, "counts": dry["counts"]}
    assert Run.objects.count() == 0
    assert "nothing" in said()


def test_command_says_that_there_is_no_policy(project: Project) -> None:
    assert "There is no retention policy" in said()


@pytest.fixture
def admin_client(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.org", "a long enough password"))
    return client


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ((0, 1, 1), "the least is 1"),
        ((30, 31, 1), "31 days is longer than the run itself is kept (30)"),
        ((30, 1, 31), "31 days is longer than the run itself is kept (30)"),
    ],
)
def test_admin_refuses_a_policy_that_makes_no_sense(
    admin_client: Client, days: tuple[int, int, int], message: str
) -> None:
    names = ("keep_runs_days", "keep_events_days", "keep_artifacts_days")
    answer = admin_client.post(
        reverse("admin:tasks_retentionpolicy_add"), dict(zip(names, days, strict=True))
    )
    assert message in answer.content.decode()
    assert not RetentionPolicy.objects.exists()


def test_admin_edits_policies_and_shows_reports(admin_client: Client) -> None:
    given = {"keep_runs_days": 30, "keep_events_days": 20, "keep_artifacts_days": 10}
    assert admin_client.post(reverse("admin:tasks_retentionpolicy_add"), given).status_code == 302
    assert RetentionPolicy.objects.get().keep_runs_days == 30
    retention.prune()
    assert admin_client.get(reverse("admin:tasks_prunereport_changelist")).status_code == 200
    assert admin_client.get(reverse("admin:tasks_prunereport_add")).status_code == 403
