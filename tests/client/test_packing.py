"""Folders as archives: what git tracks, nothing that it ignores, no link followed."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from wrenchai_client.errors import ClientError
from wrenchai_client.packing import packed, packed_base
from wrenchai_client.server import ApiClient
from wrenchai_client.targets import sent_sarif


def names(folder: Path) -> list[str]:
    with packed(folder) as archive, tarfile.open(archive.path) as tar:
        members = tar.getmembers()
        assert archive.files == len(members)
        assert {(member.uid, member.uname) for member in members} == {(0, "")}
        return [member.name for member in members]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.py", "sub/b.py", "sub/new.py", "secret.env", ".gitignore", "node_modules/x.js"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / ".gitignore").write_text("*.env\nnode_modules\n")
    return tmp_path


def git(folder: Path, *argv: str) -> None:
    subprocess.run(["git", "-C", str(folder), *argv], check=True, capture_output=True)


def test_repository_goes_without_what_it_ignores(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "a.py", "sub/b.py", ".gitignore")
    assert names(folder) == [".gitignore", "a.py", "sub/b.py", "sub/new.py"]
    (folder / "a.py").unlink()
    assert names(folder) == [".gitignore", "sub/b.py", "sub/new.py"]
    assert names(folder / "sub") == ["b.py", "new.py"]


def test_folder_without_git_goes_without_what_tools_leave(folder: Path) -> None:
    assert names(folder) == [".gitignore", "a.py", "secret.env", "sub/b.py", "sub/new.py"]


def test_links_go_as_links(folder: Path) -> None:
    (folder / "out").symlink_to("/etc")
    (folder / "passwd").symlink_to("/etc/passwd")
    with packed(folder) as archive, tarfile.open(archive.path) as tar:
        assert {tar.getmember(name).type for name in ("out", "passwd")} == {tarfile.SYMTYPE}
        assert not [name for name in tar.getnames() if name.startswith("out/")]


def test_archive_is_gone_afterwards(folder: Path) -> None:
    with packed(folder) as archive:
        assert archive.path.stat().st_size == archive.size
    assert not archive.path.exists()


def test_empty_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClientError, match="has no files"), packed(tmp_path / "empty"):
        pass


def test_nothing_that_the_folders_git_configuration_names_is_executed(folder: Path, tmp_path: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    (folder / ".gitattributes").write_text("*.py filter=evil filter=\n*.py filter=e=vil\n")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "one")
    canary = tmp_path.parent / "executed"
    script = tmp_path.parent / "evil.sh"
    script.write_text(f"#!/bin/sh\necho $0 $* >> {canary}\ncat\n")
    hooks = tmp_path.parent / "hooks"
    hooks.mkdir()
    for place in (script, hooks / "post-index-change", hooks / "post-checkout"):
        place.write_text(script.read_text())
        place.chmod(0o755)
    git(folder, "config", "core.fsmonitor", str(script))
    git(folder, "config", "core.hooksPath", str(hooks))
    for driver in ("evil", "e=vil"):
        for key in ("clean", "smudge", "process"):
            git(folder, "config", f"filter.{driver}.{key}", f"{script} {key}")
        git(folder, "config", f"filter.{driver}.required", "true")
    names(folder)
    with packed_base(folder, "HEAD") as archive:
        assert archive.files == 5
    assert not canary.exists()


def test_git_that_would_execute_what_the_folder_names_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(folder, "init", "-q")
    old = tmp_path.parent / "old"
    old.mkdir()
    (old / "git").write_text("#!/bin/sh\necho git version 2.30.2\n")
    (old / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(old), prepend=":")
    with pytest.raises(ClientError, match=r"version 2\.30\.2' would execute .*; install git 2\.31 or newer"):
        names(folder)


def test_settings_that_the_user_gives_git_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(folder, "init", "-q")
    private = folder.parent / "private"
    private.write_text("b.py\n")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.excludesFile")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(private))
    assert names(folder) == [".gitignore", "a.py", "sub/new.py"]


def test_empty_and_missing_files_of_other_tools_are_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.sarif").touch()
    (tmp_path / "good.sarif").write_text("{}")
    server = ApiClient("http://127.0.0.1:9", "unused")  # nothing is sent before all are looked at
    for name, why in (("empty.sarif", "the file is empty"), ("gone.sarif", "there is no such file")):
        with pytest.raises(ClientError, match=rf"{name}: {why}"):
            sent_sarif(server, [tmp_path / "good.sarif", tmp_path / name], project="p", say=str)
    server.close()
