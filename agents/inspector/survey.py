"""Which files of a tree the analyzers look at, and which they do not and why.

Owns: the walk, the language of a file, the reasons for leaving a file out. Starts no tool.
Invariants: symbolic links are never followed, so loops cannot trap the walk; every regular file is either
listed or counted under a reason; the bytes of a file larger than its limit are never read.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from agents import conventions, languages
from agents.quality.config import Settings
from agents.quality.globs import Globs

MAX_FILE_BYTES = 2 << 20  # hand-written source stays far below; generated data does not
MINIFIED_LINE_BYTES = 5_000  # mean length of a line beyond which nobody wrote it by hand
NAMED_PER_REASON = 50  # examples kept of each reason; all are counted

LINK = "symbolic link"
TOO_LARGE = f"larger than {MAX_FILE_BYTES >> 20} MB"
NOT_TEXT = "binary"
NOT_UTF8 = "not UTF-8 text"
MINIFIED = "minified or generated"
NO_FILE = "no regular file"
UNREADABLE = "cannot be read"
VENDORED = "installed packages or vendored code"
TOOL_STATE = "version control data or a tool's cache"
EXCLUDED = "left out by wrench.toml"
GENERATED = "generated code, says wrench.toml"

LEFT_OUT_FOLDERS: dict[str, str] = {
    ".git": TOOL_STATE,
    ".hg": TOOL_STATE,
    ".svn": TOOL_STATE,
    "__pycache__": TOOL_STATE,
    ".mypy_cache": TOOL_STATE,
    ".ruff_cache": TOOL_STATE,
    ".pytest_cache": TOOL_STATE,
    ".tox": VENDORED,
    ".nox": VENDORED,
    ".venv": VENDORED,
    "venv": VENDORED,
    "node_modules": VENDORED,
    "bower_components": VENDORED,
    "site-packages": VENDORED,
    "vendor": VENDORED,
    "_vendor": VENDORED,
    "vendored": VENDORED,
    "_vendored": VENDORED,
    "externals": VENDORED,
    "third_party": VENDORED,
    "third-party": VENDORED,
    "thirdparty": VENDORED,
}

# A library's script that was copied into the tree: its version stands in its name, or in a banner at its top; or it
# lies with the libraries of a site's static files and tells whose it is.
_VERSIONED = re.compile(r"-\d+\.\d+(?:\.\d+)?(?:[.-]\w+)*\.(?:js|css)$")
_BANNER = re.compile(rb"\A[;\s]*/\*!.{0,120}?\bv ?\d+\.\d+", re.DOTALL)
_OF_LIBRARIES = re.compile(r"(?:^|/)(?:static|assets|public|media)/(?:[^/]+/)*libs?/")
_NOTICE = re.compile(rb"copyright|licen[cs]ed", re.IGNORECASE)
_NOTICE_BYTES = 1_000

# Comments by which a line, or a whole file, silences a tool. They are obeyed, but counted and told.
SILENCERS: dict[str, re.Pattern[bytes]] = {
    "noqa": re.compile(rb"#\s*(?:ruff:\s*|flake8[:=]\s*)?noqa\b", re.IGNORECASE),
    "nosec": re.compile(rb"#\s*nosec\b", re.IGNORECASE),
    "shellcheck disable": re.compile(rb"#\s*shellcheck\s+disable=", re.IGNORECASE),
    "hadolint ignore": re.compile(rb"#\s*hadolint\s+(?:global\s+)?ignore=", re.IGNORECASE),
    "yamllint disable": re.compile(rb"#\s*yamllint\s+disable", re.IGNORECASE),
    "complexipy: ignore": re.compile(rb"#\s*(?:noqa:\s*complexipy|complexipy:\s*ignore)", re.IGNORECASE),
    "pragma: allowlist": re.compile(rb"pragma:\s*(?:allow|white)list(?:\s|-)", re.IGNORECASE),
}
# A word of each, in small letters: most files hold none, and to look for a word takes a tenth of the time. And the
# language of the tools that it silences, "" for all.
_TELLING: dict[str, tuple[bytes, str]] = {
    "noqa": (b"noqa", "python"),
    "nosec": (b"nosec", "python"),
    "shellcheck disable": (b"shellcheck", "shell"),
    "hadolint ignore": (b"hadolint", "dockerfile"),
    "yamllint disable": (b"yamllint", "yaml"),
    "complexipy: ignore": (b"complexipy", "python"),
    "pragma: allowlist": (b"pragma:", ""),
}

# How Semgrep names the rule that must speak of the next line. It counts only beside that rule, a YAML file.
_EXPECTED = re.compile(rb"(?:#|//|/\*|<!--|--|;)[ \t]*(?:todo|deep|tododeep)?ruleid:[ \t]*[\w.-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A UTF-8 text file within the limits. `path` is relative to the tree, with `/`."""

    path: str
    size: int
    lines: int
    language: str  # "" if neither its name nor its first line tells one; see `agents.languages`
    digest: str = ""  # SHA-256 of its bytes
    silenced: tuple[tuple[str, int], ...] = ()  # (silencer, how often), only those that occur
    is_test: bool = False  # the project's settings say so, whatever its path says
    is_planted: bool = (
        False  # an example on which a rule of a tool is tried: its mistakes are there on purpose
    )

    @property
    def in_test_code(self) -> bool:
        """Tell whether its path says that it is a test or a test's data."""
        return self.is_test or self.is_planted or conventions.is_test(self.path)

    @property
    def is_sample(self) -> bool:
        """Tell whether a test is tried on it, so that its mistakes may be there on purpose."""
        return self.is_planted or conventions.is_test_sample(self.path)

    @property
    def in_docs(self) -> bool:
        """Tell whether its path says that it explains rather than runs."""
        return conventions.is_documentation(self.path)

    @property
    def in_ci(self) -> bool:
        """Tell whether its path says that it sets up machines for tests or for developers."""
        return conventions.is_ci(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A file left out, and why."""

    path: str
    reason: str
    language: str = ""


@dataclass(slots=True, kw_only=True)
class Survey:
    """What is in a tree. `left_out` names at most NAMED_PER_REASON files per reason, `counts` all of them."""

    root: Path
    files: list[SourceFile] = field(default_factory=list)
    left_out: list[Left] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    left_paths: list[str] = field(default_factory=list)  # of all of them

    def leave(self, path: str, reason: str, *, language: str = "") -> None:
        """Count a file as left out."""
        self.counts[reason] += 1
        self.left_paths.append(path)
        if self.counts[reason] <= NAMED_PER_REASON or language:
            self.left_out.append(Left(path=path, reason=reason, language=language))


def survey(root: Path, *, only: Sequence[str] = (), settings: Settings | None = None) -> Survey:
    """Walk the tree. `only` limits it to these files and folders, relative to the root."""
    paths = (settings or Settings()).paths
    excluded, generated, tests = Globs(paths.exclude), Globs(paths.generated), Globs(paths.tests)
    found = Survey(root=root)
    wanted = frozenset(PurePosixPath(path).as_posix().rstrip("/") for path in only)
    for entry, path, reason in _walk(root):
        if wanted and not _is_in(wanted, path):
            continue
        reason = reason or (EXCLUDED if excluded.match(path) else GENERATED if generated.match(path) else "")
        if reason:
            found.leave(path, reason)
        else:
            _look_at(entry, path, found)
    rules = {file.path for file in found.files if file.language == "yaml"}
    found.files = [
        replace(file, is_planted=False) if file.is_planted and not _has_rule(file.path, rules) else file
        for file in found.files
    ]
    if tests:
        found.files = [replace(file, is_test=tests.match(file.path)) for file in found.files]
    found.files.sort(key=lambda file: file.path)
    found.left_out.sort(key=lambda left: (left.reason, left.path))
    return found


def _has_rule(path: str, rules: set[str]) -> bool:
    """Tell whether a rule lies beside it: `a.yaml` of `a.py` and `a.fixed.py`."""
    folder, slash, name = path.rpartition("/")
    stem = f"{folder}{slash}{name.partition('.')[0]}"
    return f"{stem}.yaml" in rules or f"{stem}.yml" in rules


def _is_in(wanted: frozenset[str], path: str) -> bool:
    """Tell whether a path, or a folder that holds it, is wanted."""
    parts = path.split("/")
    return "." in wanted or any("/".join(parts[:count]) in wanted for count in range(1, len(parts) + 1))


def _walk(root: Path) -> Iterator[tuple[os.DirEntry[str], str, str]]:
    """Yield (entry, path, reason to leave it out or "") for everything but folders. Follows no link."""
    folders = [(os.fspath(root), "", "")]
    while folders:
        folder, prefix, why = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue  # its parent listed it, but it is gone or closed to us
        for entry in entries:
            path = prefix + entry.name
            if entry.is_symlink():
                yield entry, path, why or LINK
            elif entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, f"{path}/", why or _why_left_out(entry)))
            else:
                yield entry, path, why


def _why_left_out(folder: os.DirEntry[str]) -> str:
    if os.path.exists(os.path.join(folder.path, "pyvenv.cfg")):
        return VENDORED
    return LEFT_OUT_FOLDERS.get(folder.name, "")


def _look_at(entry: os.DirEntry[str], path: str, found: Survey) -> None:
    language = languages.of(path, b"")
    try:
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            found.leave(path, NO_FILE)
        elif status.st_size > MAX_FILE_BYTES:
            found.leave(path, TOO_LARGE, language=language)
        else:
            with open(entry.path, "rb", buffering=0) as file:
                content = file.read()
            _read(content, path, language or languages.of(path, content), found)
    except OSError:
        found.leave(path, UNREADABLE, language=language)


def _read(content: bytes, path: str, language: str, found: Survey) -> None:
    if b"\0" in content:
        found.leave(path, NOT_TEXT, language=language)
        return
    try:
        content.decode("utf-8")
        path.encode("utf-8")
    except UnicodeError:
        found.leave(path.encode("utf-8", "replace").decode(), NOT_UTF8, language=language)
        return
    lines = content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    is_code = language and language not in languages.DATA.values()
    if ".min." in path or (is_code and len(content) > MINIFIED_LINE_BYTES * max(1, lines)):
        found.leave(path, MINIFIED)
        return
    if language in ("javascript", "css") and _is_copied(path, content):
        found.leave(path, VENDORED)
        return
    found.files.append(
        SourceFile(
            path=path,
            size=len(content),
            lines=lines,
            language=language,
            digest=hashlib.sha256(content).hexdigest(),
            silenced=tuple(_silenced(content, language)),
            is_planted=b"ruleid:" in content and bool(_EXPECTED.search(content)),
        )
    )


def _silenced(content: bytes, language: str) -> Iterator[tuple[str, int]]:
    small = content.lower()
    for name, (word, of) in _TELLING.items():
        is_read = of in ("", language)  # else no tool that it silences reads the file
        if is_read and word in small and (count := len(SILENCERS[name].findall(content))):
            yield name, count


def _is_copied(path: str, content: bytes) -> bool:
    if _VERSIONED.search(path) or _BANNER.search(content[:_NOTICE_BYTES]):
        return True
    return _OF_LIBRARIES.search(path) is not None and _NOTICE.search(content[:_NOTICE_BYTES]) is not None
