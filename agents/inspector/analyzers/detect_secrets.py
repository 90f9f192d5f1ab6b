"""detect-secrets: keys, tokens and passwords in any text file. The secret itself never reaches this process."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import (
    PYTHON,
    Analyzer,
    AnswerUnreadable,
    Batch,
    Claim,
    Parsed,
    Problem,
    quoted,
)
from agents.inspector.rules import HARD_CODED
from agents.inspector.survey import SourceFile

_DRIVER = Path(__file__).parent / "drivers" / "secrets_driver.py"
_ENTROPY = re.compile(r"High Entropy")
_CHECKSUMS = "a lock file: full of checksums"
_LOCK_NAME = re.compile(
    r"(\.lock|\.resolved|-lock\.(json|yaml)|\.lock\.json|^go\.sum|^npm-shrinkwrap\.json)$"
)
_DATA = "generated data: full of random-looking text"
_DATA_ENDINGS = frozenset({".svg", ".ipynb", ".map", ".po", ".pot", ".csv", ".tsv", ".snap", ".ambr"})
# What is in them is said to people: "user:password" is what they are to put in.
_TRANSLATIONS = frozenset(
    {"locale", "locales", "translation", "translations", "i18n", "l10n", "lang", "langs"}
)
# A test brings certificates and passwords of its own, and so does an example; tokens of services are real wherever
# they stand.
_KEY = "Private Key"  # of two dozen that were read, all were of machines on which people try something
_OF_TESTS = frozenset({_KEY, "Basic Auth Credentials", "Secret Keyword"})
_LOWER = {
    Confidence.HIGH: Confidence.MEDIUM,
    Confidence.MEDIUM: Confidence.LOW,
    Confidence.LOW: Confidence.LOW,
}
_ADVICE = "If it is real, revoke it: deleting the line leaves it in the history."


class DetectSecrets(Analyzer):
    """Secrets: what must not be in a repository."""

    name = "detect-secrets"
    package = "detect-secrets"
    silencer = "pragma: allowlist"
    timeout_seconds = 400
    seconds_per_megabyte = 4.0
    batch_files = 300

    def wants(self, file: SourceFile) -> bool:
        return file.size > 0

    def why_not(self, file: SourceFile) -> str:
        pure = PurePosixPath(file.path)
        if _LOCK_NAME.search(pure.name):
            return _CHECKSUMS
        return _DATA if pure.suffix.lower() in _DATA_ENDINGS else ""

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file())]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            files = {file.path: file for file in batch.files}
            return Parsed(
                claims=[_claim(row, files[row["path"]]) for row in told["secrets"] if _matters(row, files)],
                failed=[Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable("the detect-secrets driver's JSON is not what we know") from error

    def reproduce(self, claim: Claim) -> str:
        return f"detect-secrets scan --no-verify {quoted(claim.path)}"


def _matters(row: dict[str, Any], files: dict[str, SourceFile]) -> bool:
    """Leave out vague claims in tests and prose: made-up passwords and sample output live there."""
    file = files[row["path"]]
    vague = row["type"] == "Secret Keyword" or bool(_ENTROPY.search(row["type"]))
    return not (vague and (file.in_test_code or file.in_docs))


def _claim(row: dict[str, Any], file: SourceFile) -> Claim:
    kind: str = row["type"]
    entropy = bool(_ENTROPY.search(kind))
    rule = (
        HARD_CODED
        if kind == "Secret Keyword"
        else f"secret-{re.sub(r'[^a-z0-9]+', '-', kind.lower()).strip('-')}"
    )
    is_likely = rule == HARD_CODED or kind == _KEY
    confidence = Confidence.LOW if entropy else Confidence.MEDIUM if is_likely else Confidence.HIGH
    is_shown = not _TRANSLATIONS.isdisjoint(PurePosixPath(file.path).parts[:-1])
    harmless = (
        file.in_test_code or file.in_docs or file.in_ci or is_shown or bool(row["hint"])
    )  # likely, not surely
    if harmless or (rule == HARD_CODED and row["plain"]):  # words after a telling name: mostly no password
        confidence = _LOWER[confidence]
    is_of_test = (file.in_test_code or file.in_docs) and kind in _OF_TESTS
    if is_of_test:
        confidence = Confidence.LOW
    what = "Password or key in the source" if rule == HARD_CODED else f"{kind} in the source"
    return Claim(
        rule=rule,
        tool_rule=kind,
        title="Random-looking text, maybe a key" if entropy else what,
        message=f"{what}. {_ADVICE}",
        path=row["path"],
        line=row["line"],
        end_line=row["line"],
        column=row["column"],
        severity=_severity(
            is_guess=entropy or row["hint"] in _GUESSES or is_of_test,
            is_harmless=harmless,
        ),
        confidence=confidence,
        category="secret",
        cwe=(798,),
        snippet=row["snippet"],
    )


_GUESSES = frozenset({"generated", "word"})


def _severity(*, is_guess: bool, is_harmless: bool) -> Severity:
    """Random-looking text is a guess; so is a plain word, and what stands in a line that a program wrote."""
    if is_guess:
        return Severity.LOW
    return Severity.MEDIUM if is_harmless else Severity.HIGH
