"""The base score of a CVSS 3.0 or 3.1 vector, and the word for a score.

Method: FIRST, Common Vulnerability Scoring System 3.1, sections 7.1, 7.4 and appendix A (rounding up). Version 4
needs tables of many thousand entries; its records are judged by the word that their database gives.
"""

from __future__ import annotations

from agents.findings import Severity

_ATTACK_VECTOR = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}
_COMPLEXITY = {"L": 0.77, "H": 0.44}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}
_INTERACTION = {"N": 0.85, "R": 0.62}
_IMPACT = {"H": 0.56, "L": 0.22, "N": 0.0}

_WORDS = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MODERATE": Severity.MEDIUM,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
    "NONE": Severity.INFO,
}


def base_score(vector: str) -> float | None:
    """Compute the base score, 0.0 to 10.0; None for anything but a whole vector of version 3."""
    head, *parts = vector.strip().split("/")
    if head not in ("CVSS:3.0", "CVSS:3.1"):
        return None
    metrics = dict(part.partition(":")[::2] for part in parts)
    try:
        return _score(metrics)
    except KeyError:
        return None


def _score(metrics: dict[str, str]) -> float:
    scope = metrics["S"]
    missed = 1.0
    for name in ("C", "I", "A"):
        missed *= 1 - _IMPACT[metrics[name]]
    base = 1 - missed
    impact = 6.42 * base if scope == "U" else 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15
    ease = (
        8.22
        * _ATTACK_VECTOR[metrics["AV"]]
        * _COMPLEXITY[metrics["AC"]]
        * _PRIVILEGES[scope][metrics["PR"]]
        * _INTERACTION[metrics["UI"]]
    )
    if impact <= 0:
        return 0.0
    return _round_up(min((impact + ease) * (1.0 if scope == "U" else 1.08), 10.0))


def _round_up(value: float) -> float:
    """To one decimal, up; by whole numbers, since 4.02 as a float may be a little more."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10.0


def severity_of_score(score: float) -> Severity:
    """Give the rating of a base score, as section 5 of the specification does."""
    for least, severity in ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM)):
        if score >= least:
            return severity
    return Severity.LOW if score > 0 else Severity.INFO


def severity_of_word(word: str) -> Severity | None:
    """Give the severity that a database names, or None."""
    return _WORDS.get(word.strip().upper())
