"""The page names every fault with its bounds, and nothing else."""

from __future__ import annotations

import re

from tests.chaos.faults import FAULTS
from tests.chaos.timing import FAST, PRODUCTION
from tests.house.checkout import ROOT


def test_page_lists_the_faults_with_their_bounds() -> None:
    page = (ROOT / "docs" / "operations" / "chaos.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (.+?) \| (\w+) \| ([\d.]+) s \| ([\d.]+) s \|$", page, re.M)
    assert listed == [
        (f.name, f.about, f.zero, f"{f.bound.at(FAST):g}", f"{f.bound.at(PRODUCTION):g}") for f in FAULTS
    ]
