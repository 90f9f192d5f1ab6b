"""How many of the sample's seeded defects were found: the yardstick of `./wrench run` without a path.

Reads `samples/shop/defects.toml` and the findings of a report. Knows no Django and no agent.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SLACK_LINES = 1  # tools differ in whether a statement begins at its decorator, its name or its bracket


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A mistake that was put into the sample on purpose. Lines count from 1 and include both ends."""

    id: str
    file: str
    line: int
    end_line: int
    agent: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCard:
    """Which defects were found, and how many findings name none of them."""

    found: tuple[Defect, ...]
    missed: tuple[Defect, ...]
    outside: int

    def by_agent(self) -> dict[str, tuple[int, int]]:
        """Return agent -> (found, seeded), agents in the order of their names."""
        seeded = (*self.found, *self.missed)
        return {
            agent: (sum(one.agent == agent for one in self.found), sum(one.agent == agent for one in seeded))
            for agent in sorted({one.agent for one in seeded})
        }

    def __str__(self) -> str:
        total = len(self.found) + len(self.missed)
        parts = ", ".join(f"{agent} {found}/{seeded}" for agent, (found, seeded) in self.by_agent().items())
        return (
            f"Score card: found {len(self.found)} of {total} ({parts}); "
            f"findings outside the list: {self.outside}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the same for programs."""
        found, missed = [one.id for one in self.found], [one.id for one in self.missed]
        return {"found": found, "missed": missed, "outside": self.outside}


def of_reports(saved: Iterable[Path], sample: Path) -> ScoreCard | None:
    """Return how the run on the sample scored; None when there is no list of defects or no report."""
    report = next((path for path in saved if path.name == "report.json"), None)
    defects = sample / "defects.toml"
    if report is None or not defects.is_file():
        return None
    content = json.loads(report.read_text(encoding="utf-8"))
    findings = content.get("findings", []) if isinstance(content, dict) else content
    return score(read_defects(defects), findings)


def read_defects(path: Path) -> list[Defect]:
    """Return the defects that the file lists. Raises OSError, ValueError (TOML), KeyError."""
    with path.open("rb") as file:
        rows = tomllib.load(file).get("defect", [])
    return [
        Defect(
            id=str(row["id"]),
            file=row["file"],
            line=int(row["line"]),
            end_line=int(row.get("end_line", row["line"])),
            agent=row["agent"],
            what=row["what"],
        )
        for row in rows
    ]


def score(defects: Iterable[Defect], findings: Iterable[Mapping[str, Any]]) -> ScoreCard:
    """Match findings with defects: the same file, and the finding's line in or next to the defect's lines.

    Several findings may name one defect; each finding that names none counts as outside.
    """
    defects = list(defects)
    hit: set[str] = set()
    outside = 0
    for finding in findings:
        named = [one.id for one in defects if _names(finding, one)]
        hit.update(named)
        outside += not named
    return ScoreCard(
        found=tuple(one for one in defects if one.id in hit),
        missed=tuple(one for one in defects if one.id not in hit),
        outside=outside,
    )


def _names(finding: Mapping[str, Any], defect: Defect) -> bool:
    if str(finding.get("path") or "").removeprefix("./") != defect.file:
        return False
    line = finding.get("line")
    return line is not None and defect.line - SLACK_LINES <= int(line) <= defect.end_line + SLACK_LINES
