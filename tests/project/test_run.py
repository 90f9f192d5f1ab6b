"""`./wrench run` as a client: targets, progress, reports, summary, exit codes, against a server of the tests."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from rich.live import Live

from wrenchai_client import progress, summary, watching
from wrenchai_client.errors import ClientError
from wrenchai_client.server import ApiClient, ApiRefused, RunView
from wrenchai_client.text import clean
from wrenchai_project import services
from wrenchai_project.management.commands import run as command

REPORT = b'{"findings": []}'


def answer(state: str, **other: Any) -> dict[str, Any]:
    step = {"key": "scan", "agent": "inspector", "operation": "scan", "state": state, "reason": "", "error": None,
            "summary": "2 findings" if state == "succeeded" else "",
            "progress": {"done": 1, "total": 4, "message": "ruff"}, "attempts": 1,
            "started_at": "2026-01-01T00:00:00+00:00",
            "ended_at": "2026-01-01T00:00:02.500000+00:00" if state == "succeeded" else None}  # fmt: skip
    return {
        "id": "r1",
        "state": state,
        "goal": "g",
        "steps": [step],
        "summary": None,
        "artifacts": [],
        **other,
    }


class FakeApi(ThreadingHTTPServer):
    """Plays a run in three acts; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, Any]] = []
        self.token = "good"
        self.acts = [answer("accepted"), answer("running"), answer("succeeded")]
        self.artifact = REPORT
        self.projects: set[str] = set()
        self.targets: list[str] = []  # of the runs that a project has, newest first

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def serve(self) -> None:
        api = cast(FakeApi, self.server)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        api.asked.append((self.command, self.path, body))
        if self.headers["Authorization"] != f"Bearer {api.token}":
            problem = {"title": "Not signed in", "detail": "the token\x1b[31m has run out", "status": 401}
            return self.reply(401, json.dumps(problem).encode(), "application/problem+json")
        if self.command == "POST" and self.path == "/api/v1/runs":
            return self.reply(201, json.dumps({"id": "r1", "state": "accepted", "url": "/runs/r1"}).encode())
        if self.path.endswith("/cancel"):
            api.acts = [answer("cancelled")]
            return self.reply(202, b"")
        if "/artifacts/" in self.path:
            return self.reply(200, api.artifact, "application/octet-stream")
        if self.path.startswith("/api/v1/projects"):
            slug = body["slug"] if body else self.path.rpartition("/")[2]
            is_known, api.projects = slug in api.projects, api.projects | ({slug} if body else set())
            return self.reply(200 if is_known or body else 404, b"{}")
        if self.path.startswith("/api/v1/runs?"):
            rows = [{"id": f"t{number}"} for number in range(len(api.targets))]
            return self.reply(200, json.dumps({"results": rows, "next": None}).encode())
        if self.path.startswith("/api/v1/runs/t"):
            told = {"target": api.targets[int(self.path.rpartition("/t")[2])]}
            return self.reply(200, json.dumps(told).encode())
        if "/events" in self.path:
            return self.reply(200, json.dumps({"events": [], "head": len(api.asked)}).encode())
        act = api.acts.pop(0) if len(api.acts) > 1 else api.acts[0]
        return self.reply(200, json.dumps(act).encode())


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(api: FakeApi) -> Iterator[ApiClient]:
    made = ApiClient(api.url, "good")
    yield made
    made.close()


def view(**raw: Any) -> RunView:
    from wrenchai_client.server import _run_view

    return _run_view(answer("succeeded", **raw))


def test_submit_sends_goal_target_and_project(api: FakeApi, client: ApiClient) -> None:
    target = {"kind": "path", "path": "/x"}
    assert client.submit(goal="g", target=target, project="default") == "r1"
    assert api.asked == [("POST", "/api/v1/runs", {"goal": "g", "target": target, "project": "default"})]


def test_refusal_is_told_in_the_servers_words_without_control_characters(api: FakeApi) -> None:
    client = ApiClient(api.url, "old")
    with pytest.raises(ApiRefused) as caught:
        client.run("r1")
    client.close()
    assert str(caught.value) == "the token[31m has run out"


def test_token_that_ran_out_is_renewed_once(api: FakeApi) -> None:
    client = ApiClient(api.url, "old", renew=lambda refused: "good")
    assert client.run("r1").state == "accepted"
    client.close()


def test_run_is_followed_to_its_end_with_a_line_per_change(api: FakeApi, client: ApiClient) -> None:
    out = io.StringIO()
    final = watching.follow(client, "r1", progress.Lines(out), until=None)
    assert final.state == "succeeded"
    told = [line.split(maxsplit=1)[1].split() for line in out.getvalue().splitlines()]
    assert told == [
        ["run", "accepted"], ["inspector", "planned", "scan"],
        ["run", "running"], ["scan", "running"],
        ["scan", "succeeded", "2.5", "s", "2", "findings"], ["run", "succeeded"],
    ]  # fmt: skip


