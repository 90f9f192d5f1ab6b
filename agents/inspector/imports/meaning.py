"""What another tool's rule means here: name, severity, confidence, weakness, kind.

Severity: GitHub's `security-severity` score if there is one, else the level. Confidence: `precision`, else bandit's
`issue_confidence`. CWE numbers: tags, properties, taxa and relationships. Rules that our own analyzers know by
the same name (`agents.inspector.rules`) are weighed by our table, whatever the tool thinks of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.findings import Category, Confidence, Severity
from agents.inspector.imports.sarif import Object, as_list, as_object, as_text, text_of
from agents.inspector.rules import HARD_CODED, RULES, canonical
from agents.reporting.visible import one_line

MAX_RULE = 120  # characters of FindingData.rule
MAX_CWE = 20
OWN = "WrenchAI"
_CWE = re.compile(r"\bcwe[-_:/ ]{0,2}0*(\d{1,5})\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?\Z")
_LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.INFO,
}
_PRECISION = {
    "very-high": Confidence.HIGH,
    "high": Confidence.HIGH,
    "medium": Confidence.MEDIUM,
    "low": Confidence.LOW,
}
_SECRETS = frozenset({798, 259, 321, 522})
_SECRET_TOOLS = frozenset({"gitleaks", "trufflehog", "detect-secrets", "ggshield"})
_SAME_NAMES = frozenset(
    {"ruff", "flake8", "shellcheck", "hadolint", OWN.lower()}
)  # whose names of rules are ours
_KINDS: dict[str, Category] = {
    "security": "security",
    "correctness": "bug",
    "bug": "bug",
    "reliability": "bug",
    "performance": "performance",
    "documentation": "docs",
    "docs": "docs",
    "style": "maintainability",
    "maintainability": "maintainability",
    "readability": "maintainability",
    "tests": "tests",
    "dependency": "dependency",
    "dependencies": "dependency",
    "secret": "secret",
    "secrets": "secret",
    "database": "database",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """How a result is shown and weighed."""

    rule: str
    title: str
    severity: Severity
    confidence: Confidence
    category: Category
    cwe: tuple[int, ...]
    url: str


def meaning_of(tool: str, rule_id: str, rule: Object, result: Object, message: str) -> Meaning:
    """Weigh a result of a tool, given its rule's description and its own words."""
    name = _name(tool, rule_id)
    known = RULES.get(name)
    properties = {**as_object(rule.get("properties")), **as_object(result.get("properties"))}
    tags = [as_text(tag) for tag in as_list(properties.get("tags"))]
    cwe = (
        known.cwe if known else tuple(dict.fromkeys(_cwes(rule_id, rule, result, properties, tags)))[:MAX_CWE]
    )
    score = _score(properties.get("security-severity"))
    category = known.category if known else _category(tool, tags, properties, cwe, score)
    weighed = _own(properties) if tool == OWN else None
    if weighed is None and known is not None:
        weighed = known.severity, known.confidence
    if weighed is None:
        weighed = _severity(score, rule, result), _confidence(properties)
    return Meaning(
        rule=HARD_CODED if known and known.category == "secret" else name,
        title=(known.title if known else _title(rule, rule_id, message))[:200],
        severity=weighed[0],
        confidence=weighed[1],
        category=category,
        cwe=cwe,
        url=_url(rule),
    )


def _name(tool: str, rule_id: str) -> str:
    """Our name of a tool's rule: the same where we know it, else told apart by the tool's."""
    plain = tool.lower()
    if plain == "bandit":
        return canonical(rule_id) if re.fullmatch(r"B\d{3}", rule_id) else f"bandit/{rule_id}"[:MAX_RULE]
    is_ours = plain in _SAME_NAMES and rule_id
    named = rule_id if is_ours else f"{plain.replace(' ', '-')}/{rule_id or 'result'}"
    if len(named) > MAX_RULE:
        named = f"{named[: MAX_RULE - 9]}~{hashlib.sha256(named.encode()).hexdigest()[:8]}"
    return named


def _title(rule: Object, rule_id: str, message: str) -> str:
    name = as_text(rule.get("name"))
    told = text_of(rule.get("shortDescription")) or (name if " " in name else "")
    if not told or told == rule_id:
        told = re.split(r"(?<=[.!?])\s|\n", message, maxsplit=1)[0]
    return one_line(told or name or rule_id or "A result without a rule").strip().rstrip(".")


def _severity(score: float | None, rule: Object, result: Object) -> Severity:
    if score is not None:
        steps = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
        return next((severity for least, severity in steps if score >= least), Severity.INFO)
    default = as_text(as_object(rule.get("defaultConfiguration")).get("level"))
    return _LEVELS.get(as_text(result.get("level")) or default, Severity.MEDIUM)


def _confidence(properties: Object) -> Confidence:
    told = as_text(properties.get("precision")) or as_text(properties.get("issue_confidence"))
    return _PRECISION.get(told.lower(), Confidence.MEDIUM)


def _score(told: object) -> float | None:
    """Read a score of 0 to 10, which the standard of GitHub writes as a text."""
    if isinstance(told, str) and _NUMBER.match(told.strip()[:20]):
        told = float(told)
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= 10:
        return float(told)
    return None


def _cwes(rule_id: str, rule: Object, result: Object, properties: Object, tags: list[str]) -> Iterator[int]:
    texts = [*tags, rule_id, as_text(rule.get("id"))]
    told = properties.get("cwe")
    texts += [as_text(one) for one in (told if isinstance(told, list) else [told])]
    for text in texts:
        yield from map(int, _CWE.findall(text))
    taxa = [*as_list(result.get("taxa"))]
    taxa += [as_object(one).get("target") for one in as_list(rule.get("relationships"))]
    for one in map(as_object, taxa):
        if as_text(as_object(one.get("toolComponent")).get("name")).upper() == "CWE":
            yield from map(int, re.findall(r"\d{1,5}", as_text(one.get("id")))[:1])


def _category(
    tool: str, tags: list[str], properties: Object, cwe: tuple[int, ...], score: float | None
) -> Category:
    if tool == OWN:
        own = _KINDS.get(as_text(properties.get("category")))
        if own:
            return own
    if tool.lower() in _SECRET_TOOLS or _SECRETS.intersection(cwe):
        return "secret"
    for tag in tags:
        kind = _KINDS.get(tag.lower())
        if kind:
            return kind
    if cwe or score is not None:
        return "security"
    return _KINDS.get(as_text(properties.get("category")).lower(), "bug")


def _own(properties: Object) -> tuple[Severity, Confidence] | None:
    """What a report of ours says of severity and confidence."""
    severity, confidence = as_text(properties.get("severity")), as_text(properties.get("confidence"))
    if severity in list(Severity) and confidence in list(Confidence):
        return Severity(severity), Confidence(confidence)
    return None


def _url(rule: Object) -> str:
    url = one_line(as_text(rule.get("helpUri")))
    return url if url.startswith("https://") and len(url) <= 1_000 and " " not in url else ""
