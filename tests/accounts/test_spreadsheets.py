"""Rows as CSV act in no spreadsheet."""

from __future__ import annotations

import csv

import pytest

from accounts import spreadsheets


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_would_act_is_text(first: str) -> None:
    written = spreadsheets.lines([[f"{first}SUM(A1)"]])
    assert next(csv.reader([written], strict=True))[0].startswith("'")


def test_rows_come_back_as_they_were() -> None:
    written = spreadsheets.lines([("a", 'say "x", y', None, 7), ("b\0c", "=", "", "é")])
    assert written == 'a,"say ""x"", y",,7\r\nbc,\'=,,é\r\n'
