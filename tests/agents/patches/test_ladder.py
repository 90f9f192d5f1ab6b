"""The ladder with a small analyzer of its own: what each rung sees, and which label follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.findings import Evidence, FindingData, Severity, fingerprint
from agents.patches import Candidate, Change, Label, Outcome, Patch, Proof, Rung, Seen, climb

SEVERITIES = {"BAD": Severity.HIGH, "POOR": Severity.LOW, "WORSE": Severity.CRITICAL}


def seen_in(root: Path, paths: Sequence[str]) -> Seen:
    """An analyzer: each word BAD, POOR or WORSE in a line is a claim; a line CHOKE makes it fail."""
    found, failed = [], {}
    for path in paths:
        lines = (root / path).read_text().split("\n")
        if "CHOKE" in lines:
            failed[path] = "it choked"
        found += [
            claim(word, path, n, line)
            for n, line in enumerate(lines, 1)
            for word in SEVERITIES
            if word in line
        ]
    return Seen(findings=found, failed=failed)


def claim(rule: str, path: str, line: int, text: str) -> FindingData:
    return FindingData(
        rule=rule, title=rule, message=rule, severity=SEVERITIES[rule], confidence="high", category="bug", path=path,
        line=line, end_line=line,
        fingerprint=fingerprint(rule=rule, path=path, scope="", line_text=text),
        evidence=(Evidence(kind="tool_trace", tool="t", tool_version="1", rule=rule, message=rule),),
    )  # fmt: skip


def tried(tmp_path: Path, before: str, after: str, *targets: FindingData, path: str = "a.py") -> Proof:
    patch = Patch.of([Change(path=path, before=before.encode(), after=after.encode())])
    candidate = Candidate(patch=patch, targets=targets)
    return climb([candidate], scratch=tmp_path, reanalyse=seen_in)[0]


def outcomes(proof: Proof) -> dict[str, str]:
    return {result.rung.value: result.outcome.value for result in proof.rungs}


TARGET = claim("BAD", "a.py", 1, "x = 'BAD'")


def test_a_good_patch_is_reanalysed_and_no_more_without_a_sandbox(tmp_path: Path) -> None:
    proof = tried(tmp_path, "x = 'BAD'\n", "x = 'good'\n", TARGET)
    assert proof.label is Label.REANALYSED
    assert outcomes(proof) == {
        "applies": "passed",
        "parses": "passed",
        "target_gone": "passed",
        "nothing_new": "passed",
        "api_unchanged": "passed",
        "tests_pass": "not_run",
    }
    assert [r.reason for r in proof.rungs if r.rung is Rung.TESTS_PASS] == ["no sandbox"]


@pytest.mark.parametrize(
    ("after", "failure"),
    [
        ("x = 'BAD' # moved\n", "target_gone: still found: BAD at a.py:1"),
        ("x = 'WORSE'\n", "nothing_new: new: WORSE at a.py:1"),
        ("x = (\n", "parses: a.py: SyntaxError: '(' was never closed (<unknown>, line 1)"),
        ("x = 'BAD'\n", "applies: it changes nothing"),
        ("y = 1\n", "api_unchanged: Public object was removed: a.x"),
        ("x = 1\n'''\nCHOKE\n'''\n", "nothing_new: a.py can no longer be analysed: it choked"),
    ],
)
def test_a_bad_patch_is_rejected_by_the_rung_that_sees_it(tmp_path: Path, after: str, failure: str) -> None:
    proof = tried(tmp_path, "x = 'BAD'\n", after, TARGET)
    assert proof.label is Label.REJECTED
    assert proof.failure.replace("a.py: Public", "Public") == failure


def test_another_claim_of_the_changed_line_is_not_new(tmp_path: Path) -> None:
    both = "x = 'BAD POOR'\n"
    target = claim("BAD", "a.py", 1, both.strip())
    assert tried(tmp_path, both, "x = 'POOR'\n", target).label is Label.REANALYSED


def test_a_new_claim_of_lesser_severity_is_told_but_no_reason_to_reject(tmp_path: Path) -> None:
    proof = tried(tmp_path, "x = 'BAD'\n", "x = 'POOR'\n", TARGET)
    reasons = {result.rung: result.reason for result in proof.rungs}
    assert (proof.label, reasons[Rung.NOTHING_NEW]) == (
        Label.REANALYSED,
        "1 new, of lesser severity: POOR at a.py:1",
    )


def test_a_target_that_the_control_does_not_see_proves_nothing(tmp_path: Path) -> None:
    elsewhere = claim("BAD", "a.py", 1, "this line was never there")
    proof = tried(tmp_path, "x = 1\n", "x = 2\n", elsewhere)
    assert (proof.label, outcomes(proof)["target_gone"]) == (Label.PARSES_ONLY, "not_run")


def test_without_an_analyzer_it_parses_only(tmp_path: Path) -> None:
    patch = Patch.of([Change(path="a.py", before=b"x = 1\n", after=b"x = 2\n")])
    proof = climb([Candidate(patch=patch)], scratch=tmp_path)[0]
    assert (proof.label, outcomes(proof)["nothing_new"]) == (Label.PARSES_ONLY, "not_run")


def test_many_candidates_of_one_file_are_judged_one_by_one(tmp_path: Path) -> None:
    before = "x = 'BAD'\ny = 'BAD 2'\n"
    first, second = claim("BAD", "a.py", 1, "x = 'BAD'"), claim("BAD", "a.py", 2, "y = 'BAD 2'")
    good = Patch.of([Change(path="a.py", before=before.encode(), after=b"x = ''\ny = 'BAD 2'\n")])
    bad = Patch.of([Change(path="a.py", before=before.encode(), after=b"x = 'BAD'\ny = 'WORSE'\n")])
    other = Patch.of([Change(path="b.py", before=b"z = 'BAD'\n", after=b"z = ''\n")])
    calls: list[list[str]] = []

    def counted(root: Path, paths: Sequence[str]) -> Seen:
        calls.append(list(paths))
        return seen_in(root, paths)

    proofs = climb(
        [
            Candidate(patch=good, targets=(first,)),
            Candidate(patch=bad, targets=(second,)),
            Candidate(patch=other, targets=(claim("BAD", "b.py", 1, "z = 'BAD'"),)),
        ],
        scratch=tmp_path,
        reanalyse=counted,
    )
    assert [proof.label for proof in proofs] == [Label.REANALYSED, Label.REJECTED, Label.REANALYSED]
    assert calls == [["a.py", "b.py"]] * 2 + [["a.py"]] * 2


def test_a_lost_parameter_is_a_lost_api_and_a_private_one_is_not(tmp_path: Path) -> None:
    def outcome(before: str, after: str, path: str = "a.py") -> Outcome:
        patch = Patch.of([Change(path=path, before=before.encode(), after=after.encode())])
        proof = climb([Candidate(patch=patch)], scratch=tmp_path)[0]
        return {result.rung: result.outcome for result in proof.rungs}[Rung.API_UNCHANGED]

    assert outcome("def f(a, b): ...\n", "def f(a): ...\n") is Outcome.FAILED
    assert outcome("def _f(a, b): ...\n", "def _f(a): ...\n") is Outcome.PASSED
    assert outcome("X = 1\n", "X = 2\n") is Outcome.PASSED
    assert outcome("def f(a, b): ...\n", "def f(a): ...\n", "tests/test_a.py") is Outcome.NOT_RUN
