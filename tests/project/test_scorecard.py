"""The yardstick of the sample: what counts as found."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrenchai_project.scorecard import Defect, read_defects, score
from wrenchai_project.services import SAMPLE

LIST = """
[[defect]]
id = "D01"
file = "catalog/search.py"
line = 42
end_line = 44
kind = "sql-injection"
agent = "inspector"
cwe = 89
analyzers = ["bandit"]
what = "The term becomes SQL."

[[defect]]
id = "D02"
file = "orders/models.py"
line = 7
kind = "missing-index"
agent = "dba"
analyzers = []
what = "Every lookup reads the table."
"""


@pytest.fixture
def defects(tmp_path: Path) -> list[Defect]:
    path = tmp_path / "defects.toml"
    path.write_text(LIST)
    return read_defects(path)


def test_defect_without_end_line_ends_where_it_begins(defects: list[Defect]) -> None:
    assert [(one.id, one.line, one.end_line) for one in defects] == [("D01", 42, 44), ("D02", 7, 7)]


@pytest.mark.parametrize(
    ("line", "is_found"), [(40, False), (41, True), (42, True), (45, True), (46, False), (None, False)]
)
def test_line_next_to_the_defect_counts(defects: list[Defect], line: int | None, is_found: bool) -> None:
    card = score(defects, [{"path": "./catalog/search.py", "line": line}])
    assert ([one.id for one in card.found], card.outside) == ((["D01"], 0) if is_found else ([], 1))


def test_card_reads_as_a_sentence(defects: list[Defect]) -> None:
    twice = [{"path": "catalog/search.py", "line": line} for line in (42, 43)]
    card = score(defects, [*twice, {"path": "elsewhere.py", "line": 42}])
    assert str(card) == "Score card: found 1 of 2 (dba 0/1, inspector 1/1); findings outside the list: 1"
    assert [one.id for one in card.missed] == ["D02"]


@pytest.mark.skipif(not (SAMPLE / "defects.toml").is_file(), reason="the sample is not in this checkout")
def test_list_of_the_sample_can_be_read() -> None:
    defects = read_defects(SAMPLE / "defects.toml")
    assert len({one.id for one in defects}) == len(defects) > 0
