"""Names that nothing seems to define: which are missing, and which come from elsewhere."""

from __future__ import annotations

from pathlib import Path

from agents.findings import Confidence, Severity
from tests.agents.inspector.trees import inspect, plant


def test_the_name_that_gettext_installs_is_hardly_undefined(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": 'def f():\n    return _("text"), lost\n'})
    found = inspect(tmp_path, "lint").findings
    assert [(one.message, one.severity, one.confidence) for one in found] == [
        ("Undefined name `lost`", Severity.HIGH, Confidence.HIGH),
        ("Undefined name `_`", Severity.LOW, Confidence.LOW),
    ]


def test_a_name_that_many_files_use_and_none_defines_is_put_there_from_outside(tmp_path: Path) -> None:
    engines = {f"engines/e{number}.py": "def f():\n    return traits\n" for number in range(4)}
    plant(tmp_path, {**engines, "a.py": "def f():\n    return lost\n"})
    found = inspect(tmp_path, "lint").findings
    assert [(one.message, one.severity, one.confidence) for one in found] == [
        ("Undefined name `lost`", Severity.HIGH, Confidence.HIGH),
        *[("Undefined name `traits`", Severity.LOW, Confidence.LOW)] * 4,
    ]


def test_rarer_names_of_a_loader_weigh_as_little_as_its_common_ones(tmp_path: Path) -> None:
    engines = {f"engines/e{number}.py": "def f():\n    return traits\n" for number in range(4)}
    rarer = {f"engines/r{number}.py": "def f():\n    return categories\n" for number in range(2)}
    once = {"engines/once.py": "def f():\n    return lost\n"}
    plant(tmp_path, {**engines, **rarer, **once})
    found = inspect(tmp_path, "lint").findings
    assert [one.message for one in found if one.severity is Severity.HIGH] == ["Undefined name `lost`"]


def test_names_beside_the_built_in_ones_are_hardly_undefined(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "lang.py": "import builtins\nbuiltins.__dict__['TT'] = str\nbuiltins.tt = str\nprint(builtins.no == 1)\n",
            "more.py": "import builtins\n\nsetattr(builtins, 'put', 1)\n",
            "a.py": "A = TT('a')\nB = tt('b')\nC = put\nD = no\n",
        },
    )
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "F821"]
    assert [(one.line, one.severity) for one in found] == [
        (4, Severity.HIGH),
        *((line, Severity.LOW) for line in (1, 2, 3)),
    ]


def test_names_that_code_or_a_package_brings_are_hardly_undefined(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "run.py": "with open('v.py') as told:\n    exec(told.read())\nA = __version__\n",
            "own.py": "names = {}\nexec(open('v.py').read(), names)\nA = __version__\n",
            "shop/__init__.py": "import shop.cart\nimport shop.till as till\n\ncart.start()\nstock.start()\n",
            "shop/cart.py": "A = cart\n",
        },
    )
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "F821"]
    assert [(one.path, one.line, one.severity) for one in found] == [
        ("own.py", 3, Severity.HIGH),
        ("shop/__init__.py", 5, Severity.HIGH),
        ("shop/cart.py", 1, Severity.HIGH),
        ("run.py", 3, Severity.LOW),
        ("shop/__init__.py", 4, Severity.LOW),
    ]


def test_a_name_that_may_be_put_in_from_elsewhere_is_less_surely_missing(tmp_path: Path) -> None:
    text = "from b import put_in\n\nput_in({})\nA = [NAME]\n"
    inside = "from b import put_in\n\n\ndef f():\n    put_in(locals())\n\n\nA = [NAME]\n"
    plant(
        tmp_path,
        # outside of functions both are one table
        {"a.py": text.format("globals()"), "b.py": text.format("locals()"), "c.py": inside},
    )
    found = inspect(tmp_path, "lint").findings
    assert [(one.rule, one.path, one.severity) for one in found] == [
        ("F821", "c.py", Severity.HIGH),
        ("F821", "a.py", Severity.LOW),
        ("F821", "b.py", Severity.LOW),
    ]


def test_a_name_lost_in_an_annotation_or_to_a_second_import_is_less_grave(tmp_path: Path) -> None:
    text = "def f(a: 'Lost') -> int:\n    return missing\n"
    twice = "import os\nimport os\n\n\ndef g():\n    return os\n\n\ndef g():\n    return os\n"
    plant(tmp_path, {"a.py": text, "b.py": twice})
    found = inspect(tmp_path, "lint").findings
    assert [(one.rule, one.path, one.line, one.severity) for one in found] == [
        ("F821", "a.py", 2, Severity.HIGH),
        ("F811", "b.py", 9, Severity.MEDIUM),
        ("F821", "a.py", 1, Severity.LOW),
        ("F811", "b.py", 2, Severity.LOW),
    ]
