"""History: what it tells, what it is not led to by a hostile repository, and what it says when there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.workspace import ArchiveTarget, GitTarget, Limits, PathTarget, history
from agents.workspace.errors import CommitMissing, GitError, HistoryUnavailable, PathRefused
from agents.workspace.history import Churn, History
from tasks.contract import StepCancelled
from tests.agents.workspace.checkouts import DAY, Project
from tests.agents.workspace.conftest import GitServer, git

NAME = "git.example.test"


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return Project(tmp_path / "roots" / "shop")


def past(project: Project, scratch: Path, **given: Any) -> History:
    roots = [project.folder.parent]
    return history.opened(PathTarget(path=str(project.folder)), scratch=scratch, local_roots=roots, **given)


def test_commits_between_two_revisions_with_the_paths_they_touch(shop: Project, scratch: Path) -> None:
    first = shop.commit("Begin", {"a.py": "1\n", "b/c.py": "1\n"})
    shop.tag("v1.0", "-a", "-m", "One")
    second = shop.commit("fix: it\n\nWhy.\nMore.", {"a.py": "2\n"}, by="bob")
    third = shop.commit("feat: do", {"b/d e\nf.py": "1\n", "ü.py": ""})
    known = past(shop, scratch)
    assert (known.head, known.is_shallow, known.latest_tag()) == (third, False, ("v1.0", first))
    span = known.commits(known.resolve("v1.0"))
    assert [(one.id, one.subject, one.body, one.paths) for one in span.commits] == [
        (third, "feat: do", "", ("b/d e\nf.py", "ü.py")),
        (second, "fix: it", "Why.\nMore.", ("a.py",)),
    ]
    assert (span.base, span.head, span.authors, span.truncated) == (first, third, 2, False)
    assert span.commits[0].at == DAY + timedelta(days=3)
    assert [one.id for one in known.commits("").commits] == [third, second, first]
    assert known.resolve(first[:10]) == first


@pytest.mark.parametrize("name", ["Ünï-1.0", "выпуск/2", "release/2.0#x", "1.0+build@3"])
@pytest.mark.parametrize("is_packed", [True, False])
def test_tags_have_names_of_every_script(shop: Project, scratch: Path, name: str, *, is_packed: bool) -> None:
    first = shop.commit("Begin", {"a.py": "1\n"})
    shop.tag(name, "-a", "-m", "One")
    if is_packed:
        git("pack-refs", "--all", folder=shop.folder)
    shop.commit("Go on", {"a.py": "2\n"})
    known = past(shop, scratch)
    assert (known.latest_tag(), known.resolve(name)) == ((name, first), first)


def test_churn_counts_commits_authors_and_lines_and_follows_renames(shop: Project, scratch: Path) -> None:
    text = "".join(f"line {n}\n" for n in range(50))
    shop.commit("Begin", {"old.py": text, "b.py": "1\n"})
    shop.commit("Grow", {"old.py": text + "more\n"}, by="bob")
    git("mv", "old.py", "new.py", folder=shop.folder)
    shop.commit("Move", {"new.py": text + "else\n"})
    shop.commit("Picture", {"p.bin": "\0\1"})
    known = past(shop, scratch)
    told = known.churn()
    assert (told.commits, told.authors, told.truncated) == (4, 2, False)
    assert told.paths == {
        "b.py": Churn(commits=1, authors=1, added=1, removed=0, last=DAY + timedelta(days=1)),
        "new.py": Churn(commits=3, authors=2, added=52, removed=1, last=DAY + timedelta(days=3)),
        "p.bin": Churn(commits=1, authors=1, added=0, removed=0, last=DAY + timedelta(days=4)),
    }
    recent = known.churn(since=DAY + timedelta(days=2, hours=12))
    assert (recent.commits, list(recent.paths)) == (2, ["new.py", "p.bin"])


def test_tree_of_an_older_commit_is_given_as_it_was_committed(shop: Project, scratch: Path) -> None:
    hidden = {".gitattributes": "* export-ignore text eol=crlf\n*.py ident export-subst\n"}
    first = shop.commit("Begin", {**hidden, "a.py": "# $Id$ $Format:%H$\n1\n", "b/c.py": "x"})
    shop.commit("More", {"a.py": "2\n"})
    into = scratch / "base"
    assert past(shop, scratch).tree(first, into) == ()
    assert (into / "a.py").read_bytes() == b"# $Id$ $Format:%H$\n1\n"
    assert sorted(p.name for p in into.rglob("*") if p.is_file()) == [".gitattributes", "a.py", "c.py"]


def test_texts_of_commits_are_data(shop: Project, scratch: Path) -> None:
    shop.commit("\x1b[31mred\x07 \u202etxt.exe\r\nbody\x01\x1e%H\n\udcff", {"a": "1"})
    shop.commit("", {"a": "2"})
    shop.commit(f"{'0' * 40}\n1\t2\tpath", {"a": "3"})
    (last, empty, first) = past(shop, scratch).commits("").commits
    assert (first.subject, empty.subject) == ("[31mred txt.exe", "")
    assert first.body.isprintable() or "\x1b" not in first.body
    assert (last.subject, last.body, last.paths) == ("0" * 40, "1\t2\tpath", ("a",))


def test_nothing_of_the_repository_is_executed(shop: Project, scratch: Path, tmp_path: Path) -> None:
    sign = tmp_path / "executed"
    shop.commit("Begin", {"a.py": "1\n", ".gitattributes": "*.py diff=evil filter=evil\n"})
    shop.tag("v1")
    shop.commit("More", {"a.py": "2\n"})
    for name in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "diff.evil.command",
        "diff.evil.textconv", "filter.evil.smudge", "filter.evil.clean", "core.alternateRefsCommand",
        "uploadpack.packObjectsHook", "core.gitProxy", "gpg.program", "alias.log",
    ):  # fmt: skip
        git(
            "config", name, f"!touch {sign}" if name == "alias.log" else f"touch {sign} #", folder=shop.folder
        )
    git("config", "log.showSignature", "true", folder=shop.folder)
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"):
        file = shop.folder / ".git" / "hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\ntouch {sign}\n")
        file.chmod(0o755)
    known = past(shop, scratch)
    base = known.resolve("v1")
    assert [one.subject for one in known.commits(base).commits] == ["More"]
    assert known.churn().paths["a.py"].commits == 2
    known.tree(base, scratch / "base")
    assert not sign.exists()


def test_replaced_and_grafted_commits_are_read_as_they_are(shop: Project, scratch: Path) -> None:
    first = shop.commit("Begin", {"a": "1"})
    second = shop.commit("More", {"a": "2"})
    git("replace", second, first, folder=shop.folder)
    assert [one.subject for one in past(shop, scratch, head=second).commits("").commits] == ["More", "Begin"]


@pytest.mark.parametrize("way", ["alternates", "objects link", "pack link", "git file", "git link"])
def test_history_of_a_folder_that_may_not_be_read_stays_there(
    way: str, shop: Project, scratch: Path, tmp_path: Path
) -> None:
    secret = Project(tmp_path / "secret")
    secret.commit("Secret", {"key": "1"})
    shop.commit("Begin", {"a": "1"})
    objects = shop.folder / ".git" / "objects"
    if way == "alternates":
        (objects / "info").mkdir(exist_ok=True)
        (objects / "info" / "alternates").write_text(f"{secret.folder}/.git/objects\n")
    elif way == "objects link":
        objects.rename(tmp_path / "kept")
        objects.symlink_to(secret.folder / ".git" / "objects")
    elif way == "pack link":
        (objects / "pack" / "pack-1.pack").symlink_to(secret.folder / "key")
    else:
        (shop.folder / ".git").rename(tmp_path / "kept")
        if way == "git file":
            (shop.folder / ".git").write_text(f"gitdir: {secret.folder}/.git\n")
        else:
            (shop.folder / ".git").symlink_to(secret.folder / ".git")
    with pytest.raises(HistoryUnavailable):
        past(shop, scratch)


def test_shared_objects_and_worktrees_within_the_allowed_folders_are_read(
    shop: Project, scratch: Path
) -> None:
    shop.commit("Begin", {"a": "1"})
    roots = shop.folder.parent
    git("clone", "--quiet", "--shared", str(shop.folder), str(roots / "clone"), folder=roots)
    git("worktree", "add", "--quiet", str(roots / "tree"), "-b", "other", folder=shop.folder)
    for name in ("clone", "tree"):
        target = PathTarget(path=str(roots / name))
        (scratch / name).mkdir()
        known = history.opened(target, scratch=scratch / name, local_roots=[roots])
        assert [one.subject for one in known.commits("").commits] == ["Begin"]


def test_shallow_checkout_says_that_it_is_cut(shop: Project, scratch: Path) -> None:
    for n in range(4):
        shop.commit(f"Number {n}", {"a": str(n)})
    roots = shop.folder.parent
    git("clone", "--quiet", "--depth=2", f"file://{shop.folder}", str(roots / "clone"), folder=roots)
    known = history.opened(PathTarget(path=str(roots / "clone")), scratch=scratch, local_roots=[roots])
    span, told = known.commits(""), known.churn()
    assert ([one.subject for one in span.commits], span.truncated) == (["Number 3", "Number 2"], True)
    assert (known.is_shallow, told.truncated, told.commits, told.paths["a"].commits) == (True, True, 1, 1)


def test_sha256_repository_is_read(tmp_path: Path, scratch: Path) -> None:
    project = Project(tmp_path / "roots" / "new", "--object-format=sha256")
    project.commit("Begin", {"a": "1"})
    assert [one.subject for one in past(project, scratch).commits("").commits] == ["Begin"]


@pytest.mark.parametrize(
    "name", ["v9", "--output=/tmp/x", "HEAD^{/x}", "main..other", "", "a" * 300, "x\0y", "@{-1}", "deadbeef"]
)
def test_unknown_revision_is_refused_by_name(name: str, shop: Project, scratch: Path) -> None:
    shop.commit("Begin", {"a": "1"})
    with pytest.raises(HistoryUnavailable, match=r"revision|no branch, no tag"):
        past(shop, scratch).resolve(name)


def test_what_has_no_history_is_told_in_words(shop: Project, scratch: Path, tmp_path: Path) -> None:
    with pytest.raises(HistoryUnavailable, match="has no commit yet"):
        past(shop, scratch)
    (tmp_path / "roots" / "plain").mkdir()
    with pytest.raises(HistoryUnavailable, match=r"no git checkout: it has no \.git"):
        history.opened(
            PathTarget(path=str(tmp_path / "roots" / "plain")),
            scratch=scratch,
            local_roots=[tmp_path / "roots"],
        )
    with pytest.raises(HistoryUnavailable, match="an archive has no git history"):
        history.opened(ArchiveTarget(digest="0" * 64, name="a.zip"), scratch=scratch)
    with pytest.raises(PathRefused):
        history.opened(PathTarget(path=str(tmp_path)), scratch=scratch, local_roots=[tmp_path / "roots"])


DAMAGES = {"missing": None, "empty": b"", "no object": b"no object"}


@pytest.fixture(params=DAMAGES, ids=lambda name: name.replace(" ", "-"))
def damaged(request: pytest.FixtureRequest, shop: Project) -> Callable[[str], None]:
    """Damage an object of the shop's repository, in each of the ways in which disks do."""

    def damage(name: str) -> None:
        file = shop.folder / ".git" / "objects" / name[:2] / name[2:]
        file.chmod(0o644)
        content = DAMAGES[request.param]
        file.unlink() if content is None else file.write_bytes(content)

    return damage


