"""A project's documentation: what there is, and that nothing in it can act."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import sessions
from accounts.models import DeviceSession, EndedBecause, Membership, User
from agents.catalog import current_registry
from agents.superagent.selection import select
from frontend import document_files
from frontend.documents import KINDS
from tasks import artifacts
from tasks.models import Artifact, Run, Step
from tests.api.cast import Cast, browser, submit_run
from tests.frontend.test_projects import seen

PATH = "/projects/alice/shop/documentation"
EVIL = "<script>alert(1)</script>"
OPERATIONS = {
    "reference": "api_reference",
    "architecture": "architecture_map",
    "data-model": "data_model",
    "http-api": "http_api",
    "changelog": "changelog",
    "docstrings": "docstring_report",
}


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> Any:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    yield
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process


def site(**pages: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in pages.items():
            archive.writestr(name.replace("__", "/") + ".html", text)
    return made.getvalue()


def wrote(cast: Cast, name: str, content: bytes, *, agent: str = "documentation") -> Artifact:
    """Let a run of the project have written this."""
    run = submit_run(cast.project)
    step = Step.objects.get(run=run)
    Step.objects.filter(pk=step.pk).update(agent=agent)
    ref = artifacts.put(name, content, media_type="text/html; charset=utf-8")
    return Artifact.objects.create(
        run=run, step=step, name=name, digest=ref.digest, size=ref.size, media_type=ref.media_type,
        created_at=run.created_at,
    )  # fmt: skip


def frame(client: Client, kind: str = "") -> str:
    """The address of the frame on a page."""
    page = client.get(f"{PATH}/{kind}" if kind else PATH).content.decode()
    found = re.search(r'<iframe class="document-frame" src="([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_goal_of_each_kind_leads_to_who_writes_it(kind: Any) -> None:
    chosen = {choice.operation.name for choice in select(kind.goal, current_registry()).chosen}
    assert OPERATIONS[kind.name] in chosen


@pytest.mark.usefixtures("planner")
class TestPage:
    @pytest.mark.parametrize("path", [PATH, f"{PATH}/changelog"])
    def test_stranger_is_sent_to_sign_in_and_others_find_nothing(self, cast: Cast, path: str) -> None:
        assert Client().get(path)["Location"] == f"/login/?next={path}"
        assert browser(cast.charlie).get(path).status_code == 404
        assert browser(cast.vera).get(path).status_code == 200
        assert browser(cast.vera).get(f"{PATH}/nothing").status_code == 404

    def test_nothing_written_yet_says_what_writes_it(self, cast: Cast) -> None:
        told = seen(browser(cast.bob), PATH)
        assert "Nothing is written yet." in told
        page = browser(cast.bob).get(f"{PATH}/changelog").content.decode()
        assert '"/runs/new?project=alice%2Fshop&amp;goal=Write+a+changelog"' in page
        assert "Have it written" not in seen(browser(cast.vera), f"{PATH}/changelog")

    def test_document_of_a_live_database_is_written_anew_by_the_words_that_named_it(self, cast: Cast) -> None:
        written = wrote(cast, "data_model.html", b"<h1>Data model</h1>")
        Run.objects.filter(pk=written.run_id).update(goal="ER diagram of the live database shop")
        page = browser(cast.bob).get(f"{PATH}/data-model").content.decode()
        assert "goal=Draw+the+data+model" in page, "it was drawn of the source, whatever its goal speaks of"
        Step.objects.filter(pk=written.step_id).update(input={"database": "shop"})
        page = browser(cast.bob).get(f"{PATH}/data-model").content.decode()
        assert "goal=ER+diagram+of+the+live+database+shop" in page

    def test_newest_document_is_shown_with_run_and_revision(self, cast: Cast) -> None:
        wrote(cast, "changelog.md", b"# Old")
        newest = wrote(cast, "changelog.md", b"# New")
        output = {"snapshot": {"revision": "4f1c0e2aa0"}}
        Step.objects.create(
            run=newest.run, project=cast.project, key="super.plan", agent="super", operation="plan",
            queue="agent.super", output=output, priority=1, available_at=newest.created_at,
            rank=newest.created_at, max_attempts=1, timeout_seconds=1, created_at=newest.created_at,
        )  # fmt: skip
        client = browser(cast.vera)
        page = client.get(f"{PATH}/changelog").content.decode()
        assert f"/runs/{newest.run.public_id}" in page
        assert "4f1c0e2aa0" in page
        assert "<h1>New</h1>" in client.get(frame(client, "changelog")).content.decode()

    def test_of_several_forms_the_site_counts_and_of_an_older_run_none(self, cast: Cast) -> None:
        wrote(cast, "api_reference.html", b"<p>one page</p>")
        archive = wrote(cast, "api_reference.zip", site(index="<p>a site</p>"))
        client = browser(cast.vera)
        assert b"a site" in client.get(frame(client)).content
        wrote(cast, "api_reference.html", b"<p>a newer page</p>")
        assert b"a newer page" in client.get(frame(client)).content
        assert archive.name == "api_reference.zip"

    def test_what_others_named_so_is_no_document(self, cast: Cast) -> None:
        wrote(cast, "changelog.md", b"# Evil", agent="inspector")
        assert "Nothing is written yet." in seen(browser(cast.vera), PATH)

    def test_page_lets_a_frame_of_our_own_in_and_nothing_else(self, cast: Cast) -> None:
        wrote(cast, "changelog.md", b"# New")
        answer = browser(cast.vera).get(PATH)
        assert answer["Content-Security-Policy"].endswith("frame-src 'self'")
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in answer.content.decode()

    def test_queries_do_not_grow(self, cast: Cast, steady_rules: None) -> None:
        client = browser(cast.vera)

        def queries() -> int:
            with CaptureQueriesContext(connection) as caught:
                client.get(PATH)
            return len(caught)

        wrote(cast, "changelog.md", b"# New")
        queries()
        few = queries()
        for name in ("api_reference.html", "data_model.html", "http_api.html", "changelog.md"):
            wrote(cast, name, b"x")
        assert (queries(), few <= 14) == (few, True)


@pytest.mark.usefixtures("planner")
class TestFiles:
    def test_file_is_shown_without_a_cookie_in_a_sandbox(self, cast: Cast) -> None:
        wrote(cast, "api_reference.zip", site(index=f"<p>{EVIL}</p>", api__shop="<p>the module</p>"))
        address = frame(browser(cast.vera))
        answer = Client().get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
        policy = answer["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
        assert not {"allow-scripts", "allow-same-origin", "allow-forms", "script-src"} & set(policy.split())
        assert (answer["X-Frame-Options"], answer["Referrer-Policy"]) == ("SAMEORIGIN", "no-referrer")
        assert answer["X-Content-Type-Options"] == "nosniff"
        second = Client().get(address.replace("index.html", "api/shop.html"))
        assert b"the module" in second.content
        assert Client().post(address).status_code == 405

    @pytest.mark.parametrize(
        "path", ["nothing.html", "../secrets", "%2e%2e/x", "/etc/passwd", "api", "a%00b", "x" * 3000]
    )
    def test_other_paths_lead_nowhere(self, cast: Cast, path: str) -> None:
        wrote(cast, "api_reference.zip", site(index="<p>x</p>"))
        address = frame(browser(cast.vera))
        assert Client().get(address.replace("index.html", path)).status_code == 404

    def test_markdown_is_text_whatever_is_in_it(self, cast: Cast) -> None:
        text = f"# Changes\n\n{EVIL}\n\n[a](javascript:alert(1)) [b](https://example.org/) ![c](x onerror=alert(1))\n"
        wrote(cast, "changelog.md", text.encode() + b"\xff\xfe")
        page = Client().get(frame(browser(cast.vera))).content.decode()
        assert EVIL not in page
        assert 'href="javascript' not in page
        assert '<a target="_blank" rel="noopener noreferrer" href="https://example.org/">' in page

    def test_links_to_ourselves_stay_in_the_frame_where_they_are_refused(self, cast: Cast) -> None:
        wrote(
            cast,
            "data_model.html",
            b'<a href="http://testserver/runs">x</a> <a class="y" href="https://a.b/">y</a>',
        )
        page = Client().get(frame(browser(cast.vera))).content
        assert b'<a href="http://testserver/runs">' in page
        assert b'<a target="_blank" rel="noopener noreferrer" class="y" href="https://a.b/">' in page

    @pytest.mark.parametrize(
        "how", ["signed out", "no member any more", "run deleted", "closed", "tampered", "old"]
    )
    def test_address_ends_with_what_it_stands_on(
        self, cast: Cast, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = wrote(cast, "changelog.md", b"# New")
        address = frame(browser(cast.vera))
        assert Client().get(address).status_code == 200
        if how == "signed out":
            sessions.end_all(cast.vera.pk, EndedBecause.REVOKED)
        elif how == "no member any more":
            Membership.objects.filter(user=cast.vera).delete()
        elif how == "run deleted":
            Run.objects.filter(pk=row.run_id).update(hidden_at=row.created_at)
        elif how == "closed":
            User.objects.filter(pk=cast.vera.pk).update(is_active=False)
        elif how == "tampered":
            address = address.replace("/index.html", "x/index.html")
        else:
            monkeypatch.setattr(document_files, "LASTS", -1)
        answer = Client().get(address)
        assert (answer.status_code, "This address is over" in answer.content.decode()) == (410, True)
        assert answer["Content-Security-Policy"].startswith("sandbox")

    def test_address_is_no_use_for_anything_else(self, cast: Cast) -> None:
        wrote(cast, "changelog.md", b"# New")
        client = Client()
        client.get(frame(browser(cast.vera)))
        assert not client.cookies
        assert client.get(PATH).status_code == 302
        assert DeviceSession.objects.filter(user=cast.vera).count() == 1

    def test_bytes_that_retention_took_are_not_there(self, cast: Cast) -> None:
        row = wrote(cast, "changelog.md", b"# New")
        address = frame(browser(cast.vera))
        Artifact.objects.filter(pk=row.pk).update(digest="0" * 64)
        assert Client().get(address).status_code == 404

    def test_archive_that_is_none_and_page_that_is_too_large_are_not_there(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrote(cast, "api_reference.zip", b"no archive")
        assert Client().get(frame(browser(cast.vera))).status_code == 404
        whole = site(index="x" * 5000)
        begins = whole.index(b"index.html") + len("index.html")
        wrote(cast, "api_reference.zip", whole[:begins] + b"\xff\xff" + whole[begins + 2 :])
        assert Client().get(frame(browser(cast.vera))).status_code == 404
        wrote(cast, "api_reference.zip", whole)
        monkeypatch.setattr(document_files, "MAX_BYTES", 4000)
        assert Client().get(frame(browser(cast.vera))).status_code == 404

    @pytest.mark.parametrize(
        ("method", "how"),
        [
            (zipfile.ZIP_DEFLATED, "spoilt"),
            (zipfile.ZIP_BZIP2, "spoilt"),
            (zipfile.ZIP_LZMA, "spoilt"),
            (zipfile.ZIP_DEFLATED, "cut"),
        ],
    )
    def test_page_that_cannot_be_unpacked_is_not_there(self, cast: Cast, method: int, how: str) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as archive:
            archive.writestr("index.html", bytes(range(256)) * 400)
        whole = bytearray(made.getvalue())
        begins = 30 + len("index.html")
        if how == "spoilt":
            whole[begins : begins + 60] = b"\xff" * 60
        else:  # it says that more comes than there is
            whole[begins : begins + 5] = b"\0\xff\xff\0\0"
            at = whole.index(b"PK\x01\x02")
            whole[at + 20 : at + 24] = (1 << 20).to_bytes(4, "little")
        wrote(cast, "api_reference.zip", bytes(whole))
        assert Client().get(frame(browser(cast.vera))).status_code == 404

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("a.html", "text/html; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.js", "application/octet-stream"),
            ("a.svg", "application/octet-stream"),
            ("a.xhtml", "application/octet-stream"),
            ("a.xml", "application/octet-stream"),
            ("a.pdf", "application/octet-stream"),
            ("a.html.gz", "application/octet-stream"),
            ("a.css", "application/octet-stream"),
            ("a.png", "image/png"),
        ],
    )
    def test_kinds_that_could_act_elsewhere_are_bytes(self, cast: Cast, name: str, kind: str) -> None:
        """A script of an archive would be one of our own origin, which our pages load."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("index.html", "<p>x</p>")
            archive.writestr(name, "alert(1)")
        wrote(cast, "api_reference.zip", made.getvalue())
        address = frame(browser(cast.vera)).replace("index.html", name)
        assert Client().get(address)["Content-Type"] == kind
