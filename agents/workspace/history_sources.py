"""Where history comes from: a bare repository of our own that borrows or fetches a project's commits.

    local folder   its object files are borrowed (git's alternates), its branches and tags are copied as text
    git URL        fetched as `agents.workspace.git` fetches, so and so many commits deep or since a day
    upload         has none

Owns: our repository. Invariant: git is never run in a repository that others wrote: their configuration, hooks,
attributes, replacements and grafts are not seen, and what is borrowed lies within the allowed folders.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agents.workspace.errors import GitFailed, HistoryUnavailable
from agents.workspace.git import (
    PUBLIC_PROTOCOLS,
    Watch,
    always,
    clean_environment,
    pinned_options,
    require_git,
    run,
)
from agents.workspace.hosts import Resolver, pinned_address
from agents.workspace.limits import Limits
from agents.workspace.local import git_folder, head_of, open_folder, shared_folder
from agents.workspace.targets import GitTarget, PathTarget, read_url

MAX_REFS = 20_000  # branches and tags of a folder or a server that are known by name
MAX_REFS_BYTES = 16 * 1024 * 1024
MAX_ALTERNATES = 5  # git itself follows no more, one behind the other
MAX_SHALLOW_BYTES = 1024 * 1024
_NAME = re.compile(
    r"refs/[\w./+@#=-]{1,250}\Z"
)  # letters of every script: it stands in a file, in no command
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# Above what the tree says: nothing of a commit is left out, replaced or converted when it is read.
ATTRIBUTES = "* -export-ignore -export-subst -text !eol -ident !filter !working-tree-encoding !diff !merge\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Our bare repository with a project's commits. `refs`: name (as `refs/tags/v1`) -> commit or tag object.

    What a tag object is a tag of may stand beside it, as `refs/tags/v1^{}`.
    """

    folder: Path
    head: str
    refs: dict[str, str]