def test_head_that_cannot_be_read_is_named(
    shop: Project, scratch: Path, damaged: Callable[[str], None]
) -> None:
    head = shop.commit("Begin", {"a": "1"})
    damaged(head)
    for ask in (lambda known: known.commits(""), History.churn, History.latest_tag):
        with pytest.raises(CommitMissing, match=f"the commit {head[:10]} cannot be read: it is missing"):
            ask(past(shop, scratch))


def test_history_is_told_up_to_a_commit_that_cannot_be_read(
    shop: Project, scratch: Path, damaged: Callable[[str], None]
) -> None:
    first = shop.commit("Begin", {"a": "1"})
    shop.tag("v1", "-a", "-m", "One")
    second = shop.commit("Go on", {"a": "2"})
    shop.tag("v2")
    git("checkout", "--quiet", "-b", "side", folder=shop.folder)
    aside = shop.commit("Aside", {"b": "1"}, by="bob")
    git("checkout", "--quiet", "main", folder=shop.folder)
    third = shop.commit("Third", {"a": "3"})
    merge = [
        "-c",
        "user.name=ada",
        "-c",
        "user.email=a@b",
        "merge",
        "--quiet",
        "--no-ff",
        "-m",
        "Both",
        "side",
    ]
    git(*merge, folder=shop.folder)
    last = shop.commit("Last", {"a": "4"})
    damaged(second)
    known = past(shop, scratch)
    for base in ("", first, second):
        span = known.commits(base)
        assert {one.id for one in span.commits} == {aside, third, last}
        assert (span.base, span.truncated, span.paths_why) == (base, True, "")
    assert known.lost.startswith(f"the commit {second[:10]} cannot be read")
    assert (known.breaks_off_at(second), known.breaks_off_at(first)) == (True, False)
    assert (known.churn().commits, known.latest_tag(), known.resolve("v1")) == (1, None, first)
    with pytest.raises(CommitMissing, match=rf"the commit {second[:10]} of 'v2' cannot be read") as caught:
        known.resolve("v2")
    assert caught.value.commit == second


