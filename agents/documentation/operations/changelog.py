"""`changelog`: what happened between two revisions, from git's history and from the two trees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from agents import workspace
from agents.base import OperationContext, operation
from agents.documentation.changelog import breakages, pages
from agents.documentation.changelog.pages import Revision, Told
from agents.documentation.changelog.revisions import Wish, spellings, wish_of
from agents.documentation.changelog.sections import sections
from agents.documentation.claims import clean
from agents.documentation.material import (
    ATTEMPTS,
    DOCUMENTS,
    NEEDS,
    TreeInput,
    chosen,
    lies_in,
    narrowed,
    run_of,
)
from agents.grounding import Index, demand, index_of
from agents.reporting.model import AnalysisOutput, ToolRun, ToolState, plural
from agents.symbols import SymbolsUnreadable, read
from agents.symbols.sources import Sources, listed
from agents.workspace import GitTarget, WorkspaceError, history
from agents.workspace.comparing import Difference, compare
from agents.workspace.errors import (
    CommitMissing,
    HistoryUnavailable,
    ObtainCancelled,
    PathMissing,
    PathRefused,
    WorkspaceTooLarge,
)
from agents.workspace.history import History, Span
from tasks.contract import StepCancelled, StepFailed

TIMEOUT_SECONDS = 1_800
MARKDOWN = "text/markdown; charset=utf-8"
DEFAULT = "HEAD"  # a server's own branch
LACKING = (HistoryUnavailable, PathMissing, PathRefused, WorkspaceTooLarge)  # what a second try does not mend


class ChangelogInput(TreeInput):
    """Which tree, and since when: a revision, or a tree to compare with; without both since the last tag."""

    base: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the base's snapshot, in hex; empty: none",
    )
    since: str = Field(
        default="", max_length=250, description="branch, tag or commit; empty: what the goal names"
    )
    until: str = Field(
        default="", max_length=250, description="branch, tag or commit; empty: the tree itself"
    )
    goal: str = Field(default="", max_length=4_000, description="is read for 'since v1.2' and the like")


class ChangelogOutput(AnalysisOutput):
    """What was written. `files` are the artifacts that people read."""

    files: tuple[str, ...]


class Changelog:
    """Mixin: what changed, for those who use the project."""

    @operation(
        ChangelogInput,
        ChangelogOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=(DOCUMENTS,),
        examples=(
            "changelog since v1.2",
            "write the release notes",
            "what changed between v1.1 and v1.2?",
            "which breaking API changes are there since the last release?",
        ),
    )
    def changelog(self, input: ChangelogInput, context: OperationContext) -> ChangelogOutput:
        """Write the changelog: what happened between two revisions.

        Reads git's history of the target since a tag, branch or commit, without words since the last tag: by type
        where commits are conventional (feat, fix, a `!` or footer for what breaks), else by the part of the project
        that they touch. Compares the public API of the two trees with griffe: what callers lose is a section of its
        own, with file and line. An upload has no history: then the two trees alone are told, if the run names a base.
        Stores changelog.md in the form of Keep a Changelog, and changelog.json.
        """
        with TemporaryDirectory(dir=context.scratch) as folder, ExitStack() as open_trees:
            work = _Work(input, context, Path(folder))
            context.progress(0, 3, "reading the history")
            work.read_history()
            context.progress(1, 3, "comparing the trees")
            head, base = work.trees(open_trees)
            told, tools = work.told(head, base)
            context.progress(2, 3, "writing")
            index = work.index(told, head, base)
            told = _grounded(told, index)
            page = demand(pages.markdown(told), index)
        document = json.dumps(pages.document(told), indent=1).encode()
        context.put_artifact("changelog.md", page.encode(), media_type=MARKDOWN)
        context.put_artifact("changelog.json", document, media_type="application/json")
        context.progress(3, 3, "done")
        context.summary = _summary(told)
        return ChangelogOutput(tools=tools, summary=context.summary, files=("changelog.md", "changelog.json"))


class _Work:
    """One changelog in the making."""

    def __init__(self, input: ChangelogInput, context: OperationContext, folder: Path) -> None:
        self.input, self.context, self.folder = input, context, folder
        self.notes: list[str] = []
        self.past: History | None = None
        self.span: Span | None = None
        self.base, self.head = Revision(), Revision()
        self.lacking = ""  # why there is no history

    def read_history(self) -> None:
        """Find the two revisions and the commits between them, if the target has a history at all."""
        wish = self._wish()
        try:
            self.past = self._opened(wish)
            self.base, self.head = self._base(self.past, wish), self._head(self.past, wish)
            span = self.past.commits(self.base.commit, head=self.head.commit)
        except LACKING as error:
            self._go_without(error, wish)
            return
        self.span = replace(
            span, commits=tuple(one for one in span.commits if span.paths_why or self._is_wanted(one.paths))
        )
        if span.paths_why:
            self.notes.append(f"which files the commits touch: {span.paths_why}")
        if self.past.lost:
            self.notes.append(f"commits: {self.past.lost}")
        elif span.truncated:
            self.notes.append(
                "older commits: more of them than are read, or not in this copy of the repository"
            )

    def _go_without(self, error: WorkspaceError, wish: Wish) -> None:
        """Tell the trees alone, if there are two: the tree at hand stands for a head that cannot be read."""
        self.lacking = str(error)
        if self.past is not None and self.base.commit and not wish.until:
            self.head = Revision(commit=self.past.head)
        elif wish.until or self.input.since or not self.input.base:
            raise StepFailed(
                f"there is nothing to compare with: {error}. Name a revision of a git target, or give a base",
                retriable=False,
            ) from error
        else:
            self.past, self.base, self.head = None, Revision(name="the base"), Revision()
        self.notes.append(f"the history: {error}")

    def _wish(self) -> Wish:
        said = wish_of(self.input.goal)
        return Wish(
            since=self.input.since or said.since or self._ref_of_base(), until=self.input.until or said.until
        )

    def _ref_of_base(self) -> str:
        """The revision that the run's base names in the same repository; one of planning's own is its branch."""
        request = self.context.request.run_request
        try:
            target = workspace.parse_target(request.get("target"))
            base = workspace.parse_target(request["base"]) if request.get("base") else None
        except WorkspaceError:
            return ""
        if not isinstance(target, GitTarget):
            return ""
        if base is None:
            return DEFAULT if self.input.base else ""
        return (base.ref or DEFAULT) if isinstance(base, GitTarget) and base.url == target.url else ""

    def _opened(self, wish: Wish) -> History:
        from django.conf import settings  # read at work, not at import: the registry loads without Django too

        try:
            return history.opened(
                workspace.parse_target(self.context.request.run_request.get("target")),
                scratch=self.folder,
                head=self.input.revision,
                names=(*spellings(wish.since), *spellings(wish.until)),
                local_roots=settings.LOCAL_ROOTS,
                private_hosts=settings.GIT_PRIVATE_HOSTS,
                cancelled=self.context.cancelled,
            )
        except ObtainCancelled as error:
            raise StepCancelled(str(error)) from error
        except LACKING:
            raise
        except workspace.errors.TargetInvalid as error:
            raise HistoryUnavailable("the run names no target whose history could be read") from error
        except WorkspaceError as error:
            raise StepFailed(str(error), retriable=error.retriable, kind=type(error).__name__) from error

    def _base(self, past: History, wish: Wish) -> Revision:
        if wish.since:
            try:
                return _resolved(past, wish.since)
            except CommitMissing as error:
                if past.breaks_off_at(error.commit):
                    return Revision(name=wish.since, commit=error.commit)
                self.notes.append(f"what changed since {wish.since}: {error}")
            except HistoryUnavailable:
                if wish.since == self.input.since:
                    raise
                self.notes.append(f"what changed since {wish.since}: no branch, tag or commit has that name")
        if self.input.base and not wish.since:
            raise HistoryUnavailable("the run's base is a tree of its own, not a revision of this repository")
        tag = past.latest_tag()
        return Revision(name=tag[0], commit=tag[1]) if tag else Revision()

    def _head(self, past: History, wish: Wish) -> Revision:
        if wish.until:
            return _resolved(past, wish.until)
        return Revision(name=past.tag_of(past.head), commit=past.head)

    def _is_wanted(self, paths: tuple[str, ...]) -> bool:
        wanted = narrowed(self.input.paths)
        return not wanted or any(lies_in(path, wanted) for path in paths)

    def trees(self, stack: ExitStack) -> tuple[Sources, Sources | None]:
        """The files at both ends; None if there is no base but the beginning."""
        until = self.past is not None and self.head.commit != self.past.head
        head = (
            self._tree(self.head.commit, "head")
            if until
            else stack.enter_context(self._snapshot(self.input.snapshot))
        )
        base = None
        if self.past is not None and self.base.commit:
            try:
                base = self._tree(self.base.commit, "base")
            except HistoryUnavailable as error:
                if self.span is None:
                    raise StepFailed(f"{self.lacking}; its base: {error}", retriable=False) from error
                self.notes.append(f"what callers lose since {self.base.name or 'the base'}: {error}")
        elif self.past is None and self.input.base:
            base = stack.enter_context(self._snapshot(self.input.base))
        paths = self.input.paths
        return chosen(listed(head), paths), chosen(listed(base), paths) if base else None

    def _tree(self, commit: str, name: str) -> Path:
        assert self.past is not None
        for one in self.past.tree(commit, self.folder / name):
            self.notes.append(f"{one.path} of {commit[:10]}: {one.reason}")
        (self.folder / name).mkdir(exist_ok=True)  # a commit without files
        return self.folder / name

    @contextmanager
    def _snapshot(self, digest: str) -> Iterator[Path]:
        with workspace.checked_out(digest, self.context.open_artifact) as tree:
            yield tree

    def told(self, head: Sources, base: Sources | None) -> tuple[Told, tuple[ToolRun, ...]]:
        """Put together what is told, and how it was found out."""
        compared, difference = breakages.Compared(), None
        if base is not None:
            compared = breakages.compared(base, head, scratch=self.folder, cancelled=self.context.cancelled)
            difference = self._difference(base, head)
        if compared.trouble:
            self.notes.append(f"breaking changes of the API: {compared.trouble}")
        failed = {one.path: one.reason for some in compared.failed.values() for one in some}
        if failed:
            self.notes.append(f"the API of {plural(len(failed), 'file')} that cannot be read as Python")
        told = Told(
            base=self.base, head=self.head, span=self.span,
            sections=sections(self.span.commits) if self.span else None,
            compared=compared, difference=difference, notes=self.notes,
        )  # fmt: skip
        given = breakages.product(head).values() if base is not None else ()
        api = run_of(
            "griffe", compared.griffe or "2", given=len(given), note=compared.trouble, purpose="breaking changes",
            failed=dict.fromkeys(given, compared.trouble) if compared.trouble else failed,
        )  # fmt: skip
        state = ToolState.NOT_APPLICABLE if self.lacking else ToolState.OK
        return told, (ToolRun(tool="git", version="", purpose="history", state=state, note=self.lacking), api)

    def _difference(self, base: Sources, head: Sources) -> Difference:
        kept = frozenset((*base.paths, *head.paths))
        whole = compare(base.root, head.root, scratch=self.folder, cancelled=self.context.cancelled)
        renamed = {new: old for new, old in whole.renamed.items() if new in kept and old in kept}
        return replace(whole, head=whole.head & kept, base=whole.base & kept, renamed=renamed)

    def index(self, told: Told, head: Sources, base: Sources | None) -> Index:
        """What the page may name: what either tree has, read anew."""
        index = Index()
        named = {path for one in told.compared.breakages for path in (one.old_file, one.new_file)}
        for side in (head, base):
            if side is None or not named:
                continue
            paths = [p for p in side.paths if p in named or p.endswith("__init__.py")]
            try:
                some = Sources(root=side.root, paths=paths)
                symbols = read(some, scratch=self.folder, cancelled=self.context.cancelled)
            except SymbolsUnreadable as error:
                raise StepFailed(str(error)) from error
            other = index_of(symbols, paths=side.paths, folders=side.folders)
            index.suffixes |= other.suffixes
            index.paths |= other.paths
            index.lines |= {path: max(lines, index.lines.get(path, 0)) for path, lines in other.lines.items()}
        return index


def _grounded(told: Told, index: Index) -> Told:
    """Leave out what was inherited: it is told where it is defined, and has no name of its own here."""
    kept = tuple(
        one
        for one in told.compared.breakages
        if index.has_name(one.path) and (not one.what or index.has_name(one.what))
    )
    return replace(told, compared=told.compared.model_copy(update={"breakages": kept}))


def _resolved(past: History, name: str) -> Revision:
    for spelling in spellings(name):
        try:
            return Revision(name=spelling, commit=past.resolve(spelling))
        except CommitMissing:
            raise
        except HistoryUnavailable:
            continue
    raise HistoryUnavailable(
        f"{name[:100]!r} is no branch, no tag and no commit that is known here; check the name"
    )


def _summary(told: Told) -> str:
    broken = (
        f"; {plural(len(told.compared.breakages), 'breaking change')} of the API"
        if told.compared.breakages
        else ""
    )
    if told.span is None:
        changed = len(told.difference.head | told.difference.base) if told.difference else 0
        return f"no history: {plural(changed, 'file')} differ from the base{broken}"
    return f"{plural(len(told.span.commits), 'commit')} since {told.base.told}{broken}{_untold(told)}"


def _untold(told: Told) -> str:
    """Name what is lacking where everybody reads it: a name that is no revision is mostly a slip of the pen."""
    if not told.notes:
        return ""
    more = f" and {plural(len(told.notes) - 1, 'gap')} more" if len(told.notes) > 1 else ""
    return f"; not told: {clean(told.notes[0])[:200]}{more}"