def test_step_that_works_on_says_how_far_it_is_now_and_then() -> None:
    out, now = io.StringIO(), iter([0.0, 4.0, 11.0])
    lines = progress.Lines(out, clock=lambda: next(now))
    for done in (1, 2, 3):
        progressed = {"done": done, "total": 4, "message": "ruff"}
        step = answer("running")["steps"][0] | {"progress": progressed}
        lines.show(replace(view(steps=[step]), state="running"))
    told = [line.split()[1:] for line in out.getvalue().splitlines()]
    assert [line[:2] for line in told] == [["run", "running"], ["scan", "running"], ["scan", "running"]]
    assert told[2][-2:] == ["3/4", "ruff"]


def test_interruption_cancels_the_run(
    api: FakeApi, client: ApiClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follow, calls = watching.follow, iter([KeyboardInterrupt])

    def interrupted(*args: Any, **options: Any) -> RunView:
        if (error := next(calls, None)) is not None:
            raise error
        return follow(*args, **options)

    monkeypatch.setattr(watching, "follow", interrupted)
    final, was_interrupted = watching.watch(client, "r1", quiet_stdout=False, cancels=True)
    assert (final.state, was_interrupted) == ("cancelled", True)
    assert ("POST", "/api/v1/runs/r1/cancel", {"reason": ""}) in api.asked


ASKED = {"step": "check.ask", "question": "Deploy\x1b[2J now?", "role": "maintainer"}
WAITS = [
    "The run is paused: nothing new begins until it is resumed at http://x/runs/r1",
    "Step check.ask waits for a decision: Deploy[2J now?  Answer (by a maintainer or above) at"
    " http://x/runs/r1#part-approvals",
    "Sign in there as admin; ./wrench manage changepassword admin sets a password.",
]


def waiting(base_url: str = "http://x") -> RunView:
    from wrenchai_client.server import _run_view

    return _run_view(answer("paused", url="/runs/r1", approvals=[ASKED]), base_url)


def test_run_that_waits_says_for_what_and_where_to_answer_once() -> None:
    out = io.StringIO()
    lines = progress.Lines(out, "admin")
    for run in (waiting(), waiting(), view(), waiting()):
        lines.show(run)
    told = [line.split("  ", 1)[1] for line in out.getvalue().splitlines()]
    assert [line for line in told if line in WAITS] == WAITS * 2  # and again, when it waits again


def test_board_says_what_a_run_waits_for() -> None:
    # both sides, since a dumb terminal's size is not ours otherwise
    console = Console(file=io.StringIO(), width=200, height=25, force_terminal=True)
    with Live(console=console) as live:
        progress.Board(live, "admin").show(waiting())
    shown = cast("io.StringIO", console.file).getvalue()
    assert [one for one in WAITS if one in shown] == WAITS


def test_question_comes_with_the_run_and_the_address_of_its_page(api: FakeApi, client: ApiClient) -> None:
    api.acts = [answer("running", url="/runs/r1", approvals=[ASKED])]
    run = client.run("r1")
    assert (run.page, [one.key for one in run.questions]) == (f"{api.url}/runs/r1", ["check.ask"])


def test_elapsed_is_shown_in_seconds() -> None:
    assert progress.elapsed(view().steps[0]) == "2.5 s"


def artifact(name: str, content: bytes = REPORT) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "size": len(content), "sha256": digest, "url": f"/api/v1/runs/r1/artifacts/{name}"}


def test_reports_are_saved_and_latest_points_at_the_newest(client: ApiClient, tmp_path: Path) -> None:
    run = view(artifacts=[artifact("snapshot.tar"), artifact("report.json")])
    saved = summary.save_reports(client, run, reports=tmp_path, wanted=None)
    assert saved == [tmp_path / "r1" / "report.json"]
    assert (tmp_path / "latest" / "report.json").read_bytes() == REPORT
    assert summary.save_reports(client, run, reports=tmp_path, wanted=None) == saved


