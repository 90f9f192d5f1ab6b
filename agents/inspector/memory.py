"""Which answers of analyzers may be used again, and how they are written down.

    one file at a time    key over realm, code, tool, its version, Python, path and content of the file
    the whole program     the same over the paths and contents of all files that it is given
    a tool's notes        key over realm, code, tool, its version and Python: the last run's

Owns: the keys and the forms. Refuses to know where bodies are kept (`results`). The realm is the project: what one
project had analysed tells another one nothing, not even by being fast.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agents.inspector.analyzers.base import Analyzer, Parsed
from agents.inspector.results import Results, code_digest, key_of
from agents.inspector.survey import Left, SourceFile, Survey
from agents.redaction import redact

_PARSED = TypeAdapter(Parsed)
_SPANS: TypeAdapter[list[tuple[int, int, str]]] = TypeAdapter(list[tuple[int, int, str]])
_SURVEY: TypeAdapter[tuple[list[SourceFile], list[Left], dict[str, int], list[str]]] = TypeAdapter(
    tuple[list[SourceFile], list[Left], dict[str, int], list[str]]
)
_PYTHON = sys.version
_NOTHING = Parsed()  # what is said of most files
_WRITTEN_NOTHING = _PARSED.dump_json(_NOTHING)
MOST_FILES_OF_A_SURVEY = 20_000  # of a larger tree the survey is as large as what it saves


@dataclass(slots=True)
class Memory:
    """Answers of one realm. Without `results` it knows nothing and keeps nothing."""

    results: Results | None = None
    realm: str = ""
    _waiting: dict[bytes, bytes] = field(default_factory=dict)

    def recall(self, analyzer: Analyzer, version: str, files: Sequence[SourceFile]) -> dict[str, Parsed]:
        """What is known of each file, by path, not to be changed; of a whole program all under "", or nothing."""
        if self.results is None or not files:
            return {}
        if analyzer.whole_program:
            return self._read({self._whole_key(analyzer, version, files): ""})
        key = self._key(analyzer, version)
        return self._read({key(file): file.path for file in files if file.digest})

    def keep(self, analyzer: Analyzer, version: str, files: Sequence[SourceFile], parsed: Parsed) -> None:
        """Remember what was said of these files. A remark on all of them cannot be told of one and is not kept."""
        if self.results is None:
            return
        if analyzer.whole_program:
            self._waiting[self._whole_key(analyzer, version, files)] = _PARSED.dump_json(_redacted(parsed))
        elif not parsed.notes:
            by_path, key = {file.path: file for file in files}, self._key(analyzer, version)
            for path, part in _by_file(parsed, files).items():
                self._waiting[key(by_path[path])] = _PARSED.dump_json(part)

    def noted(self, analyzer: Analyzer, version: str) -> bytes | None:
        """What a tool noted in the realm's last run, b"" if nothing; None if nobody keeps its notes."""
        if self.results is None or not analyzer.keeps_notes:
            return None
        key = self._notes_key(analyzer, version)
        return self.results.get([key]).get(key, b"")

    def keep_notes(self, analyzer: Analyzer, version: str, notes: Path | None) -> None:
        """Remember a tool's notes, if it wrote any. What is in them is the tool's own affair, and so is its check."""
        if notes is not None and notes.is_file() and not notes.is_symlink():
            self._waiting[self._notes_key(analyzer, version)] = notes.read_bytes()

    def surveyed(self, tree_digest: str, root: Path, look: Callable[[], Survey]) -> Survey:
        """Give the survey of a tree whose digest names its content, known or made by `look`."""
        if self.results is None or not tree_digest:
            return look()
        key = key_of("survey", self.realm, code_digest(), _PYTHON, tree_digest)
        try:
            for body in self.results.get([key]).values():
                files, left_out, counts, paths = _SURVEY.validate_json(body)
                return Survey(
                    root=root, files=files, left_out=left_out, counts=Counter(counts), left_paths=paths
                )
        except ValidationError:
            pass  # an older form
        found = look()
        if len(found.files) <= MOST_FILES_OF_A_SURVEY:
            self._waiting[key] = _SURVEY.dump_json(
                (found.files, found.left_out, dict(found.counts), found.left_paths)
            )
        return found

    def spans(self, files: Iterable[SourceFile]) -> dict[str, list[tuple[int, int, str]]]:
        """The scopes of files, by path, as far as they are known."""
        if self.results is None:
            return {}
        keys = {self._scope_key(file): file.path for file in files if file.digest}
        found: dict[str, list[tuple[int, int, str]]] = {}
        for key, body in self.results.get(list(keys)).items():
            try:
                found[keys[key]] = _SPANS.validate_json(body)
            except ValidationError:
                continue
        return found

    def keep_spans(self, file: SourceFile, spans: Sequence[tuple[int, int, str]]) -> None:
        """Remember the scopes of a file."""
        if self.results is not None and file.digest:
            self._waiting[self._scope_key(file)] = _SPANS.dump_json(list(spans))

    def write(self) -> None:
        """Hand over what is to be kept."""
        if self.results is not None and self._waiting:
            self.results.put(self._waiting)
            self._waiting = {}

    def _read(self, keys: Mapping[bytes, str]) -> dict[str, Parsed]:
        assert self.results is not None
        found: dict[str, Parsed] = {}
        for key, body in self.results.get(list(keys)).items():
            try:
                found[keys[key]] = _NOTHING if body == _WRITTEN_NOTHING else _PARSED.validate_json(body)
            except ValidationError:
                continue
        return found

    def _key(self, analyzer: Analyzer, version: str) -> Callable[[SourceFile], bytes]:
        """What names an answer on one file; all that is the same for all files is read once."""
        tool = hashlib.sha256(key_of("file", *self._tool(analyzer, version)))

        def key(file: SourceFile) -> bytes:
            seen = tool.copy()
            seen.update(f"{file.path}\0{_content(file)}".encode())
            return seen.digest()

        return key

    def _whole_key(self, analyzer: Analyzer, version: str, files: Sequence[SourceFile]) -> bytes:
        every = (text for file in files for text in (file.path, _content(file)))
        return key_of("whole", *self._tool(analyzer, version), *every)

    def _notes_key(self, analyzer: Analyzer, version: str) -> bytes:
        return key_of("notes", *self._tool(analyzer, version))

    def _scope_key(self, file: SourceFile) -> bytes:
        return key_of("scopes", self.realm, code_digest(), _PYTHON, file.digest)

    def _tool(self, analyzer: Analyzer, version: str) -> tuple[str, ...]:
        return (self.realm, code_digest(), _PYTHON, analyzer.name, analyzer.purpose, version)


def _content(file: SourceFile) -> str:
    """What of a file an answer depends on: its bytes, and whether the project calls it a test."""
    return f"{file.digest} test" if file.is_test else file.digest


def _by_file(parsed: Parsed, files: Sequence[SourceFile]) -> dict[str, Parsed]:
    """Part an answer; nothing is kept of one that speaks of files that it was not asked about."""
    parts = {file.path: Parsed() for file in files}
    try:
        for claim in _redacted(parsed).claims:
            parts[claim.path].claims.append(claim)
        for problem in parsed.failed:
            parts[problem.path].failed.append(problem)
        for problem in parsed.skipped:
            parts[problem.path].skipped.append(problem)
        for path, fact in parsed.facts.items():
            parts[path].facts[path] = fact
    except KeyError:
        return {}
    return parts


def _redacted(parsed: Parsed) -> Parsed:
    """Cut what looks like a secret out of messages: the cache outlives the tree that they speak of."""
    return replace(parsed, claims=[replace(claim, message=redact(claim.message)) for claim in parsed.claims])
