"""Deliveries on their way: taken by a real receiver, tried again, given up; by one courier or several."""

from __future__ import annotations

import hashlib
import hmac
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditRecord
from monitoring import courier as couriers
from monitoring import sending, webhooks
from monitoring.courier import DELAYS, Courier, Dispatch, claim, delay_after
from monitoring.models import WebHook, WebHookDelivery, WebHookSecret
from tests.api.cast import Cast, make_cast, submit_run
from tests.engine.cluster import until
from tests.monitoring.conftest import hurry, make_hook
from tests.monitoring.receiver import Receiver, after, answer, serving

pytestmark = pytest.mark.usefixtures("planner")


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """The cast outside of a transaction: threads and other connections see it."""
    return make_cast()


def signed(secret: str, signature: str, body: bytes) -> bool:
    told = [part.split("=", 1) for part in signature.split(",")]
    at = dict(told)["t"]
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return made in [value for name, value in told if name == "v1"]


def test_run_is_told_to_the_receiver_signed_and_named(
    cast: Cast, receiver: Receiver, courier: Courier
) -> None:
    made = make_hook(cast.project, receiver.url(path="/hook?x=1"))
    run = submit_run(cast.project, cast.alice)
    courier.work_off()
    (got,) = receiver.got
    row = WebHookDelivery.objects.get()
    assert (got.path, got.event, got.delivery) == ("/hook?x=1", "run.accepted", str(row.public_id))
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert signed(made.secret, got.headers["X-Wrench-Signature"], got.body)
    assert not signed("another", got.headers["X-Wrench-Signature"], got.body)
    told = got.told
    assert told.pop("at") == row.created_at.isoformat().replace("+00:00", "Z")
    assert told == {
        "id": f"{run.public_id}:1",
        "event": "run.accepted",
        "project": {"team": "alice", "slug": "shop", "name": "Shop"},
        "run": {
            "id": str(run.public_id),
            "url": f"http://127.0.0.1:8000/runs/{run.public_id}",
            "state": "accepted",
            "goal": "Find security problems",
            "owner": "alice",
            "created_at": run.created_at.isoformat().replace("+00:00", "Z"),
            "started_at": None,
            "finished_at": None,
            "failure": "",
        },
        "seq": 1,
        "data": {"goal": "Find security problems", "steps": 1},
    }
    assert (row.state, row.attempts, row.next_at, row.claim) == ("delivered", 1, None, None)
    (entry,) = row.log
    assert (entry["number"], entry["status"], entry["response"], entry["error"]) == (1, 204, "", "")


def test_failure_is_tried_again_until_it_is_taken(cast: Cast, receiver: Receiver, courier: Courier) -> None:
    hook = make_hook(cast.project, receiver.url()).hook
    receiver.script = [answer(500, b"boom\x00\x1b[31m\n<b>not now</b>")]
    submit_run(cast.project)
    before = timezone.now()
    courier.work_off()
    row = WebHookDelivery.objects.get()
    assert (row.state, row.attempts, len(receiver.got)) == ("waiting", 1, 1)
    assert row.next_at is not None
    assert timedelta(seconds=4) <= row.next_at - before <= timedelta(seconds=7)
    hook.refresh_from_db()
    assert (hook.failures, hook.failing_since is not None) == (1, True)
    courier.work_off()
    assert len(receiver.got) == 1  # it is not due
    hurry()
    courier.work_off()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("delivered", 2)
    assert [(entry["number"], entry["status"]) for entry in row.log] == [(1, 500), (2, 204)]
    assert row.log[0]["response"] == "boom[31m <b>not now</b>"
    assert receiver.got[0].delivery == receiver.got[1].delivery
    assert receiver.got[0].body == receiver.got[1].body
    hook.refresh_from_db()
    assert (hook.failures, hook.failing_since) == (0, None)


def test_last_attempt_ends_it_as_failed(cast: Cast, receiver: Receiver, courier: Courier) -> None:
    make_hook(cast.project, receiver.url())
    receiver.script = [answer(503)] * (len(DELAYS) + 1)
    submit_run(cast.project)
    for _ in range(len(DELAYS) + 1):
        hurry()
        courier.work_off()
    row = WebHookDelivery.objects.get()
    assert (row.state, row.attempts, len(row.log)) == ("failed", len(DELAYS) + 1, len(DELAYS) + 1)
    assert row.ended_at is not None
    hurry()
    courier.work_off()
    assert len(receiver.got) == len(DELAYS) + 1


def test_delays_grow_to_a_day_and_heed_what_the_receiver_asks() -> None:
    for number, base in enumerate(DELAYS, start=1):
        delay = delay_after(number, None)
        assert delay is not None
        assert base * 0.8 <= delay <= base * 1.2
    assert delay_after(len(DELAYS) + 1, None) is None
    assert delay_after(1, 3600.0) == 3600
    assert delay_after(1, 1e9) == 24 * 3600
    slow = delay_after(5, 1.0)
    assert slow is not None
    assert slow >= 3600 * 0.8


