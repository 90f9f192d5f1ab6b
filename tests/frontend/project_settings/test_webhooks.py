"""Webhooks on the pages: made with a secret that is shown once, changed, tried; their deliveries, and replays."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Project
from monitoring import webhooks
from monitoring.models import WebHook, WebHookDelivery
from tests.api.cast import Cast, browser
from tests.frontend.project_settings.counting import queries

PAGE = "/projects/alice/shop/settings/webhooks"
URL = "https://hooks.example.org/in?token=abc"
ORDER = {"url": URL, "events": ["run.finished"], "description": "the team's chat"}


def add(project: Project) -> WebHook:
    return webhooks.create(project, URL, ["run.finished"], by=None, now=timezone.now()).hook


def end(delivery: WebHookDelivery, **entry: Any) -> None:
    log = [
        {
            "number": 1,
            "at": "2026-11-25T09:32:11Z",
            "status": 500,
            "duration_ms": 84,
            "response": "",
            "error": "",
        }
    ]
    WebHookDelivery.objects.filter(pk=delivery.pk).update(
        state="failed", next_at=None, ended_at=timezone.now(), attempts=1, log=[{**log[0], **entry}]
    )


def ticket(client: Client, path: str = PAGE) -> str:
    found = re.search(r'name="ticket" value="([-0-9a-f]{36})"', client.get(path).content.decode())
    assert found is not None
    return found[1]


def secret_in(shown: str) -> str:
    found = re.search(r'id="secret">(whsec_[-\w]+)<', shown)
    assert found is not None
    return found[1]


def test_webhook_is_made_with_a_secret_that_is_shown_once(cast: Cast) -> None:
    client = browser(cast.alice)
    answer = client.post(PAGE, {**ORDER, "ticket": ticket(client)})
    hook = WebHook.objects.get()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert secret_in(answer.content.decode())
    assert (hook.url, hook.events, hook.created_by) == (URL, ["run.finished"], cast.alice)
    again = client.get(f"{PAGE}/{hook.public_id}").content.decode()
    assert ("whsec_" in again, ">ping</a>" in again) == (False, True)
    assert "hooks.example.org" in client.get(PAGE).content.decode()


def test_form_that_is_sent_twice_makes_one(cast: Cast) -> None:
    client = browser(cast.alice)
    body = {**ORDER, "ticket": ticket(client)}
    client.post(PAGE, body)
    told = client.post(PAGE, body, follow=True).content.decode()
    assert ("This form was sent before" in told, WebHook.objects.count()) == (True, 1)


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://example.org/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://user:secret@example.org/"},
        {"url": "https://example.org/\0"},
        {"events": ["run.exploded"]},
        {"events": []},
        {"description": "a\u202eb"},
    ],
)
def test_unfit_webhook_is_refused_beside_its_field(cast: Cast, body: dict[str, Any]) -> None:
    answer = browser(cast.alice).post(PAGE, {**ORDER, **body})
    assert (answer.status_code, 'class="fault" role="alert"' in answer.content.decode()) == (400, True)
    assert not WebHook.objects.exists()


def test_change_heeds_what_others_changed(cast: Cast) -> None:
    hook, client = add(cast.project), browser(cast.alice)
    path = f"{PAGE}/{hook.public_id}"
    found = re.search(r'name="seen" value="(\w+)"', client.get(path).content.decode())
    assert found is not None
    body = {**ORDER, "events": ["run.started"], "act": "save", "seen": found[1]}
    WebHook.objects.update(description="theirs")
    assert client.post(path, body).status_code == 409
    fresh = re.search(r'name="seen" value="(\w+)"', client.get(path).content.decode())
    assert fresh is not None
    assert client.post(path, {**body, "seen": fresh[1]}).status_code == 302
    hook.refresh_from_db()
    assert (hook.events, hook.description, hook.active) == (["run.started"], "the team's chat", False)


def test_secret_is_rotated_once_per_form(cast: Cast) -> None:
    hook, client = add(cast.project), browser(cast.alice)
    path = f"{PAGE}/{hook.public_id}"
    body = {"act": "rotate", "overlap": "3600", "ticket": ticket(client, path)}
    first = client.post(path, body)
    assert (first["Cache-Control"], bool(secret_in(first.content.decode()))) == ("no-store", True)
    told = client.post(path, body, follow=True).content.decode()
    assert ("This form was sent before" in told, hook.secrets.count()) == (True, 2)
    assert client.post(path, {**body, "overlap": "7"}).status_code == 400


def test_log_is_filtered_and_paged(cast: Cast) -> None:
    hook, client = add(cast.project), browser(cast.alice)
    for _ in range(30):
        end(webhooks.ping(hook, by=None, now=timezone.now()), error="answered 500")
    path = f"{PAGE}/{hook.public_id}"
    first = client.get(f"{path}?state=failed").content.decode()
    assert first.count("/deliveries/") == 20
    older = re.search(r'href="\?(state=failed&amp;before=[-0-9a-f]+)"', first)
    assert older is not None
    assert client.get(f"{path}?{older[1].replace('&amp;', '&')}").content.decode().count("/deliveries/") == 10
    assert client.get(f"{path}?state=waiting").content.decode().count("/deliveries/") == 1
    assert client.get(f"{path}?event=run.started").content.decode().count("/deliveries/") == 0
    for odd in ("state=x", "before=x", f"before={uuid4()}", "event=%00"):
        assert client.get(f"{path}?{odd}").status_code == 200


def test_delivery_shows_request_and_answer_as_data(cast: Cast) -> None:
    hook, client = add(cast.project), browser(cast.alice)
    delivery = webhooks.ping(hook, by=cast.alice, now=timezone.now())
    end(delivery, response="<script>alert(1)</script>", error="answered 500")
    path = f"{PAGE}/{hook.public_id}/deliveries/{delivery.public_id}"
    shown = client.get(path).content.decode()
    assert ("<script>alert" in shown, "&lt;script&gt;alert" in shown, "<code>500</code>" in shown) == (
        False,
        True,
        True,
    )
    assert "&quot;event&quot;: &quot;ping&quot;" in shown


def test_delivery_is_sent_again_once(cast: Cast) -> None:
    hook, client = add(cast.project), browser(cast.alice)
    delivery = webhooks.ping(hook, by=None, now=timezone.now())
    path = f"{PAGE}/{hook.public_id}/deliveries/{delivery.public_id}"
    told = client.post(path, {"ticket": str(uuid4())}, follow=True).content.decode()
    assert "This delivery is still being tried; wait until it is over." in told
    end(delivery)
    body = {"ticket": ticket(client, path)}
    told = client.post(path, body, follow=True).content.decode()
    assert ("The same is on its way again" in told, "Repeats" in told) == (True, True)
    client.post(path, body)
    assert WebHookDelivery.objects.filter(replay_of=delivery).count() == 1


def test_webhook_of_another_project_is_not_there(cast: Cast) -> None:
    hook, client = add(cast.other), browser(cast.alice)
    delivery = WebHookDelivery.objects.get(hook=hook)
    mine = add(cast.project)
    for path in (
        f"{PAGE}/{hook.public_id}",
        f"{PAGE}/{hook.public_id}/deliveries/{delivery.public_id}",
        f"{PAGE}/{mine.public_id}/deliveries/{delivery.public_id}",
    ):
        assert client.get(path).status_code == 404
        assert client.post(path, {"act": "delete"}).status_code == 404
    assert WebHook.objects.count() == 2


def test_developer_neither_sees_nor_changes_them(cast: Cast) -> None:
    hook = add(cast.project)
    for client in (browser(cast.bob), browser(cast.vera)):
        for path in (PAGE, f"{PAGE}/{hook.public_id}"):
            assert client.get(path).status_code == 403
            assert client.post(path, {"act": "delete"}).status_code == 403
    assert WebHook.objects.count() == 1


def test_webhook_is_pinged_and_deleted(cast: Cast) -> None:
    hook, client = add(cast.project), browser(cast.alice)
    path = f"{PAGE}/{hook.public_id}"
    assert "A ping is on its way" in client.post(path, {"act": "ping"}, follow=True).content.decode()
    assert WebHookDelivery.objects.filter(hook=hook).count() == 2
    assert client.post(path, {"act": "explode"}).status_code == 400
    told = client.post(path, {"act": "delete"}, follow=True).content.decode()
    assert ("The webhook to hooks.example.org is deleted" in told, WebHook.objects.count()) == (True, 0)


def test_queries_do_not_grow_with_rows(cast: Cast, steady_rules: None) -> None:
    hook, client = add(cast.project), browser(cast.alice)
    paths = (PAGE, f"{PAGE}/{hook.public_id}")
    few = [queries(client, path) for path in paths]
    for _ in range(10):
        add(cast.project)
        end(webhooks.ping(hook, by=None, now=timezone.now()))
    assert ([queries(client, path) for path in paths], max(few) <= 15) == (few, True)
