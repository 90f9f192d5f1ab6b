"""Runs, files and uploads of any age, and what a round of pruning has made of them."""

from __future__ import annotations

import io
import os
import time
from datetime import timedelta
from pathlib import Path

from django.apps import apps

from accounts.models import Project
from tasks import artifacts, partitions, retention
from tasks.models import Artifact, Event, Installation, PruneReport, RetentionPolicy, Run, Upload
from tasks.runs.moves import database_now


def age(run: Run, days: int) -> Run:
    """Let a run have been made, and have ended if it is over, so many days before."""
    back = timedelta(days=days)
    day = run.created_day - back
    partitions.ensure_once(day)
    Event.objects.filter(run=run).update(run_day=day)
    Run.objects.filter(pk=run.pk).update(created_day=day, created_at=run.created_at - back)
    if run.finished_at is not None:
        Run.objects.filter(pk=run.pk).update(finished_at=run.finished_at - back)
    for artifact in Artifact.objects.filter(run=run):
        age_file(artifact.digest, days)
    run.refresh_from_db()
    return run


def age_file(digest: str, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(place(digest), (then, then))


def place(digest: str) -> Path:
    found = artifacts.folder_store()
    assert found is not None
    return Path(found.path(f"{digest[:2]}/{digest[2:4]}/{digest}"))


def upload(project: Project, content: bytes, *, days: int) -> Upload:
    ref = artifacts.put_upload(
        "shop.zip", io.BytesIO(content), project_id=project.pk, owner_id=None, most_bytes=1000
    )
    age_file(ref.digest, days)
    Upload.objects.filter(digest=ref.digest).update(created_at=database_now() - timedelta(days=days))
    return Upload.objects.get(digest=ref.digest)


def orphan(content: bytes, *, days: float) -> str:
    ref = artifacts.put("x", content, media_type="text/plain")
    age_file(ref.digest, days)
    return ref.digest


def census() -> dict[str, int]:
    """How many rows there are of each model that a round may touch."""
    models = [*apps.get_app_config("tasks").get_models(), *apps.get_app_config("agents").get_models()]
    kept = {Installation, PruneReport, RetentionPolicy}
    return {model._meta.label: model._base_manager.count() for model in models if model not in kept}


def pruned() -> dict[str, int]:
    """Do a round and compare its report with what is gone, and with what was forecast."""
    expected, before, files, days = retention.forecast(), census(), stored(), set(partitions.days())
    report = retention.prune()
    after = census()
    gone = {label: before[label] - after[label] for label in before if before[label] != after[label]}
    counts = {what: many for what, many in report.counts.items() if "." in what}
    assert counts == gone
    assert report.counts.get("files", 0) == len(files) - len(stored())
    assert report.counts.get("bytes", 0) == sum(files.values()) - sum(stored().values())
    assert report.counts.get("partitions", 0) == len(days - set(partitions.days()))
    assert report.counts == expected
    assert report.ended_at is not None
    assert report.error == ""
    return dict(report.counts)


def read(digest: str) -> bytes:
    with artifacts.open_blob(digest) as blob:
        return blob.read()


def stored() -> dict[str, int]:
    root = Path(artifacts.folder_store().location)
    return {path.name: path.stat().st_size for path in root.glob("??/??/[0-9a-f]*")}
