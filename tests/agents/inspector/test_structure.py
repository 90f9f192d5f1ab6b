"""Import cycles: found among a project's own modules by parsing, and nothing of it is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.documentation.claims import findings
from agents.documentation.drift import drift
from agents.findings import Confidence, Severity, one_of_each
from agents.grounding import index_of
from agents.symbols import read
from agents.symbols.sources import listed
from tests.agents.inspector.trees import inspect, places, plant


def test_modules_that_import_each_other_are_one_finding(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/a.py": "import os\n\nfrom . import b\n",
            "shop/b.py": "from shop.c import name\n",
            "shop/c.py": "from .a import other\n\nname = 1\n",
            "shop/d.py": "import shop.a\n",
        },
    )
    found = inspect(tmp_path, "structure").findings
    assert places(found) == ["import-cycle shop/a.py:3"]
    assert found[0].message == "Loading shop.a → shop.b → shop.c → shop.a goes round in a circle."


def test_two_cycles_are_two_findings_and_a_knot_is_one(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "src/p/__init__.py": "",
            "src/p/a.py": "import p.b\n",
            "src/p/b.py": "import p.a\nimport p.c\n",
            "src/p/c.py": "import p.b\n",
            "x.py": "import y\n",
            "y.py": "import x\n",
        },
    )
    found = inspect(tmp_path, "structure").findings
    assert places(found) == ["import-cycle src/p/a.py:1", "import-cycle x.py:1"]
    assert found[0].message.endswith("3 modules depend on each other in all.")


@pytest.mark.parametrize(
    "back",
    [
        "def f():\n    import a\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\n",
        "import typing\nif typing.TYPE_CHECKING:\n    import a\n",
        "# import a\n",
        "from .... import a\n",
    ],
)
def test_what_is_not_loaded_with_a_module_makes_no_cycle(tmp_path: Path, back: str) -> None:
    plant(tmp_path, {"a.py": "import b\n", "b.py": back})
    assert places(inspect(tmp_path, "structure").findings) == []


def test_ambiguous_names_and_test_code_make_no_cycle(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "one/util.py": "import main\n",
            "two/util.py": "",
            "main.py": "import util\n",
            "tests/a.py": "import helper\n",
            "tests/helper.py": "import a\n",
        },
    )
    assert places(inspect(tmp_path, "structure").findings) == []


def test_docstring_of_a_parameter_that_is_gone_is_told_by_two_tools(tmp_path: Path) -> None:
    code = 'def f(x, y):\n    """Do.\n\n    Args:\n        x: a.\n        z: b.\n    """\n    return x, y\n'
    plant(tmp_path, {"a.py": code})
    found = inspect(tmp_path, "lint").findings
    assert places(found) == ["docstring-unknown-parameter a.py:6"]
    assert [one.tool for one in found[0].evidence] == ["griffe", "pydoclint"]


@pytest.mark.parametrize(
    "code",
    [
        'def f(x, y):\n    """Do.\n\n    Args:\n        x: a.\n    """\n',
        'def f(x, **more):\n    """Do.\n\n    Args:\n        x: a.\n        z: b.\n    """\n',
        'def f(x):\n    """Do z.\n\n    :param x: a\n    :returns: nothing\n    """\n',
        'def f(x):\n    """Do.\n\n    Parameters\n    ----------\n    x : int\n        A.\n    """\n',
        'class C:\n    """C.\n\n    Args:\n        x: a.\n    """\n\n    def __init__(self, x):\n        pass\n',
        # what a session answers is no list of the function's own
        'def f(x):\n    """Do.\n\n    >>> f(1)\n    <BLANKLINE>\n    :param z: b.\n\n    :param x: a.\n    """\n',
    ],
)
def test_docstring_that_contradicts_nothing_is_fine(tmp_path: Path, code: str) -> None:
    plant(tmp_path, {"a.py": code})
    assert places(inspect(tmp_path, "lint").findings) == []


def test_list_below_a_session_is_the_functions_own(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": 'def f(x):\n    """Do.\n\n    >>> f(1)\n    1\n\n    :param z: b.\n    """\n'})
    assert places(inspect(tmp_path, "lint").findings) == ["docstring-unknown-parameter a.py:1"]


@pytest.mark.parametrize(
    "code",
    [
        # the summary speaks of the name before its entry does
        'def f(x):\n    """Do with z.\n\n    Args:\n        x: a.\n        z: b.\n        y: c.\n    """\n',
        'class C:\n    """Z.\n\n    Args:\n        z: b.\n    """\n\n    def __init__(self, x):\n        pass\n',
        'class C:\n    def f(self, x):\n        """Do.\n\n        :param x: a.\n        :param z: b.\n        """\n',
        'def f(x):\n    """Do.\n\n    Parameters\n    ----------\n    x\n        a.\n    z\n        b.\n    """\n',
        'def f(request):\n    """Do.\n\n    Args:\n        z: b.\n    """\n',
    ],
)
def test_stale_docstring_is_the_same_claim_to_documentation(tmp_path: Path, code: str) -> None:
    plant(tmp_path, {"a.py": code})
    (mine,) = inspect(tmp_path, "lint").findings
    symbols = read(listed(tmp_path), scratch=tmp_path, cancelled=lambda: False)
    (theirs,) = findings(drift(symbols, index_of(symbols), {}), listed(tmp_path))
    same = ("rule", "path", "scope", "line", "title", "severity", "confidence", "fingerprint")
    assert {name: getattr(mine, name) for name in same} == {name: getattr(theirs, name) for name in same}
    (told,) = one_of_each([theirs, mine])
    assert {one.tool for one in told.evidence} == {"griffe", "pydoclint"}


def test_handler_that_sets_what_it_describes_by_the_request_is_a_guess(tmp_path: Path) -> None:
    docstring = '"""Do.\n\n    :param name: b\n    :return: it\n    """'
    handler = f"def f():\n    {docstring}\n    name = {{taken}}\n    return name\n"
    for path, taken in {
        "a": "request.json['name']",
        "b": "self.request.args.get('name')",
        "c": "g()",
    }.items():
        plant(tmp_path, {f"{path}.py": handler.format(taken=taken)})
    found = inspect(tmp_path, "lint").findings
    told = {one.path: one.severity for one in found if one.rule == "docstring-unknown-parameter"}
    assert told == {"a.py": Severity.LOW, "b.py": Severity.LOW, "c.py": Severity.MEDIUM}


def test_handler_that_describes_what_it_reads_of_a_request_is_a_guess(tmp_path: Path) -> None:
    code = (
        'def post(request):\n    """Do.\n\n    Args:\n        name: b.\n    """\n    return request.data\n\n\n'
        'def put(request, x):\n    """Do.\n\n    Args:\n        x: a.\n        name: b.\n    """\n    return x\n'
    )
    plant(tmp_path, {"a.py": code})
    found = inspect(tmp_path, "lint").findings
    assert [(one.line, one.severity, one.confidence) for one in found] == [
        (15, Severity.MEDIUM, Confidence.HIGH),
        (5, Severity.LOW, Confidence.MEDIUM),
    ]