def borrow(
    target: PathTarget, folder: Path, *, head: str, local_roots: Iterable[Path], watch: Watch
) -> Source:
    """Read a local checkout through a repository of our own. Raises PathRefused, PathMissing, HistoryUnavailable."""
    require_git()
    roots = [Path(root).resolve() for root in local_roots]
    tree = open_folder(target.path, roots)
    git = git_folder(tree.root, roots)
    if git is None:
        raise HistoryUnavailable(f"{target.path!r} is no git checkout: it has no .git that may be read")
    shared = Path(os.path.realpath(shared_folder(git)))
    objects = Path(os.path.realpath(shared / "objects"))
    _check_objects(objects, roots)
    commit = head if COMMIT.match(head) else (head_of(tree.root, roots)[1] or "")
    if not commit:
        raise HistoryUnavailable(
            f"{target.path!r} has no commit yet, or its .git is not written as we know it"
        )
    _init(folder, watch, sha256=len(commit) == 64)
    (folder / "objects" / "info").mkdir(exist_ok=True)
    (folder / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    refs = dict(_refs_of(shared))
    write_refs(folder, {**refs, "refs/wrench/head": commit})
    shallow = [line for line in _lines(shared / "shallow", MAX_SHALLOW_BYTES) if COMMIT.match(line)]
    if shallow:
        write_border(folder, shallow)
    return Source(folder=folder, head=commit, refs=refs)


def fetched(
    target: GitTarget,
    folder: Path,
    *,
    head: str,
    names: Iterable[str],
    depth: int,
    since: datetime | None,
    limits: Limits,
    private_hosts: Iterable[str],
    cancelled: Callable[[], bool],
    resolve: Resolver,
    protocols: Iterable[str] = PUBLIC_PROTOCOLS,
) -> Source:
    """Fetch the commits behind a head and behind some names, at most `depth` deep or not older than `since`.

    Raises GitError's children, WorkspaceTooLarge, ObtainCancelled. `protocols` is wider in tests only.
    """
    require_git()
    remote = read_url(target.url)
    address = pinned_address(remote.host, remote.port, private_hosts=private_hosts, resolve=resolve)
    watch = Watch(limits=limits, cancelled=cancelled, deadline=time.monotonic() + limits.git_seconds)
    environment = clean_environment(folder.parent, remote, address, limits.connect_seconds)
    environment["GIT_ALLOW_PROTOCOL"] = ":".join(protocols)
    git = ["git", *always(protocols), *pinned_options(remote, address), "-C", str(folder)]
    _init(folder, watch)
    url, refs = _listed(git, remote.address(with_user=remote.scheme == "ssh"), folder, environment, watch)
    start = head if COMMIT.match(head) else named(refs, target.ref or "HEAD")
    if not start:
        raise HistoryUnavailable(f"{target.ref or 'HEAD'!r} is no branch and no tag of the repository")
    wanted = {start: "refs/wrench/head"}
    for number, name in enumerate(names):
        if commit := named(refs, name) or (name if COMMIT.match(name) else ""):
            wanted.setdefault(commit, f"refs/wrench/base{number}")
    words = [f"+{commit}:{ref}" for commit, ref in wanted.items()]
    fetch = [*git, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules"]
    try:
        bound = [f"--shallow-since={since.isoformat()}"] if since else [f"--depth={depth}"]
        run([*fetch, *bound, "--", url, *words], folder, environment, watch)
    except GitFailed:
        if since is None:
            raise  # a server may have nothing since then, which git calls an error
        run([*fetch, "--depth=1", "--", url, *words], folder, environment, watch)
    if since is not None and (folder / "shallow").is_file():
        # What is at the border seems to have added everything: its parents tell what it did.
        run([*fetch, "--deepen=1", "--", url, *words], folder, environment, watch)
    write_refs(folder, {ref: commit for commit, ref in wanted.items()})
    return Source(folder=folder, head=start, refs=refs)


def _init(folder: Path, watch: Watch, *, sha256: bool = False) -> None:
    form = "sha256" if sha256 else "sha1"
    made = ["git", *always(), "init", "--quiet", "--bare", "--template=", f"--object-format={form}", "--"]
    run([*made, str(folder)], folder, clean_environment(folder.parent, None, "", 1), watch)
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info" / "attributes").write_text(ATTRIBUTES)


def _listed(
    git: list[str], url: str, folder: Path, environment: dict[str, str], watch: Watch
) -> tuple[str, dict[str, str]]:
    """Ask a server for its names. Returns the URL that answered, too: some redirect to the path with .git."""
    output = folder / "ls-remote"
    asked = [*git, "ls-remote", "--quiet", "--"]
    try:
        run([*asked, url], folder, environment, watch, output=output)
    except GitFailed as error:
        if "returned error: 30" not in str(error) or url.endswith(".git"):
            raise
        url = f"{url}.git"
        run([*asked, url], folder, environment, watch, output=output)
    return url, dict(_entries(_lines(output, MAX_REFS_BYTES), "\t"))


def named(refs: dict[str, str], name: str) -> str:
    """The commit of a name as people write it, or "". Of a tag object: what it is a tag of."""
    for full in (name, f"refs/tags/{name}", f"refs/heads/{name}", f"refs/{name}"):
        if found := refs.get(f"{full}^{{}}") or refs.get(full):
            return found
    return ""


def _check_objects(objects: Path, roots: list[Path]) -> None:
    """Let pass what borrows from allowed folders only. Raises HistoryUnavailable."""
    waiting, seen = [(objects, 0)], set[Path]()
    while waiting:
        folder, depth = waiting.pop()
        if not any(folder.is_relative_to(root) for root in roots) or "\n" in str(folder):
            raise HistoryUnavailable("the folder's .git has its objects outside the folders that may be read")
        if not folder.is_dir():
            raise HistoryUnavailable("the folder's .git has no objects, or not where we know them to be")
        _refuse_links(folder)
        seen.add(folder)
        if depth == MAX_ALTERNATES:
            continue
        for line in _lines(folder / "info" / "alternates", MAX_SHALLOW_BYTES):
            other = Path(os.path.realpath(folder / line.strip('"')))
            if line and not line.startswith("#") and other not in seen:
                waiting.append((other, depth + 1))


def _refuse_links(objects: Path) -> None:
    for folder in (objects, objects / "pack", objects / "info"):
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            if any(entry.is_symlink() for entry in entries):
                raise HistoryUnavailable(
                    "the folder's .git leads elsewhere by symbolic links; they are not followed"
                )


def _refs_of(shared: Path) -> Iterator[tuple[str, str]]:
    """Branches and tags of a repository, read from its files."""
    yield from _entries(_lines(shared / "packed-refs", MAX_REFS_BYTES), " ")
    count = 0
    for kind in ("refs/heads", "refs/tags", "refs/remotes/origin"):
        for folder, folders, names in os.walk(shared / kind):
            folders[:] = [one for one in folders if not os.path.islink(os.path.join(folder, one))]
            for name in sorted(names):
                count += 1
                if count > MAX_REFS:
                    return
                file = Path(folder, name)
                ref = f"{kind}/{file.relative_to(shared / kind).as_posix()}"
                if _is_ref(ref) and COMMIT.match(commit := _first(file)):
                    yield ref, commit


def _entries(lines: Iterable[str], blank: str) -> Iterator[tuple[str, str]]:
    """Lines "id<blank>name" -> (name, id); what is not written so is left out."""
    for line in list(lines)[: 2 * MAX_REFS]:
        commit, _, ref = line.partition(blank)
        if COMMIT.match(commit) and (ref == "HEAD" or _is_ref(ref.removesuffix("^{}"))):
            yield ref, commit


def _is_ref(ref: str) -> bool:
    return bool(_NAME.match(ref) and ".." not in ref and "@{" not in ref)


def write_border(folder: Path, commits: Iterable[str]) -> None:
    """Make our repository one that ends with these commits: their parents are not asked for."""
    (folder / "shallow").write_text("".join(f"{one}\n" for one in sorted(commits)))


def write_refs(folder: Path, refs: dict[str, str]) -> None:
    """Make these our repository's names, instead of those it had."""
    lines = [f"{commit} {ref}\n" for ref, commit in sorted(refs.items()) if not ref.endswith("^{}")]
    (folder / "packed-refs").write_text("# pack-refs with: sorted \n" + "".join(lines), encoding="utf-8")


def _first(file: Path) -> str:
    lines = _lines(file, 4_096)
    return lines[0].strip() if lines else ""


def _lines(file: Path, most: int) -> list[str]:
    try:
        if file.is_symlink() or not file.is_file():
            return []
        with file.open("rb") as opened:
            return opened.read(most).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
