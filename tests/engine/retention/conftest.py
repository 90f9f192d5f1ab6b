"""The cast of the retention's tests: a store of their own, a policy, and runs that are over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages

from accounts.models import Project
from tasks import artifacts, partitions
from tasks.models import Artifact, RetentionPolicy, Run, WorkerSession
from tasks.runs.moves import database_now
from tests.engine.conftest import Submit, drain, work
from tests.engine.retention.aging import age


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    yield tmp_path / "artifacts"
    storages._storages.clear()


@pytest.fixture(autouse=True)
def _no_old_days(transactional_db: None) -> Iterator[None]:
    """Take away the partitions that other tests' days have left."""
    yield
    today = database_now().date()
    for day in partitions.days():
        if day < today - timedelta(days=2):
            partitions.drop(day)


@pytest.fixture
def policy(project: Project) -> RetentionPolicy:
    return RetentionPolicy.objects.create(
        project=None, keep_runs_days=30, keep_events_days=20, keep_artifacts_days=10
    )


@pytest.fixture
def finished(submit: Submit, worker: WorkerSession) -> Callable[..., Run]:
    """A run that is over: with logs, events and an artifact, ended so many days ago."""

    def go(days: int = 0, *, content: bytes = b"hello", **options: Any) -> Run:
        run = submit(work("a", operation="say"), **options)
        drain()
        run.refresh_from_db()
        assert run.state == "succeeded"
        if content != b"hello":
            ref = artifacts.put("note.txt", content, media_type="text/plain")
            Artifact.objects.filter(run=run).update(digest=ref.digest, size=ref.size)
        return age(run, days)

    return go
