"""Operators in Django's admin: what they may move, what only the people asked may answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, User
from accounts.roles import Role
from agents.catalog import store_configurations
from frontend.security import STRICT
from tasks import runs
from tasks.models import Approval, JournalEntry, Queue, Run, Step, WorkerSession
from tests.api.cast import Cast, ask, browser, probe, submit_steps, work_off


def staff(name: str, *permissions: str, **more: Any) -> User:
    user = User.objects.create_user(name, is_staff=True, **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def listed(client: Client, model: type[Model]) -> str:
    return client.get(reverse(f"admin:tasks_{model._meta.model_name}_changelist")).content.decode()


def act(client: Client, action: str, rows: Sequence[Model]) -> str:
    where = reverse(f"admin:tasks_{rows[0]._meta.model_name}_changelist")
    sent = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(where, sent, follow=True).content.decode()


def test_runs_are_paused_resumed_and_retried(cast: Cast, worker: None) -> None:
    operator = staff("operator", "view_run", "change_run")
    client, run = browser(operator), submit_steps(cast.project, probe("a", fail_times=9))
    Step.objects.filter(run=run).update(max_attempts=1)
    over = submit_steps(cast.project, probe("a"))
    runs.cancel(over.public_id, by="bob")
    told = act(client, "pause_runs", [run, over])
    assert ("1 paused." in told, f"Not paused: run {over.public_id} is cancelled" in told) == (True, True)
    run.refresh_from_db()
    assert run.state == "paused"
    assert "1 resumed." in act(client, "resume_runs", [run])
    assert "only a run that is over can be done again" in act(client, "retry_runs", [run])
    work_off()
    assert "1 retried." in act(client, "retry_runs", [run])
    again = Run.objects.get(parent=run)
    assert again.owner == operator


def test_who_may_only_look_moves_no_run_and_no_queue(cast: Cast) -> None:
    client = browser(staff("watcher", "view_run", "view_queue"))
    run = submit_steps(cast.project, probe("a"))
    store_configurations()
    queue = Queue.objects.get(name="agent.probe")
    for model in (Run, Queue):
        assert 'name="action"' not in listed(client, model)
    for action in ("pause_runs", "cancel_runs"):
        act(client, action, [run])
    act(client, "pause_queues", [queue])
    run.refresh_from_db()
    queue.refresh_from_db()
    assert (run.state, queue.paused_at) == ("accepted", None)


def test_queues_are_paused_and_resumed(cast: Cast, worker: None) -> None:
    client = browser(staff("operator", "view_queue", "change_queue"))
    store_configurations()
    queue = Queue.objects.get(name="agent.probe")
    run = submit_steps(cast.project, probe("a"))
    assert "1 paused." in act(client, "pause_queues", [queue])
    work_off()
    assert Step.objects.get(run=run).state == "ready"
    assert 'alt="False"' in listed(client, Queue)
    assert "1 resumed." in act(client, "resume_queues", [queue])
    work_off()
    assert Step.objects.get(run=run).state == "succeeded"


def test_questions_are_answered_by_whom_they_ask_only(cast: Cast, worker: None) -> None:
    first, second = ask(cast.project, "Deploy now?"), ask(cast.other, "Another?")
    watcher = staff("watcher", "view_approval")
    page = listed(browser(watcher), Approval)
    assert ("Deploy now?" in page, "Approve the chosen" in page) == (True, False)
    act(browser(watcher), "approve", [first])
    assert not Approval.objects.exclude(decision="").exists()
    Membership.objects.create(user=watcher, team=cast.project.team, role=Role.MAINTAINER)
    assert "Approve the chosen" in listed(browser(watcher), Approval)
    told = act(browser(watcher), "approve", [first, second])
    assert ("Approved: " in told, "is not yours to answer" in told) == (True, True)
    assert Approval.objects.get(decision="approved").decided_by == watcher
    assert "Approve the chosen" not in listed(browser(watcher), Approval)  # nothing is left for them
    root = staff("root", is_superuser=True)
    assert "is approved already (by watcher" in act(browser(root), "reject", [first, second])
    assert Approval.objects.get(pk=second.pk).decision == "rejected"


def test_open_questions_come_first_and_rows_are_read_only(cast: Cast, worker: None) -> None:
    first, second = ask(cast.project, "An old one?"), ask(cast.project, "A new one?")
    runs.decide(second.public_id, approved=True, by_user_id=None, by="bob")
    client = browser(staff("root", is_superuser=True))
    page = listed(client, Approval)
    assert page.index("An old one?") < page.index("A new one?")
    for model, row in ((Approval, first), (JournalEntry, first.entry)):
        name = f"admin:tasks_{model._meta.model_name}"
        assert client.post(reverse(f"{name}_change", args=[row.pk]), {"question": "x"}).status_code == 403
        assert client.post(reverse(f"{name}_delete", args=[row.pk])).status_code == 403
        assert client.get(reverse(f"{name}_add")).status_code == 403
        assert client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("model", [Approval, JournalEntry, Queue, Run])
def test_strangers_see_nothing_of_it(cast: Cast, model: type[Model]) -> None:
    where = reverse(f"admin:tasks_{model._meta.model_name}_changelist")
    assert browser(staff("nobody")).get(where).status_code == 403
    assert browser(cast.alice).get(where).status_code == 302


def test_dead_steps_are_done_again_once_per_run(cast: Cast, worker: None) -> None:
    operator = staff("operator", "view_step", "change_run")
    client = browser(operator)
    run = submit_steps(cast.project, probe("a", fail_times=9), probe("b", fail_times=9), probe("c"))
    Step.objects.filter(run=run).update(max_attempts=1)
    work_off()
    steps = list(Step.objects.filter(run=run))
    assert sorted(step.state for step in steps) == ["dead", "dead", "succeeded"]
    assert "1 retried." in act(client, "retry_dead", steps)
    assert Run.objects.get(parent=run).owner == operator
    alive = [step for step in steps if step.state == "succeeded"]
    assert "None of the chosen steps is dead" in act(client, "retry_dead", alive)
    act(browser(staff("watcher", "view_step")), "retry_dead", steps)
    assert Run.objects.filter(parent=run).count() == 1


def test_worker_that_is_drained_begins_nothing_new(cast: Cast, worker: None) -> None:
    session = WorkerSession.objects.get()
    act(browser(staff("watcher", "view_workersession")), "drain_workers", [session])
    client = browser(staff("operator", "view_workersession", "change_queue"))
    run = submit_steps(cast.project, probe("a"))
    assert "1 drained." in act(client, "drain_workers", [session])
    work_off()
    assert Step.objects.get(run=run).state == "ready"
    assert "it is drained, or ends already" in act(client, "drain_workers", [session])
    WorkerSession.objects.update(stopped_at=timezone.now())
    assert "it is no longer there" in act(client, "drain_workers", [session])


def test_queues_tell_how_much_waits_in_few_queries(cast: Cast, worker: None, steady_rules: None) -> None:
    store_configurations()
    submit_steps(cast.project, probe("a"), probe("b"), probe("c", after="b"))
    client = browser(staff("operator", "view_queue"))
    shown = listed(client, Queue)
    row = shown[shown.index(">agent.probe<") :].partition("</tr>")[0]
    cells = [
        re.search(rf'class="field-{name}[^"]*">([^<]*)<', row)
        for name in ("waiting", "running_now", "served_by")
    ]
    assert [cell and cell[1] for cell in cells] == ["2", "0", "1 (1 slots)"]
    with CaptureQueriesContext(connection) as seen:
        listed(client, Queue)
    assert len(seen) <= 20


def test_admin_allows_nothing_inline(cast: Cast) -> None:
    client = browser(staff("root", is_superuser=True))
    for path in ("/admin/", "/admin/tasks/queue/", "/admin/accounts/project/add/"):
        answer = client.get(path)
        assert answer["Content-Security-Policy"] == STRICT
        assert re.findall(r"<script>|style=\"|<style|onclick=", answer.content.decode()) == []
