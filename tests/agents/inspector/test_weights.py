"""What weighs less than its rule: patterns that are harmless in working code."""

from __future__ import annotations

from pathlib import Path

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.drivers.made_up import is_made_up
from tests.agents.inspector.trees import inspect, places, plant


def test_the_name_that_gettext_installs_is_hardly_undefined(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": 'def f():\n    return _("text"), lost\n'})
    found = inspect(tmp_path, "lint").findings
    assert [(one.message, one.severity, one.confidence) for one in found] == [
        ("Undefined name `lost`", Severity.HIGH, Confidence.HIGH),
        ("Undefined name `_`", Severity.LOW, Confidence.LOW),
    ]


def test_a_fixture_filled_in_as_a_parameter_loses_no_definition_but_a_second_test_does(
    tmp_path: Path,
) -> None:
    fixture = "from tools import client\n\n\ndef test_a(client):\n    client()\n"
    twice = "def test_b():\n    pass\n\n\ndef test_b():\n    pass\n"
    plant(tmp_path, {"tests/test_a.py": fixture, "tests/test_b.py": twice})
    found = inspect(tmp_path, "lint").findings
    assert [place for place in places(found) if place.startswith("F811")] == ["F811 tests/test_b.py:5"]


def test_a_sentence_is_no_password() -> None:
    line = 'PASS_ERR = "Please enter a password 8-12 characters in length"'
    assert is_made_up("Please enter a password 8-12 characters in length", line)
    assert not is_made_up("correct horse battery", 'PASS = "correct horse battery"')
