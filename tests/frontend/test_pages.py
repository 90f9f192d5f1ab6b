"""The pages: who sees what, what they say, and what they may load."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.templatetags.static import static
from django.test import Client
from django.urls import reverse

from accounts.models import User
from api.schema import document
from api.tags import METHODS
from frontend import rows
from frontend.security import STRICT
from tasks import runs
from tasks.models import Event, Run, Step
from tests.api.cast import PASSWORD, Cast, browser, submit_run

pytestmark = pytest.mark.usefixtures("planner")

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("path", ["/", "/api/v1/docs", "/runs/018f0000-0000-7000-8000-000000000000"])
def test_stranger_is_sent_to_sign_in(db: None, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


@pytest.mark.parametrize("what", ["", "/parts", "/cancel"])
def test_run_of_another_project_is_not_there(cast: Cast, what: str) -> None:
    run = submit_run(cast.project)
    client, path = browser(cast.charlie), f"/runs/{run.public_id}{what}"
    answer = client.post(path) if what == "/cancel" else client.get(path)
    assert answer.status_code == 404
    assert "Nothing here" in answer.content.decode()


def test_run_page_escapes_whatever_agents_and_repositories_say(cast: Cast) -> None:
    run = submit_run(cast.project, goal=EVIL, steps=2)
    finding = {
        "severity": EVIL,
        "confidence": EVIL,
        "title": EVIL,
        "path": EVIL,
        "line": EVIL,
        "message": EVIL + "!",
        "rule": EVIL,
    }
    output = {
        "answer": EVIL,
        "findings": {"high": 1},
        "top": [finding, {}],
        "not_analysed": [EVIL, {"what": EVIL}, 5],
    }
    last = Step.objects.filter(run=run).last()
    Step.objects.filter(pk=last.pk).update(operation="report", output=output, summary=EVIL, reason=EVIL)
    Step.objects.filter(run=run, key="s0").update(
        error={"message": EVIL}, progress={"done": 1, "total": 3, "message": EVIL}
    )
    Run.objects.filter(pk=run.pk).update(failure=EVIL)
    page = browser(cast.vera).get(f"/runs/{run.public_id}").content.decode()
    assert EVIL not in page
    assert page.count("&lt;script&gt;alert(1)") > 8


@pytest.mark.parametrize(
    "output",
    [None, {}, {"findings": []}, {"findings": {"high": "x"}, "top": {"a": 1}}, {"top": [None, 5, "x"]}],
)
def test_run_page_bears_any_report(cast: Cast, output: Any) -> None:
    run = submit_run(cast.project)
    Step.objects.filter(run=run).update(operation="report", output=output)
    assert browser(cast.vera).get(f"/runs/{run.public_id}").status_code == 200
    assert browser(cast.vera).get("/").status_code == 200


def test_cancel_is_for_developers_by_post(cast: Cast) -> None:
    run = submit_run(cast.project)
    path = f"/runs/{run.public_id}/cancel"
    assert browser(cast.vera).post(path).status_code == 403
    assert browser(cast.bob).get(path).status_code == 405
    assert "Cancel the run" in browser(cast.bob).get(f"/runs/{run.public_id}").content.decode()
    assert "Cancel the run" not in browser(cast.vera).get(f"/runs/{run.public_id}").content.decode()
    assert browser(cast.bob).post(path).status_code == 302
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_event_log_keeps_the_last_word_of_progress(cast: Cast) -> None:
    from tasks import events

    run = submit_run(cast.project)
    for done in (1, 2, 3):
        fact = events.StepProgress(key="s0", attempt=1, done=done, total=3, message="x")
        events.append([events.Growth(run_pk=run.pk, facts=[(fact, None)])])
    run.refresh_from_db()
    told = [(row.kind, row.text) for row in rows.event_rows(run)]
    assert told.count(("step.progress", "3/3 x")) == 1
    assert [kind for kind, _ in told].count("step.progress") == 1


def test_run_page_says_that_events_were_removed(cast: Cast) -> None:
    run = submit_run(cast.project)
    runs.cancel(run.public_id, by="alice")
    run.refresh_from_db()
    page = reverse("frontend:run", args=[run.public_id])
    assert "were removed" not in browser(cast.vera).get(page).content.decode()
    Event.objects.filter(run=run).delete()
    assert (
        f"The {run.last_seq} events of this run were removed" in browser(cast.vera).get(page).content.decode()
    )


def test_sign_in_counts_attempts_and_tells_nothing(cast: Cast, one_window: None) -> None:
    client = Client()
    for _ in range(10):
        answer = client.post("/login/", {"username": "bob", "password": "wrong"})
        assert "do not belong together" in answer.content.decode()
    answer = client.post("/login/", {"username": "bob", "password": PASSWORD})
    assert (answer.status_code, "Slow down" in answer.content.decode()) == (429, True)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_sign_in_goes_to_no_foreign_place(cast: Cast, target: str) -> None:
    answer = Client().post("/login/", {"username": "bob", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_admin_has_no_sign_in_of_its_own(cast: Cast) -> None:
    assert Client().get("/admin/login/?next=/admin/")["Location"] == "/login/?next=%2Fadmin%2F"
    assert browser(cast.bob).get("/admin/login/?next=/admin/").status_code == 403


def test_page_of_the_api_lists_each_operation_under_its_resource(cast: Cast) -> None:
    page = browser(cast.alice).get("/api/v1/docs").content.decode()
    whole = document("v1")
    shown = re.findall(r'<span class="verb">(\w+)</span> <code>([^<]+)</code>', page)
    assert sorted(shown) == sorted(
        (verb.upper(), path)
        for path, verbs in whole["paths"].items()
        for verb in verbs
        if verb in METHODS  # beside them there are `parameters`
    )
    assert re.findall(r'id="group-(\w+)"', page) == [tag["name"] for tag in whole["tags"]]


def test_browser_that_asks_for_an_icon_is_shown_to_it(cast: Cast, client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, static("img/wrench.svg"))


@pytest.mark.parametrize("path", ["/", "/login/", "/nope", "/livez", "/api/v1/docs"])
def test_every_answer_carries_the_strict_policy(cast: Cast, path: str) -> None:
    answer = browser(cast.alice).get(path)
    assert answer["Content-Security-Policy"] == STRICT
    assert "unsafe" not in STRICT


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/runs",
        "/runs/new",
        "/projects/alice/shop",
        "/projects/alice/shop/runs",
        "/projects/alice/shop/documentation",
        "/login/",
        "/api/v1/docs",
    ],
)
def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(cast: Cast, path: str) -> None:
    client = Client() if path == "/login/" else browser(cast.alice)
    page = client.get(path).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\son\w+=|<style", page)
    assert not re.search(r'(?:src|<link[^>]*href)="(?:https?:)?//', page)


def test_admin_shows_every_model_with_search_and_columns(cast: Cast) -> None:
    from django.contrib import admin

    root = User.objects.create_user("root", is_staff=True, is_superuser=True)
    client = browser(root)
    for model, options in admin.site._registry.items():
        if model._meta.app_label not in {"accounts", "tasks", "agents"}:
            continue
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(path, {"q": "x"}).status_code == 200, path
        assert options.search_fields, model
        assert len(options.list_display) > 2, model