def test_retry_after_is_heeded(cast: Cast, receiver: Receiver, courier: Courier) -> None:
    make_hook(cast.project, receiver.url())
    receiver.script = [answer(429, Retry_After="1000")]
    submit_run(cast.project)
    before = timezone.now()
    courier.work_off()
    row = WebHookDelivery.objects.get()
    assert row.next_at is not None
    assert timedelta(seconds=990) < row.next_at - before < timedelta(seconds=1030)


def test_hook_that_failed_for_days_is_switched_off_and_tells_why(
    cast: Cast, receiver: Receiver, courier: Courier
) -> None:
    hook = make_hook(cast.project, receiver.url()).hook
    WebHook.objects.update(failures=9, failing_since=timezone.now() - timedelta(days=3, minutes=1))
    receiver.script = [answer(500)] * 2
    submit_run(cast.project)
    courier.work_off()
    hook.refresh_from_db()
    assert (hook.active, hook.failures) == (False, 10)
    assert hook.inactive_reason.startswith("no attempt succeeded since ")
    assert hook.inactive_reason.endswith("; the last one: answered 500")
    assert WebHookDelivery.objects.get().state == "failed"
    submit_run(cast.project)
    assert WebHookDelivery.objects.count() == 1


def test_receiver_that_is_gone_switches_its_hook_off(
    cast: Cast, receiver: Receiver, courier: Courier
) -> None:
    hook = make_hook(cast.project, receiver.url()).hook
    receiver.script = [answer(410)]
    submit_run(cast.project)
    courier.work_off()
    hook.refresh_from_db()
    assert (hook.active, hook.inactive_reason) == (False, "the receiver answered 410 Gone")
    assert WebHookDelivery.objects.get().state == "failed"


def test_ping_is_tried_once_and_does_not_count(cast: Cast, receiver: Receiver, courier: Courier) -> None:
    hook = make_hook(cast.project, receiver.url(), pinged=True).hook
    receiver.script = [answer(500)]
    courier.work_off()
    row = WebHookDelivery.objects.get()
    assert (row.event, row.state, row.attempts) == ("ping", "failed", 1)
    hook.refresh_from_db()
    assert (hook.active, hook.failures) == (True, 0)


def test_rotation_signs_with_both_secrets_while_they_overlap(
    cast: Cast, receiver: Receiver, courier: Courier
) -> None:
    old = make_hook(cast.project, receiver.url())
    new = webhooks.rotate(old.hook, overlap=timedelta(hours=1), now=timezone.now())
    submit_run(cast.project)
    courier.work_off()
    signature, body = receiver.got[-1].headers["X-Wrench-Signature"], receiver.got[-1].body
    assert signature.count("v1=") == 2
    assert signed(old.secret, signature, body)
    assert signed(new.secret, signature, body)
    WebHookSecret.objects.exclude(expires_at=None).update(expires_at=timezone.now() - timedelta(seconds=1))
    submit_run(cast.project)
    courier.work_off()
    signature, body = receiver.got[-1].headers["X-Wrench-Signature"], receiver.got[-1].body
    assert signature.count("v1=") == 1
    assert not signed(old.secret, signature, body)
    assert signed(new.secret, signature, body)


def test_rotation_without_overlap_ends_the_old_secret_at_once(
    cast: Cast, receiver: Receiver, courier: Courier
) -> None:
    old = make_hook(cast.project, receiver.url())
    between = webhooks.rotate(old.hook, overlap=timedelta(hours=1), now=timezone.now())
    new = webhooks.rotate(old.hook, overlap=timedelta(0), now=timezone.now())
    submit_run(cast.project)
    courier.work_off()
    signature, body = receiver.got[-1].headers["X-Wrench-Signature"], receiver.got[-1].body
    assert [signed(one.secret, signature, body) for one in (old, between, new)] == [False, False, True]
    assert WebHookSecret.objects.count() == 1


def test_two_couriers_send_nothing_twice(cast: Cast, receiver: Receiver) -> None:
    hooks = [make_hook(cast.project, receiver.url(path=f"/{n}")).hook for n in range(4)]
    for _ in range(5):
        submit_run(cast.project)
    barrier, faults = threading.Barrier(2), []

    def carry() -> None:
        try:
            own = Courier()
            barrier.wait(10)
            while WebHookDelivery.objects.filter(state="waiting").exists():
                own.work_off()
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=carry) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert WebHookDelivery.objects.filter(state="delivered", attempts=1).count() == 20
    assert len({one.delivery for one in receiver.got}) == len(receiver.got) == 5 * len(hooks)


def test_claim_skips_what_another_has_claimed(cast: Cast) -> None:
    make_hook(cast.project, "http://127.0.0.1:9/")
    for _ in range(5):
        submit_run(cast.project)
    first, second = claim(10, failing=False), claim(10, failing=False)
    assert (len(first), second) == (2, [])  # at most two of a hook are under way, whoever asks
    assert claim(10, failing=True) == []


