"""A tree on disk, and the snapshot that is made of it.

Owns: which files belong to a snapshot, and the tar that holds them. Refuses to know where the tree came from.
Invariant: the same content gives the same bytes, so the digest of the tar names the content: names sorted,
times and owners zero, modes 0644 or 0755. Symbolic links are never followed, only kept or left out.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from pydantic import BaseModel, ConfigDict

from agents.workspace.errors import DiskFull, EmptyWorkspace, ObtainCancelled, WorkspaceTooLarge
from agents.workspace.limits import MAX_FOLDERS, TOO_DEEP, Limits, Skipped, human_bytes, shown_path
from tasks.contract import ArtifactRef

MEDIA_TYPE = "application/x-tar"
NO_FILE = "no regular file but a device, pipe or socket"
MAX_SKIPPED = 100  # named one by one, the rest is counted; they travel in an output of at most 256 KiB
LEFT_OUT_FOLDERS = {
    "node_modules": "installed packages",
    ".venv": "a virtual environment",
    ".tox": "virtual environments",
    ".nox": "virtual environments",
    ".wrench": "WrenchAI's own state",
}
# Nobody misses these, so they are not even named.
IGNORED_FOLDERS = frozenset(
    (".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
)


class PutArtifact(Protocol):
    """`OperationContext.put_artifact`."""

    def __call__(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """The project's own settings, as bytes that nobody has read yet. `source` names for people where they are from.

    `content` is None if there is no such file; `fault` says why it is not known. `is_of_change`: whoever wrote what
    is judged may have written it too, for nobody knows a default branch.
    """

    content: bytes | None = None
    source: str = ""
    fault: str = ""
    is_of_change: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A project's files on this host, before they are stored. `revision` is a commit id if git told one."""

    root: Path
    description: str
    revision: str | None = None
    skipped: tuple[Skipped, ...] = ()
    settings: SettingsFile = SettingsFile()
    is_default_branch: bool = True  # only a git target can be of another


class Snapshot(BaseModel):
    """A stored tree: `digest` names the artifact, `files` and `bytes` count what it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    revision: str
    description: str
    files: int
    bytes: int
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str  # relative, with "/"
    path: str
    link: str | None  # the target of a symbolic link


def store(
    tree: Tree,
    put_artifact: PutArtifact,
    *,
    scratch: Path,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Snapshot:
    """Put a tree among the artifacts and tell what became part of it.

    Raises EmptyWorkspace, WorkspaceTooLarge, DiskFull, ObtainCancelled.
    """
    limits = limits or Limits()
    packed = scratch / "snapshot.tar"
    try:
        with packed.open("wb") as out:
            files, size, skipped = _write(tree, out, limits, cancelled)
        stored = put_artifact("snapshot.tar", packed, media_type=MEDIA_TYPE)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(
                f"no room in {scratch} for the snapshot of {tree.description}; free some"
            ) from error
        raise
    finally:
        packed.unlink(missing_ok=True)
    return Snapshot(
        digest=stored.digest,
        revision=tree.revision or f"sha256:{stored.digest[:12]}",
        description=tree.description,
        files=files,
        bytes=size,
        skipped=_bounded([*tree.skipped, *skipped]),
    )


def _write(
    tree: Tree, out: BinaryIO, limits: Limits, cancelled: Callable[[], bool]
) -> tuple[int, int, list[Skipped]]:
    skipped: list[Skipped] = []
    entries = sorted(_walk(tree.root, skipped, limits), key=lambda entry: entry.name.encode())
    files = size = 0
    for entry in entries:
        if cancelled():
            raise ObtainCancelled("the snapshot is not wanted any more")
        if entry.link is not None:
            out.write(_packed(_header(entry.name, link=entry.link)))
            continue
        read = _read(entry.path, limits)
        if isinstance(read, str):
            skipped.append(Skipped(path=shown_path(entry.name), reason=read))
            continue
        content, executable = read
        files, size = files + 1, size + len(content)
        if size > limits.total_bytes:
            raise WorkspaceTooLarge(
                f"{tree.description} has more than {human_bytes(limits.total_bytes)} of files; "
                "point at a part of it"
            )
        out.write(_file_header(entry.name, size=len(content), executable=executable))
        out.write(content)
        out.write(bytes(-len(content) % tarfile.BLOCKSIZE))
    end = out.tell() + 2 * tarfile.BLOCKSIZE
    out.write(bytes(2 * tarfile.BLOCKSIZE + -end % tarfile.RECORDSIZE))
    if not files:
        raise EmptyWorkspace(f"{tree.description} has no file to work on{why_empty(skipped)}")
    return files, size, skipped


def _walk(root: Path, skipped: list[Skipped], limits: Limits) -> Iterator[_Entry]:
    """Yield files and kept links below root. Never follows a link, and needs no recursion."""
    real_root = root.resolve()
    folders = [(os.fspath(root), "")]
    count = 0
    while folders:
        folder, prefix = folders.pop()
        try:
            children = sorted(os.scandir(folder), key=lambda child: child.name)
        except OSError as error:
            skipped.append(
                Skipped(path=shown_path(prefix) or ".", reason=f"cannot be read: {error.strerror}")
            )
            continue
        for child in children:
            name = prefix + child.name
            reason = _why_left_out(child)
            if reason or name.count("/") >= MAX_FOLDERS:
                skipped.append(Skipped(path=shown_path(name), reason=reason or TOO_DEEP))
            elif child.is_dir(follow_symlinks=False):
                if child.name not in IGNORED_FOLDERS:
                    folders.append((child.path, f"{name}/"))
            elif child.is_symlink():
                link, fault = _read_link(Path(child.path), real_root)
                if fault:
                    skipped.append(Skipped(path=shown_path(name), reason=fault))
                else:
                    yield _Entry(name=name, path=child.path, link=link)
            elif child.name != ".git":
                count += 1
                if count > limits.files:
                    raise WorkspaceTooLarge(
                        f"{root} has more than {limits.files:,} files; point at a part of it"
                    )
                yield _Entry(name=name, path=child.path, link=None)


def _why_left_out(child: os.DirEntry[str]) -> str:
    try:
        child.name.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if not child.is_dir(follow_symlinks=False):
        return ""
    if child.name in LEFT_OUT_FOLDERS:
        return f"left out: {LEFT_OUT_FOLDERS[child.name]}"
    if os.path.lexists(os.path.join(child.path, "pyvenv.cfg")):
        return "left out: a virtual environment"
    return ""


def _read_link(path: Path, root: Path) -> tuple[str, str]:
    """Return the link's target, or why the link is left out: only those that stay inside are kept."""
    try:
        target = os.readlink(path)
        target.encode("utf-8")
        real = Path(os.path.realpath(path, strict=True))
    except UnicodeEncodeError:
        return "", "a symbolic link whose target is not UTF-8"
    except OSError as error:
        looping = error.errno == errno.ELOOP
        return "", "a symbolic link that leads to itself" if looping else "a symbolic link to nothing"
    if os.path.isabs(target) or not real.is_relative_to(root) or _descends_before_it_climbs(target):
        return "", "a symbolic link that leads out of the tree"
    if path.parent.resolve().is_relative_to(real):
        return "", "a symbolic link to a folder that holds it"
    return target, ""


