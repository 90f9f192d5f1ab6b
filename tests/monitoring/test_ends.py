"""How deliveries end otherwise: by age, with their run, with their project."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import AuditRecord, Project
from monitoring import webhooks
from monitoring.models import WebHook, WebHookDelivery, WebHookSecret
from tasks import retention, runs
from tasks.models import RetentionPolicy, Run
from tests.api.cast import Cast, api, make_cast, submit_run
from tests.engine.cluster import until
from tests.monitoring.conftest import make_hook

pytestmark = pytest.mark.usefixtures("planner")
URL = "https://chat.example.org/hook"


@pytest.fixture
def cast(transactional_db: None, tmp_path: Any, settings: Any) -> Cast:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return make_cast()


def over(project: Project) -> Run:
    run = submit_run(project)
    return runs.cancel(run.public_id, by="alice", reason="")


def age(days: float, **which: Any) -> None:
    then = timezone.now() - timedelta(days=days)
    WebHookDelivery.objects.filter(**which).update(created_at=then)


def test_old_deliveries_go_when_they_are_over(cast: Cast, settings: Any) -> None:
    settings.WEBHOOK_KEEP_DAYS = 30
    make_hook(cast.project, URL, events=("run.accepted",))
    for _ in range(3):
        submit_run(cast.project)
    waiting, old, young = WebHookDelivery.objects.order_by("pk")
    ended = {"state": "delivered", "next_at": None, "ended_at": timezone.now()}
    WebHookDelivery.objects.filter(pk__in=[old.pk, young.pk]).update(**ended)
    age(31, pk__in=[waiting.pk, old.pk])
    age(29, pk=young.pk)
    assert retention.forecast()["monitoring.WebHookDelivery"] == 1
    assert retention.prune().counts["monitoring.WebHookDelivery"] == 1
    assert set(WebHookDelivery.objects.all()) == {waiting, young}


def test_deliveries_go_with_their_run(cast: Cast) -> None:
    make_hook(cast.project, URL)
    kept, gone = over(cast.project), over(cast.project)
    first = WebHookDelivery.objects.filter(run=gone).first()
    assert first is not None
    WebHookDelivery.objects.update(state="failed", next_at=None, ended_at=timezone.now())
    webhooks.replay(first, now=timezone.now())
    RetentionPolicy.objects.create(project=None, keep_runs_days=1, keep_events_days=1, keep_artifacts_days=1)
    Run.objects.filter(pk=gone.pk).update(finished_at=timezone.now() - timedelta(days=2))
    counts = retention.prune().counts
    assert (counts["tasks.Run"], counts["monitoring.WebHookDelivery"]) == (1, 3)
    assert set(WebHookDelivery.objects.values_list("run", flat=True)) == {kept.pk}


def test_run_that_is_deleted_is_no_longer_seen_in_the_log(cast: Cast) -> None:
    hook = make_hook(cast.project, URL).hook
    run = over(cast.project)
    path = f"/api/v1/projects/alice/shop/webhooks/{hook.public_id}/deliveries"
    seen = api(cast.alice).get(path).json()["results"]
    assert {one["run"] for one in seen} == {str(run.public_id)}
    with transaction.atomic():
        retention.discard(run.public_id)
    assert api(cast.alice).get(path).json()["results"] == []
    assert api(cast.alice).get(f"{path}/{seen[0]['id']}").status_code == 404
    assert api(cast.alice).post(f"{path}/{seen[0]['id']}/replay", {}).status_code == 404


def test_project_takes_its_hooks_along(cast: Cast) -> None:
    make_hook(cast.project, URL, pinged=True)
    other = make_hook(cast.other, URL, pinged=True).hook
    over(cast.project)
    told = api(cast.alice).get("/api/v1/projects/alice/shop/deletion").json()
    assert told["goes"]["webhooks"] == 1
    answer = api(cast.alice).delete("/api/v1/projects/alice/shop", {"confirm": "alice/shop"})
    assert (answer.status_code, answer.json()["deleted"]) == (200, True)
    assert list(WebHook.objects.all()) == [other]
    assert WebHookSecret.objects.count() == WebHookDelivery.objects.count() == 1
    assert AuditRecord.objects.filter(act="webhook.deleted", actor="alice").count() == 1


def test_project_that_goes_waits_for_an_answer_that_is_being_recorded(cast: Cast) -> None:
    """Who records has the webhook and wants its delivery; who deletes must not have the delivery by then."""
    hook = make_hook(cast.project, URL, pinged=True).hook
    has_hook, faults = threading.Event(), []

    def delete() -> None:
        has_hook.wait(10)
        try:
            Project.objects.get(pk=cast.project.pk).delete()
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=delete)
    thread.start()
    with transaction.atomic():
        webhooks.locked(hook)
        has_hook.set()
        until(somebody_waits, within=10, what="the deletion waits for the webhook")
        WebHookDelivery.objects.filter(hook=hook).update(attempts=1)
    thread.join(20)
    assert (faults, WebHook.objects.count(), WebHookDelivery.objects.count()) == ([], 0, 0)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
