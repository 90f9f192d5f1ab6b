"""One record of the OSV format, taken apart.

Owns: what of a record is kept, and the bounds. Refuses to know files and tables.
Invariant: a record that does not fit raises `BadRecord`; no text that leaves here holds NUL, none is without bound.

Format: https://ossf.github.io/osv-schema/ (1.7); fields that are not known are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agents.advisories.cvss import base_score, severity_of_score, severity_of_word
from agents.advisories.ranges import KINDS
from agents.advisories.versions import MAX_CHARACTERS, package_name
from agents.findings import Severity

MAX_AFFECTED = 20_000  # packages of one record
MAX_VERSIONS = 50_000  # listed for one package
MAX_EVENTS = 5_000
MAX_ALIASES = 200
MAX_NAME = 300
MAX_SUMMARY = 500

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,119}")
_CWE = re.compile(r"CWE-([0-9]{1,6})")


class BadRecord(ValueError):
    """This is no record of the OSV format; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """One package that a record is about. `ranges` are lists of (kind, version), as `ranges.judge` reads them."""

    ecosystem: str
    package: str
    ranges: list[list[tuple[str, str]]]
    versions: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An advisory. `severity` is None if the record does not tell it."""

    id: str
    modified: datetime
    summary: str
    aliases: list[str]
    severity: Severity | None
    score: float | None
    cwe: list[int]
    url: str
    is_withdrawn: bool
    affected: list[Affected] = field(default_factory=list)


def read(record: object) -> Record:
    """Take a record apart. Raises BadRecord."""
    if not isinstance(record, dict):
        raise BadRecord("it is no JSON object")
    name = record.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise BadRecord(f"its id is {str(name)[:60]!r}, which is no OSV id")
    specific = _object(record.get("database_specific"))
    score = _score(record)
    return Record(
        id=name,
        modified=_moment(record.get("modified"), name),
        summary=clean(record.get("summary") or record.get("details"), MAX_SUMMARY),
        aliases=[
            one for one in _texts(record.get("aliases"), MAX_ALIASES) if _ID.fullmatch(one) and one != name
        ],
        severity=_severity(specific, score),
        score=score,
        cwe=sorted({int(m[1]) for one in _texts(specific.get("cwe_ids"), 50) if (m := _CWE.fullmatch(one))}),
        url=_url(record, name),
        is_withdrawn=bool(record.get("withdrawn")),
        affected=list(_affected(record)),
    )


def clean(value: object, most: int) -> str:
    """Make a text fit for storing: one line, bounded, without control characters and lone surrogates."""
    if not isinstance(value, str):
        return ""
    whole = value[: most * 4].encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())[:most]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object, most: int) -> list[Any]:
    if not isinstance(value, list):
        return []
    if len(value) > most:
        raise BadRecord(f"it holds a list of {len(value):,} entries; at most {most:,} are taken")
    return value


def _texts(value: object, most: int) -> list[str]:
    return [clean(one, MAX_NAME) for one in _list(value, most) if isinstance(one, str)]


def _moment(value: object, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise BadRecord(f"{name}: `modified` is {str(value)[:40]!r}, which is no time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _score(record: dict[str, Any]) -> float | None:
    vectors = [
        one.get("score")
        for one in _list(record.get("severity"), 50)
        if isinstance(one, dict) and one.get("type") == "CVSS_V3"
    ]
    scores = [found for one in vectors if isinstance(one, str) and (found := base_score(one)) is not None]
    return max(scores, default=None)


def _severity(specific: dict[str, Any], score: float | None) -> Severity | None:
    word = specific.get("severity")
    named = severity_of_word(word) if isinstance(word, str) else None
    return named or (severity_of_score(score) if score is not None else None)


def _url(record: dict[str, Any], name: str) -> str:
    for one in _list(record.get("references"), 2_000):
        url = one.get("url") if isinstance(one, dict) and one.get("type") == "ADVISORY" else None
        if isinstance(url, str) and url.startswith("https://") and len(url) <= MAX_NAME:
            return clean(url, MAX_NAME)
    return f"https://osv.dev/vulnerability/{name}"


def _affected(record: dict[str, Any]) -> Iterator[Affected]:
    for one in _list(record.get("affected"), MAX_AFFECTED):
        package = _object(_object(one).get("package"))
        ecosystem = clean(package.get("ecosystem"), 60).partition(":")[0]
        name = clean(package.get("name"), MAX_NAME)
        if ecosystem and name:
            yield Affected(
                ecosystem=ecosystem,
                package=package_name(ecosystem, name),
                ranges=[found for raw in _list(one.get("ranges"), 1_000) if (found := _events(raw))],
                versions=[v for v in _texts(one.get("versions"), MAX_VERSIONS) if len(v) <= MAX_CHARACTERS],
            )


def _events(raw: object) -> list[tuple[str, str]]:
    found = _object(raw)
    if found.get("type") not in ("SEMVER", "ECOSYSTEM"):
        return []
    events = []
    for event in _list(found.get("events"), MAX_EVENTS):
        for kind, bound in _object(event).items():
            if kind in KINDS and isinstance(bound, str):
                events.append((kind, clean(bound, MAX_CHARACTERS)))
    return events if any(kind == "introduced" for kind, _ in events) else []
