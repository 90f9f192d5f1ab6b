"""What git knows of a project's past: which commits lie between two revisions, and what changes often.

    past = history.opened(target, head=snapshot.revision, names=["v1.2"], scratch=context.scratch, ...)
    past.commits(past.resolve("v1.2"))      Span     the commits since then, newest first, with the paths they touch
    past.churn(since=now - one_year)        Churned  commits, authors, lines added and removed for each path
    past.latest_tag()                       (name, commit) of the last release before the head
    past.tree(commit, folder)               the files of a commit

A snapshot holds no history: it is read from the run's target (`request.run_request["target"]`, by
`workspace.parse_target`), and `head` is the snapshot's revision, so that both speak of the same commit. An upload, or
a folder that is no checkout, has none: HistoryUnavailable says so in words that a report can show.

Owns: the questions, and their bounds. Invariants: git runs in a repository of our own only
(`agents.workspace.history_sources`), without network, configuration, hooks and external programs of anybody's; texts
of commits are data, without control characters; what was cut short says so.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from agents import process
from agents.workspace.archives import unpack
from agents.workspace.errors import CommitMissing, HistoryUnavailable
from agents.workspace.git import Watch, always, clean_environment
from agents.workspace.history_gaps import UNREADABLE, first_gap, is_readable, unreadable_tags
from agents.workspace.history_sources import COMMIT, Source, borrow, fetched, named, write_border, write_refs
from agents.workspace.hosts import Resolver, system_resolver
from agents.workspace.limits import Limits, Skipped
from agents.workspace.targets import REF, ArchiveTarget, GitTarget, PathTarget

DEPTH = 2_000  # commits behind a head that are fetched from a server
GIT_SECONDS = 120  # for one question
MAX_COMMITS = 5_000  # told one by one
MAX_CHURN_COMMITS = 20_000
MAX_PATHS = 200  # of one commit
MAX_TEXT = 10_000  # characters of one commit's message
MAX_GAPS = 20  # places at which a damaged history breaks off
MAX_PRINTED = 96 * 1024 * 1024  # bytes of one answer of git's
_CHUNK = 1 << 20
_NEVER = datetime.min.replace(tzinfo=UTC)
_READ = (
    "--no-pager", "--no-replace-objects", "-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false",
    "-c", "core.bigFileThreshold=8m", "-c", "core.attributesFile=/dev/null", "-c", "core.quotePath=false",
)  # fmt: skip
_NUMBERS = re.compile(rb"(\d+|-)\t(\d+|-)\t", re.DOTALL)
_PATHS_ALONE = ("log", "-z", "--format=%x00%H", "--raw", "--no-renames")  # which needs no content of a file
_WALKS = ("log", "rev-list")
_CHANGED = re.compile(rb":\d{6} \d{6} [0-9a-f]+ [0-9a-f]+ [A-Z]\Z")
_MISSING = re.compile(
    r"(?:unable to|could not|cannot) read|(?:bad|invalid) object|promisor|missing (?:blob|tree)",
    re.IGNORECASE,
)
_INCOMPLETE = (
    "a part of the history is not in this copy of the repository: it was cloned with a filter, or is damaged. "
    "`git fetch --refetch` in a clone without a filter brings it, `git fsck` tells what is missing"
)
_LOST = (
    "the commit {} cannot be read: it is missing in this copy of the repository, or damaged. `git fsck` tells what "
    "else is missing, a fresh clone brings it"
)
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit that is no merge. `paths`: what it touches, at most MAX_PATHS; `more_paths` counts the rest."""

    id: str
    at: datetime  # when it was committed, in UTC
    author: str  # who, as a name for counting: the address in lower case; not meant to be shown
    subject: str
    body: str
    paths: tuple[str, ...] = ()
    more_paths: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The commits of a head that a base has not, newest first. `truncated`: there are, or may be, more.

    `paths_why` says why no commit has its paths; "" if they are known.
    """

    base: str
    head: str
    commits: tuple[Commit, ...]
    truncated: bool = False
    paths_why: str = ""

    @property
    def authors(self) -> int:
        return len({commit.author for commit in self.commits})


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """How much one path changed. Lines are 0 for what git takes for binary."""

    commits: int
    authors: int
    added: int
    removed: int
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Churned:
    """Path -> what happened to it, under the name that it has at the head. `commits` counts those of the window."""

    since: datetime | None
    paths: Mapping[str, Churn]
    commits: int
    authors: int
    truncated: bool = False


@dataclass(slots=True)
class _Sum:
    commits: int = 0
    authors: set[str] = field(default_factory=set)
    added: int = 0
    removed: int = 0
    last: datetime = _NEVER


def opened(
    target: PathTarget | GitTarget | ArchiveTarget,
    *,
    scratch: Path,
    head: str = "",
    names: Iterable[str] = (),
    depth: int = DEPTH,
    since: datetime | None = None,
    limits: Limits | None = None,
    local_roots: Iterable[Path] = (),
    private_hosts: Iterable[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
    resolve: Resolver = system_resolver,
) -> History:
    """Make the history of a target readable, below `scratch`.

    `head`: commit id, or what is no such id for the target's own; `names`: branches, tags and commit ids that will
    be asked for. From a server come `depth` commits behind each, or all that are not older than `since`.
    Raises HistoryUnavailable, PathRefused, PathMissing, GitError's children, WorkspaceTooLarge, ObtainCancelled.
    """
    folder, limits = scratch / "history.git", limits or Limits()
    if isinstance(target, ArchiveTarget):
        raise HistoryUnavailable(f"{target.name!r} was uploaded, and an archive has no git history")
    if isinstance(target, PathTarget):
        watch = Watch(limits=limits, cancelled=cancelled, deadline=time.monotonic() + limits.git_seconds)
        source = borrow(target, folder, head=head, local_roots=local_roots, watch=watch)
    else:
        source = fetched(
            target, folder, head=head, names=names, depth=depth, since=since, limits=limits,
            private_hosts=private_hosts, cancelled=cancelled, resolve=resolve,
        )  # fmt: skip
    return History(source, scratch=scratch, limits=limits, cancelled=cancelled)


class History:
    """The history of one target, open for questions. Each may raise HistoryUnavailable and StepCancelled."""

    def __init__(
        self, source: Source, *, scratch: Path, limits: Limits, cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        self.head = source.head
        self._source = source
        self._scratch = scratch
        self._limits = limits
        self._cancelled = cancelled
        self._border = _border_of(source.folder)
        self._lost: set[str] = set()

    @property
    def is_shallow(self) -> bool:
        """Whether older commits exist that are not here."""
        return bool(self._border)

    @property
    def lost(self) -> str:
        """Say which commits could not be read by what was asked so far, or ""."""
        named = sorted(self._lost)
        more = f" and {len(named) - 3:,} more" if len(named) > 3 else ""
        return f"{_LOST.format(', '.join(one[:10] for one in named[:3]) + more)}" if named else ""

    def breaks_off_at(self, commit: str) -> bool:
        """Tell whether a commit is one that the head's history breaks off at, for nobody can read it."""
        self._printed(["rev-list", f"--max-count={MAX_CHURN_COMMITS}", self.head])
        return commit in self._lost

    def resolve(self, name: str) -> str:
        """Give the commit of a branch, a tag or an id that may be shortened.

        Raises HistoryUnavailable; its child CommitMissing if the name is known and its commit cannot be read.
        """
        found = named(self._source.refs, name) or name
        if not REF.match(found) or ".." in found or "@{" in found:
            raise HistoryUnavailable(f"{name[:100]!r} is no name of a revision")
        asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{found}^{{commit}}"]
        said = self._printed(asked, fault="")
        commit = said.read_bytes().decode().strip() if said else ""
        if not COMMIT.match(commit):
            if COMMIT.match(known := named(self._source.refs, name)):
                raise CommitMissing(_LOST.format(f"{known[:10]} of {name[:100]!r}"), commit=known)
            raise HistoryUnavailable(
                f"{name[:100]!r} is no branch, no tag and no commit that is known here; check the name"
            )
        return commit

    def latest_tag(self) -> tuple[str, str] | None:
        """Find the tag nearest behind the head that is not the head itself: (name, commit)."""
        tags = self._tags()
        listed = self._printed(["rev-list", f"--max-count={MAX_CHURN_COMMITS}", self.head])
        for commit in _lines(listed):
            if commit != self.head and commit in tags:
                return tags[commit], commit
        return None

    def tag_of(self, commit: str) -> str:
        """Give the tag of a commit, the last by name if there are several, or ""."""
        return self._tags().get(commit, "")

    def commits(self, base: str, *, head: str = "") -> Span:
        """List the commits of a head (else the history's own) that a base has not; base "" means all of them.

        A base that cannot be read, and at which the history breaks off, is as good as one that can.
        """
        head = head or self.head
        if base and not self._is_readable(base) and self.breaks_off_at(base):
            return replace(self.commits("", head=head), base=base)
        span = [f"^{base}", head] if base else [head]
        words = [f"--max-count={MAX_COMMITS + 1}", "--no-merges", *span, "--"]
        printed = self._printed(["log", "-z", "--format=%H%x00%ct%x00%ae%x00%an%x00%B", *words])
        found = list(_messages(printed))
        paths: dict[str, list[str]] = defaultdict(list)
        why = ""
        try:
            for commit, path in _listed(_tokens(self._printed([*_PATHS_ALONE, *words]))):
                paths[commit].append(path)
        except HistoryUnavailable as error:
            why = str(error)
        cut = len(found) > MAX_COMMITS or printed.stat().st_size >= MAX_PRINTED
        return Span(
            base=base,
            head=head,
            commits=tuple(_with_paths(one, paths[one.id]) for one in found[:MAX_COMMITS]),
            truncated=cut or not self._border.isdisjoint(one.id for one in found),
            paths_why=why,
        )

    def churn(self, *, since: datetime | None = None, head: str = "") -> Churned:
        """Count for each path the commits, authors and lines of a head's history, of all of it or since a moment.

        A renamed file keeps what it did under its old name. Merges, and commits whose parents are not here, do
        not count.
        """
        window = [f"--since={int(since.timestamp())} +0000"] if since else []
        words = [f"--max-count={MAX_CHURN_COMMITS}", "--no-merges", *window, head or self.head, "--"]
        listed = self._printed(["log", "-z", "--format=%H%x00%ct%x00%ae%x00%an%x00", *words])
        about = {one.id: one for one in _messages(listed)}
        sums: dict[str, _Sum] = defaultdict(_Sum)
        now: dict[str, str] = {}
        for commit, path, old, added, removed in self._touched(words):
            if commit in self._border or commit not in about:
                continue
            name = now.get(path, path)
            if old:
                now[old] = name
            one = sums[name]
            one.commits += 1
            one.authors.add(about[commit].author)
            one.added, one.removed = one.added + added, one.removed + removed
            one.last = max(one.last, about[commit].at)
        counted = [one for one in about.values() if one.id not in self._border]
        return Churned(
            since=since,
            paths={path: _churn(one) for path, one in sorted(sums.items())},
            commits=len(counted),
            authors=len({one.author for one in counted}),
            truncated=len(about) >= MAX_CHURN_COMMITS or bool(self._border & about.keys()),
        )

    def tree(self, commit: str, into: Path) -> tuple[Skipped, ...]:
        """Write the files of a commit to a new folder, and name what was left out."""
        made = self._printed(["archive", "--format=tar", commit], most=self._limits.total_bytes)
        with made.open("rb") as packed:
            skipped = unpack(packed, into, limits=self._limits, cancelled=self._cancelled)
        made.unlink()
        return skipped

    def _tags(self) -> dict[str, str]:
        """Commit -> the last by name of its tags."""
        known = dict(self._source.refs)
        form = "--format=%(*objectname)%(objectname)%00%(refname)"
        for line in _lines(self._listed_tags(["for-each-ref", form, "refs/tags"])):
            ids, _, ref = line.partition("\0")
            known[ref] = ids[: len(self.head)]
        tags: dict[str, str] = {}
        for ref in sorted(known):
            if ref.startswith("refs/tags/") and not ref.endswith("^{}"):
                tags[known.get(f"{ref}^{{}}", known[ref])] = ref.removeprefix("refs/tags/")
        return tags

    def _listed_tags(self, words: list[str]) -> Path:
        """Ask for the tags; those that cannot be read are taken out of our own repository first."""
        refs = {**self._source.refs, "refs/wrench/head": self.head}
        for _ in range(MAX_GAPS):
            outcome = self._asked(words)
            bad = unreadable_tags(outcome.trouble(), refs)
            if not bad:
                break
            refs = {name: commit for name, commit in refs.items() if name not in bad}
            write_refs(self._source.folder, refs)
        return outcome.stdout

    def _touched(self, words: list[str]) -> Iterator[tuple[str, str, str, int, int]]:
        """Yield (commit, path, old path or "", lines added, lines removed), newest commits first."""
        looking = ["--numstat", "--no-ext-diff", "--no-textconv", "-M", "-l1000"]
        yield from _numbered(_tokens(self._printed(["log", "-z", "--format=%x00%H", *looking, *words])))

    def _printed(
        self, words: list[str], *, fault: str = "git could not tell", most: int = MAX_PRINTED
    ) -> Path:
        """Ask git, and give the file with its answer; an answer that grew over `most` is cut there.

        Raises HistoryUnavailable if git failed, unless `fault` is "": then the file is what there is.
        """
        outcome = self._asked(words, most=most)
        for _ in range(MAX_GAPS):
            trouble = outcome.trouble()
            if not trouble or not fault or outcome.output_truncated:
                break
            if not (UNREADABLE.search(trouble) and words[0] in _WALKS and self._ended_before_gap(words)):
                raise HistoryUnavailable(
                    _INCOMPLETE if _MISSING.search(trouble) else f"{fault}: it {trouble}"
                )
            outcome = self._asked(words, most=most)
        else:
            raise HistoryUnavailable(_INCOMPLETE)
        return outcome.stdout

    def _ended_before_gap(self, words: list[str]) -> bool:
        """Make the commits whose parents cannot be read the border of our repository. Raises CommitMissing."""
        starts = [one for word in words if COMMIT.match(one := word.removeprefix("^"))]
        for commit in starts:
            if not self._is_readable(commit):
                raise CommitMissing(_LOST.format(commit[:10]), commit=commit)
        gap = first_gap(starts, self._asked)
        if gap.border:
            self._lost |= gap.lost
            self._border |= gap.border
            write_border(self._source.folder, self._border)
        return bool(gap.border)

    def _is_readable(self, commit: str) -> bool:
        return is_readable(commit, self._asked)

    def _asked(self, words: Sequence[str], most: int = MAX_PRINTED) -> process.Outcome:
        return process.run(
            ["git", *always(), *_READ, "--git-dir", str(self._source.folder), *words],
            cwd=self._scratch,
            scratch=self._scratch,
            timeout_seconds=GIT_SECONDS,
            limits=process.Limits(file_bytes=most),
            environment=clean_environment(self._scratch, None, "", 1),
            cancelled=self._cancelled,
        )