def test_slow_receiver_does_not_hold_up_another(cast: Cast, receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_THREADS = 4
    gate = threading.Event()
    with serving() as slow:
        slow.script = [after(gate, answer(204))] * 20
        make_hook(cast.project, slow.url())
        make_hook(cast.project, receiver.url())
        for _ in range(6):
            submit_run(cast.project)
        own = Courier()
        try:
            while len(receiver.got) < 6:
                own.round(wait_seconds=0.1)
            assert len(slow.got) <= 2
        finally:
            gate.set()
        own.work_off()
        assert len(slow.got) == 6


def test_pings_get_at_most_half_of_the_threads(cast: Cast, settings: Any) -> None:
    """A failed ping counts as no failure: by pinging receivers that hang, anybody could keep all others waiting."""
    settings.WEBHOOK_THREADS = 4
    told = threading.Event()
    with serving() as hangs, serving() as takes:
        hangs.script = [after(told, answer(204))] * 8
        for number in range(4):
            hook = make_hook(cast.project, hangs.url(path=f"/{number}"), events=("run.finished",)).hook
            webhooks.ping(hook, by=None, now=timezone.now())
            webhooks.ping(hook, by=None, now=timezone.now())
        make_hook(cast.project, takes.url())
        courier = Courier()
        assert courier.round() == 2
        submit_run(cast.project)
        assert courier.round() == 1
        until(lambda: len(takes.got) == 1, within=5, what="the event is delivered")
        told.set()
        courier.work_off()
    assert len(hangs.got) == 8


def test_failing_hooks_get_at_most_half_of_the_threads(cast: Cast, settings: Any) -> None:
    settings.WEBHOOK_THREADS = 4
    for n in range(4):
        make_hook(cast.project, f"http://127.0.0.1:9/{n}")
    submit_run(cast.project)
    WebHook.objects.update(failures=1, failing_since=timezone.now())
    assert len(Courier()._take()) == 2


def test_crash_between_sending_and_recording_sends_it_again_under_the_same_id(
    cast: Cast, receiver: Receiver, courier: Courier
) -> None:
    """A claim whose courier never came back. The real kill is in test_killed_courier."""
    make_hook(cast.project, receiver.url())
    submit_run(cast.project)
    (parcel,) = claim(10, failing=False)
    assert sending.post(parcel.url, parcel.body, parcel.headers).status == 204
    courier.work_off()
    assert len(receiver.got) == 1  # the claim stands
    hurry()
    courier.work_off()
    row = WebHookDelivery.objects.get()
    assert [one.delivery for one in receiver.got] == [str(row.public_id)] * 2
    assert (row.state, row.attempts) == ("delivered", 2)
    assert [(entry["number"], entry["at"] is None, entry["status"]) for entry in row.log] == [
        (1, True, None),
        (2, False, 204),
    ]
    assert "may have arrived" in row.log[0]["error"]


def test_late_answer_is_dropped_when_its_claim_is_over(cast: Cast, receiver: Receiver) -> None:
    make_hook(cast.project, receiver.url())
    submit_run(cast.project)
    (late,) = claim(10, failing=False)
    hurry()
    (current,) = claim(10, failing=False)
    couriers.record(late, sending.Answer(status=500))
    row = WebHookDelivery.objects.get()
    assert (row.state, row.claim) == ("waiting", current.claim)
    couriers.record(current, sending.Answer(status=200))
    couriers.record(late, sending.Answer(status=500))
    row.refresh_from_db()
    assert row.state == "delivered"
    assert WebHook.objects.get().failures == 0


def test_deleted_hook_takes_what_waits_along_and_an_answer_comes_to_nothing(
    cast: Cast, receiver: Receiver, courier: Courier
) -> None:
    hook = make_hook(cast.project, receiver.url()).hook
    submit_run(cast.project)
    submit_run(cast.project)
    (under_way, _) = claim(10, failing=False)
    webhooks.delete(hook)
    couriers.record(under_way, sending.Answer(status=200))
    courier.work_off()
    assert (receiver.got, WebHookDelivery.objects.count(), WebHookSecret.objects.count()) == ([], 0, 0)
    assert AuditRecord.objects.order_by("number").last().act == "webhook.deleted"


def test_secret_that_cannot_be_opened_is_told_and_tried_again(
    cast: Cast, receiver: Receiver, courier: Courier, settings: Any
) -> None:
    make_hook(cast.project, receiver.url())
    submit_run(cast.project)
    good, settings.MASTER_KEY = settings.MASTER_KEY, ""
    courier.work_off()
    row = WebHookDelivery.objects.get()
    assert (row.state, receiver.got) == ("waiting", [])
    assert row.log[0]["error"].startswith("not sent: the secret cannot be used now")
    settings.MASTER_KEY = good
    hurry()
    courier.work_off()
    row.refresh_from_db()
    assert row.state == "delivered"


def test_scheduler_has_what_is_due_sent(
    cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "IDLE_SECONDS", 0.1)
    chore = Dispatch()
    assert chore() == 0
    assert chore._thread is None  # nothing is due: no thread, no connection
    make_hook(cast.project, receiver.url())
    submit_run(cast.project)
    chore()
    until(lambda: WebHookDelivery.objects.get().state == "delivered", within=20, what="delivered")
    until(lambda: chore._thread is None, within=20, what="the dispatcher ends")
    assert len(receiver.got) == 1
