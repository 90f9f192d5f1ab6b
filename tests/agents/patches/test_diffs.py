"""Diffs are what git and patch take, whatever the files' names, ends and encodings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.patches import Change, Patch, PatchInvalid, applies, read_foreign
from agents.patches.trial import each_applies

NAMES = [
    "plain.py",
    "a b/c d.py",
    'quo"te.py',
    "new\nline.py",
    "tab\there.py",
    "öäü/naïve.py",
    "-dash.py",
    "back\\slash.py",
]
CONTENTS = [
    (b"a\nb\nc\n", b"a\nB\nc\n"),
    (b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nc\r\n"),
    (b"a\nb", b"a\nc"),
    (b"a\nb", b"a\nb\n"),
    (b"a\nb\n", b"a\nb"),
    (b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbfx = 2\n"),
    (b"# caf\xe9\nx = 1\n", b"# caf\xe9\nx = 2\n"),
    (b"", b"x\n"),
    (b"x\n", b""),
    (b"a\rb\rc\n", b"a\rB\rc\n"),
    (b"x = '\x0c\x0b\x1c'\ny\n", b"x = '\x0c\x0b\x1c'\nz\n"),
    (b"--- a\n+++ b\n@@ -1 +1 @@\n", b"+++ b\n@@ -1 +1 @@\n--- a\n"),
    (None, b"new\n"),
]


def patched_by(command: list[str], patch: Patch, root: Path) -> dict[str, bytes]:
    """Have a foreign tool apply the diff to the old files, and read what it made."""
    for change in patch.changes:
        (root / change.path).parent.mkdir(parents=True, exist_ok=True)
        if change.before is not None:
            (root / change.path).write_bytes(change.before)
    subprocess.run(command, input=patch.diff, cwd=root, check=True, capture_output=True)
    return {path: (root / path).read_bytes() for path in patch.paths if (root / path).exists()}


@pytest.mark.parametrize(("before", "after"), CONTENTS)
@pytest.mark.parametrize("name", NAMES)
def test_git_makes_what_was_meant(tmp_path: Path, name: str, before: bytes | None, after: bytes) -> None:
    patch = Patch.of([Change(path=name, before=before, after=after)])
    assert applies(patch, scratch=tmp_path) == ""


@pytest.mark.parametrize(("before", "after"), CONTENTS)
def test_patch_makes_what_was_meant(tmp_path: Path, before: bytes | None, after: bytes) -> None:
    patch = Patch.of([Change(path="a b/ö c.py", before=before, after=after)])
    made = patched_by(["patch", "-p1", "--binary"], patch, tmp_path)
    assert made == {"a b/ö c.py": after}


def test_one_patch_changes_several_files(tmp_path: Path) -> None:
    patch = Patch.of(
        Change(
            path=f"{n}.py", before=b"a\n" * n + b"x\n" + b"b\n" * 9, after=b"a\n" * n + b"y\n" + b"b\n" * 9
        )
        for n in range(12)
    )
    made = patched_by(["git", "apply"], patch, tmp_path)
    assert made == {change.path: change.after for change in patch.changes}
    assert len(made) == 12


@settings(max_examples=40, deadline=None)
@given(
    before=st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"c"]), max_size=40),
    after=st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"c"]), max_size=40),
)
def test_any_change_of_lines_is_made_by_git(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], after: list[bytes]
) -> None:
    patch = Patch.of([Change(path="f", before=b"".join(before), after=b"".join(after))])
    if patch.changes:
        assert applies(patch, scratch=tmp_path_factory.mktemp("any")) == ""


def test_a_small_change_of_a_huge_file_is_a_small_diff() -> None:
    lines = b"x = 1\n" * 300_000
    patch = Patch.of(
        [Change(path="f.py", before=lines + b"y = 1\n" + lines, after=lines + b"y = 2\n" + lines)]
    )
    assert patch.text == (
        "diff --git a/f.py b/f.py\n--- a/f.py\n+++ b/f.py\n@@ -299998,7 +299998,7 @@\n"
        " x = 1\n x = 1\n x = 1\n-y = 1\n+y = 2\n x = 1\n x = 1\n x = 1\n"
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up.py",
        "a/../../b",
        ".git/config",
        "a/.GIT/hooks/x",
        "a//b",
        "./a",
        "a\0b",
        "\udcff",
    ],
)
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(PatchInvalid):
        Change(path=path, before=b"a", after=b"b")


def test_binary_files_and_a_file_named_twice_are_refused() -> None:
    with pytest.raises(PatchInvalid, match="binary"):
        Change(path="a", before=b"\0", after=b"b")
    change = Change(path="a", before=b"a", after=b"b")
    with pytest.raises(PatchInvalid, match="twice"):
        Patch.of([change, change])


def test_a_file_that_stays_is_no_change() -> None:
    assert Patch.of([Change(path="a", before=b"a", after=b"a")]) == Patch(())


def test_a_foreign_diff_is_read_and_written_anew(tmp_path: Path) -> None:
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    tree.mkdir()
    scratch.mkdir()
    (tree / "a.py").write_bytes(b"x = 1\ny = 2\n")
    diff = b"noise before\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-x = 1\n+x = 3\n y = 2\n"
    patch = read_foreign(diff, tree, scratch=scratch)
    assert patch == Patch((Change(path="a.py", before=b"x = 1\ny = 2\n", after=b"x = 3\ny = 2\n"),))
    assert (tree / "a.py").read_bytes() == b"x = 1\ny = 2\n"


FOREIGN = {
    "out of the tree": b"--- a/../up\n+++ b/../up\n@@ -1 +1 @@\n-x\n+y\n",
    "absolute": b"--- /etc/hostname\n+++ /etc/hostname\n@@ -1 +1 @@\n-x\n+y\n",
    "through a link": b"--- a/link/f\n+++ b/link/f\n@@ -1 +1 @@\n-x\n+y\n",
    "a link itself": b"--- a/flink\n+++ b/flink\n@@ -1 +1 @@\n-x\n+y\n",
    "deletes": b"diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
    "renames": b"diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n",
    "makes a link": b"diff --git a/n b/n\nnew file mode 120000\n--- /dev/null\n+++ b/n\n"
    b"@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n",
    "does not fit": b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-other\n+y\n",
    "is no diff": b"I would change line 3.\n",
    "is git's own": b"--- a/.git/config\n+++ b/.git/config\n@@ -0,0 +1 @@\n+x\n",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_hostile_foreign_diff_is_refused(tmp_path: Path, name: str) -> None:
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    (tree / "real").mkdir(parents=True)
    scratch.mkdir()
    (tree / "f").write_bytes(b"x\n")
    (tree / "real" / "f").write_bytes(b"x\n")
    (tree / "link").symlink_to("real")
    (tree / "flink").symlink_to("f")
    with pytest.raises(PatchInvalid):
        read_foreign(FOREIGN[name], tree, scratch=scratch)
    assert (tree / "f").read_bytes() == (tree / "real" / "f").read_bytes() == b"x\n"


def test_one_that_cannot_be_tried_or_a_clash_of_names_spoils_no_other(tmp_path: Path) -> None:
    def patch(path: str) -> Patch:
        return Patch.of([Change(path=path, before=b"old\n", after=b"new\n")])

    assert each_applies([patch("a.py"), patch("b.py")], scratch=tmp_path) == ["", ""]
    assert each_applies([patch("a.py"), patch("a.py/b.py")], scratch=tmp_path) == ["", ""]
    verdicts = each_applies([patch("a.py"), patch("x" * 300), patch("b.py")], scratch=tmp_path)
    assert verdicts == ["", "its files cannot be laid out: File name too long", ""]