def _descends_before_it_climbs(target: str) -> bool:
    """True for "a/../b": where it leads depends on whether `a` is a link itself."""
    parts = [part for part in target.split("/") if part not in ("", ".")]
    climbing = [part == ".." for part in parts]
    return climbing != sorted(climbing, reverse=True)


def _read(path: str, limits: Limits) -> tuple[bytes, bool] | str:
    """Return content and whether it is executable, or why the file is left out."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return NO_FILE  # before it is opened: opening a device can have effects
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            return NO_FILE
        if about.st_size > limits.file_bytes:
            return f"{human_bytes(about.st_size)}; files over {human_bytes(limits.file_bytes)} are left out"
        try:
            content = file.read(about.st_size + 1)  # room for as much is made, so not for the limit at once
            if len(content) > about.st_size:
                content += file.read(limits.file_bytes + 1 - len(content))
        except OSError as error:
            return f"cannot be read: {error.strerror}"
    if len(content) > limits.file_bytes:
        return f"grew over {human_bytes(limits.file_bytes)} while it was read"
    return content, bool(about.st_mode & stat.S_IXUSR)


def _file_header(name: str, *, size: int, executable: bool) -> bytes:
    """What `_packed` gives of a file's header, without its detours if name and size fit their fields."""
    if not name.isascii() or len(name) > tarfile.LENGTH_NAME or size > _MOST_IN_FIELD:
        return _packed(_header(name, size=size, executable=executable))
    head = bytearray(_NAMELESS[executable])
    head[: len(name)] = name.encode()
    head[124:136] = b"%011o\0" % size
    head[148:156] = b" " * 8  # the checksum, as it counts for itself
    head[148:155] = b"%06o\0" % sum(head)
    return bytes(head)


def _header(
    name: str, *, size: int = 0, executable: bool = False, link: str | None = None
) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)  # time and owner are zero by default
    header.size = size
    header.mode = 0o755 if executable or link is not None else 0o644
    if link is not None:
        header.type, header.linkname = tarfile.SYMTYPE, link
    return header


def _packed(header: tarfile.TarInfo) -> bytes:
    return header.tobuf(tarfile.PAX_FORMAT, tarfile.ENCODING, "surrogateescape")


_MOST_IN_FIELD = 8**11 - 1
_NAMELESS = {executable: _packed(_header("", executable=executable)) for executable in (False, True)}


def why_empty(skipped: Sequence[Skipped]) -> str:
    """Say what was left out of a tree that has nothing else, or what to do."""
    if not skipped:
        return "; point at a folder with files"
    shown = "; ".join(f"{item.path}: {item.reason}" for item in skipped[:3])
    return f": {len(skipped)} thing(s) were left out ({shown})"


def _bounded(skipped: list[Skipped]) -> tuple[Skipped, ...]:
    if len(skipped) <= MAX_SKIPPED:
        return tuple(skipped)
    rest = len(skipped) - MAX_SKIPPED
    return (
        *skipped[:MAX_SKIPPED],
        Skipped(path=f"… and {rest:,} more", reason="left out for the same kinds of reasons"),
    )
