"""The commands against a real server: what they print, and the exit codes that a CI job goes by."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import DeviceSession
from agents.findings import Severity
from tasks import artifacts, runs
from tasks.models import Artifact, Run, Step
from tests.agents.found import claim, find
from tests.api.cast import (  # noqa: F401 - fixtures
    PASSWORD,
    Cast,
    _days,
    _fresh_counts,
    ask,
    planner,
    probe,
    submit_run,
    submit_steps,
    work_off,
    worker,
)
from tests.client.conftest import Client, Done
from tests.e2e.conftest import ROOT, Web
from wrenchai_client import door, progress, watching
from wrenchai_client.credentials import Credential, Store
from wrenchai_client.feed import Feed
from wrenchai_client.server import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)

SignIn = Callable[[str], Credential]


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def in_background(work: Callable[[], Any]) -> threading.Thread:
    """Do something meanwhile, with a database connection of its own."""

    def go() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=go)
    thread.start()
    return thread


def test_login_keeps_a_session_and_logout_ends_it(
    web: Web, folk: Cast, wrenchai: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "wrong\n")
    refused = wrenchai("login", "--url", web.url, "--username", "bob", "--password-stdin")
    assert (refused.code, Store().current()) == (3, "")
    assert "do not belong together" in refused.err
    typed(monkeypatch, f"{PASSWORD}\n")
    done = wrenchai("login", "--url", web.url, "--username", "bob", "--password-stdin")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Signed in at {web.url} as bob")
    assert wrenchai("runs").code == 0
    assert wrenchai("logout").out == f"Signed out at {web.url}\n"
    assert DeviceSession.objects.get(user=folk.bob).revoked_at is not None
    assert wrenchai("runs").code == 2


def test_nobody_signed_in_is_told_what_to_do(web: Web, wrenchai: Client) -> None:
    done = wrenchai("runs", "--url", web.url)
    assert (done.code, done.err) == (3, f"wrenchai: not signed in at {web.url}: `login --url {web.url}`\n")


def test_server_that_is_away_has_a_code_of_its_own(
    web: Web, sign_in: SignIn, wrenchai: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in("bob")
    web.stop()
    monkeypatch.setattr("wrenchai_client.server.PATIENCE_SECONDS", 0.5)
    done = wrenchai("runs")
    assert (done.code, web.url in done.err) == (4, True)


@pytest.mark.usefixtures("planner")
def test_lists_are_for_people_and_programs(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    sign_in("vera")
    made = [submit_run(folk.project, folk.bob, goal=f"goal\t{n}\x1b[2J") for n in range(3)]
    submit_run(folk.other)
    lines = wrenchai("runs").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [str(run.public_id) for run in reversed(made)]
    assert lines[0].split("\t")[-1] == "goal 2[2J"
    assert [run["goal"] for run in wrenchai("runs", "--limit", "2", "--json").json] == [
        "goal\t2\x1b[2J",
        "goal\t1\x1b[2J",
    ]
    assert wrenchai("runs", "--state", "succeeded").out == ""
    assert wrenchai("runs", "--state", "odd").code == 2


@pytest.mark.usefixtures("planner")
def test_run_is_named_by_its_id_or_part_of_it(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    sign_in("vera")
    first, last = (submit_run(folk.project) for _ in range(2))
    for given, run in ((str(first.public_id), first), (str(first.public_id)[-8:], first), ("latest", last)):
        assert wrenchai("show", given, "--json").json["id"] == str(run.public_id)
    for given in (str(uuid4()), "nope", "../../token", "0000"):
        assert wrenchai("show", given).code == 2


@pytest.mark.usefixtures("planner")
def test_rights_are_the_servers(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    run = submit_run(folk.project)
    sign_in("vera")
    done = wrenchai("cancel", str(run.public_id))
    assert (done.code, "your role does not allow this, it takes developer or above" in done.err) == (3, True)
    sign_in("charlie")
    assert wrenchai("cancel", str(run.public_id)).code == 2  # for him there is none
    sign_in("bob")
    assert (
        wrenchai("cancel", "latest", "--reason", "too late").out
        == f"Run {run.public_id} is to be cancelled\n"
    )
    assert Run.objects.get().cancel_reason == "too late"


def test_folder_is_sent_and_becomes_a_run(
    folk: Cast, sign_in: SignIn, wrenchai: Client, tmp_path: Path
) -> None:
    sign_in("bob")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.py").write_text("print()")
    order = ("run", str(tmp_path / "shop"), "--project", "shop", "--goal", "Look", "--priority", "2")
    done = wrenchai(*order, "--detach")
    run = Run.objects.get()
    assert (done.code, done.out) == (0, f"{run.public_id}\n")
    assert (run.goal, run.priority, run.request["target"]["name"]) == ("Look", 2, "shop.tar.gz")
    assert wrenchai("run", str(tmp_path / "none"), "--project", "shop").code == 2
    assert wrenchai("run", "https://git.example.org/a.git", "--project", "none").code == 2


def doomed(run: Run) -> Run:
    """Let the steps that are told to fail do so for good the first time."""
    Step.objects.filter(run=run).update(max_attempts=1)
    return run


def followed(run: Run, *order: str) -> Done:
    """Follow a run in a process of its own, as a CI job would, while this one does the work."""
    argv = [sys.executable, "-m", "wrenchai_client", *order, str(run.public_id)]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        try:
            work_off()
            out, err = watching.communicate(timeout=60)
        finally:
            watching.kill()
    return Done(watching.returncode, out, err)


@pytest.mark.usefixtures("worker")
def test_watched_run_ends_with_its_exit_code(folk: Cast, sign_in: SignIn) -> None:
    sign_in("vera")
    good = followed(submit_steps(folk.project, probe("a"), probe("b", after="a")), "watch")
    assert (good.code, "Run " in good.out, "succeeded" in good.out) == (0, True, True)
    bad = followed(doomed(submit_steps(folk.project, probe("a", fail_times=9))), "watch", "--json")
    assert (bad.code, bad.json["state"]) == (1, "failed")


@pytest.mark.usefixtures("worker")
def test_question_is_answered(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    asked = ask(folk.project, "Deploy\x1b[2J?", role="developer")
    sign_in("bob")
    assert wrenchai("approve").out.splitlines()[0].split("\t")[:4] == [
        str(asked.public_id),
        str(asked.run.public_id),
        "a",
        "Deploy[2J?",
    ]
    assert wrenchai("approve", str(uuid4())).code == 2
    done = wrenchai("approve", str(asked.run.public_id), "--comment", "go")
    assert (done.code, done.out) == (0, "approved: Deploy[2J?\n")
    asked.refresh_from_db()
    assert (asked.decision, asked.comment, asked.decided_by) == ("approved", "go", folk.bob)
    assert wrenchai("approve", str(asked.public_id), "--reject").code == 2  # it is decided


@pytest.mark.usefixtures("worker")
def test_rerun_says_before_what_it_does_again(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    run = doomed(submit_steps(folk.project, probe("a"), probe("b", after="a", fail_times=9)))
    work_off()
    sign_in("bob")
    told = wrenchai("rerun", str(run.public_id), "--preview").out
    assert told.splitlines() == ["1 steps are taken over, 1 are done again:", "  b"]
    unasked = wrenchai("rerun", str(run.public_id))
    assert (unasked.code, Run.objects.count()) == (2, 1)
    done = wrenchai("rerun", str(run.public_id), "--yes", "--detach")
    assert (done.code, Run.objects.get(parent=run).public_id.hex) == (0, done.out.strip().replace("-", ""))


@pytest.mark.usefixtures("planner")
def test_paused_run_goes_on(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    run = submit_run(folk.project)
    sign_in("bob")
    assert wrenchai("message", "latest", "leave them out").out == f"Told run {run.public_id}\n"
    assert wrenchai("pause", "latest").code == 0
    run.refresh_from_db()
    assert run.paused_at is not None
    assert wrenchai("resume", "latest").code == 0
    assert wrenchai("resume", "latest").code in (0, 2)


@pytest.mark.usefixtures("planner")
def test_feed_hears_over_the_socket_and_goes_on_when_the_server_restarts(
    web: Web, folk: Cast, sign_in: SignIn
) -> None:
    run = submit_run(folk.project, steps=3)
    client = ApiClient(web.url, sign_in("bob").access)
    with Feed(client, str(run.public_id), after=run.last_seq) as feed:
        assert not feed.wait(0.2)
        assert feed.is_live
        runs.pause(run.public_id, by="bob", reason="")
        assert feed.wait(10)
        web.stop()
        runs.resume(run.public_id, by="bob")
        again = in_background(web.start)
        assert feed.wait(30)
        again.join()
    client.close()


@pytest.mark.usefixtures("planner")
def test_feed_asks_where_there_is_no_socket(
    web: Web, folk: Cast, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit_run(folk.project)
    client = ApiClient(web.url, sign_in("bob").access)
    monkeypatch.setattr("wrenchai_client.feed.PROTOCOL", "wrench.v0")  # which the server does not speak
    with Feed(client, str(run.public_id), after=run.last_seq) as feed:
        assert not feed.wait(0.1)
        assert not feed.is_live
        runs.pause(run.public_id, by="bob", reason="")
        assert feed.wait(10)
    client.close()


@pytest.mark.usefixtures("planner")
def test_lost_role_ends_the_watching(web: Web, folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    run = submit_run(folk.project)
    sign_in("vera")
    leaving = in_background(lambda: folk.vera.memberships.get().delete())
    done = wrenchai("watch", str(run.public_id))
    leaving.join()
    assert done.code in (2, 3)


def test_processes_that_renew_at_once_do_not_use_a_token_twice(web: Web, sign_in: SignIn) -> None:
    first = sign_in("bob")
    store = Store()
    with ThreadPoolExecutor(4) as pool:
        fresh = set(pool.map(lambda _: door.renew(store, web.url, first.access), range(4)))
    held = store.get(web.url)
    assert held is not None
    assert fresh == {held.access}
    assert held.refresh != first.refresh
    connection.close()


@pytest.mark.usefixtures("planner")
def test_interrupted_watching_leaves_the_run_alone(
    web: Web, folk: Cast, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit_run(folk.project)
    client = ApiClient(web.url, sign_in("bob").access)

    def interrupted(self: progress.Lines, view: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Lines, "show", interrupted)
    final, was_interrupted = watching.watch(client, str(run.public_id), quiet_stdout=True, cancels=False)
    assert (final.state, was_interrupted) == ("accepted", True)
    client.close()


def test_findings_are_listed_judged_and_gated(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    severe, weak = claim("sql\x1b[2J", path="a.py"), claim("weak", path="b.py", severity=Severity.LOW)
    run = find(folk.project, severe, weak)
    sign_in("alice")
    lines = [line.split("\t") for line in wrenchai("findings", "--project", "alice/shop").out.splitlines()]
    assert [line[1:5] for line in lines] == [
        ["high", "open", "sql[2J", "a.py:12"],
        ["low", "open", "weak", "b.py:12"],
    ]
    assert (
        wrenchai("findings", str(run.public_id)[-8:], "--min-severity", "medium", "--json").json[0]["line"]
        == 12
    )
    for gate, code in (("critical", 0), ("high", 1), ("low", 1)):
        assert wrenchai("findings", "latest", "--limit", "1", "--fail-on", gate).code == code, gate
    high, low = (line[0] for line in lines)
    assert wrenchai("triage", high, "dismiss").code == 2  # without a reason
    assert wrenchai("triage", high, "dismiss", "--reason", "checked before").out == "dismissed: sql[2J here\n"
    assert wrenchai("findings", "--fail-on", "high").code == 0
    assert wrenchai("findings", "--status", "dismissed", "--json").json[0]["id"] == high
    assert wrenchai("triage", low[:-3], "accept").out == "accepted: weak here\n"
    assert wrenchai("triage", "nope", "accept").code == 2
    sign_in("bob")
    assert wrenchai("triage", low, "dismiss", "--reason", "x").code == 3


def test_all_that_match_are_judged_and_taken_back(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    find(folk.project, *(claim(f"weak-{n}", path=f"gen/{n}.py", severity=Severity.LOW) for n in range(4)))
    find(folk.project, claim("sql"))
    sign_in("alice")
    low = ("--project", "alice/shop", "--severity", "low", "--path", "gen/**")
    dismiss = ("sweep", "dismiss", *low, "--reason", "generated")
    assert wrenchai(*dismiss).code == 2  # nobody is there to be asked
    assert wrenchai("sweep", "dismiss", *low, "--yes").code == 2  # without a reason
    lines = wrenchai(*dismiss, "--yes").out.splitlines()
    assert lines[0] == "dismiss: 4 of 4"
    sweep = lines[1].removeprefix("sweep ")
    assert len(wrenchai("findings", "--status", "dismissed", "--json").json) == 4
    assert wrenchai(*dismiss, "--yes").out == ""
    assert wrenchai("sweep", "undo", "--sweep", sweep).out.splitlines()[0] == "undo: 4 of 4"
    assert wrenchai("findings", "--status", "dismissed", "--json").json == []
    assert wrenchai("sweep", "accept", "--sweep", sweep).code == 2
    sign_in("bob")
    assert wrenchai(*dismiss, "--yes").code == 3
    assert wrenchai("sweep", "undo", "--sweep", sweep).code == 2  # it is not theirs


def test_results_of_other_tools_are_sent_with_a_run(
    folk: Cast, sign_in: SignIn, wrenchai: Client, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.py").write_text("x = 1\n")
    (tmp_path / "semgrep.sarif").write_text("{}")
    sign_in("bob")
    order = ["run", str(tmp_path / "shop"), "--project", "shop", "--detach", "--sarif"]
    assert wrenchai(*order, str(tmp_path / "missing.sarif")).code == 2
    assert Run.objects.count() == 0
    assert wrenchai(*order, str(tmp_path / "semgrep.sarif")).code == 0
    (one,) = Run.objects.get().request["sarif"]
    assert one == {"digest": hashlib.sha256(b"{}").hexdigest(), "name": "semgrep.sarif"}


def test_trend_is_a_line_for_each_day(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    find(folk.project, claim("sql"), claim("weak", severity=Severity.LOW))
    sign_in("vera")
    told = wrenchai("trend", "--project", "alice/shop", "--last", "2").out.splitlines()
    assert [line.split("\t")[1:] for line in told] == [list("00000000"), list("20101020")]
    assert wrenchai("trend", "--project", "shop", "--json").json["by"] == "day"
    assert wrenchai("trend", "--project", "shop", "--by", "run").out == ""
    missing = wrenchai("trend", "--project", "charlie/own")
    assert (missing.code, "there is no project 'charlie/own'" in missing.err) == (2, True)
    assert wrenchai("trend", "--project", "shop", "--last", "0").code == 2


@pytest.mark.usefixtures("worker")
def test_log_is_printed(folk: Cast, sign_in: SignIn, wrenchai: Client) -> None:
    run = submit_steps(folk.project, probe("a", "say"), probe("b", "say", after="a"))
    sign_in("vera")
    assert wrenchai("logs", "latest").out == ""
    work_off()
    lines = wrenchai("logs", "latest").out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        f"{key}  line {n}" for key in "ab" for n in (1, 2, 3)
    ]
    told = wrenchai("logs", str(run.public_id), "--step", "b", "--json").out.splitlines()
    assert [json.loads(line)["text"] for line in told] == ["line 1", "line 2", "line 3"]
    assert wrenchai("logs", "latest", "--step", "none").code == 2
    assert wrenchai("logs", "latest", "--level", "loud").code == 2


@pytest.mark.usefixtures("worker")
def test_log_is_followed_to_the_end(folk: Cast, sign_in: SignIn) -> None:
    run = submit_steps(folk.project, probe("a", "say"), probe("b", "say", after="a"))
    sign_in("vera")
    done = followed(run, "logs", "--follow")
    assert (done.code, len(done.out.splitlines())) == (0, 6)


@pytest.mark.usefixtures("planner")
def test_report_is_printed_or_saved(folk: Cast, sign_in: SignIn, wrenchai: Client, tmp_path: Path) -> None:
    run = submit_run(folk.project)
    sign_in("vera")
    assert wrenchai("report", "latest").code == 2  # it is not over
    step = run.steps.get()
    Step.objects.filter(pk=step.pk).update(operation="report", key="super.report")
    for name in ("report.json", "report.sarif", "report.md", "report.html"):
        stored = artifacts.put(name, f"this is {name}".encode(), media_type="text/plain")
        Artifact.objects.create(
            run=run, step=step, name=name, digest=stored.digest, size=stored.size,
            media_type="text/plain", created_at=run.created_at,
        )  # fmt: skip
    assert wrenchai("report").out == "this is report.md"
    assert wrenchai("report", "latest", "--format", "sarif").out == "this is report.sarif"
    place = tmp_path / "out"
    assert wrenchai("report", "-o", str(place / "x.html")).code == 0
    assert wrenchai("report", "-o", str(place / "all")).code == 0
    assert {one.relative_to(place).as_posix(): one.read_text() for one in place.rglob("*.*")} == {
        "x.html": "this is report.html",
        **{
            f"all/{name}": f"this is {name}"
            for name in ("report.json", "report.sarif", "report.md", "report.html")
        },
    }
    assert wrenchai("report", "-o", "/proc/none/report.md").code == 1
