"""Files of others that we serve or test with are what their authors made, and bring their licence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.house.checkout import ROOT

FOLDERS = [
    folder
    for place in ("frontend/static/vendor", "tests/frontend/vendor")
    for folder in sorted((ROOT / place).iterdir())
    if folder.is_dir()
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_vendored_files_are_unchanged_and_licensed(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    present = {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    assert present == set(listed)
    assert "LICENSE" in present
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_folders_name_their_versions() -> None:
    assert [folder.name for folder in FOLDERS] == ["htmx-4.0.1", "axe-core-4.14.1"]
