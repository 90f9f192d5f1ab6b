"""`docstring_report`: what docstrings claim wrongly, and which are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.findings import Confidence, Severity
from tests.agents.documentation.conftest import SHOP, Work


def test_the_shops_stale_docstring_is_found_and_nothing_else(work: Work) -> None:
    done = work("docstring_report", SHOP)
    assert done.places == ["docstring-unknown-parameter orders/shipping.py:49"]
    (finding,) = done.findings
    assert (finding.severity, finding.confidence, finding.category) == (
        Severity.MEDIUM,
        Confidence.HIGH,
        "docs",
    )
    assert (finding.end_line, finding.scope) == (51, "quote")
    assert finding.message == (
        "quote() has no parameter `weight_kg` and `express`, of which its docstring tells; "
        "the docstring says nothing of `weight_grams` and `goods_value`."
    )
    assert [one.tool for one in finding.evidence] == ["griffe", "pydoclint"]
    assert "express: whether the parcel" in finding.evidence[0].snippet


def test_coverage_counts_the_public_api_only(work: Work) -> None:
    code = (
        '"""A module."""\n\ndef told():\n    """Tell."""\n\ndef untold():\n    pass\n\ndef _hidden():\n    pass\n\n'
        'class Thing:\n    """A thing."""\n\n    def __len__(self):\n        return 1\n\n'
        "    def use(self):\n        pass\n"
    )
    done = work("docstring_report", {"a.py": code, "tests/test_a.py": "def test_it():\n    pass\n"})
    (module,) = json.loads(done.artifacts["docstrings.json"])["modules"]
    assert module == {
        "module": "a", "file": "a.py", "public": 5, "documented": 3, "percent": 60.0,
        "lacking": [
            {"name": "a.untold", "kind": "function", "line": 6},
            {"name": "a.Thing.use", "kind": "function", "line": 18},
        ],
    }  # fmt: skip
    assert done.summary == "60.0 % of 5 public names documented; no contradiction in docstrings"
    assert "- function `a.untold`, `a.py:6`" in done.artifacts["docstrings.md"].decode()


GOOGLE = 'def f({signature}){returns}:\n    """Do.\n\n    {section}:\n        {entry}\n    """\n    {body}\n'


@pytest.mark.parametrize(
    ("signature", "returns", "section", "entry", "body", "expected"),
    [
        ("a", "", "Args", "b: what.", "pass", ["docstring-unknown-parameter"]),
        ("a, **more", "", "Args", "b: one of more.", "pass", []),
        ("*args", "", "Args", "*args: all.", "pass", []),
        ("a, b, c", "", "Args", "a: one.\n        b: two.", "pass", ["docstring-missing-parameter"]),
        ("a: int", "", "Args", "a (str): one.", "pass", ["docstring-wrong-type"]),
        ("a: int | None", "", "Args", "a (int, optional): one.", "pass", []),
        ("a: float", "", "Args", "a (int): one.", "pass", []),
        ("a: Thing", "", "Args", "a (str): one.", "pass", []),
        ("a: list[int]", "", "Args", "a (dict): one.", "pass", ["docstring-wrong-type"]),
        ("a", "", "Returns", "int: the sum.", "print(a)", ["docstring-wrong-return"]),
        ("a", "", "Returns", "int: the sum.", "return a", []),
        ("a", "", "Returns", "None", "print(a)", []),
        ("a", "", "Returns", "int: the sum.", "raise NotImplementedError", []),
        ("a", " -> str", "Returns", "int: the sum.", "return a", ["docstring-wrong-return"]),
        ("a", "", "Raises", "NoSuchError: never.", "return a", ["docstring-unknown-error"]),
        ("a", "", "Raises", "ValueError: of what it calls.", "return a", []),
    ],
)
def test_contradictions_are_told_and_doubts_are_not(
    work: Work, signature: str, returns: str, section: str, entry: str, body: str, expected: list[str]
) -> None:
    code = GOOGLE.format(signature=signature, returns=returns, section=section, entry=entry, body=body)
    assert [finding.rule for finding in work("docstring_report", {"a.py": code}).findings] == expected


@pytest.mark.parametrize(
    "docstring",
    [
        "Do.\n\n    Parameters\n    ----------\n    weight : int\n        The weight.\n    ",
        "Do.\n\n    :param weight: The weight.\n    :type weight: int\n    ",
        "Do.\n\n    Args:\n        weight (int): The weight.\n    ",
    ],
)
def test_each_style_is_read(work: Work, docstring: str) -> None:
    code = f'def f(grams):\n    """{docstring}"""\n    return grams\n'
    (finding,) = work("docstring_report", {"a.py": code}).findings
    assert (finding.rule, "`weight`" in finding.message) == ("docstring-unknown-parameter", True)
    assert "weight" in code.split("\n")[finding.line - 1]


def test_file_that_does_not_parse_makes_the_report_incomplete(work: Work) -> None:
    done = work("docstring_report", {"a.py": "x = 1\n", "b.py": "def (:\n", "c.py": "x = " + "(" * 5000})
    griffe = done.output.model_dump()["tools"][0]
    assert (griffe["state"], griffe["failed_count"], griffe["files_analysed"]) == ("partial", 2, 1)


def test_nothing_of_the_tree_is_executed_or_believed(work: Work, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    touch = f"open({str(trap)!r}, 'w').close()\n"
    names = ("griffe.py", "json.py", "setup.py", "sitecustomize.py", "conftest.py", "pydoclint/__init__.py")
    tree: dict[str, str | bytes] = dict.fromkeys(names, touch)
    tree["evil.pth"] = f"import os; {touch}"
    tree["pyproject.toml"] = "[tool.pydoclint]\nexclude = '.*'\nquiet = true\n"
    tree["a.py"] = 'def f(a):\n    """Do.\n\n    Args:\n        b: \x1b[31m.\n    """\n'
    done = work("docstring_report", tree)
    assert done.places == ["docstring-unknown-parameter a.py:5"]
    assert "\x1b" not in done.findings[0].evidence[0].snippet
    assert not trap.exists()


@pytest.mark.parametrize(("first", "rules"), [("mcs", []), ("other", ["docstring-missing-parameter"])])
def test_first_parameter_of_a_metaclass_is_listed_by_nobody(work: Work, first: str, rules: list[str]) -> None:
    code = (
        f"class Made(type):\n    @classmethod\n    def fields({first}, klass, names, more):\n"
        '        """Give fields.\n\n        Args:\n            klass: A.\n            names: B.\n'
        '            more: C.\n        """\n'
    )
    assert [one.rule for one in work("docstring_report", {"a.py": code}).findings] == rules


def test_several_contradictions_are_told_in_the_plural(work: Work) -> None:
    one = 'def {}(a):\n    """Do.\n\n    Args:\n        b (int): B.\n    """\n'
    done = work("docstring_report", {"a.py": one.format("f") + "\n\n" + one.format("g")})
    assert done.summary.endswith("2 contradictions or gaps in docstrings")


@pytest.mark.parametrize("operation", ["docstring_report", "docstring_patch"])
def test_files_that_could_not_be_read_are_not_called_documented(operation: str, work: Work) -> None:
    large = '"""Large."""\n' + "x = 1\n" * 400_000
    done = work(operation, {"a.py": large})
    assert done.summary == "no Python file could be read, so nothing is known of docstrings"
    some = work(operation, {"a.py": large, "b.py": '"""B."""\n'})
    assert some.summary.endswith("; 1 file could not be read")
