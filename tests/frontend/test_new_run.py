"""The page of a new run: what starts, what is refused beside which field, and what a run would do."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from tasks.models import Run, Upload
from tests.api.cast import GOAL, Cast, browser

PATH = "/runs/new"
PREVIEW = f"{PATH}/preview"
URL = "https://git.example.org/team/shop.git"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> Any:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.LOCAL_ROOTS = [tmp_path]
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    yield
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process


def form(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {"goal": GOAL, "target": URL, "project": cast.project.pk, "ticket": str(uuid4()), **changes}


def archive(name: str = "shop.tar.gz") -> SimpleUploadedFile:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as file:
        file.addfile(tarfile.TarInfo("empty.py"))
    return SimpleUploadedFile(name, made.getvalue())


@pytest.mark.parametrize("path", [PATH, PREVIEW])
def test_stranger_is_sent_to_sign_in_and_viewers_are_refused(cast: Cast, path: str) -> None:
    assert Client().post(path, form(cast))["Location"] == f"/login/?next={path}"
    assert browser(cast.vera).post(path, form(cast)).status_code == 403
    assert browser(cast.vera).get(PATH).status_code == 403
    assert not Run.objects.exists()


@pytest.mark.usefixtures("planner")
class TestStarting:
    def test_form_starts_a_run_once_however_often_it_is_sent(self, cast: Cast) -> None:
        client, sent = browser(cast.bob), form(cast)
        answers = [client.post(PATH, sent) for _ in range(2)]
        run = Run.objects.get()
        assert [answer["Location"] for answer in answers] == [f"/runs/{run.public_id}"] * 2
        assert (run.owner, run.project, run.goal, run.priority) == (cast.bob, cast.project, GOAL, None)

    def test_ref_base_and_priority_become_part_of_the_request(self, cast: Cast) -> None:
        browser(cast.bob).post(PATH, form(cast, ref="feature/x", base="main", priority="2"))
        run = Run.objects.get()
        target = {"kind": "git", "url": URL, "ref": "feature/x", "depth": 1}
        assert run.request == {"goal": GOAL, "target": target, "base": {**target, "ref": "main"}}
        assert run.priority == 2

    def test_changed_form_that_was_sent_before_is_told_so_and_works_the_next_time(self, cast: Cast) -> None:
        client, sent = browser(cast.bob), form(cast)
        client.post(PATH, sent)
        answer = client.post(PATH, {**sent, "goal": "something else"})
        assert (answer.status_code, Run.objects.count()) == (400, 1)
        assert "This form has started a run before" in answer.content.decode()
        ticket = answer.context["form"]["ticket"].value()
        assert ticket != sent["ticket"]
        assert client.post(PATH, {**sent, "goal": "something else", "ticket": ticket}).status_code == 302

    @pytest.mark.parametrize(
        ("changes", "field", "told"),
        [
            ({"goal": ""}, "goal", "Say what should be done"),
            ({"goal": "x" * 4001}, "goal", "at most 4000 characters"),
            ({"goal": "a\0b"}, "goal", "Null characters are not allowed"),
            ({"target": "file:///etc/passwd"}, "target", "the target cannot be read"),
            ({"target": ""}, "target", "Say where the code is"),
            ({"target": "/etc"}, "target", "lies outside the folders that may be read"),
            (
                {"target": "https://bob:secret@git.example.org/x.git"},
                "target",
                "holds a user name or password",
            ),
            ({"target": URL, "ref": "-x"}, "target", "a ref is the name of a branch"),
            ({"base": "no such/../thing"}, "base", "a ref is the name of a branch"),
            ({"base": "/etc"}, "base", "lies outside the folders"),
            ({"priority": "11"}, "priority", "Select a valid choice"),
            ({"project": "x"}, "project", "There is no such project"),
            ({"project": "9" * 30}, "project", "There is no such project"),
            ({"target": "", "digest": "0" * 64}, "archive", "is not here any more"),
        ],
    )
    def test_fault_stands_beside_its_field_and_what_was_typed_stays(
        self, cast: Cast, changes: dict[str, str], field: str, told: str
    ) -> None:
        answer = browser(cast.bob).post(PATH, form(cast, **changes))
        errors = answer.context["form"].errors
        assert (answer.status_code, list(errors)) == (400, [field])
        assert told in errors[field][0]
        assert answer.context["form"]["target"].value() == changes.get("target", URL)
        assert not Run.objects.exists()

    def test_project_of_others_is_none(self, cast: Cast) -> None:
        assert browser(cast.bob).post(PATH, form(cast, project=cast.other.pk)).status_code == 400
        assert not Run.objects.exists()

    def test_archive_is_uploaded_and_becomes_the_target(self, cast: Cast) -> None:
        answer = browser(cast.bob).post(PATH, form(cast, target="", archive=archive()))
        assert answer.status_code == 302
        kept = Upload.objects.get()
        assert (kept.project, kept.uploaded_by, kept.name) == (cast.project, cast.bob, "shop.tar.gz")
        assert Run.objects.get().request["target"] == {
            "kind": "archive",
            "digest": kept.digest,
            "name": "shop.tar.gz",
        }

    def test_archive_survives_a_fault_elsewhere(self, cast: Cast) -> None:
        client = browser(cast.bob)
        answer = client.post(PATH, form(cast, goal="", target="", archive=archive()))
        assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["goal"])
        page = answer.content.decode()
        assert "shop.tar.gz is uploaded" in page
        digest = answer.context["form"]["digest"].value()
        again = client.post(PATH, form(cast, target="", digest=digest, archive_name="shop.tar.gz"))
        assert again.status_code == 302

    @pytest.mark.parametrize(
        ("name", "content", "told"),
        [
            ("notes.txt", b"x", "is no archive"),
            ("a.zip", b"", "is empty"),
            ("a.zip", b"x" * 2000, "has more than"),
        ],
    )
    def test_file_that_cannot_be_taken_is_told_beside_its_field(
        self, cast: Cast, settings: Any, name: str, content: bytes, told: str
    ) -> None:
        settings.UPLOAD_BYTES = 1000
        file = SimpleUploadedFile(name, content)
        answer = browser(cast.bob).post(PATH, form(cast, target="", archive=file))
        errors = answer.context["form"].errors
        assert (answer.status_code, list(errors)) == (400, ["archive"])
        assert told in errors["archive"][0]
        assert not Upload.objects.exists()

    def test_upload_into_a_project_of_others_stores_nothing(self, cast: Cast) -> None:
        sent = form(cast, project=cast.other.pk, target="", archive=archive())
        assert browser(cast.bob).post(PATH, sent).status_code == 400
        assert not Upload.objects.exists()

    def test_archive_of_another_project_is_no_target(self, cast: Cast) -> None:
        client = browser(cast.charlie)
        client.post(PATH, form(cast, project=cast.other.pk, target="", archive=archive()))
        digest = Upload.objects.get().digest
        answer = browser(cast.bob).post(PATH, form(cast, target="", digest=digest, archive_name="x.zip"))
        assert list(answer.context["form"].errors) == ["archive"]

    def test_archive_can_be_let_go_for_an_address(self, cast: Cast) -> None:
        client = browser(cast.bob)
        client.post(PATH, form(cast, goal="", target="", archive=archive()))
        kept = {"digest": Upload.objects.get().digest, "archive_name": "shop.tar.gz"}
        both = client.post(PATH, form(cast, **kept))
        assert list(both.context["form"].errors) == ["target"]
        assert "Give one" in both.context["form"].errors["target"][0]
        answer = client.post(PATH, form(cast, **kept, act="forget"))
        assert (answer.status_code, Run.objects.exists()) == (200, False)
        assert [answer.context["form"][name].value() for name in ("digest", "target")] == ["", URL]
        assert "is uploaded" not in answer.content.decode()

    @pytest.mark.parametrize("name", ["a\nb.zip", "../a.zip", "x" * 256])
    def test_name_of_an_archive_that_no_browser_sends_is_refused(self, cast: Cast, name: str) -> None:
        client = browser(cast.bob)
        client.post(PATH, form(cast, target="", archive=archive()))
        digest = Upload.objects.get().digest
        answer = client.post(PATH, form(cast, target="", digest=digest, archive_name=name))
        assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["archive_name"])

    def test_form_without_its_token_is_told_so(self, cast: Cast) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(cast.bob)
        answer = client.post(PATH, form(cast))
        assert (answer.status_code, "too old" in answer.content.decode()) == (403, True)


def test_address_fills_the_form(cast: Cast) -> None:
    answer = browser(cast.alice).get(
        PATH, {"project": "alice/shop", "goal": EVIL, "target": URL, "ref": "next\0"}
    )
    begun = answer.context["form"]
    assert [begun[name].value() for name in ("goal", "target", "ref")] == [EVIL, URL, "next"]
    assert EVIL not in answer.content.decode()
    assert "This goal leads to no analysis" in answer.content.decode()  # the plan of what it begins with
    assert browser(cast.alice).get(PATH, {"project": "charlie/other"}).status_code == 200


@pytest.mark.usefixtures("planner")
def test_form_of_a_project_begins_with_what_its_last_run_looked_at(cast: Cast) -> None:
    path, client = f"{PATH}?project=alice/shop", browser(cast.alice)
    assert client.get(path).context["form"]["target"].value() is None
    client.post(PATH, form(cast, ref="next"))
    begun = client.get(path).context["form"]
    assert (begun["target"].value(), begun["ref"].value()) == (URL, "next")
    assert client.get(PATH).context["form"]["target"].value() is None
    client.post(PATH, form(cast, target="", archive=archive()))
    assert client.get(path).context["form"]["target"].value() is None


def test_form_shows_only_the_chosen_project_to_who_has_one(cast: Cast) -> None:
    page = browser(cast.bob).get(PATH).content.decode()
    assert f'<input type="hidden" name="project" value="{cast.project.pk}">' in page
    Membership.objects.create(user=cast.bob, team=cast.other.team, role=30)
    both = browser(cast.bob).get(f"{PATH}?project=charlie/other").content.decode()
    assert f'<option value="{cast.other.pk}" selected>Other (charlie/other)</option>' in both


def test_preview_names_steps_reasons_and_what_is_not_known(cast: Cast) -> None:
    told = seen_part(cast, goal="check the dependencies for known vulnerabilities")
    assert "time not known yet" in told
    assert "Plan the work" in told
    assert "Write the report" in told
    assert "if it fits" in told
    assert "This project has not looked at this code yet" in told
    assert not Run.objects.exists()


def test_preview_without_a_target_tells_what_the_words_lead_to(cast: Cast) -> None:
    told = seen_part(cast, target="")
    assert "What your words lead to. Which of it fits is known when the code is." in told


def test_preview_says_what_cannot_be_done(cast: Cast) -> None:
    told = seen_part(cast, goal="book me a flight to Lisbon")
    assert "This goal leads to no analysis." in told
    assert "Nobody here can do this" in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"goal": " "}, "Say what should be done"),
        ({"target": "ftp://x"}, "The address cannot be read yet."),
        ({"project": "0"}, "Say what should be done"),
        ({"goal": "\0"}, "Say what should be done"),
        ({"goal": "x" * 9000}, "Say what should be done"),
        ({"digest": "x"}, "The address cannot be read yet."),
    ],
)
def test_preview_bears_what_is_half_typed(cast: Cast, changes: dict[str, str], told: str) -> None:
    assert told in seen_part(cast, **changes)


def test_preview_button_works_without_a_script_and_starts_nothing(cast: Cast) -> None:
    answer = browser(cast.bob).post(PATH, form(cast, act="preview", target="", archive=archive()))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Plan the work" in page
    assert "shop.tar.gz is uploaded" in page
    assert GOAL in page
    assert not Run.objects.exists()


def test_queries_of_the_page_are_few(cast: Cast, steady_rules: None) -> None:
    client = browser(cast.bob)
    client.get(PATH)
    with CaptureQueriesContext(connection) as caught:
        client.get(PATH)
    assert len(caught) <= 14


def seen_part(cast: Cast, **changes: Any) -> str:
    answer = browser(cast.bob).post(PREVIEW, form(cast, **changes))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