def test_tag_that_cannot_be_read_hides_no_other(
    shop: Project, scratch: Path, damaged: Callable[[str], None]
) -> None:
    first = shop.commit("Begin", {"a": "1"})
    for name in ("v0", "v1"):
        shop.tag(name, "-a", "-m", name)
    shop.commit("Go on", {"a": "2"})
    damaged(git("rev-parse", "v0", folder=shop.folder))
    assert past(shop, scratch).latest_tag() == ("v1", first)


@pytest.mark.parametrize(("left_out", "has_paths"), [("blob:none", True), ("tree:0", False)])
def test_clone_without_all_objects_tells_what_it_knows(
    left_out: str, has_paths: bool, shop: Project, scratch: Path
) -> None:
    shop.commit("Begin", {"a.py": "1\n"})
    shop.commit("Go on", {"a.py": "2\n"})
    git("config", "uploadpack.allowFilter", "true", folder=shop.folder)
    part = shop.folder.parent / "part"
    url = f"file://{shop.folder}"
    git("clone", "--quiet", f"--filter={left_out}", url, str(part), folder=shop.folder.parent)
    known = history.opened(PathTarget(path=str(part)), scratch=scratch, local_roots=[part.parent])
    span = known.commits("")
    paths = ("a.py",) if has_paths else ()
    assert [(one.subject, one.paths) for one in span.commits] == [("Go on", paths), ("Begin", paths)]
    assert ("a part of the history is not in this copy" in span.paths_why) is not has_paths
    with pytest.raises(HistoryUnavailable, match="a part of the history is not in this copy"):
        known.churn()


