"""What is read first: grave and sure, and few of one rule before the others have their turn."""

from __future__ import annotations

from typing import Any

from agents.findings import Confidence, FindingData, Severity
from agents.reading_order import in_reading_order
from tests.agents.reporting.reports import finding

HIGH, MEDIUM, LOW, INFO = Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO
SURE, LIKELY, GUESS = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW


def _one(rule: str, severity: Severity, confidence: Confidence, line: int = 1, **changed: Any) -> FindingData:
    fields = {"path": "a.py", "category": "bug", **changed}
    return finding(
        rule=rule, severity=severity, confidence=confidence, line=line, end_line=line, **fields
    ).finding


def _read(*found: FindingData) -> list[str]:
    return [f"{one.rule} {one.line}" for one in in_reading_order(found)]


def test_one_mistake_made_forty_times_leaves_room_for_the_others() -> None:
    many = [_one("path", HIGH, SURE, line) for line in range(1, 41)]
    others = [_one(f"R{number}", MEDIUM, SURE) for number in range(6)]
    small = [_one(f"S{number}", LOW, SURE) for number in range(6)]
    order = _read(*many, *others, *small)
    assert order[:10] == ["path 1", "path 2", *(f"R{number} 1" for number in range(6)), "path 3", "path 4"]
    assert order[10:20] == [
        *(f"S{number} 1" for number in range(6)),
        *(f"path {line}" for line in range(5, 9)),
    ]
    assert len(order) == 52


def test_what_is_sure_comes_before_what_is_graver_and_less_sure() -> None:
    assert _read(
        _one("grave", HIGH, LIKELY), _one("sure", MEDIUM, SURE), _one("both", HIGH, SURE), _one("guess", HIGH, GUESS),
        _one("small", LOW, SURE),
    ) == ["both 1", "sure 1", "small 1", "grave 1", "guess 1"]  # fmt: skip


def test_faults_come_before_upkeep_that_is_as_grave_and_a_guess_comes_last() -> None:
    assert _read(
        _one("upkeep", LOW, SURE, category="docs"),
        _one("fault", LOW, SURE),
        _one("guess", HIGH, GUESS),
        _one("likely", HIGH, LIKELY),
    ) == ["fault 1", "upkeep 1", "likely 1", "guess 1"]


def test_information_stands_behind_everything_that_is_likely() -> None:
    many = [_one("small", LOW, LIKELY, line) for line in range(1, 31)]
    assert _read(_one("told", INFO, SURE), *many)[-1] == "told 1"


def test_guesses_stand_among_information() -> None:
    guesses = [_one("guess", MEDIUM, GUESS, line) for line in range(1, 4)]
    order = _read(*guesses, _one("told", INFO, SURE), _one("small", LOW, LIKELY))
    assert order == ["small 1", "told 1", "guess 1", "guess 2", "guess 3"]


def test_of_one_rule_each_file_has_its_turn_first() -> None:
    assert _read(
        _one("R", HIGH, SURE, 1), _one("R", HIGH, SURE, 2), _one("R", HIGH, SURE, 3, path="b.py")
    ) == ["R 1", "R 3", "R 2"]


def test_a_surer_one_of_a_rule_takes_the_first_turn() -> None:
    many = [_one("R", HIGH, LIKELY, line) for line in range(1, 5)]
    assert _read(*many, _one("R", HIGH, SURE, 9))[0] == "R 9"
