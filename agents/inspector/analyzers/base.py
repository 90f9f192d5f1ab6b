"""How an external checker becomes an analyzer: the manual for writing one.

An analyzer is one file here plus one line in `agents.inspector.analyzers.ANALYZERS`. It says which files it
wants, how to call its tool on a batch of them, and what the tool's answer means. It starts nothing itself,
and never sees the project's configuration:

    class Spell(Analyzer):
        name = "spell"
        package = "spell-checker"                # the version is read from its installed distribution
        good_codes = frozenset({0, 1})           # 1 means "has findings" for this tool

        languages = frozenset({"python"})        # the files that it wants
        def command(self, batch): return [*PYTHON, "-m", "spell", "--isolated", "--", *batch.arguments]
        def parse(self, answer, batch): return Parsed(claims=[Claim(...)], failed=[Problem(...)])

What every command must keep:
- **isolated**: no configuration of the project is read, nothing of the project is imported. Python tools are
  started with PYTHON (`-I`): else the working folder is on `sys.path` and a `json.py` in it is executed.
- **files by list**: the survey chose them; the tool's own walk, ignores and excludes stay off.
- **no network, no writing** into the tree.

What needs more than one file (a name that nobody uses, a cycle of imports) is found in two parts: the command tells
the *facts* of each file, `conclude` judges over all of them. Facts are stored by content like claims, so that a
change of ten files reads ten files again.

What `parse` must tell: every file that the tool could not analyse, as a Problem. A file that was handed over and
neither analysed nor named is the worst bug an analyzer can have: it makes a partial run read as clean.
"""

from __future__ import annotations

import functools
import os
import shlex
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

from agents.findings import Category, Confidence, Hop, Severity
from agents.inspector.survey import SourceFile
from agents.quality.config import Settings

PYTHON = (sys.executable, "-I")


Harmless = Mapping[str, Sequence[Sequence[Any]]]  # path -> first line, last line and danger of each place


class AnswerUnreadable(Exception):
    """A tool's output is not what its documentation promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A file that a tool was given and could not analyse."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One report of one tool, before it is normalised.

    `rule` is our canonical name (tools that mean the same share it), `tool_rule` the tool's own.
    Columns count from 1. `span_start` is the first line that may mean the same, if before `line`.
    """

    rule: str
    tool_rule: str
    title: str
    message: str
    path: str
    line: int
    end_line: int
    column: int = 1
    span_start: int = 0
    severity: Severity
    confidence: Confidence
    category: Category
    cwe: tuple[int, ...] = ()
    url: str = ""
    hops: tuple[
        Hop, ...
    ] = ()  # the way of a value, source first, sink last; its lines may mean the same, too
    snippet: str | None = None  # None: take the lines from the file
    fingerprints: tuple[tuple[str, str], ...] = ()  # (name, value) by which the tool knows it again


@dataclass(slots=True, kw_only=True)
class Parsed:
    """What a tool said of a batch."""

    claims: list[Claim] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)  # of no use to the tool, as it found out by reading
    facts: dict[str, Any] = field(default_factory=dict)  # path -> JSON, for `conclude`
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The files of one call. The tool works in `root`; `scratch` is free for lists and settings.

    A tool that keeps notes finds the last run's at `noted`, if there are any, and writes new ones to `notes`.
    """

    root: Path
    files: tuple[SourceFile, ...]
    scratch: Path
    noted: Path | None = None
    notes: Path | None = None

    @property
    def arguments(self) -> list[str]:
        """The paths as arguments that no tool can take for an option."""
        return [f"./{file.path}" for file in self.files]

    def path_of(self, name: str) -> str:
        """Turn the name in a tool's answer back into a path of the tree."""
        if os.path.isabs(name):
            for root in (self.root, _resolved(self.root)):
                if name.startswith(f"{root}{os.sep}"):
                    name = name[len(str(root)) + 1 :]
                    break
        while name.startswith("./"):
            name = name[2:]
        return name

    def list_file(self) -> Path:
        """Write the paths, each ended by a NUL byte, for drivers that read a list."""
        path = self.scratch / "files"
        path.write_bytes(b"".join(file.path.encode() + b"\0" for file in self.files))
        return path


