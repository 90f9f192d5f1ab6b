"""How long an import of advisories takes, and how much memory: synthetic records in the form of OSV's all.zip.

    ./wrench manage migrate && DATABASE_URL=... python -m benchmarks.inspector.advisories [RECORDS]

It writes into the database that DATABASE_URL names: use one that may be thrown away.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import zipfile
from pathlib import Path

RECORDS = 100_000


def write(path: Path, count: int) -> None:
    """Write an archive of records with the mean sizes of PyPI's: two ranges, twenty versions, 2 KB of details."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for n in range(count):
            made.writestr(f"SYN-{n}.json", json.dumps(_record(n)))


def _record(n: int) -> dict[str, object]:
    events = [{"introduced": "0"}, {"fixed": f"1.{n % 50}"}, {"introduced": "2.0"}, {"fixed": f"2.{n % 50}"}]
    return {
        "id": f"SYN-{n}",
        "modified": "2026-11-20T10:00:00Z",
        "aliases": [f"CVE-2026-{n}"],
        "summary": f"Synthetic vulnerability {n}",
        "details": f"{n} told at some length. " * 90,
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": f"package-{n // 5}"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
                "versions": [f"1.{k}" for k in range(20)],
            }
        ],
    }


def main() -> None:
    """Import twice, then match 500 packages; print the figures."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")
    import django

    django.setup()
    from django.utils import timezone

    from agents.advisories.importing import load
    from agents.advisories.matching import match

    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "all.zip")
        write(path, count)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for turn in ("first import", "again, unchanged"):
            began = time.monotonic()
            done = load(path, now=timezone.now())
            print(f"{turn}: {done.read:,} records in {time.monotonic() - began:.1f} s, {done.added:,} new")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"archive {path.stat().st_size >> 20} MB; memory grew by {grown >> 10} MB at most")
    began = time.monotonic()
    found, _ = match(("PyPI", f"package-{n}", "1.3") for n in range(500))
    print(f"500 packages: {len(found):,} matches in {time.monotonic() - began:.2f} s")


if __name__ == "__main__":
    main()
