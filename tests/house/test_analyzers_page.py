"""The page of analyzers says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from agents.inspector.analyzers import ANALYZERS

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "what_is_analysed.md"
ROW = re.compile(r"^\| (\w+) \| ([\w-]+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


def test_each_analyzer_stands_on_its_page_with_its_languages() -> None:
    told = [match.groups() for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))]
    assert [row for row in told if row[0] != "operation"] == [
        (operation, analyzer.name, ", ".join(sorted(analyzer.languages)) or "any text")
        for operation, analyzers in ANALYZERS.items()
        for analyzer in analyzers
    ]
