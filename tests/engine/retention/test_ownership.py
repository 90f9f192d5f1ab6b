"""Whose a folder of artifacts is: nobody deletes what another installation, or another database, may still name."""

from __future__ import annotations

import json
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from tasks import artifacts, ownership, retention
from tasks.errors import ArtifactStoreForeign
from tasks.models import Artifact, Installation, PruneReport, RetentionPolicy, Run
from tasks.ownership import MARK, Owner
from tasks.retention import rounds
from tests.engine.retention.aging import age_file, orphan, place, read


def folder() -> Path:
    store = artifacts.folder_store()
    assert store is not None
    return Path(store.location)


def become_another() -> None:
    """From here on this database is another installation's, on the same folder."""
    Installation.objects.all().delete()


def said(*options: str) -> str:
    out = StringIO()
    call_command("artifacts_folder", *options, stdout=out)
    return out.getvalue()


def test_two_installations_on_one_folder_delete_nothing_of_each_other(
    policy: RetentionPolicy, finished: Any
) -> None:
    """Each took the other's bytes for bytes without a row."""
    first = orphan(b"of the first one", days=50)
    finished(1)
    assert retention.prune().counts["files"] == 1  # from here on the folder is the first one's
    theirs = orphan(b"of the first one, again", days=50)
    become_another()
    old = finished(31, content=b"of the second one")
    digest = Artifact.objects.get(run=old).digest
    with pytest.raises(CommandError, match="holds the artifacts of another installation"):
        call_command("prune")
    report = PruneReport.objects.latest("pk")
    assert "set WRENCH_ARTIFACTS_DIR to a folder of its own" in report.error
    assert report.counts["tasks.Run"] == 1  # rows are its own
    assert "files" not in report.counts
    assert not Run.every.filter(pk=old.pk).exists()
    assert (read(theirs), read(digest)) == (b"of the first one, again", b"of the second one")
    assert not place(first).exists()
    with pytest.raises(CommandError, match="another installation"):
        call_command("prune", "--dry-run")
    with pytest.raises(CommandError, match="another installation"):
        said()
    assert "is this installation's" in said("--take")
    assert retention.prune().counts["files"] == 2


def test_scheduler_goes_on_and_tells_in_its_report(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    retention.prune()
    become_another()
    PruneReport.objects.all().delete()
    daily = rounds.Daily()
    while not PruneReport.objects.filter(ended_at__isnull=False).exists():
        daily()
    assert "another installation" in PruneReport.objects.get().error
    assert daily() == 0


def test_folder_without_a_mark_that_holds_our_bytes_becomes_ours(
    policy: RetentionPolicy, finished: Any
) -> None:
    finished(1)
    digest = orphan(b"old", days=50)
    assert not (folder() / MARK).exists()
    assert "is nobody's yet" in said()
    assert retention.forecast()["files"] == 1
    assert not (folder() / MARK).exists()
    retention.prune()
    assert not place(digest).exists()
    assert ownership.owner_of(folder()) == ownership.ours()


def test_folder_without_a_mark_that_holds_unknown_bytes_is_left_alone(
    policy: RetentionPolicy, finished: Any
) -> None:
    """A new database that has rows of its own by now, on a folder that it has just been given."""
    digest = orphan(b"somebody else's", days=50)
    run = finished(1)
    place(Artifact.objects.get(run=run).digest).unlink()
    assert "files" not in retention.prune().counts
    assert place(digest).exists()
    assert "no row of this database names any of its files" in said()
    assert "is this installation's" in said("--take")
    assert retention.prune().counts["files"] == 1


def test_restored_database_deletes_only_when_a_person_says_so(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    retention.prune()
    mark = json.loads((folder() / MARK).read_text())
    (folder() / MARK).write_text(json.dumps(mark | {"database": "7/5"}))  # of the one that the backup is of
    digest = orphan(b"newer than the backup", days=50)
    with pytest.raises(ArtifactStoreForeign, match="restored from a backup, moved or copied"):
        retention.prune()
    assert place(digest).exists()
    said("--take")
    assert retention.prune().counts["files"] == 1


def test_mark_that_cannot_be_read_is_told(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    (folder() / MARK).write_text("{")
    with pytest.raises(ArtifactStoreForeign, match=r"cannot be read.*artifacts_folder --take"):
        retention.prune()
    said("--take")
    assert retention.prune().error == ""


def test_folder_that_cannot_be_reached_does_not_end_the_scheduler(
    policy: RetentionPolicy, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings.ARTIFACTS_DIR = tmp_path / "file" / "artifacts"
    storages._storages.clear()
    rounds.Daily()()
    assert retention.prune().error == ""


def test_of_two_that_mark_a_folder_at_once_one_is_its_owner(tmp_path: Path) -> None:
    for n in range(50):
        place = tmp_path / str(n)
        place.mkdir()
        together, refused = threading.Barrier(2), []

        def mark(
            who: str, place: Path = place, refused: list[str] = refused, together: Any = together
        ) -> None:
            together.wait(10)
            try:
                ownership._write(place, Owner(installation=who, database="1"), over=False)
            except FileExistsError:
                refused.append(who)

        threads = [threading.Thread(target=mark, args=(who,)) for who in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        owner = ownership.owner_of(place)
        assert owner is not None
        assert refused == [{"a": "b", "b": "a"}[owner.installation]]
        assert [path.name for path in place.iterdir()] == [MARK]


def test_database_has_a_name_that_stays(transactional_db: None) -> None:
    told = ownership.ours()
    assert told == ownership.ours()
    assert told.database.count("/") == 1


def test_young_files_of_our_own_stay(policy: RetentionPolicy, finished: Any) -> None:
    finished(1)
    digest = orphan(b"young", days=0)
    age_file(digest, 0.5)
    retention.prune()
    assert place(digest).exists()
