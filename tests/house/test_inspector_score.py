"""The scoring of labelled code: which lines a label means, and what the figures count."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.inspector import corpora, score
from benchmarks.inspector.tools import Claim, Said

RULE = """
rules:
- id: raw-sql
  metadata:
    cwe:
    - "CWE-89: SQL injection"
"""
LABELLED = """
# ruleid: raw-sql
run(
    "select " + name
)
# ok: raw-sql
run("select 1")
"""
ALERTED = """
def bad(request):
    text = request.GET["q"]
    run(text)  # $ Alert

def good(request):
    run("select 1")

def helper(x):
    return x
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one tiny corpus of each kind that is read here."""
    security = tmp_path / "semgrep/python/security"
    security.mkdir(parents=True)
    (security / "raw-sql.yaml").write_text(RULE)
    (security / "raw-sql.py").write_text(LABELLED)
    queries = tmp_path / "codeql/python/ql/test/query-tests/Security/CWE-089-SqlInjection"
    queries.mkdir(parents=True)
    (queries / "app.py").write_text(ALERTED)
    return tmp_path


def test_a_label_means_the_statement_below(root: Path) -> None:
    found = corpora.cases("semgrep", root)

    assert [(case.first, case.last, case.category, case.vulnerable) for case in found] == [
        (3, 5, "sql", True),
        (7, 7, "sql", False),
    ]


def test_functions_with_an_alert_are_vulnerable_and_request_handlers_without_are_safe(root: Path) -> None:
    found = corpora.cases("codeql", root)

    assert [(case.first, case.last, case.vulnerable) for case in found] == [(2, 4, True), (6, 7, False)]


def test_only_a_claim_of_the_family_in_the_lines_flags_a_case(root: Path) -> None:
    labelled = corpora.cases("codeql", root)
    tree = labelled[0].tree
    claims = [
        Claim(path="app.py", line=4, end_line=4, cwe=frozenset({89}), rule="sql"),
        Claim(path="app.py", line=7, end_line=7, cwe=frozenset({78}), rule="shell"),
    ]

    judged = score.judge(labelled, {tree: Said(claims=claims)})

    assert [flagged for _, flagged in judged] == [True, False]


def test_figures_follow_from_the_counts() -> None:
    counts = score.Counts(hit=3, missed=1, alarm=1, right=3)

    assert (counts.precision, counts.recall, counts.f1, counts.youden) == (0.75, 0.75, 0.75, 0.5)


def test_what_was_not_flagged_or_not_there_has_no_figure() -> None:
    assert score.Counts().precision is None
    assert score.Counts(missed=2).youden is None
    assert score.macro_youden({"sql": score.Counts(missed=2)}) is None


def test_a_missing_corpus_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"fetch https://github\.com/semgrep/semgrep-rules first"):
        corpora.cases("semgrep", tmp_path)
