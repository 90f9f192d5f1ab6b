"""Ratings at their boundaries, and each condition of the gate kept, broken and unknown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from agents.findings import Confidence, Evidence, FindingData, Severity, fingerprint
from agents.quality.config import Settings
from agents.quality.gate import LINT, NEEDED, SECURITY, Assessed, Counted, Coverage, judge
from agents.quality.model import Dimension, Lines, Measures, NewCode, Rating
from agents.quality.ratings import by_ratio, by_worst, debt_of, rate

BASE = UUID(int=1)
MEASURES = Measures(product=Lines(files=1, code=1000), new_code=NewCode(lines=100, duplicated_lines=0))


def finding(**changed: Any) -> FindingData:
    fields: dict[str, Any] = {
        "rule": "R1",
        "title": "t",
        "message": "m",
        "severity": Severity.HIGH,
        "confidence": Confidence.MEDIUM,
        "category": "security",
        "path": "a.py",
        "line": 3,
        "end_line": 3,
        **changed,
    }
    evidence = Evidence(kind="tool_trace", tool="x", tool_version="1", rule="R1", message="m")
    name = fingerprint(rule=fields["rule"], path=fields["path"], scope="", line_text=str(fields))
    return FindingData(**fields, fingerprint=name, evidence=(evidence,))


def gate(*findings: FindingData, new: bool = True, settings: str | None = None, **changed: Any) -> Any:
    seen: dict[str, Any] = {
        "findings": [Counted(finding=one, is_new=new) for one in findings],
        "coverage": [Coverage(tool="ruff", analysed=100, failed=0)],
        "lacking": {},
        "baselines": dict.fromkeys(NEEDED, BASE),
        "measures": MEASURES,
        **changed,
    }
    return judge(Assessed(**seen), Settings.model_validate({"gate": settings or {}}))


def states(found: Any) -> dict[str, str]:
    return {one.key: one.state.value for one in found.conditions}


def test_a_change_without_new_findings_passes():
    found = gate(finding(), new=False)
    assert (found.state.value, set(states(found).values()), found.baseline_run) == (
        "passed",
        {"passed"},
        BASE,
    )


def test_the_first_analysis_is_the_baseline_whatever_it_finds():
    found = gate(finding(severity=Severity.CRITICAL), new=False, baselines={})
    assert found.state.value == "baseline"


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({}, "new_security"),
        ({"severity": Severity.CRITICAL, "confidence": Confidence.HIGH}, "new_security"),
        ({"severity": Severity.MEDIUM}, None),
        ({"confidence": Confidence.LOW}, None),
        ({"category": "secret", "severity": Severity.LOW, "confidence": Confidence.LOW}, "new_secrets"),
        ({"category": "bug"}, "new_reliability"),
        ({"category": "bug", "severity": Severity.MEDIUM}, None),
    ],
)
def test_a_new_finding_breaks_the_condition_of_its_kind(changed, key):
    found = gate(finding(**changed))
    broken = [one for one in found.conditions if one.state.value == "failed"]
    assert [one.key for one in broken] == ([key] if key else [])
    assert found.state.value == ("failed" if key else "passed")
    for one in broken:
        assert (one.figure, one.breach_count, one.breaches[0].path, one.breaches[0].line) == (1, 1, "a.py", 3)


@pytest.mark.parametrize(
    ("copied", "new", "state"),
    [(3, 100, "passed"), (4, 100, "failed"), (0, 0, "passed"), (19, 19, "passed"), (20, 20, "failed")],
)
def test_duplication_on_new_code_has_a_limit_and_a_least_number_of_lines(copied, new, state):
    measures = MEASURES.model_copy(update={"new_code": NewCode(lines=new, duplicated_lines=copied)})
    assert states(gate(measures=measures))["new_duplication"] == state


def test_maintainability_is_that_of_the_new_code():
    smells = [finding(category="maintainability", severity=Severity.LOW, line=n + 1) for n in range(16)]
    assert states(gate(*smells[:15]))["new_maintainability"] == "passed"  # 150 of 3,000 minutes: 5 %
    found = gate(*smells)
    assert (states(found)["new_maintainability"], found.state.value) == ("failed", "failed")
    assert states(gate(*smells, new=False))["new_maintainability"] == "passed"


@pytest.mark.parametrize(("failed", "state"), [(2, "passed"), (3, "failed")])
def test_coverage_is_that_of_the_worst_tool(failed, state):
    tools = [
        Coverage(tool="ruff", analysed=100, failed=0),
        Coverage(tool="bandit", analysed=100 - failed, failed=failed),
    ]
    found = gate(coverage=tools)
    assert (states(found)["coverage"], found.state.value) == (state, state)


def test_a_partial_analysis_never_passes_and_says_why():
    found = gate(lacking={"inspector.secret_scan": "its step ended as dead"})
    assert found.state.value == "not_computed"
    assert found.why == "New secrets: inspector.secret_scan: its step ended as dead"


def test_what_is_known_to_be_broken_is_broken_though_the_analysis_is_partial():
    found = gate(finding(), lacking={"inspector.security_scan": "bandit analysed less"})
    assert (found.state.value, states(found)["new_security"]) == ("failed", "failed")


def test_unknown_new_lines_are_not_taken_for_none():
    lost = MEASURES.model_copy(update={"new_code": NewCode(why="removed by retention")})
    found = gate(measures=lost)
    assert found.state.value == "not_computed"
    assert states(found)["new_duplication"] == states(found)["new_maintainability"] == "not_computed"


def test_a_tool_that_failed_as_a_whole_covered_nothing():
    assert (
        gate(coverage=[Coverage(tool="x", analysed=0, failed=0, is_whole_failure=True)]).state.value
        == "failed"
    )


def test_conditions_can_be_taken_away():
    off = {"new_security": "off", "new_secrets": "off", "new_reliability": "off", "new_duplication": "off"}
    found = gate(finding(), finding(category="secret"), settings={**off, "maintainability": "off"})
    assert found.state.value == "passed"
    assert list(states(found).values()) == ["off"] * 5 + ["passed"]


@pytest.mark.parametrize(
    ("percent", "letter"),
    [
        (0, "A"),
        (5, "A"),
        (5.001, "B"),
        (10, "B"),
        (10.01, "C"),
        (20, "C"),
        (20.1, "D"),
        (50, "D"),
        (50.1, "E"),
    ],
)
def test_the_grid_gives_the_better_letter_at_its_limit(percent, letter):
    assert by_ratio(percent, Settings()).value == letter


@pytest.mark.parametrize(
    ("severity", "letter"), list(zip(["info", "low", "medium", "high", "critical"], "ABCDE", strict=True))
)
def test_the_worst_finding_decides(severity, letter):
    assert by_worst([finding(severity=Severity.INFO), finding(severity=Severity(severity))]) == Rating(letter)


def test_debt_is_minutes_by_rule_else_by_severity():
    table = {"debt": {"minutes_per_line": 10, "rules": {"R1": 7, "high-*": 50}}}
    settings = Settings.model_validate(table)
    found = [
        finding(category="maintainability"),
        finding(category="docs", rule="high-complexity"),
        finding(category="tests", rule="X", severity=Severity.LOW),
        finding(category="bug", rule="X", severity=Severity.MEDIUM),
        finding(category="secret", rule="X", severity=Severity.CRITICAL),
    ]
    debt = debt_of(found, Measures(product=Lines(code=100)), settings)
    assert (debt.minutes, debt.ratio_percent, debt.reliability_minutes, debt.security_minutes) == (
        67,
        6.7,
        20,
        60,
    )


def test_what_was_not_looked_at_is_not_praised():
    rated = rate([], debt_of([], None, Settings()), Settings(), lacking={"inspector.lint": "not asked"})
    assert rated[Dimension.SECURITY].rating is Rating.A
    assert rated[Dimension.RELIABILITY].rating is None
    assert rated[Dimension.MAINTAINABILITY].rating is None


def test_what_the_target_has_nothing_of_is_neither_kept_nor_broken_and_said():
    lacks = dict.fromkeys((SECURITY, LINT), "the repository has no Python")
    found = gate(unfit=lacks)
    assert states(found) | {"new_security": "", "new_reliability": ""} == dict.fromkeys(states(found), "passed") | {
        "new_security": "", "new_reliability": "",
    }  # fmt: skip
    assert states(found)["new_security"] == states(found)["new_reliability"] == "not_applicable"
    assert found.state.value == "passed"
    assert (
        "new security findings could not be asked for: inspector.security_scan: the repository has no Python"
        in (found.why)
    )
    assert gate(finding(category="dependency"), unfit=lacks).state.value == "failed"


def test_a_gate_that_could_ask_for_nothing_does_not_pass():
    everything = dict.fromkeys(NEEDED, "the repository has no code")
    off = {"new_duplication": "off", "maintainability": "off"}
    found = gate(unfit=everything, settings=off, coverage=[])
    assert found.state.value == "not_computed"


def test_a_gap_in_the_audit_of_dependencies_is_told_beside_the_figure():
    found = gate(lacking={"inspector.dependencies": "no advisories"})
    (security,) = [one for one in found.conditions if one.key == "new_security"]
    assert (security.state.value, security.figure_text) == (
        "passed",
        "0; dependencies not judged: no advisories",
    )
