"""The command that makes an installation ready: once, again, and by two at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import EntryLink, Project, User
from tasks.models import Installation, Run
from wrenchai_project import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_folders(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    yield
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process


def bootstrap(*options: str) -> dict[str, str | None]:
    out = StringIO()
    call_command("bootstrap", "--json", *options, stdout=out)
    return json.loads(out.getvalue().strip().splitlines()[-1])


def test_the_password_is_made_once_when_asked_for() -> None:
    assert bootstrap()["password"] is None
    first, second = bootstrap("--password"), bootstrap("--password")
    assert (first["admin"], first["project"], second["password"]) == ("admin", "default", None)
    assert User.objects.get().check_password(str(first["password"]))
    client = APIClient()
    for entry in (first, second):
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {entry['token']}")
        assert client.get("/api/v1/runs?project=default").status_code == 200


def test_two_at_once_make_one_of_each() -> None:
    told: list[dict[str, str | None]] = []

    def go() -> None:
        told.append(bootstrap("--password"))
        connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(told) == 3
    assert sum(1 for entry in told if entry["password"]) == 1
    assert (User.objects.count(), Project.objects.count()) == (1, 1)


def test_folder_of_another_installation_is_refused(settings: Any) -> None:
    bootstrap()
    bootstrap()
    Installation.objects.all().delete()  # from here on it is another one
    with pytest.raises(CommandError, match=r"another installation.*set WRENCH_ARTIFACTS_DIR"):
        bootstrap()
    call_command("artifacts_folder", "--take", stdout=StringIO())
    bootstrap()


def test_folder_that_cannot_be_made_is_told_and_no_reason_to_stop(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.ARTIFACTS_DIR = tmp_path / "file" / "artifacts"
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    told = StringIO()
    call_command("bootstrap", stdout=StringIO(), stderr=told)
    assert "is not marked from here" in told.getvalue()


def test_link_signs_in_once_and_leads_to_a_first_run_of_the_sample(settings: Any) -> None:
    settings.LOCAL_ROOTS = [services.SAMPLE]
    entry = bootstrap("--link", "--password")
    run = Run.objects.get()
    assert (run.goal, run.owner, run.request["target"]) == (
        services.GOAL,
        User.objects.get(),
        {"kind": "path", "path": str(services.SAMPLE)},
    )
    answer = Client().get(str(entry["link"]))
    assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run.public_id}")
    assert Client().get(str(entry["link"])).status_code == 410
    later = bootstrap("--link")
    assert Run.objects.count() == 1
    assert Client().get(str(later["link"]))["Location"] == "/"


def test_no_first_run_where_workers_may_not_read_the_sample(settings: Any) -> None:
    settings.LOCAL_ROOTS = []
    assert Client().get(str(bootstrap("--link")["link"]))["Location"] == "/"
    assert not Run.objects.exists()


def test_no_link_unless_asked_for() -> None:
    assert "link" not in bootstrap("--password")
    assert not EntryLink.objects.exists()