def test_history_over_https_is_as_deep_as_asked(
    https_server: GitServer, scratch: Path, loopback: Callable[[str, int], list[str]], repository: Path
) -> None:
    project = Project.__new__(Project)
    project.folder, project.day = repository, 0
    first = git("rev-parse", "HEAD", folder=repository)
    project.tag("v1.0", "-a", "-m", "One")
    for n in range(3):
        project.commit(f"Number {n}", {"a": str(n)})
    target = GitTarget(url=f"https://{NAME}:{https_server.port}/project/.git")

    def opened(folder: str, **given: Any) -> History:
        (scratch / folder).mkdir()
        return history.opened(
            target, scratch=scratch / folder, private_hosts=[NAME], resolve=loopback,
            limits=Limits(git_seconds=20), **given,
        )  # fmt: skip

    known = opened("whole", names=["v1.0"])
    assert known.latest_tag() == ("v1.0", first)
    span = known.commits(known.resolve("v1.0"))
    assert [one.subject for one in span.commits] == ["Number 2", "Number 1", "Number 0"]
    assert (span.truncated, known.churn().paths["a"].commits) == (False, 3)
    cut = opened("cut", depth=2)
    assert [one.subject for one in cut.commits("").commits] == ["Number 2", "Number 1"]
    window = opened("window", since=DAY + timedelta(days=2))
    told = window.churn(since=DAY + timedelta(days=2))
    assert (told.commits, told.paths["a"].commits, told.truncated) == (2, 2, False)
    nothing = opened("nothing", since=DAY + timedelta(days=100))
    assert nothing.churn(since=DAY + timedelta(days=100)).commits == 0
    older = opened("older", head=first)
    assert (older.head, len(older.commits("").commits)) == (first, 1)
    with pytest.raises((HistoryUnavailable, GitError)):
        opened("missing", head="0" * 40)


def test_cancelled_question_ends(shop: Project, scratch: Path) -> None:
    shop.commit("Begin", {"a": "1"})
    unwanted: list[bool] = []
    known = past(shop, scratch, cancelled=lambda: bool(unwanted))
    unwanted.append(True)
    started = time.monotonic()
    with pytest.raises(StepCancelled):
        known.commits("")
    assert time.monotonic() - started < 10
