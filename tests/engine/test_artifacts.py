"""Bytes by digest: stored whole or not at all, also on a full disk."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import artifacts
from tasks.errors import ArtifactMissing, ArtifactStoreFull

CONTENT = b"x" * 3_000_000


@pytest.fixture(autouse=True)
def store(settings, tmp_path: Path) -> Path:
    from django.core.files.storage import storages

    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    storages._storages.clear()
    yield settings.ARTIFACTS_DIR
    storages._storages.clear()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("form", ["bytes", "path", "stream"])
def test_content_comes_back_by_its_digest(store: Path, tmp_path: Path, form: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    content = {"bytes": CONTENT, "path": source, "stream": io.BytesIO(CONTENT)}[form]
    ref = artifacts.put("big.bin", content, media_type="application/octet-stream")
    assert (ref.digest, ref.size) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    with artifacts.open_blob(ref.digest) as blob:
        assert blob.read() == CONTENT
    assert artifacts.put("again", CONTENT, media_type="text/plain").digest == ref.digest
    assert len(files(store)) == 1


def test_unknown_digest_is_missing(store: Path) -> None:
    with pytest.raises(ArtifactMissing, match="0000 are not in the store"):
        artifacts.open_blob("0" * 64)


def test_failed_write_leaves_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        ArtifactStoreFull, match=r"no room for artifact 'a' of 3000000 bytes.*WRENCH_ARTIFACTS_DIR"
    ):
        artifacts.put("a", CONTENT, media_type="text/plain")
    assert files(store) == []


@pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root on Linux"
)
def test_really_full_disk(tmp_path: Path) -> None:
    """A tmpfs of 1 MiB in a mount namespace of its own: ENOSPC from the kernel."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        "import os,sys; sys.path.insert(0, os.getcwd())\n"
        "import django; django.setup()\n"
        "from tasks import artifacts; from tasks.errors import ArtifactStoreFull\n"
        "try: artifacts.put('a', b'x' * 3_000_000, media_type='text/plain')\n"
        "except ArtifactStoreFull as error: print('FULL', error)\n"
        "print('LEFT', [f for _, _, files in os.walk(os.environ['WRENCH_ARTIFACTS_DIR']) for f in files])\n"
    )
    command = f'mount -t tmpfs -o size=1m none "{disk}" && exec "{sys.executable}" -c "$SCRIPT"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command],
        env=os.environ
        | {
            "WRENCH_ARTIFACTS_DIR": str(disk / "a"),
            "SCRIPT": script,
            "DJANGO_SETTINGS_MODULE": "wrenchai_project.settings",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "permission denied" in done.stderr.lower():
        pytest.skip("this container may not mount")
    assert "FULL no room for artifact 'a' of 3000000 bytes: No space left on device" in done.stdout, (
        done.stderr
    )
    assert "LEFT []" in done.stdout
