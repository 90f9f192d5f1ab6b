"""Records of the OSV format about real vulnerabilities, cut down to what is read, and files made of them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def record(
    id: str,
    ecosystem: str,
    package: str,
    events: Iterable[Mapping[str, str]] = (),
    *,
    kind: str = "ECOSYSTEM",
    aliases: tuple[str, ...] = (),
    vector: str = "",
    word: str = "",
    summary: str = "",
    versions: tuple[str, ...] = (),
    modified: str = "2026-11-20T10:00:00Z",
    cwe: tuple[str, ...] = (),
    **more: Any,
) -> Json:
    """Write one record."""
    ranges = [{"type": kind, "events": list(events)}] if events else []
    return {
        "schema_version": "1.7.0",
        "id": id,
        "modified": modified,
        "published": "2023-01-01T00:00:00Z",
        "aliases": list(aliases),
        "summary": summary,
        "details": "Told at length.",
        "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": package, "purl": "pkg:generic/x"},
                "ranges": ranges,
                "versions": list(versions),
            }
        ],
        "references": [{"type": "WEB", "url": "http://example.org"}],
        "database_specific": {"cwe_ids": list(cwe), **({"severity": word} if word else {})},
        **more,
    }


DJANGO_GHSA = record(
    "GHSA-2gwj-7jmv-h26r", "PyPI", "Django",
    [{"introduced": "3.2"}, {"fixed": "3.2.13"}, {"introduced": "4.0"}, {"fixed": "4.0.4"}],
    aliases=("CVE-2022-28346", "PYSEC-2022-190"), word="CRITICAL", cwe=("CWE-89",),
    vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", summary="SQL Injection in Django",
)  # fmt: skip
DJANGO_PYSEC = record(
    "PYSEC-2022-190", "PyPI", "django", [{"introduced": "3.2"}, {"fixed": "3.2.13"}],
    aliases=("CVE-2022-28346", "GHSA-2gwj-7jmv-h26r"), versions=("3.2", "3.2.1", "3.2.12"),
)  # fmt: skip
REQUESTS = record(
    "GHSA-j8r2-6x86-q33q", "PyPI", "requests", [{"introduced": "2.3.0"}, {"fixed": "2.31.0"}],
    aliases=("CVE-2023-32681",), word="MODERATE", cwe=("CWE-200",),
    vector="CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N",
    summary="Unintended leak of Proxy-Authorization header in requests",
)  # fmt: skip
PYYAML = record(
    "PYSEC-2021-142", "PyPI", "pyyaml", [{"introduced": "0"}, {"fixed": "5.4"}], aliases=("CVE-2020-14343",),
    vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
)  # fmt: skip
LODASH = record(
    "GHSA-35jh-r3h4-6jhm", "npm", "lodash", [{"introduced": "0"}, {"fixed": "4.17.21"}], kind="SEMVER",
    aliases=("CVE-2021-23337",), word="HIGH", cwe=("CWE-77", "CWE-94"), summary="Command Injection in lodash",
)  # fmt: skip
LOG4J = record(
    "GHSA-jfh8-c2jp-5v3q", "Maven", "org.apache.logging.log4j:log4j-core",
    [{"introduced": "2.13.0"}, {"fixed": "2.15.0"}, {"introduced": "2.4"}, {"fixed": "2.12.2"}],
    aliases=("CVE-2021-44228",), word="CRITICAL",
)  # fmt: skip
PYPI = (DJANGO_GHSA, DJANGO_PYSEC, REQUESTS, PYYAML)


def archive(path: Path, records: Iterable[Json | bytes]) -> Path:
    """Write an all.zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for number, one in enumerate(records):
            if isinstance(one, bytes):
                made.writestr(f"broken-{number}.json", one)
            else:
                made.writestr(f"{one['id']}.json", json.dumps(one))
    return path
