"""Schedules: what their times make of them, whoever looks, and however late."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Project, User
from tasks import runs, schedules
from tasks.models import Event, Run, Schedule, ScheduleFire, WorkerSession
from tasks.runs.moves import database_now
from tasks.scheduler import Sweep
from tests.engine.cluster import Cluster, until
from tests.engine.conftest import drain
from tests.engine.timetable import HOUR, Make, fired


def test_due_schedule_submits_its_request_once(make_schedule: Make, worker: WorkerSession) -> None:
    schedule = make_schedule(priority=3)
    assert schedules.fire_due() == 1
    assert schedules.fire_due() == 0
    assert fired(schedule) == [(0, "submitted")]
    run = Run.objects.get()
    assert (run.goal, run.priority, run.project_id, run.state) == ("look", 3, schedule.project_id, "accepted")
    assert run.idempotency_key is not None
    assert run.fired_by.schedule_id == schedule.pk
    kinds = list(Event.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))
    assert kinds == ["run.accepted", "step.added", "step.ready", "run.scheduled"]
    schedule.refresh_from_db()
    assert schedule.starts_at is not None
    assert (schedule.last_fire_at, schedule.next_fire_at) == (schedule.starts_at, schedule.starts_at + HOUR)
    assert len(drain()) == 1
    run.refresh_from_db()
    assert run.state == "succeeded"


def test_sweep_fires_schedules(make_schedule: Make) -> None:
    schedule = make_schedule()
    Sweep()()
    assert fired(schedule) == [(0, "submitted")]


def test_schedule_that_is_off_or_to_come_does_not_fire(make_schedule: Make) -> None:
    make_schedule(enabled=False)
    make_schedule(ago=-HOUR)
    assert schedules.fire_due() == 0
    assert not ScheduleFire.objects.exists()


def test_schedule_stored_without_the_admin_gets_its_first_time(make_schedule: Make) -> None:
    schedule = make_schedule(ago=-HOUR)
    Schedule.objects.update(next_fire_at=None)
    schedules.fire_due()
    schedule.refresh_from_db()
    assert schedule.next_fire_at == schedule.starts_at


def test_times_end_with_ends_at(make_schedule: Make) -> None:
    now = database_now().replace(microsecond=0)
    schedule = make_schedule(ago=HOUR, ends_at=now - timedelta(minutes=30), catch_up="all")
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted")]
    schedule.refresh_from_db()
    assert schedule.next_fire_at is None
    assert schedules.fire_due() == 0


def test_two_schedulers_at_once_fire_each_time_once(
    make_schedule: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_schedule(ago=timedelta(hours=2), catch_up="all", overlap="allow") for _ in range(6)]
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 30.0)
    barrier, faults = threading.Barrier(2), []

    def sweep() -> None:
        try:
            barrier.wait(10)
            for _ in range(3):
                schedules.fire_due()
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert [fired(one) for one in made] == [[(0, "submitted"), (3600, "submitted"), (7200, "submitted")]] * 6
    assert Run.objects.count() == 18


def test_unique_row_protects_a_time_that_comes_again(make_schedule: Make) -> None:
    schedule = make_schedule()
    schedules.fire_due()
    Schedule.objects.update(next_fire_at=schedule.starts_at)  # as a stale writer would
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted")]
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("catch_up", "window", "expected"),
    [
        ("none", 86_400, [(3 * 3600, "missed")]),
        ("last", 86_400, [(2 * 3600, "missed"), (3 * 3600, "submitted")]),
        ("last", 60, [(3 * 3600, "missed")]),
        ("all", 86_400, [(n * 3600, "submitted") for n in range(4)]),
        ("all", 2 * 3600, [(3600, "missed"), (2 * 3600, "submitted"), (3 * 3600, "submitted")]),
    ],
)
def test_missed_times_are_made_up_as_catch_up_says(
    make_schedule: Make, catch_up: str, window: int, expected: list[tuple[float, str]]
) -> None:
    late = timedelta(hours=3, minutes=30)
    schedule = make_schedule(ago=late, catch_up=catch_up, catch_up_window_seconds=window, overlap="allow")
    schedules.fire_due()
    assert fired(schedule) == expected
    schedule.refresh_from_db()
    assert schedule.starts_at is not None
    assert schedule.next_fire_at == schedule.starts_at + 4 * HOUR


def test_missed_times_are_one_row_that_counts_them(make_schedule: Make) -> None:
    schedule = make_schedule(
        ago=timedelta(days=400), interval_seconds=None, cron="* * * * *", catch_up="none"
    )
    schedules.fire_due()
    missed = schedule.fires.get(outcome="missed")
    assert missed.note.startswith("more than 1000 time(s) from ")
    assert schedule.fires.filter(outcome="submitted").count() == 1  # the time that the sweep is just late for


def test_short_lateness_is_no_miss(make_schedule: Make) -> None:
    schedule = make_schedule(ago=timedelta(seconds=20), catch_up="none", catch_up_window_seconds=0)
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted")]


def test_catching_up_goes_on_in_the_next_sweep(make_schedule: Make) -> None:
    schedule = make_schedule(ago=timedelta(hours=7), catch_up="all", overlap="allow")
    schedules.fire_due()
    assert len(fired(schedule)) == schedules.MOST_FIRES
    schedules.fire_due()
    assert fired(schedule) == [(n * 3600, "submitted") for n in range(8)]


def test_overlap_skip_leaves_the_time_out(make_schedule: Make) -> None:
    schedule = make_schedule(ago=HOUR, catch_up="all", overlap="skip")
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted"), (3600, "skipped")]
    assert str(Run.objects.get().public_id) in schedule.fires.get(outcome="skipped").note


def test_overlap_queue_lets_at_most_one_wait(make_schedule: Make, worker: WorkerSession) -> None:
    schedule = make_schedule(ago=2 * HOUR, catch_up="all", overlap="queue")
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted"), (3600, "skipped"), (7200, "waiting")]
    schedules.fire_due()
    assert Run.objects.count() == 1
    drain()
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted"), (3600, "skipped"), (7200, "submitted")]
    assert Run.objects.count() == 2


def test_missed_times_do_not_hide_the_fire_that_waits(make_schedule: Make, worker: WorkerSession) -> None:
    schedule = make_schedule(ago=HOUR, catch_up="all", overlap="queue")
    schedules.fire_due()
    back = schedule.starts_at
    assert back is not None
    Schedule.objects.update(catch_up="none", interval_seconds=600, next_fire_at=back + timedelta(minutes=10))
    Schedule.objects.update(ends_at=back + timedelta(minutes=50))
    schedules.fire_due()
    assert (3000, "missed") in fired(schedule)
    drain()
    schedules.fire_due()
    assert fired(schedule)[-1] == (3600, "submitted")


def test_waiting_fire_of_a_schedule_switched_off_is_skipped(
    make_schedule: Make, worker: WorkerSession
) -> None:
    schedule = make_schedule(ago=HOUR, catch_up="all", overlap="queue")
    schedules.fire_due()
    Schedule.objects.update(enabled=False)
    drain()
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted"), (3600, "skipped")]
    assert "switched off" in schedule.fires.get(outcome="skipped").note


def test_overlap_cancel_cancels_and_starts(make_schedule: Make) -> None:
    schedule = make_schedule(ago=HOUR, catch_up="all", overlap="cancel")
    schedules.fire_due()
    assert fired(schedule) == [(0, "submitted"), (3600, "submitted")]
    assert list(Run.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "accepted"]


def test_overlap_cancel_waits_until_the_running_attempt_has_ended(
    make_schedule: Make, worker: WorkerSession
) -> None:
    schedule = make_schedule(overlap="cancel")
    schedules.fire_due()
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="w")
    assert lease is not None
    assert schedules.fire_now(schedule.pk, by="alice").outcome == "waiting"
    schedules.fire_due()
    assert Run.objects.count() == 1
    runs.settle_cancelled(lease)
    schedules.fire_due()
    assert list(Run.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "accepted"]


def test_request_that_is_refused_is_told_and_the_schedule_goes_on(make_schedule: Make) -> None:
    schedule = make_schedule(request={"refuse": True})
    schedules.fire_due()
    fire = schedule.fires.get()
    assert (fire.outcome, fire.note, fire.run) == ("refused", "told to refuse", None)
    schedule.refresh_from_db()
    assert schedule.enabled
    assert schedule.starts_at is not None
    assert schedule.next_fire_at == schedule.starts_at + HOUR


def test_schedule_that_cannot_be_computed_is_switched_off_and_holds_up_no_other(
    make_schedule: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 30.0)
    bad = make_schedule(ago=HOUR, interval_seconds=None, cron="61 * * * *")
    lost = make_schedule(ago=HOUR, time_zone="Europe/Nowhere")
    good = make_schedule()
    schedules.fire_due()
    assert fired(good) == [(0, "submitted")]
    for one in (bad, lost):
        one.refresh_from_db()
        assert (one.enabled, one.fires.get().outcome) == (False, "refused")
        assert "switched off" in one.fires.get().note


def test_row_that_the_database_refuses_holds_up_no_other(
    make_schedule: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 30.0)
    make_schedule(ago=HOUR, goal="refuse me")
    good = make_schedule()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_run ADD CONSTRAINT no_such_goal CHECK (goal <> 'refuse me')")
    try:
        schedules.fire_due()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tasks_run DROP CONSTRAINT no_such_goal")
    assert fired(good) == [(0, "submitted")]
    assert ScheduleFire.objects.count() == 1


def test_midnight_of_many_is_cut_into_sweeps(make_schedule: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "SHARE_SECONDS", 0.0)
    monkeypatch.setattr(schedules, "VOLLEY", 1)
    made = [make_schedule() for _ in range(3)]
    assert [schedules.fire_due() for _ in range(4)] == [1, 1, 1, 0]
    assert [fired(one) for one in made] == [[(0, "submitted")]] * 3


def test_fire_now_fires_also_what_is_off(make_schedule: Make) -> None:
    schedule = make_schedule(enabled=False, ago=-HOUR)
    fire = schedules.fire_now(schedule.pk, by="alice")
    assert (fire.outcome, fire.note) == ("submitted", "fired by alice")
    schedule.refresh_from_db()
    assert schedule.next_fire_at == schedule.starts_at


def test_edited_times_fire_at_the_new_ones_only(make_schedule: Make) -> None:
    schedule = make_schedule(ago=HOUR)
    schedule.interval_seconds, schedule.cron, schedule.starts_at = None, "0 3 * * *", None
    schedule.save()
    schedules.replan(schedule)
    assert schedules.fire_due() == 0
    assert schedule.next_fire_at is not None
    assert schedule.next_fire_at > database_now()
    assert schedule.next_fire_at.astimezone(UTC).time().hour == 3


def test_real_scheduler_submits_what_a_schedule_asks_for(project: Project, cluster: Cluster) -> None:
    """All parts as in production: the plan is one step super.plan."""
    schedule = Schedule.objects.create(
        name="nightly",
        project=project,
        goal="Find bugs",
        interval_seconds=3600,
        starts_at=database_now() + timedelta(seconds=1),
        request={"target": {"kind": "path", "path": "/nowhere/at/all"}},
    )
    schedules.replan(schedule)
    cluster.scheduler()
    fire = until(lambda: schedule.fires.select_related("run").first(), within=20, what="the schedule fires")
    assert fire.outcome == "submitted"
    assert fire.run is not None
    assert list(fire.run.steps.values_list("key", "agent", "operation")) == [("super.plan", "super", "plan")]
    assert fire.run.request == {"goal": "Find bugs", **schedule.request}


# ----- the admin


@pytest.fixture
def admin_client(transactional_db: None) -> Client:
    user = User.objects.create_superuser("root", "root@example.org", "a long enough password")
    client = Client()
    client.force_login(user)
    return client


def form(project: Project, **fields: Any) -> dict[str, Any]:
    given = {
        "name": "nightly",
        "project": project.pk,
        "enabled": "on",
        "cron": "30 2 * * *",
        "time_zone": "Europe/Berlin",
        "goal": "Find bugs",
        "request": '{"target": {"kind": "git", "url": "https://git.example.org/team/shop.git"}}',
        "catch_up": "last",
        "catch_up_window_seconds": 3600,
        "overlap": "skip",
    }
    return given | fields


def test_admin_stores_a_schedule_and_shows_its_times(project: Project, admin_client: Client) -> None:
    answer = admin_client.post(reverse("admin:tasks_schedule_add"), form(project))
    assert answer.status_code == 302
    schedule = Schedule.objects.get()
    assert schedule.next_fire_at is not None
    assert schedule.next_fire_at > database_now()
    page = admin_client.get(reverse("admin:tasks_schedule_change", args=[schedule.pk])).content.decode()
    assert page.count("02:30:00 CE") == 5
    assert admin_client.get(reverse("admin:tasks_schedule_changelist")).status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cron": "61 2 * * *"}, "is no minute in"),
        ({"cron": "30 2 * *"}, "has 4 field(s), and a cron line has five"),
        ({"cron": "0 0 30 2 *"}, "never comes"),
        ({"time_zone": "Europe/Berln"}, "did you mean Europe/Berlin"),
        ({"interval_seconds": 60}, "both are set; set exactly one"),
        ({"cron": ""}, "neither is set; set exactly one"),
        ({"cron": "", "interval_seconds": 9}, "9 s is too often; the least is 10 s"),
        (
            {"request": '{"target": {"kind": "git", "url": "ftp://x/y"}}'},
            "give an https:// or ssh:// address",
        ),
        ({"request": '{"targt": {}}'}, "there is no field &#x27;targt&#x27;"),
        ({"request": "{}"}, "the target cannot be read"),
        (
            {
                "starts_at_0": "2026-02-02",
                "starts_at_1": "00:00",
                "ends_at_0": "2026-02-01",
                "ends_at_1": "00:00",
            },
            "lies before the start",
        ),
    ],
)
def test_admin_says_what_is_wrong_and_what_to_do(
    project: Project, admin_client: Client, fields: dict[str, Any], message: str
) -> None:
    answer = admin_client.post(reverse("admin:tasks_schedule_add"), form(project, **fields))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert message in page
    assert "is violated" not in page
    assert not Schedule.objects.exists()


def test_admin_edit_leaves_the_engines_columns_alone(project: Project, admin_client: Client) -> None:
    admin_client.post(reverse("admin:tasks_schedule_add"), form(project))
    moved = datetime(2030, 1, 1, tzinfo=UTC)
    Schedule.objects.update(next_fire_at=moved, last_fire_at=moved)
    page = reverse("admin:tasks_schedule_change", args=[Schedule.objects.get().pk])
    assert admin_client.post(page, form(project, goal="Find more")).status_code == 302
    assert Schedule.objects.values_list("goal", "next_fire_at", "last_fire_at").get() == (
        "Find more",
        moved,
        moved,
    )
    assert admin_client.post(page, form(project, goal="Find more", cron="0 4 * * *")).status_code == 302
    after = Schedule.objects.get()
    assert after.next_fire_at is not None
    assert after.next_fire_at < moved


def test_admin_fires_now_and_links_to_the_run(project: Project, admin_client: Client) -> None:
    admin_client.post(reverse("admin:tasks_schedule_add"), form(project))
    schedule = Schedule.objects.get()
    order = {"action": "fire_now", "_selected_action": [schedule.pk]}
    page = admin_client.post(reverse("admin:tasks_schedule_changelist"), order, follow=True).content.decode()
    run = Run.objects.get()
    link = reverse("admin:tasks_run_change", args=[run.pk])
    assert link in page
    assert "fired by root" in schedule.fires.get().note
    shown = admin_client.get(reverse("admin:tasks_schedule_change", args=[schedule.pk])).content.decode()
    assert link in shown
    fires = admin_client.get(reverse("admin:tasks_schedulefire_changelist"))
    assert link in fires.content.decode()
    assert admin_client.get(reverse("admin:tasks_schedulefire_add")).status_code == 403
