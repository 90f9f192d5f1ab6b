"""Shared links: who makes them, what whoever has one sees, and when they show nothing any more."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditRecord, Membership
from agents.reporting.showing import SANDBOX, SEARCHED
from frontend.security import STRICT
from tasks import artifacts, runs, sharing
from tasks.models import Artifact, Run, RunShare, Step
from tests.api.cast import Cast, ask, browser, submit_run
from tests.frontend.plans import START, Past, say, store_run

PEOPLE = ("alice", "bob", "vera", "charlie")
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def run(cast: Cast) -> Run:
    return store_run(
        cast.project,
        Past(key="super.plan", agent="super", operation="plan", tries=[("succeeded", 1, 3)]),
        Past(key="scan", after=["super.plan"], state="running", tries=[("", 5, None)], reason=EVIL),
        owner=cast.bob,
    )


def place(run: Run, what: str = "") -> str:
    return f"/runs/{run.public_id}/shares{what}"


def made(client: Client, run: Run, **sent: Any) -> str:
    """Make a link by the page. Returns its path."""
    page = client.post(place(run), {"days": 7, "note": "for Ada", "ticket": str(uuid4()), **sent})
    found = re.search(r'id="address" readonly value="https?://[^/]+(/shared/[^"]+)"', page.content.decode())
    assert found is not None
    return found[1]


def test_links_are_made_by_developers_and_above(cast: Cast, run: Run) -> None:
    assert Client().get(place(run))["Location"].startswith("/login/?next=")
    for person, status in zip(PEOPLE, (200, 200, 403, 404), strict=True):
        client = browser(getattr(cast, person))
        assert client.get(place(run)).status_code == status, person
        sent = {"days": 1, "note": "", "ticket": str(uuid4())}
        assert client.post(place(run), sent).status_code == status, person
    assert RunShare.objects.count() == 2
    offered = f'href="{place(run)}"'
    assert offered in browser(cast.bob).get(f"/runs/{run.public_id}").content.decode()
    assert offered not in browser(cast.vera).get(f"/runs/{run.public_id}").content.decode()


def test_link_shows_the_run_without_account_and_without_control(cast: Cast, run: Run) -> None:
    path = made(browser(cast.bob), run)
    answer = Client().get(path)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert (answer["X-Robots-Tag"], answer["Content-Security-Policy"]) == ("noindex", STRICT)
    assert 'data-key="scan"' in page
    assert EVIL not in page
    assert "bob" not in page
    leading = re.findall(r'(?:href|src|action|data-parts)="(?!/static/|#)([^"]*)"', page)
    assert {one.partition("#")[0].partition("?")[0] for one in leading} == {path, f"{path}/parts"}
    assert "<form" not in page
    assert dict(answer.cookies) == {}
    assert Client().get(f"{path}/parts").status_code == 200
    assert Client().post(path).status_code == 405
    assert Client().get(f"/runs/{run.public_id}").status_code == 302
    assert Client().get(f"/api/v1/runs/{run.public_id}").status_code == 401


def test_viewer_of_a_link_may_have_an_account_and_still_has_no_control(cast: Cast, run: Run) -> None:
    path = made(browser(cast.bob), run)
    page = browser(cast.alice).get(path).content.decode()
    assert "<form" not in page
    assert "alice" not in page


def test_link_shows_no_question_no_file_and_no_log(cast: Cast, worker: None) -> None:
    approval = ask(cast.project, "Deploy the secret thing?")
    path = made(browser(cast.bob), approval.run)
    page = Client().get(path).content.decode()
    assert "waiting approval" in page
    assert "secret thing" not in page
    assert "/artifacts/" not in page
    assert Client().get(f"{path}/log").status_code == 404


def with_report(run: Run, *, name: str = "report.html", operation: str = "report") -> None:
    """Let a step of the run have stored a file."""
    step = Step.objects.create(
        run=run, project=run.project, key=f"{operation}.{name}", agent="super", operation=operation,
        queue="agent.super", state="succeeded", priority=5, available_at=START, rank=START, max_attempts=3,
        timeout_seconds=60, created_at=START, ended_at=START,
    )  # fmt: skip
    stored = artifacts.put(name, f"<h1>{name} of {run.goal}</h1>".encode(), media_type="text/html")
    Artifact.objects.create(
        run=run, step=step, name=name, digest=stored.digest, size=stored.size, media_type="text/html",
        created_at=START,
    )  # fmt: skip


def test_link_shows_the_forms_of_the_report_in_a_sandbox_and_no_other_file(cast: Cast, run: Run) -> None:
    with_report(run)
    with_report(run, name="report.sarif")
    with_report(run, name="source.zip")  # of the same step
    with_report(run, name="report.md", operation="plan")  # only called like one
    other = store_run(cast.project, Past(key="x"), goal="Another goal")
    with_report(other, name="report.json")
    path = made(browser(cast.bob), run, with_files="on")
    assert sorted(re.findall(r'href="[^"]*/files/([^"?]*)"', Client().get(path).content.decode())) == [
        "report.html",
        "report.sarif",
    ]
    answer = Client().get(f"{path}/files/report.html")
    assert (answer.status_code, answer.content) == (200, b"<h1>report.html of Find security problems</h1>")
    assert answer["Content-Security-Policy"] == SEARCHED
    assert (answer["X-Content-Type-Options"], answer["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert Client().get(f"{path}/files/report.sarif")["Content-Security-Policy"] == SANDBOX
    assert "attachment" in Client().get(f"{path}/files/report.html?download")["Content-Disposition"]
    for name in ("source.zip", "report.md", "report.json", "x", "%00", "..%2freport.html"):
        assert Client().get(f"{path}/files/{name}").status_code == 404, name
    bare = made(browser(cast.bob), run)
    assert Client().get(f"{bare}/files/report.html").status_code == 404
    assert "/files/" not in Client().get(bare).content.decode()


def test_link_shows_the_log_only_if_that_was_chosen(cast: Cast, run: Run) -> None:
    say(run, "scan", f"the secret {EVIL}")
    bare = made(browser(cast.bob), run, with_files="on")
    page = Client().get(bare).content.decode()
    assert ("the secret" in page, "/log" in page) == (False, False)
    assert [Client().get(bare + what).status_code for what in ("/log", "/log/lines")] == [404, 404]
    path = made(browser(cast.bob), run, with_logs="on")
    for what in ("/log", "/log/lines", "/log?q=the+secret", "/log/lines?after=0"):
        answer = Client().get(path + what)
        assert (answer.status_code, "the secret" in answer.content.decode()) == (200, True), what
        assert EVIL not in answer.content.decode()
        assert dict(answer.cookies) == {}
    assert f'href="{path}/log"' in Client().get(path).content.decode()
    assert "/api/" not in Client().get(f"{path}/log").content.decode()


def test_no_token_stands_in_a_log(cast: Cast, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    path = made(browser(cast.bob), run)
    caplog.set_level(logging.DEBUG)
    assert [Client().get(path + what).status_code for what in ("", "/log", "x")] == [200, 404, 404]
    over_by_hand(cast, RunShare.objects.get())
    assert Client().get(path).status_code == 410
    assert "shared_link_refused" in caplog.text
    assert path.removeprefix("/shared/") not in caplog.text


def test_events_are_told_without_people_and_their_words(cast: Cast, run: Run) -> None:
    runs.say(run.public_id, by="bob", text="a remark of bob", remark=uuid4())
    runs.pause(run.public_id, by="bob", reason="lunch of bob")
    page = Client().get(made(browser(cast.bob), run)).content.decode()
    kinds = re.findall(r'<span class="kind">([^<]*)</span>', page)
    assert {"run.message", "run.paused"} <= set(kinds)
    assert "bob" not in page
    assert "lunch" not in page


def test_token_is_stored_as_digest_shown_once_and_audited_without_it(cast: Cast, run: Run) -> None:
    client = browser(cast.bob)
    token = made(client, run).removeprefix("/shared/")
    row = RunShare.objects.get()
    assert row.digest == sharing.digest_of(token)
    page = client.get(place(run)).content.decode()
    assert token not in page
    assert "for Ada" in page
    record = AuditRecord.objects.filter(act="share.created").get()
    assert (record.actor, record.subject) == ("bob", f"share:{row.public_id}")
    told = {"note": "for Ada", "days": 7, "logs": False, "files": False}
    assert record.details == {"run": str(run.public_id), **told}
    assert token not in str(AuditRecord.objects.values_list("details", flat=True))


def test_double_click_makes_one_link_and_each_answer_holds_it(cast: Cast, run: Run) -> None:
    client, ticket = browser(cast.bob), str(uuid4())
    first, last = (made(client, run, ticket=ticket) for _ in range(2))
    assert RunShare.objects.count() == 1
    assert first == last
    assert Client().get(last).status_code == 200


def test_form_whose_link_was_revoked_makes_another_one(cast: Cast, run: Run) -> None:
    client, ticket = browser(cast.bob), str(uuid4())
    first = made(client, run, ticket=ticket)
    over_by_hand(cast, RunShare.objects.get())
    second = made(client, run, ticket=ticket)
    assert (Client().get(first).status_code, Client().get(second).status_code) == (410, 200)


def test_ticket_of_somebody_else_renews_nothing(cast: Cast, run: Run) -> None:
    ticket = str(uuid4())
    path = made(browser(cast.bob), run, ticket=ticket)
    other = made(browser(cast.alice), run, ticket=ticket)
    assert [Client().get(one).status_code for one in (path, other)] == [200, 200]
    assert RunShare.objects.count() == 2


def over_by_time(cast: Cast, row: RunShare) -> None:
    past = timezone.now() - timedelta(seconds=1)
    RunShare.objects.filter(pk=row.pk).update(created_at=past - timedelta(days=1), expires_at=past)


def over_by_hand(cast: Cast, row: RunShare) -> None:
    browser(cast.alice).post(place(row.run, f"/{row.public_id}/revoke"))


def over_by_role(cast: Cast, row: RunShare) -> None:
    Membership.objects.filter(user=cast.bob).delete()


def over_by_leaving(cast: Cast, row: RunShare) -> None:
    cast.bob.is_active = False
    cast.bob.save()


def over_by_deletion(cast: Cast, row: RunShare) -> None:
    Run.objects.filter(pk=row.run_id).update(hidden_at=timezone.now())


@pytest.mark.parametrize("end", [over_by_time, over_by_hand, over_by_role, over_by_leaving, over_by_deletion])
def test_link_that_is_over_shows_nothing(cast: Cast, run: Run, end: Any) -> None:
    path = made(browser(cast.bob), run)
    assert Client().get(path).status_code == 200
    end(cast, RunShare.objects.get())
    for what in ("", "/parts", "/log", "/log/lines", "/files/report.html"):
        answer = Client().get(path + what)
        assert (answer.status_code, "This link is over" in answer.content.decode()) == (410, True)
        assert (answer["Cache-Control"], dict(answer.cookies)) == ("no-store", {})
        assert str(run.public_id) not in answer.content.decode()


def test_revoking_is_recorded_once_and_not_for_others(cast: Cast, run: Run) -> None:
    made(browser(cast.bob), run)
    row = RunShare.objects.get()
    path = place(run, f"/{row.public_id}/revoke")
    assert browser(cast.bob).get(path).status_code == 405
    for person, status in zip(("vera", "charlie"), (403, 404), strict=True):
        assert browser(getattr(cast, person)).post(path).status_code == status
    for _ in range(2):
        assert browser(cast.alice).post(path).status_code == 302
    row.refresh_from_db()
    assert row.revoked_by == cast.alice
    assert AuditRecord.objects.filter(act="share.revoked").count() == 1


@pytest.mark.usefixtures("planner")
def test_link_of_another_run_is_not_revoked_here(cast: Cast, run: Run) -> None:
    made(browser(cast.bob), run)
    row, other = RunShare.objects.get(), submit_run(cast.project)
    assert browser(cast.bob).post(place(other, f"/{row.public_id}/revoke")).status_code == 404
    assert browser(cast.bob).post(place(run, f"/{UUID(int=0)}/revoke")).status_code == 404


@pytest.mark.parametrize("token", ["x", "x" * 500, "%00", "%F0%9F%94%91", "..%5C.."])
def test_guesses_show_nothing_and_are_slowed_down(db: None, one_window: None, token: str) -> None:
    client = Client()
    answers = [client.get(f"/shared/{token}") for _ in range(31)]
    assert {answer.status_code for answer in answers[:30]} == {404}
    assert (answers[30].status_code, "Retry-After" in answers[30]) == (429, True)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"days": "365"}, "Select a valid choice"),
        ({"days": "x"}, "Select a valid choice"),
        ({"note": "x" * 81}, "at most 80 characters"),
        ({"note": "a\0b"}, "Null characters are not allowed"),
    ],
)
def test_form_tells_what_is_wrong(cast: Cast, run: Run, sent: dict[str, str], told: str) -> None:
    answer = browser(cast.bob).post(place(run), {"days": 7, "note": "kept", "ticket": str(uuid4()), **sent})
    assert (answer.status_code, told in answer.content.decode()) == (400, True)
    assert not RunShare.objects.exists()


def test_links_of_a_run_are_bounded(cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MOST_OPEN", 1)
    made(browser(cast.bob), run)
    answer = browser(cast.bob).post(place(run), {"days": 7, "note": "", "ticket": str(uuid4())})
    assert (answer.status_code, "revoke some" in answer.content.decode()) == (409, True)


@pytest.mark.usefixtures("planner")
def test_run_that_is_over_is_shared_too(cast: Cast) -> None:
    run = submit_run(cast.project)
    path = made(browser(cast.bob), run)
    runs.cancel(run.public_id, by="bob")
    assert 'data-state="cancelled" data-final="1"' in Client().get(path).content.decode()


def test_ticket_that_is_no_name_makes_a_link_all_the_same(cast: Cast, run: Run) -> None:
    assert made(browser(cast.bob), run, ticket="-" * 36).startswith("/shared/")
