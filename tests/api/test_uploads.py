"""Uploads: bytes for a project, stored by digest, bounded, and of use to that project alone."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.core.files.storage import storages

from tasks import artifacts
from tasks.models import Upload
from tests.api.cast import GOAL, Cast, api

CONTENT = b"PK\x03\x04 not really a zip"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Any) -> Any:
    settings.ARTIFACTS_DIR = tmp_path
    storages._storages.clear()
    yield
    storages._storages.clear()


def send(
    user: Any, content: bytes = CONTENT, *, name: str = "shop.zip", project: str = "shop", **rest: Any
) -> Any:
    return api(user).post(
        f"/api/v1/uploads?name={name}&project={project}",
        data=content,
        content_type=rest.pop("content_type", "application/octet-stream"),
        **rest,
    )


def test_upload_gives_the_target_of_a_run(cast: Cast, planner: Any) -> None:
    answer = send(cast.bob)
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "digest": DIGEST,
            "size": len(CONTENT),
            "name": "shop.zip",
            "target": {"kind": "archive", "digest": DIGEST, "name": "shop.zip"},
        },
    )
    with artifacts.open_blob(DIGEST) as blob:
        assert blob.read() == CONTENT
    run = api(cast.bob).post(
        "/api/v1/runs", {"goal": GOAL, "target": answer.json()["target"], "project": "shop"}
    )
    assert run.status_code == 201


def test_same_bytes_are_one_upload(cast: Cast) -> None:
    assert [send(cast.bob).status_code, send(cast.alice, name="again.zip").status_code] == [201, 201]
    assert Upload.objects.get().name == "again.zip"


def test_upload_belongs_to_its_project_alone(cast: Cast) -> None:
    send(cast.bob)
    assert artifacts.belongs_to(DIGEST, project_id=cast.project.pk)
    assert not artifacts.belongs_to(DIGEST, project_id=cast.other.pk)


def test_viewer_and_stranger_may_not_upload(cast: Cast) -> None:
    assert (send(cast.vera).status_code, send(cast.charlie).status_code) == (403, 400)
    assert Upload.objects.count() == 0


@pytest.mark.parametrize("name", ["a/b.zip", "", "x" * 300, "%00.zip", "a%0Ab.zip"])
def test_unfit_name_is_refused(cast: Cast, name: str) -> None:
    answer = send(cast.bob, name=name)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "name")


def test_too_large_and_empty_bodies_are_refused(cast: Cast, settings: Any) -> None:
    settings.UPLOAD_BYTES = 10
    answer = send(cast.bob)
    assert (answer.status_code, "has more than 10 bytes" in answer.json()["detail"]) == (413, True)
    assert send(cast.bob, b"").status_code == 400
    assert Upload.objects.count() == 0


def test_other_content_types_are_refused(cast: Cast) -> None:
    assert send(cast.bob, content_type="application/json").status_code == 415