def test_what_the_run_wrote_is_saved_beside_the_reports_and_named(client: ApiClient, tmp_path: Path) -> None:
    names = ("snapshot.tar", "report.json", "api_reference.zip", "docstrings.patch", "bom.cdx.json")
    run = view(artifacts=[artifact(name) for name in names])
    saved = summary.save_reports(client, run, reports=tmp_path, wanted=tmp_path)
    written = [tmp_path / name for name in ("api_reference.zip", "bom.cdx.json", "docstrings.patch")]
    assert saved == sorted([*written, tmp_path / "report.json"])
    told = summary.text(run, saved).splitlines()
    assert told[told.index("Reports:") + 1] == f"  {tmp_path / 'report.json'}"
    assert told[told.index("Written:") + 1 :][:3] == [f"  {path}" for path in written]
    as_json = json.loads(summary.as_json(run, saved, seconds=1))
    assert (list(as_json["reports"]), as_json["files"]) == (
        ["report.json"],
        {p.name: str(p) for p in written},
    )


def test_reports_go_where_the_user_says(client: ApiClient, tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    run = view(artifacts=[artifact("report.json")])
    assert summary.save_reports(client, run, reports=tmp_path, wanted=wanted) == [wanted / "report.json"]
    assert not (tmp_path / "latest").is_symlink()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", ".hidden", "a/b", ""])
def test_artifact_with_an_unsafe_name_is_not_written(client: ApiClient, tmp_path: Path, name: str) -> None:
    run = view(artifacts=[artifact(name)])
    assert summary.save_reports(client, run, reports=tmp_path, wanted=tmp_path / "out") == []


def test_damaged_artifact_is_refused(api: FakeApi, client: ApiClient, tmp_path: Path) -> None:
    api.artifact = b"something else"
    with pytest.raises(ClientError, match=r"report\.json arrived damaged"):
        summary.save_reports(client, view(artifacts=[artifact("report.json")]), reports=tmp_path, wanted=None)


SUMMARY = {
    "answer": "Two things.",
    "findings": {"critical": 0, "high": 2, "medium": 0, "low": 2, "info": 0},
    "top": [
        {
            "severity": "high",
            "rule": "S608",
            "path": "catalog/search.py",
            "line": 42,
            "message": "SQL\x1b[2J",
            "confidence": "high",
        },
        {
            "severity": "high",
            "rule": "secret-keyword",
            "path": "pay.py",
            "line": 3,
            "message": "Password",
            "confidence": "medium",
        },
    ],
    "not_analysed": [{"why": "too large", "what": "big.js"}],  # in the order that PostgreSQL gives
}


def test_summary_tells_counts_top_and_what_was_left_out(tmp_path: Path) -> None:
    told = summary.text(view(summary=SUMMARY), [tmp_path / "report.html"], seconds=1.23)
    assert told.splitlines() == [
        "", "Two things.", "", "Findings: 2 high, 2 low",
        "", "  HIGH      catalog/search.py:42  S608", "            SQL[2J",
        "", "  HIGH      pay.py:3  secret-keyword  (confidence medium)", "            Password",
        "", "  ... and 2 more in the reports",
        "", "Not analysed:", "  big.js: too large", "", "Reports:", f"  {tmp_path / 'report.html'}",
        "", "Run r1 succeeded in 1.2 s",
    ]  # fmt: skip


def test_final_state_of_the_run_is_the_last_line() -> None:
    out = io.StringIO()
    steps = [{"key": "super.report", "agent": "super", "operation": "report", "state": "succeeded"}]
    progress.Lines(out).show(view(steps=steps))
    assert [line.split()[1] for line in out.getvalue().splitlines()] == ["super.report", "run"]


def test_board_keeps_the_steps_names_whole_on_a_narrow_terminal() -> None:
    console = Console(file=io.StringIO(), width=60, force_terminal=True)
    key, reason = "inspector.security_scan", "2,163 lines of Python; " * 9
    steps = [{"key": key, "agent": "a", "operation": "o", "state": "succeeded", "reason": reason}]
    with Live(console=console) as live:
        progress.Board(live).show(view(steps=steps))
    assert key in cast("io.StringIO", console.file).getvalue()


def test_summary_as_json_is_one_object() -> None:
    told = json.loads(summary.as_json(view(summary=SUMMARY), [], seconds=1.23))
    assert (told["run"], told["state"], told["summary"]["findings"]["low"]) == ("r1", "succeeded", 2)


@pytest.mark.parametrize(
    ("threshold", "fails"),
    [(None, False), ("critical", False), ("high", True), ("medium", True), ("low", True)],
)
def test_fail_on_counts_the_severity_and_worse(threshold: str | None, fails: bool) -> None:
    steps = [{"key": "inspector.lint", "agent": "inspector", "operation": "lint", "state": "succeeded"}]
    assert summary.exceeds(view(summary=SUMMARY, steps=steps), threshold) is fails


def test_fail_on_is_not_kept_where_nothing_was_analysed() -> None:
    steps = [{"key": "super.report", "agent": "super", "operation": "report", "state": "succeeded"}]
    nothing = view(summary={"findings": {}}, steps=steps)
    assert (summary.exceeds(nothing, "critical"), summary.exceeds(nothing, None)) == (True, False)


@pytest.mark.parametrize(
    "url", ["https://example.org/a.git", "ssh://git@example.org/a", "git@example.org:a/b.git"]
)
def test_url_is_a_git_target(url: str) -> None:
    assert command.read_target(url) == {"kind": "git", "url": url}


def test_directory_is_a_path_target(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    assert command.read_target(str(tmp_path)) == {"kind": "path", "path": str(tmp_path.resolve())}


def test_bad_paths_have_errors_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "empty" / ".git").mkdir(parents=True)
    (tmp_path / "file").touch()
    told = []
    for name in ("missing", "empty", "file"):
        with pytest.raises(ClientError) as caught:
            command.read_target(str(tmp_path / name))
        assert caught.value.exit_code == 2
        told.append(str(caught.value).replace(str(tmp_path), "."))
    assert told == [
        "there is no './missing' (looked at ./missing)",
        "'./empty' is empty: there is nothing to inspect",
        "'./file' is neither a directory nor an archive (.tar, .tar.gz, .tgz, .tar.bz2, .tar.xz, .zip)",
    ]


@pytest.mark.parametrize(
    ("target", "slug"),
    [
        ({"kind": "path", "path": "/repositories/My Shop/"}, "my-shop"),
        ({"kind": "git", "url": "git@example.org:acme/Shop.git"}, "shop"),
        ({"kind": "git", "url": "host:shop"}, "shop"),
        ({"kind": "upload", "path": "/tmp/shop-1.2.tar.gz"}, "shop-1-2"),
        ({"kind": "path", "path": "/"}, ""),
        ({"kind": "path", "path": str(services.SAMPLE)}, ""),
    ],
)
def test_each_repository_is_counted_in_a_project_of_its_own(target: dict[str, str], slug: str) -> None:
    assert command.project_for(target) == slug


@pytest.mark.parametrize(
    ("target", "known", "is_own"),
    [
        ({"kind": "path", "path": "/a/shop"}, [], False),
        ({"kind": "path", "path": "/a/shop"}, ["/b/shop", "/a/shop"], False),
        ({"kind": "path", "path": "/a/shop"}, ["/b/shop"], True),
        (
            {"kind": "git", "url": "https://me:x@h.example/a/shop.git"},
            ["https://h.example/a/shop.git at v1"],
            False,
        ),
        ({"kind": "git", "url": "https://h.example/a/shop.git"}, ["https://h.example/b/shop.git"], True),
        ({"kind": "upload", "path": "/a/shop.zip"}, ["/b/shop"], False),
    ],
)
def test_folders_of_one_name_are_counted_apart(
    target: dict[str, str], known: list[str], is_own: bool, api: FakeApi, client: ApiClient
) -> None:
    api.targets = known
    slug = command.own_slug(client, "shop", target)
    assert (slug != "shop") is is_own
    assert not is_own or re.fullmatch(r"shop-[0-9a-f]{6}", slug)
    assert slug == command.own_slug(client, "shop", target)


def test_project_is_made_once(api: FakeApi, client: ApiClient) -> None:
    assert command.made_project(client, "default", "") == "default"
    assert api.asked == []
    assert [command.made_project(client, "default", "shop") for _ in range(2)] == ["default/shop"] * 2
    assert [(verb, path, body) for verb, path, body in api.asked] == [
        ("GET", "/api/v1/projects/default/shop", None),
        ("POST", "/api/v1/projects", {"team": "default", "slug": "shop"}),
        ("GET", "/api/v1/projects/default/shop", None),
    ]


def test_archive_is_sent_first(tmp_path: Path) -> None:
    (tmp_path / "shop.TAR.GZ").touch()
    given = str(tmp_path / "shop.TAR.GZ")
    assert command.read_target(given) == {"kind": "upload", "path": given}


def test_serve_that_may_not_read_the_path_is_told_how_to(tmp_path: Path) -> None:
    target = {"kind": "path", "path": str(tmp_path)}
    command.refuse_unreadable({"pid": "1", "roots": f"/nope:{tmp_path.parent}"}, target)
    with pytest.raises(ClientError, match=r"start it with --root .* or end it first by \./wrench stop"):
        command.refuse_unreadable({"pid": "1", "roots": "/nope"}, target)


def test_clean_keeps_letters_and_drops_what_steers_a_terminal() -> None:
    assert clean("é\x1b]0;x\x07 a\nb\u202ec") == "é]0;x a bc"
