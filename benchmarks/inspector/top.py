"""The twenty findings that a person sees first: `python -m benchmarks.inspector.top FOLDER [--number 20]`.

Runs the security scan, the lint and the secret scan over a project as the product does, orders all findings by the
product's own ranking and prints each with its code and, if it has one, its path from source to sink. For reading by
hand: the verdicts stand in REVIEWED.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agents.findings import FindingData
from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from agents.reading_order import in_reading_order

# What looks for faults, and what an inspection of the whole tells besides.
FAULTS = ("security_scan", "lint", "secret_scan")
WHOLE = (*FAULTS, "complexity", "dead_code", "structure", "infrastructure")


def findings(folder: Path, operations: Sequence[str] = FAULTS) -> tuple[list[FindingData], list[str]]:
    """Give all findings, best first, and what could not be analysed."""
    found: list[FindingData] = []
    unread: list[str] = []
    for name in operations:
        with tempfile.TemporaryDirectory() as scratch:
            analysis = analyse(folder, ANALYZERS[name], scratch=Path(scratch))
        found += analysis.findings
        unread += [
            f"{run.label}: {run.failed_count} of {run.failed_count + run.files_analysed} files"
            for run in analysis.tools
            if run.failed_count
        ]
    return in_reading_order(found), unread


def main() -> None:
    """Print the findings that are ranked first."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--number", type=int, default=20)
    options.add_argument(
        "--whole", action="store_true", help="with complexity, dead code, structure and more"
    )
    options.add_argument("--around", type=int, default=2, help="lines of code before and after")
    given = options.parse_args()
    found, unread = findings(given.folder.resolve(), WHOLE if given.whole else FAULTS)
    print(f"{len(found)} findings: {dict(Counter(str(one.severity) for one in found))}")
    for line in unread:
        print(f"NOT ANALYSED by {line}")
    for number, one in enumerate(found[: given.number], start=1):
        print(f"\n{number}. {one.path}:{one.line} {one.rule} {one.severity}/{one.confidence}: {one.title}")
        print(f"   {one.message[:300]}")
        lines = (given.folder / one.path).read_text(encoding="utf-8").split("\n")
        for index in range(max(0, one.line - 1 - given.around), min(len(lines), one.end_line + given.around)):
            print(f"   {index + 1:5} {lines[index][:150]}")


if __name__ == "__main__":
    main()
