"""Whose settings count: those of the remote's default branch, whatever a change says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agents.quality.reading import read
from agents.workspace import GitTarget, Limits, PathTarget, obtain
from agents.workspace.default_branch import MAX_BYTES, OF_DEFAULT, DefaultBranch, settings_in
from agents.workspace.git import Watch, clean_environment, default_branch, fetch
from agents.workspace.tree import SettingsFile
from tests.agents.workspace.conftest import git

STRICT = "version = 1\n[gate]\nnew_secrets = 'none'\n"
LOOSE = "version = 1\n[gate]\nnew_secrets = 'off'\n"
NAME = "git.example.test"


def committed(folder: Path, text: str) -> None:
    (folder / "wrench.toml").write_text(text)
    git("add", "-A", folder=folder)
    git("commit", "-qm", "settings", folder=folder)


def on_change(repository: Path, scratch: Path) -> DefaultBranch:
    """Fetch the branch `change` and what the default branch says, by the protocol that only tests may use."""
    url, into = f"file://{repository}", scratch / "clone"
    watch = Watch(limits=Limits(), cancelled=lambda: False, deadline=time.monotonic() + 20)
    environment = clean_environment(scratch, None, "", 5)
    target = GitTarget.model_construct(kind="git", url=url, ref="change", depth=1)
    fetch(url, target, into, environment=environment, watch=watch, protocols=("file",))
    return default_branch(url, into, environment=environment, watch=watch, protocols=("file",))


def test_a_change_cannot_loosen_its_own_gate(repository, scratch):
    committed(repository, STRICT)
    strict = git("rev-parse", "HEAD", folder=repository)
    git("checkout", "-qb", "change", folder=repository)
    committed(repository, LOOSE)
    git("checkout", "-q", "main", folder=repository)
    found = on_change(repository, scratch)
    assert (scratch / "clone" / "wrench.toml").read_text() == LOOSE
    assert found == DefaultBranch(
        commit=strict, settings=SettingsFile(content=STRICT.encode(), source=OF_DEFAULT)
    )
    assert read(found.settings.content, source=OF_DEFAULT).settings.gate.new_secrets == "none"


def test_a_file_that_only_a_change_has_does_not_count(repository, scratch):
    git("checkout", "-qb", "change", folder=repository)
    committed(repository, LOOSE)
    git("checkout", "-q", "main", folder=repository)
    assert on_change(repository, scratch).settings == SettingsFile()


def test_a_link_and_a_huge_file_are_refused_with_words(repository, scratch, tmp_path):
    (tmp_path / "secret").write_text(LOOSE)
    (repository / "wrench.toml").symlink_to(tmp_path / "secret")
    git("add", "-A", folder=repository)
    git("commit", "-qm", "link", folder=repository)
    git("branch", "change", folder=repository)
    assert on_change(repository, scratch).settings.fault == "it is no regular file"
    assert settings_in(repository, source="x") == SettingsFile(source="x", fault="it is no regular file")
    (repository / "wrench.toml").unlink()
    (repository / "wrench.toml").write_text("#" * 1_000_000)
    assert len(settings_in(repository, source="x").content or b"") == MAX_BYTES + 1
    git("add", "-A", folder=repository)
    git("commit", "-qm", "huge", folder=repository)
    (scratch / "again").mkdir()
    assert on_change(repository, scratch / "again").settings.fault == "it is larger than 64 KiB"


def test_a_target_over_https_brings_the_default_branch_s_settings(
    https_server, scratch, loopback, repository
):
    committed(repository, STRICT)
    git("checkout", "-qb", "change", folder=repository)
    committed(repository, LOOSE)
    git("checkout", "-q", "main", folder=repository)
    if (repository / ".git").is_dir():
        git("update-server-info", folder=repository)
    target = GitTarget(url=f"https://{NAME}:{https_server.port}/project/.git", ref="change")
    tree = obtain(target, scratch=scratch, private_hosts=[NAME], resolve=loopback)
    assert (tree.is_default_branch, tree.settings.content) == (False, STRICT.encode())


@pytest.mark.parametrize("text", [None, STRICT])
def test_a_folder_s_own_file_counts(project, scratch, text):
    if text is not None:
        (project / "wrench.toml").write_text(text)
    tree = obtain(PathTarget(path=str(project)), scratch=scratch, local_roots=[project.parent])
    assert tree.settings.content == (None if text is None else text.encode())


def cloned(repository: Path, tmp_path: Path) -> Path:
    """Clone a repository whose default branch is `trunk`, and loosen the gate on a branch of the clone."""
    git("branch", "-m", "trunk", folder=repository)
    committed(repository, STRICT)
    git("clone", "-q", str(repository), str(tmp_path / "work"), folder=tmp_path)
    git("checkout", "-qb", "change", folder=tmp_path / "work")
    committed(tmp_path / "work", LOOSE)
    return tmp_path / "work"


def settings_of_folder(folder: Path, scratch: Path) -> SettingsFile:
    target = PathTarget(kind="path", path=str(folder))
    return obtain(target, scratch=scratch, local_roots=[folder.parent]).settings


@pytest.mark.parametrize("detached", [False, True])
def test_of_a_checkout_the_file_of_the_servers_default_branch_counts(repository, scratch, tmp_path, detached):
    folder = cloned(repository, tmp_path)
    if detached:
        git("checkout", "-q", "--detach", folder=folder)
    assert settings_of_folder(folder, scratch) == SettingsFile(content=STRICT.encode(), source=OF_DEFAULT)


def test_on_the_default_branch_the_file_counts_as_it_lies(repository, scratch, tmp_path):
    folder = cloned(repository, tmp_path)
    git("checkout", "-q", "trunk", folder=folder)
    (folder / "wrench.toml").write_text("version = 1\n")
    assert settings_of_folder(folder, scratch) == SettingsFile(
        content=b"version = 1\n", source="of the folder"
    )


def test_where_no_default_branch_is_known_the_file_may_be_of_the_change(repository, scratch):
    committed(repository, LOOSE)
    expected = SettingsFile(content=LOOSE.encode(), source="of the folder", is_of_change=True)
    assert settings_of_folder(repository, scratch) == expected


def test_a_default_branch_whose_commit_is_missing_is_a_fault(repository, scratch, tmp_path):
    folder = cloned(repository, tmp_path)
    (folder / ".git/refs/remotes/origin/HEAD").write_text("ref: refs/remotes/origin/gone\n")
    assert settings_of_folder(folder, scratch) == SettingsFile(
        source=OF_DEFAULT, fault="git does not know the commit of origin/gone"
    )
