"""What a project's settings make of findings: those of rules that are off go, severities change, places left out too.

Pure, and the same when done twice: an operation may do it for its counts, and the catalog does it for all.
"""

from __future__ import annotations

from collections.abc import Iterable

from agents.findings import FindingData, Severity
from agents.quality.config import Rule, Settings
from agents.quality.globs import Globs, name_matches


def adjusted(findings: Iterable[FindingData], settings: Settings) -> list[FindingData]:
    """Give the findings as the project wants them told."""
    left_out = Globs([*settings.paths.exclude, *settings.paths.generated])
    tests = Globs(settings.paths.tests)
    kept = []
    for finding in findings:
        rule = rule_for(finding.rule, settings)
        if (rule and not rule.enabled) or left_out.match(finding.path):
            continue
        changes: dict[str, object] = {}
        if rule and rule.severity:
            changes["severity"] = Severity(rule.severity)
        if not finding.in_test_code and tests.match(finding.path):
            changes["in_test_code"] = True
        kept.append(finding.model_copy(update=changes) if changes else finding)
    return kept


def rule_for(name: str, settings: Settings) -> Rule | None:
    """Give what the project says of a rule: by its name, else by the first pattern that fits."""
    if name in settings.rules:
        return settings.rules[name]
    return next((rule for pattern, rule in settings.rules.items() if name_matches(pattern, name)), None)


def told(settings: Settings) -> tuple[str, ...]:
    """Say what is different, a sentence for each rule, for reports."""
    sentences = []
    for name, rule in settings.rules.items():
        if not rule.enabled:
            sentences.append(f"{name} is off: {rule.reason}")
        elif rule.severity:
            sentences.append(f"{name} is {rule.severity}: {rule.reason}")
    return tuple(sentences)
