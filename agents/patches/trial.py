"""The trial of a patch: git applies it to a throw-away copy of the files that it changes.

Owns: the copy, and the call of git, which sees no repository, no configuration and no network. Writes into the
scratch folder only. Links are never followed: the copy is made of bytes, not of the tree.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from agents import process
from agents.patches.diffs import Change, Patch, PatchInvalid, check_path

TIMEOUT_SECONDS = 60
MAX_FOREIGN_BYTES = 4 << 20


def lay_out(patch: Patch, root: Path, *, after: bool) -> None:
    """Write the files of a patch below root, as they were or as they become."""
    for change in patch.changes:
        content = change.after if after else change.before
        if content is not None:
            put(root, change.path, content)


def put(root: Path, path: str, content: bytes) -> None:
    """Write a file below root."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def plain_content(tree: Path, path: str) -> bytes | None:
    """Give the bytes of a file without following any link on the way to it; None if it has none."""
    try:
        check_path(path)
        return _old(tree, path)
    except PatchInvalid:
        return None


def applies(patch: Patch, *, scratch: Path) -> str:
    """Have git apply the diff to a copy of the old files. Returns why it is no good, or ""."""
    root = Path(mkdtemp(prefix="trial-", dir=scratch))
    try:
        lay_out(patch, root, after=False)
    except OSError as error:
        return f"its files cannot be laid out: {error.strerror}"
    trouble = _apply(patch.diff, root, scratch)
    if trouble:
        return trouble
    for change in patch.changes:
        if (root / change.path).read_bytes() != change.after:
            return f"git makes something else of {change.path!r} than what was meant"
    return ""


def each_applies(patches: Sequence[Patch], *, scratch: Path) -> list[str]:
    """Ask `applies` of patches of different files: of all diffs at once, of each by itself if that is no good."""
    together = Patch.of(change for patch in patches for change in patch.changes)
    if len(patches) > 1 and not applies(together, scratch=scratch):
        return [""] * len(patches)
    return [applies(patch, scratch=scratch) for patch in patches]


def read_foreign(diff: bytes, tree: Path, *, scratch: Path) -> Patch:
    """Read a diff that somebody else wrote, for a tree. Raises PatchInvalid.

    The result is made anew from what git makes of the tree's files, so it is in our form. A diff that deletes,
    renames, changes modes, is binary, or goes through a link is refused.
    """
    if len(diff) > MAX_FOREIGN_BYTES:
        raise PatchInvalid(f"the diff has {len(diff):,} bytes; at most {MAX_FOREIGN_BYTES:,} are read")
    before = {path: _old(tree, path) for path in _touched(diff, scratch)}
    if not before:
        raise PatchInvalid("the diff changes no file")
    root = Path(mkdtemp(prefix="foreign-", dir=scratch))
    for path, content in before.items():
        if content is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    trouble = _apply(diff, root, scratch)
    if trouble:
        raise PatchInvalid(trouble)
    return Patch.of(Change(path=path, before=old, after=_new(root, path)) for path, old in before.items())


def _touched(diff: bytes, scratch: Path) -> list[str]:
    folder = Path(mkdtemp(prefix="numstat-", dir=scratch))
    listed = _git(["--numstat", "-z"], diff, folder, scratch)
    trouble = listed.trouble()
    if trouble:
        raise PatchInvalid(f"git cannot read the diff: {trouble}")
    paths = []
    for row in filter(None, listed.stdout.read_bytes().split(b"\0")):
        added, _, path = row.split(b"\t", 2)
        if added == b"-" or not path:
            raise PatchInvalid("the diff is binary or renames a file")
        name = os.fsdecode(path)
        check_path(name)
        paths.append(name)
    return paths


def _old(tree: Path, path: str) -> bytes | None:
    """A file of the tree without following any link on the way to it. None if there is none."""
    at = tree
    for part in path.split("/"):
        at = at / part
        try:
            mode = at.lstat().st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PatchInvalid(f"{path!r} cannot be read: {error.strerror}") from error
        if stat.S_ISLNK(mode):
            raise PatchInvalid(f"{path!r} goes through a symbolic link")
    if not stat.S_ISREG(mode):
        raise PatchInvalid(f"{path!r} is no regular file")
    return at.read_bytes()


def _new(root: Path, path: str) -> bytes:
    content = _old(root, path)
    if content is None:
        raise PatchInvalid(f"the diff deletes {path!r}; that is not taken")
    return content


def _apply(diff: bytes, root: Path, scratch: Path) -> str:
    outcome = _git(["--whitespace=nowarn"], diff, root, scratch)
    trouble = outcome.trouble()
    return f"git apply: {trouble}" if trouble else ""


def _git(options: list[str], diff: bytes, root: Path, scratch: Path) -> process.Outcome:
    folder = Path(mkdtemp(prefix="diff-", dir=scratch))
    (folder / "patch").write_bytes(diff)
    return process.run(
        ["git", "-c", "core.autocrlf=false", "apply", *options, "--", str(folder / "patch")],
        cwd=root,
        scratch=folder,
        timeout_seconds=TIMEOUT_SECONDS,
        environment={
            "GIT_CEILING_DIRECTORIES": str(root.parent.resolve()),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        },
    )
