"""Which claims of which tools are one finding: the same danger at the same place, and never two weaknesses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.findings import Confidence, Severity
from agents.inspector import normalise
from agents.inspector.analyzers.base import Claim
from agents.inspector.dangers import danger
from agents.inspector.normalise import Said
from agents.inspector.operations.imports import Foreign
from agents.inspector.survey import survey
from tests.agents.inspector.trees import plant

CODE = "\n".join(
    [
        "def f():",
        *[f"    a{n} = {n}" for n in range(2, 8)],
        "",
        "def g():",
        *[f"    b{n}()" for n in range(9)],
    ]
)


def claim(rule: str, line: int, cwe: tuple[int, ...] = (), **changed: Any) -> Claim:
    given: dict[str, Any] = {
        "rule": rule, "tool_rule": rule, "title": rule, "message": rule, "path": "a.py", "line": line,
        "end_line": line, "severity": Severity.LOW, "confidence": Confidence.LOW, "category": "security",
        "cwe": cwe, **changed,
    }  # fmt: skip
    return Claim(**given)


def merged(tmp_path: Path, *said: tuple[str, Claim]) -> list[tuple[str, list[str], str]]:
    """(rule, tools, severity) of each finding, by line."""
    root = plant(tmp_path, {"a.py": CODE})
    tools: dict[str, Foreign] = {}
    told = [Said(tools.setdefault(tool, Foreign(tool)), "1", one) for tool, one in said]
    found = normalise.findings(told, root, {file.path: file for file in survey(root).files})
    return [
        (one.rule, [evidence.tool for evidence in one.evidence], one.severity.value)
        for one in sorted(found, key=lambda one: (one.line, one.rule))
    ]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([("S608", (89,)), ("taint-sql", (89,)), ("semgrep/x", (89,)), ("codeql/py/sqli", (943, 20))], "sql"),
        ([("S602", (78,)), ("S605", (78,)), ("x/y", (77, 20)), ("taint-command", (78,))], "command"),
        ([("S301", (502,)), ("S506", (502,)), ("x/y", (502,))], "deserialisation"),
        ([("taint-path", (22,)), ("S202", (22,)), ("x/y", (36, 73, 99))], "path"),
        ([("S324", (327, 328)), ("weak-hash", (327, 328)), ("x/md5-used", (327,)), ("x/y", (916,))], "hash"),
        ([("S305", (327,)), ("x/insecure-cipher-mode", (327,))], "cipher"),
        ([("F401", ()), ("pylint/W0611", ()), ("codeql/py/unused-import", ())], "F401"),
        ([("high-complexity", ()), ("C901", ()), ("pylint/R0912", ())], "high-complexity"),
        ([("docstring-unknown-parameter", ()), ("pydoclint/DOC103", ()), ("darglint/DAR102", ())],
         "docstring-unknown-parameter"),
        ([("S310", (22, 918)), ("x/y", (918,))], "ssrf"),
    ],
)  # fmt: skip
def test_rules_that_mean_the_same(rules: list[tuple[str, tuple[int, ...]]], expected: str) -> None:
    assert {danger(rule, cwe) for rule, cwe in rules} == {expected}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("S307", (95,)), ("S201", (489, 94))),  # eval, and a debugger that is left on
        (("S612", (94,)), ("x/y", (94,))),
        (("S324", (327, 328)), ("S304", (327,))),
        (("x/y", (327,)), ("S324", (327, 328))),  # a broken hash or a broken cipher: its words do not tell
        (("x/y", (89, 79)), ("S608", (89,))),
        (("taint-template", (1336, 94)), ("taint-code", (95, 94))),
        (("S113", (400,)), ("x/y", (400,))),
        (("x/one", (20,)), ("x/other", (20,))),
    ],
)
def test_rules_that_mean_two_things(
    one: tuple[str, tuple[int, ...]], other: tuple[str, tuple[int, ...]]
) -> None:
    assert danger(*one) != danger(*other)


def test_secrets_are_one_danger_whatever_they_are_called() -> None:
    assert danger("secret-aws-key", category="secret") == danger("gitleaks/generic", category="secret")


def test_lines_that_touch_in_one_function_are_one_place(tmp_path: Path) -> None:
    said = [
        ("ruff", claim("S608", 3, (89,))),
        ("bandit", claim("S608", 4, (89,), severity=Severity.HIGH)),
        ("semgrep", claim("semgrep/sqli", 2, (89,))),
    ]
    assert merged(tmp_path, *said) == [("S608", ["ruff", "bandit", "semgrep"], "high")]


def test_two_lines_apart_or_in_two_functions_are_two_places(tmp_path: Path) -> None:
    apart = [("ruff", claim("S608", 3)), ("bandit", claim("S608", 5))]
    assert len(merged(tmp_path / "a", *apart)) == 2
    functions = [
        ("ruff", claim("S608", 8)),
        ("bandit", claim("S608", 9)),
    ]  # the end of one, the head of the next
    assert len(merged(tmp_path / "b", *functions)) == 2


def test_each_finds_its_own_line_before_a_neighbours(tmp_path: Path) -> None:
    said = [
        ("ruff", claim("S608", 3)),
        ("ruff", claim("S608", 4)),
        ("bandit", claim("S608", 2)),
        ("bandit", claim("S608", 3)),
        ("bandit", claim("S608", 4)),
    ]
    assert merged(tmp_path, *said) == [
        ("S608", ["bandit"], "low"),
        ("S608", ["ruff", "bandit"], "low"),
        ("S608", ["ruff", "bandit"], "low"),
    ]


def test_two_weaknesses_on_one_line_stay_two(tmp_path: Path) -> None:
    said = [
        ("ruff", claim("S307", 3, (95,))),
        ("semgrep", claim("semgrep/traversal", 3, (22,))),
        ("codeql", claim("codeql/py/code-injection", 3, (94, 95, 116))),
    ]
    assert merged(tmp_path, *said) == [
        ("S307", ["ruff", "codeql"], "low"),
        ("semgrep/traversal", ["semgrep"], "low"),
    ]


def test_the_same_words_on_the_same_line_are_said_once(tmp_path: Path) -> None:
    said = [("ruff", claim("F821", 3)), ("ruff", claim("F821", 3)), ("other", claim("F821", 3))]
    assert merged(tmp_path, *said) == [("F821", ["ruff", "other"], "low")]
