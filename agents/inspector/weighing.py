"""What a claim weighs at its place: severity and confidence, after everything that makes it less than its rule says.

Owns: what test code, examples, comments of developers and the whole tree tell about a claim. Refuses to know tools.
Invariant: nothing is dropped here; what weighs little stands last. A proof (a path of input) keeps its weight in
product code, whatever comments say; a pattern weighs less where input was followed and does not reach it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import Claim
from agents.inspector.dangers import danger
from agents.inspector.survey import SourceFile

# A name that so many files use and none defines is put there from outside: a loader's, a template's of code.
FILES_OF_AN_INJECTED_NAME = 4
# Python's own logging prints an error for each argument without a place: with so many, loggers are a project's own.
FILES_OF_AN_OWN_LOGGER = 8
_WITHOUT_A_PLACE = "PLE1205"
_UNDEFINED = re.compile(r"Undefined name `(\w+)`")
_NOQA = re.compile(r"#\s*noqa(?P<codes>:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?", re.IGNORECASE)
_NOSEC = re.compile(r"#\s*nosec\b", re.IGNORECASE)
_CODE = re.compile(r"[A-Z]+\d+")
# What is wrong only if it protects something, which a developer knows best.
_JUDGEMENTS = frozenset({"hash", "random", "cookie flags", "cipher"})
_HASH_RULE = "weak-hash"  # of our own engine, which looks at the words around
_PROTECTS = re.compile(
    r"(?i)pass(?!ed|es|ing)|pwd|secret|signature|credential|salt|hmac|session"
)  # also what it is assigned to
_MISTAKES = frozenset({"bug", "maintainability", "performance", "docs", "tests"})
_SHOWN = frozenset({"F841", "T100"})  # an example names what one gets, and how a shell is started
_OF_PASSWORDS = re.compile(r"(?i)passw|pwd|passphrase")
_BELOW = {Confidence.HIGH: Confidence.MEDIUM}
# What a pattern is at most, where input was followed and no way to it was found. What runs commands or code is worth
# a look even so: the next caller may be a stranger.
_WITHOUT_A_WAY = {"command": Severity.MEDIUM, "code": Severity.MEDIUM}
FOR_REVIEW = "review-"  # so begins the name of a rule that only says where nobody knows what arrives
NO_WAY_FOUND = "no way of untrusted input to it was found"
Followed = Mapping[str, frozenset[str]]  # path -> the dangers to which all input in this file was followed


@dataclass(frozen=True, slots=True)
class Weight:
    """What a finding is sorted by."""

    severity: Severity
    confidence: Confidence


def told_too_often(claims: Iterable[Claim]) -> frozenset[str]:
    """The messages of what so many files do that it is no mistake.

    Of undefined names that something must define, and of arguments for which a log message has no `%s`.
    """
    every = list(claims)
    logs = {claim.path: claim.message for claim in every if claim.rule == _WITHOUT_A_PLACE}
    found = injected_names(every)
    return found | frozenset(logs.values()) if len(logs) >= FILES_OF_AN_OWN_LOGGER else found


def injected_names(claims: Iterable[Claim]) -> frozenset[str]:
    """The messages of undefined names that so many files use that something must define them."""
    files: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        if _UNDEFINED.fullmatch(claim.message):
            files[claim.message].add(claim.path)
    many = {message for message, paths in files.items() if len(paths) >= FILES_OF_AN_INJECTED_NAME}
    loaded = {path.rpartition("/")[0] for message in many for path in files[message]}
    few = {  # rarer names of the same loader
        message
        for message, paths in files.items()
        if len(paths) > 1 and all(path.rpartition("/")[0] in loaded for path in paths)
    }
    return frozenset(many | few)


def has_undefined_names(claims: Iterable[Claim]) -> bool:
    """Tell whether any of them is about a name that its file does not define."""
    return any(_UNDEFINED.fullmatch(claim.message) for claim in claims)


def as_undefined(names: Iterable[str]) -> frozenset[str]:
    """What is said of such names."""
    return frozenset(f"Undefined name `{name}`" for name in names)


def is_mere_pattern(claims: Iterable[Claim], followed: Followed) -> bool:
    """Tell whether these claim a danger that needs input, where input was followed and no way to it was found."""
    return all(
        one.category == "security" and not one.hops and danger(one.rule) in followed.get(one.path, ())
        for one in claims
    )


def weigh(
    claims: Sequence[Claim],
    *,
    file: SourceFile | None,
    line: str,
    too_often: frozenset[str],
    followed: Followed = MappingProxyType({}),
) -> Weight:
    """Weigh the claims that make one finding."""
    severity = min((one.severity for one in claims), key=lambda one: one.weight)
    # That a small matter is sure does not make a grave one sure: what one's own command line runs, say.
    as_grave = (one.confidence for one in claims if one.severity is severity)
    confidence = min(as_grave, key=lambda one: one.weight)
    first = claims[0]
    if file is not None and file.is_planted:
        return Weight(Severity.INFO, Confidence.LOW)
    if first.message in too_often:
        return Weight(_at_most(severity, Severity.LOW), Confidence.LOW)
    if file is not None and file.is_sample and first.category in _MISTAKES:
        return Weight(_at_most(severity, Severity.LOW), Confidence.LOW)
    if first.rule in _SHOWN and file is not None and file.in_docs:
        return Weight(_at_most(severity, Severity.INFO), confidence)
    if first.category == "performance" and file is not None and file.in_test_code:  # a test may wait
        return Weight(_at_most(severity, Severity.LOW), Confidence.LOW)
    if first.category != "security" or file is None:
        return Weight(severity, confidence)
    if file.in_test_code or file.in_docs:  # nobody attacks a test, and an example shows one thing at a time
        severity, confidence = _at_most(severity, Severity.LOW), _BELOW.get(confidence, confidence)
    if file.in_test_code:
        confidence = Confidence.LOW
        if danger(first.rule) == "hash":  # there it protects nothing
            severity = Severity.INFO
    if is_mere_pattern(claims, followed):
        severity = _at_most(severity, _WITHOUT_A_WAY.get(danger(first.rule), Severity.LOW))
        confidence = Confidence.LOW
    if danger(first.rule) == "hash":  # what it protects is not known, and mostly a format wants it
        confidence = _BELOW.get(confidence, confidence)
        own = [one for one in claims if one.rule == _HASH_RULE and one.severity is Severity.INFO]
        if own and not _PROTECTS.search(line):  # no word around says so
            severity, confidence = (
                Severity.INFO,
                max(confidence, own[0].confidence, key=lambda one: one.weight),
            )
        elif not _OF_PASSWORDS.search(line):
            confidence = Confidence.LOW
    is_proof = any(one.hops for one in claims) and danger(first.rule) not in _JUDGEMENTS
    if not is_proof and is_silenced(first, line):
        severity, confidence = Severity.INFO, _BELOW.get(confidence, confidence)
    return Weight(severity, confidence)


def is_silenced(claim: Claim, line: str) -> bool:
    """Tell whether somebody looked at this line and told another tool to be quiet about the same."""
    noqa = _NOQA.search(line)
    if noqa is not None:
        codes = _CODE.findall((noqa["codes"] or "").upper())
        if not codes or any(danger(code) == danger(claim.rule) for code in codes):
            return True
    return _NOSEC.search(line) is not None


def is_reviewed(claim: Claim, line: str) -> bool:
    """Tell whether a claim that asks for a review is of a line at which somebody looked already."""
    return claim.rule.startswith(FOR_REVIEW) and is_silenced(claim, line)


def _at_most(severity: Severity, most: Severity) -> Severity:
    return max(severity, most, key=lambda one: one.weight)
