from pathlib import Path

import pytest

from agents.drivers.asking import DriverFailed, answer_of

ECHO = "import json, sys\norders = json.load(open(sys.argv[1]))\n"


def ask(folder: Path, program: str) -> dict[str, int]:
    driver = folder / "a_driver.py"
    driver.write_text(ECHO + program)
    return answer_of(
        driver, {"number": 3}, dict[str, int], who="the counter", scratch=folder, timeout_seconds=30
    )


def test_an_answer_of_the_shape_is_given_and_no_file_stays(tmp_path: Path) -> None:
    assert ask(tmp_path, "print(json.dumps({'twice': 2 * orders['number']}))") == {"twice": 6}
    assert [one.name for one in tmp_path.iterdir()] == ["a_driver.py"]


def test_a_driver_that_dies_is_named_with_its_end(tmp_path: Path) -> None:
    with pytest.raises(DriverFailed, match=r"^the counter ended with exit code 7: it said nothing$"):
        ask(tmp_path, "sys.exit(7)")


def test_an_answer_of_another_shape_is_none(tmp_path: Path) -> None:
    with pytest.raises(DriverFailed, match=r"^the counter gave no valid answer: 1 validation error"):
        ask(tmp_path, "print(json.dumps({'twice': 'six'}))")
