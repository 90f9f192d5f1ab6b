"""Quality in plain words: what the heads of HTML and Markdown say of gate, ratings and measures."""

from __future__ import annotations

from typing import Any

from agents.quality.gate import NEEDED
from agents.quality.model import Condition, ConditionState, Gate, GateState, Measures, Quality
from agents.quality.reading import FILE
from agents.reporting.model import Report
from agents.reporting.visible import one_line

SPOTS = 5  # named at the head; the figures have all
GATE_WORDS = {
    GateState.PASSED: "Gate passed",
    GateState.FAILED: "Gate failed",
    GateState.BASELINE: "Baseline",
    GateState.NOT_COMPUTED: "Gate not computed",
}
CONDITION_WORDS = {
    ConditionState.PASSED: "kept",
    ConditionState.FAILED: "broken",
    ConditionState.NOT_COMPUTED: "not computed",
    ConditionState.NOT_APPLICABLE: "not applicable",
    ConditionState.OFF: "off",
}


def of_report(report: Report) -> Quality | None:
    """What a report's head tells of quality; None of a run that looked at nothing that the gate or a rating asks for.

    Such a run wrote documents: a table of conditions that were not part of it says nothing.
    """
    told = report.quality
    if told is None:
        return None
    planned = {f"{step.agent}.{step.operation}" for step in report.plan_steps}
    is_asked = not planned.isdisjoint(NEEDED) or report.compared is not None
    is_rated = any(rated.rating for rated in told.ratings.values())
    return told if is_asked or is_rated or told.measures or settings_told(told) else None


def headline(gate: Gate) -> str:
    """One sentence for the gate."""
    return f"{GATE_WORDS[gate.state]}: {one_line(gate.why)}."


def letters(quality: Quality) -> list[tuple[str, str, str]]:
    """(dimension, letter or "-", why) of each rating."""
    return [
        (name.value.capitalize(), rated.rating.value if rated.rating else "-", one_line(rated.why))
        for name, rated in quality.ratings.items()
    ]


def row(condition: Condition) -> dict[str, Any]:
    """A condition for a table."""
    figure = condition.figure_text or (condition.why if condition.state is not ConditionState.OFF else "")
    return {
        "title": condition.title,
        "state": CONDITION_WORDS[condition.state],
        "kind": condition.state.value,
        "figure": one_line(figure),
        "threshold": one_line(condition.threshold),
        "breaches": [
            one_line(f"{one.severity} {one.rule} {one.path}:{one.line}") for one in condition.breaches
        ],
        "more": condition.breach_count - len(condition.breaches),
    }


def figures(measures: Measures | None) -> list[tuple[str, str]]:
    """What was counted, for people."""
    if measures is None:
        return []
    lines = measures.product
    told = [
        ("Product code", f"{lines.code:,} lines in {lines.files:,} files ({lines.comment:,} comment)"),
        ("Test code", f"{measures.tests.code:,} lines in {measures.tests.files:,} files"),
    ]
    if measures.duplication:
        copies = measures.duplication
        told.append(
            (
                "Duplication",
                f"{copies.percent:.1f} % ({copies.lines:,} lines in {copies.block_count:,} blocks)",
            )
        )
    if measures.complexity:
        paths = measures.complexity
        told.append(
            (
                "Complexity",
                f"{paths.mean:.1f} paths per function ({paths.functions:,}), {paths.largest:,} at most",
            )
        )
    if measures.documentation and measures.documentation.percent is not None:
        docs = measures.documentation
        told.append(
            ("Docstrings", f"{docs.percent:.1f} % ({docs.documented:,} of {docs.public:,} public names)")
        )
    if measures.hotspots:
        hot = "; ".join(
            f"{one.path} ({one.commits:,} commits x complexity {one.complexity:,})"
            for one in measures.hotspots[:SPOTS]
        )
        told.append(("Hotspots", f"{one_line(hot)}; by {one_line(measures.hotspots_why)}"))
    elif measures.hotspots is not None:
        told.append(("Hotspots", f"none; by {one_line(measures.hotspots_why)}"))
    elif measures.hotspots_why:
        told.append(("Hotspots", f"not measured: {one_line(measures.hotspots_why)}"))
    return told


def settings_told(quality: Quality) -> list[str]:
    """Which settings were used, what was wrong with them, and what they changed."""
    used = quality.settings
    if used.faults:
        return [f"{FILE} {used.source} was not used, the defaults were:", *map(one_line, used.faults)]
    if not used.source:
        return []
    return [f"Settings: {FILE} {used.source}.", *map(one_line, used.changed_rules)]