@functools.lru_cache(maxsize=8)
def _resolved(root: Path) -> Path:
    return root.resolve()  # asked for each claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All that a whole-program judgement may look at."""

    root: Path
    files: Sequence[SourceFile]

    def content(self, file: SourceFile) -> bytes:
        """The bytes of one file, or b"" if it is gone."""
        try:
            return (self.root / file.path).read_bytes()
        except OSError:
            return b""

    def text(self, file: SourceFile) -> str:
        """The text of one file, or "" if it is gone."""
        try:
            return (self.root / file.path).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return ""


class Analyzer(ABC):
    """One external checker. Holds no state: one instance serves every run."""

    name: ClassVar[str]
    package: ClassVar[str]
    purpose: ClassVar[str] = ""  # tells analyzers that share a tool apart
    languages: ClassVar[frozenset[str]] = frozenset()  # whose meaning it knows; names of `agents.languages`
    silencer: ClassVar[str] = ""  # the comment that silences it, a key of survey.SILENCERS
    good_codes: ClassVar[frozenset[int]] = frozenset({0})
    timeout_seconds: ClassVar[float] = 240
    whole_program: ClassVar[bool] = (
        False  # needs all its files in one call, and is asked again when one changes
    )
    follows: ClassVar[frozenset[str]] = frozenset()  # dangers to which it follows input, by `dangers`
    keeps_notes: ClassVar[bool] = False  # of a whole program, so that the next run need not do all again
    seconds_per_megabyte: ClassVar[float] = 1.0  # of CPU, about; the longest work is begun first
    memory_bytes: ClassVar[int] = 2 << 30
    batch_files: ClassVar[int] = 400  # bounds what one crash or timeout can hide
    batch_bytes: ClassVar[int] = 60_000  # of arguments; the kernel allows 128 KiB for one, 2 MiB for all

    def version(self) -> str:
        """The tool's version, or an empty string if it is not installed."""
        return _installed(self.package)

    def configured(self, settings: Settings) -> Analyzer:
        """Give the analyzer as a project wants it. What it remembers of a file must not depend on that."""
        del settings
        return self

    def wants(self, file: SourceFile) -> bool:
        """Tell whether this tool has something to say of such a file: by its language, if nothing else is said."""
        return file.language in self.languages

    @abstractmethod
    def command(self, batch: Batch) -> list[str]:
        """The argument list that analyses the batch."""

    @abstractmethod
    def parse(self, answer: Path, batch: Batch) -> Parsed:
        """Read the tool's output file. Raises AnswerUnreadable."""

    def why_not(self, file: SourceFile) -> str:
        """Say why a file of a wanted kind is better left out (it is counted as skipped), or ""."""
        return ""

    def conclude(self, facts: Mapping[str, Any], tree: Tree) -> list[Claim]:
        """Judge the whole by the facts of each file. For what no file shows alone, such as a name that nobody uses.

        Runs in this process, over data: it parses no language and starts nothing.
        """
        del facts, tree
        return []

    def harmless(self, facts: Mapping[str, Any]) -> Harmless:
        """The places of which it saw that nothing dangerous arrives there."""
        del facts
        return {}

    def reproduce(self, claim: Claim) -> str:
        """The command that shows a reader the same claim, in the root of the project."""
        return ""


@cache
def _installed(package: str) -> str:
    """The version of an installed distribution, or "". It stays while the process lives: so do its modules."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def quoted(path: str) -> str:
    """A path as one word of a shell command that a reader can paste, in the root of the project."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def batches(files: Sequence[SourceFile], *, max_files: int, max_bytes: int) -> list[tuple[SourceFile, ...]]:
    """Cut a list of files so that each part fits one call."""
    found: list[list[SourceFile]] = []
    used = 0
    for file in files:
        length = len(file.path.encode()) + 3
        if not found or len(found[-1]) >= max_files or used + length > max_bytes:
            found.append([])
            used = 0
        found[-1].append(file)
        used += length
    return [tuple(part) for part in found]