def _with_paths(commit: Commit, paths: list[str]) -> Commit:
    return replace(commit, paths=tuple(paths[:MAX_PATHS]), more_paths=max(0, len(paths) - MAX_PATHS))


def _churn(one: _Sum) -> Churn:
    return Churn(
        commits=one.commits, authors=len(one.authors), added=one.added, removed=one.removed, last=one.last
    )


def _border_of(folder: Path) -> frozenset[str]:
    """Commits whose parents exist and are not here."""
    file = folder / "shallow"
    return frozenset(_lines(file)) if file.is_file() else frozenset()


def _messages(printed: Path) -> Iterator[Commit]:
    """Read records of five fields; a message holds no NUL, whatever else it holds."""
    tokens = _tokens(printed)
    while True:
        record = [token for _, token in zip(range(5), tokens, strict=False)]
        if len(record) < 5 or not COMMIT.match(record[0].decode("ascii", "replace")):
            return
        subject, _, body = _shown(record[4]).strip().partition("\n")
        yield Commit(
            id=record[0].decode("ascii"),
            at=_moment(record[1]),
            author=(record[2] or record[3]).decode("utf-8", "replace").lower(),
            subject=subject.strip(),
            body=body.strip(),
        )


def _numbered(tokens: Iterator[bytes]) -> Iterator[tuple[str, str, str, int, int]]:
    """Read what `--format=%x00%H --numstat -z` prints: NUL, a commit, NUL, then its paths; a rename has two."""
    commit = ""
    for token in tokens:
        text = token.lstrip(b"\n")
        if found := _NUMBERS.match(text):
            path, old = text[found.end() :], b""
            if not path:
                old, path = next(tokens, b""), next(tokens, b"")
            added, removed = (0 if one == b"-" else int(one) for one in found.groups())
            try:
                yield commit, path.decode(), old.decode(), added, removed
            except UnicodeDecodeError:
                continue  # no path that a report could name
        elif COMMIT.match(name := text.decode("ascii", "replace").strip()):
            commit = name


def _listed(tokens: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Read what `_PATHS_ALONE` prints: NUL, a commit, NUL, then what is changed and where."""
    commit = ""
    for token in tokens:
        text = token.lstrip(b"\n")
        if _CHANGED.match(text):
            try:
                yield commit, next(tokens, b"").decode()
            except UnicodeDecodeError:
                continue  # no path that a report could name
        elif COMMIT.match(name := text.decode("ascii", "replace").strip()):
            commit = name


def _tokens(printed: Path) -> Iterator[bytes]:
    """The parts between NUL bytes."""
    rest = b""
    with printed.open("rb") as file:
        while chunk := file.read(_CHUNK):
            *whole, rest = (rest + chunk).split(b"\0")
            yield from whole
    if rest:
        yield rest


def _lines(file: Path) -> list[str]:
    return file.read_bytes().decode("utf-8", "replace").splitlines()


def _moment(seconds: bytes) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):  # whoever makes a commit names its time
        return datetime.fromtimestamp(0, UTC)


def _shown(text: bytes) -> str:
    """A message without what moves a cursor, turns a line around or hides in it."""
    read = text[: 4 * MAX_TEXT].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _UNSHOWN.sub("", read)[:MAX_TEXT]
