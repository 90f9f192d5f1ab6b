"""Fetching repositories: what comes, what is refused, and that nothing is left running."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agents.workspace import GitTarget, Limits, obtain, store
from agents.workspace.errors import (
    GitFailed,
    GitMissing,
    GitRefused,
    GitTimeout,
    ObtainCancelled,
    WorkspaceTooLarge,
)
from agents.workspace.git import Watch, clean_environment, clone, fetch
from agents.workspace.hosts import pinned_address
from tests.agents.workspace.conftest import GitServer, MemoryArtifacts, git

NAME = "git.example.test"
LIMITS = Limits(git_seconds=20)


def fetched(url: str, into: Path, ref: str | None = None, limits: Limits = LIMITS) -> Path:
    """Run the inner function with the protocols that only tests may use."""
    target = GitTarget.model_construct(kind="git", url=url, ref=ref, depth=1)
    watch = Watch(limits=limits, cancelled=lambda: False, deadline=time.monotonic() + limits.git_seconds)
    environment = clean_environment(into.parent, None, "", 5)
    fetch(url, target, into, environment=environment, watch=watch, protocols=("file", "http"))
    return into


def test_clone_over_https_gives_the_pinned_host_s_tree(
    https_server, scratch, loopback, artifacts, repository
):
    target = GitTarget(url=f"https://{NAME}:{https_server.port}/project/.git")
    tree = obtain(target, scratch=scratch, private_hosts=[NAME], resolve=loopback)
    snapshot = store(tree, artifacts.put, scratch=scratch)
    assert snapshot.revision == git("rev-parse", "HEAD", folder=repository)
    assert (snapshot.files, snapshot.description) == (2, f"{target.url} at main")


def test_clone_follows_no_redirect(https_server, scratch, loopback):
    with pytest.raises(GitFailed, match="the server redirects"):
        clone(GitTarget(url=f"https://{NAME}:{https_server.port}/away.git"), scratch / "t", limits=LIMITS,
              private_hosts=[NAME], resolve=loopback)  # fmt: skip
    assert all(path.startswith("/away") for path in https_server.seen)
    assert not (scratch / "t").exists()


def test_clone_of_a_private_repository_asks_nobody_and_tells_what_to_do(https_server, scratch, loopback):
    url = f"https://ada:hunter2@{NAME}:{https_server.port}/private"
    with pytest.raises(GitFailed, match=r"private or does not exist|Authentication failed") as caught:
        clone(GitTarget(url=url), scratch / "t", limits=LIMITS, private_hosts=[NAME], resolve=loopback)
    assert "hunter2" not in str(caught.value)


def test_clone_of_a_private_address_is_refused_before_a_connection(https_server, scratch, loopback):
    with pytest.raises(GitRefused, match="WRENCH_GIT_PRIVATE_HOSTS"):
        clone(
            GitTarget(url=f"https://{NAME}:{https_server.port}/x"),
            scratch / "t",
            limits=LIMITS,
            resolve=loopback,
        )
    assert https_server.seen == []


def test_a_hanging_server_ends_in_a_timeout_and_leaves_no_process(silent_port, scratch, loopback):
    started = time.monotonic()
    with pytest.raises(GitTimeout, match=r"within 1 s"):
        clone(GitTarget(url=f"https://{NAME}:{silent_port}/x.git"), scratch / "t", limits=Limits(git_seconds=1),
              private_hosts=[NAME], resolve=loopback)  # fmt: skip
    assert time.monotonic() - started < 5
    assert list(scratch.iterdir()) == []
    assert not processes_naming(str(silent_port))


def test_a_cancelled_clone_stops_at_once(silent_port, scratch, loopback):
    with pytest.raises(ObtainCancelled):
        clone(GitTarget(url=f"https://{NAME}:{silent_port}/x.git"), scratch / "t", limits=LIMITS,
              cancelled=lambda: True, private_hosts=[NAME], resolve=loopback)  # fmt: skip
    assert list(scratch.iterdir()) == []


def test_fetch_over_plain_http_takes_branch_tag_and_commit(http_server: GitServer, scratch, repository):
    url = f"http://127.0.0.1:{http_server.port}/project/.git"
    commit = git("rev-parse", "HEAD", folder=repository)
    for number, ref in enumerate(("other", commit, None)):
        assert (fetched(url, scratch / str(number), ref) / "src" / "app.py").exists()


def test_fetch_of_an_unknown_branch_says_which(repository, scratch):
    with pytest.raises(GitFailed, match=r"Remote branch nope not found.*check the name given as 'ref'"):
        fetched(f"file://{repository}", scratch / "t", "nope")
    assert list(scratch.iterdir()) == []


def test_fetch_stops_at_the_size_limit(repository, scratch):
    for number in range(4):
        (repository / f"noise{number}").write_bytes(os.urandom(1_000_000))
    git("add", ".", folder=repository)
    git("commit", "--quiet", "-m", "Grow", folder=repository)
    with pytest.raises(WorkspaceTooLarge, match=r"at most 976\.6 KB"):
        fetched(f"file://{repository}", scratch / "t", limits=replace(LIMITS, clone_bytes=1_000_000))
    assert list(scratch.iterdir()) == []
    assert not processes_naming(str(scratch))


def test_hooks_filters_and_submodules_of_a_repository_do_not_run(repository, scratch, tmp_path):
    canary = tmp_path / "canary"
    (repository / ".gitattributes").write_text("* filter=evil\n")
    (repository / ".gitmodules").write_text(
        f'[submodule "m"]\n\tpath = m\n\turl = ext::sh -c "touch {canary}"\n'
    )
    for hook in ("post-checkout", "post-merge", "reference-transaction"):
        (repository / ".git" / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {canary}\n")
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    git("add", ".", folder=repository)
    git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "Trap", folder=repository)
    fetched(f"file://{repository}", scratch / "t")
    assert not canary.exists()


@pytest.mark.parametrize("protocol", ["file", "ext", "git", "http"])
def test_the_public_protocols_are_enforced_by_git_itself(protocol, scratch, repository):
    environment = clean_environment(scratch, None, "", 5)
    watch = Watch(limits=LIMITS, cancelled=lambda: False, deadline=time.monotonic() + 10)
    url = f"{protocol}://{repository}" if protocol != "ext" else "ext::true"
    target = GitTarget.model_construct(kind="git", url=url, ref=None, depth=1)
    with pytest.raises(GitFailed, match="not allowed"):
        fetch(url, target, scratch / "t", environment=environment, watch=watch)


def test_a_host_without_git_says_what_to_install(scratch, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitMissing, match="install the package 'git'"):
        clone(GitTarget(url="https://example.org/x"), scratch / "t", limits=LIMITS)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "169.254.169.254", "0.0.0.0", "100.64.0.1", "::1", "fe80::1", "fd00::1", "224.0.0.1",
     "::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:0:1::1", "240.0.0.1"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address):
    with pytest.raises(GitRefused, match="not public"):
        pinned_address("some.example.org", 443, resolve=lambda host, port: [address])


@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "127.0.0.0x1", "0x7f000001."]
)
def test_unusual_writings_of_addresses_are_refused(host):
    with pytest.raises(GitRefused, match="unusual way"):
        pinned_address(host, 443)


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    with pytest.raises(GitRefused):
        pinned_address("x.example.org", 443, resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"])


def test_the_first_answer_is_the_pinned_one():
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    assert pinned_address("x.example.org", 443, resolve=lambda host, port: next(answers)) == "93.184.216.34"


def processes_naming(word: str) -> list[str]:
    """Find living processes other than this one whose command line holds a word."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if word in line and "git" in line.split("\0")[0]:
                found.append(line)
    return found


def test_store_is_the_same_for_a_clone_and_its_origin(repository, scratch, artifacts: MemoryArtifacts):
    from agents.workspace.tree import Tree

    (repository / "run").chmod(0o755)
    copy = fetched(f"file://{repository}", scratch / "copy")
    digests = {
        store(Tree(root=r, description="x"), artifacts.put, scratch=scratch).digest
        for r in (repository, copy)
    }
    assert len(digests) == 1
