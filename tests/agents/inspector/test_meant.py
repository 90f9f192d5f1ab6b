"""What a rule calls a mistake and its writer meant; beside each the same with a mistake in it, which is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.findings import Confidence, Severity
from agents.inspector.weighing import FILES_OF_AN_OWN_LOGGER
from tests.agents.inspector.trees import inspect, places, plant


def _of_rule(root: Path, operation: str, rule: str) -> list[str]:
    return [place for place in places(inspect(root, operation).findings) if place.startswith(rule)]


@pytest.mark.parametrize(
    "unreached",
    [
        "return\n    yield",
        "raise E\n    yield 1",
        "if False:\n        yield",
        "while False:\n        yield",
        "if True:\n        return 1\n    yield",
    ],
)
def test_the_only_yield_of_a_function_makes_it_a_generator(tmp_path: Path, unreached: str) -> None:
    plant(tmp_path, {"a.py": f"def f(E):\n    {unreached}\n\n\nf()\n"})
    assert _of_rule(tmp_path, "dead_code", "unreachable-code") == []


@pytest.mark.parametrize(
    "unreached",
    [
        "yield 0\n    return\n    yield",
        "return\n    yield\n    print(1)",
        "return\n    x = yield",
        "return\n    def g():\n        yield",
    ],
)
def test_a_further_yield_and_what_stands_behind_it_never_run(tmp_path: Path, unreached: str) -> None:
    plant(tmp_path, {"a.py": f"def f():\n    {unreached}\n\n\nf()\n"})
    assert len(_of_rule(tmp_path, "dead_code", "unreachable-code")) == 1


@pytest.mark.parametrize(
    ("unreached", "count"),
    [
        ('assert False, "not reached"', 0),
        ("assert_never(x)", 0),
        ('raise RuntimeError("unreachable")', 0),
        ("raise AssertionError", 0),
        ("# this should never be hit\n    raise ValueError(x)", 0),
        ("# this is for x\n    raise ValueError(x)", 1),
        ("raise ValueError(x)", 1),
        ("assert x", 1),
        ("assert False\n    print(x)", 1),
    ],
)
def test_an_end_that_says_that_it_is_not_reached(tmp_path: Path, unreached: str, count: int) -> None:
    plant(tmp_path, {"a.py": f"def f(x):\n    while True:\n        x.g()\n    {unreached}\n\n\nf()\n"})
    assert len(_of_rule(tmp_path, "dead_code", "unreachable-code")) == count


def test_what_is_switched_off_with_a_remark_why_is_information(tmp_path: Path) -> None:
    told = "    if True:\n        x = 1\n    else:\n        # kept for whoever looks for the place\n"
    told += "        # (there?)\n        x = 2\n"
    code = "def f(x):\n{}    return x\n\n\nf(1)\n"
    plant(
        tmp_path,
        {
            "a.py": code.format(told),
            "b.py": code.format(told.replace("# kept for", "# noqa")),
            "c.py": code.format(told.replace("        # kept for whoever looks for the place\n", "")),
            "d.py": code.format("    return 1\n    # this is what it did before\n"),
            "tests/test_a.py": code.format("    if False:\n        x = 1\n"),
            "tests/test_b.py": code.format("    return 1\n"),
        },
    )
    found = inspect(tmp_path, "dead_code").findings
    assert [(one.path, one.severity) for one in found if one.rule == "unreachable-code"] == [
        ("b.py", Severity.LOW),
        ("c.py", Severity.LOW),
        ("d.py", Severity.LOW),
        ("tests/test_b.py", Severity.LOW),
        ("a.py", Severity.INFO),
        ("tests/test_a.py", Severity.INFO),
    ]


def test_mistakes_of_what_tests_are_tried_on_are_doubtful(tmp_path: Path) -> None:
    text = "def f():\n    return lost\n"
    plant(tmp_path, {"tests/data/a.py": text, "tests/a.py": text, "data/a.py": text})
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "F821"]
    assert [(one.path, one.severity, one.confidence) for one in found] == [
        ("data/a.py", Severity.HIGH, Confidence.HIGH),
        ("tests/a.py", Severity.HIGH, Confidence.HIGH),
        ("tests/data/a.py", Severity.LOW, Confidence.LOW),
    ]


def test_an_undefined_name_in_what_a_function_returns_is_less_grave(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "from __future__ import annotations\n\n\ndef f() -> list[Lost]:\n    return []\n",
            "b.py": "def f(x):\n    return x - Lost\n",
            "c.py": "def f() -> list[Lost]:\n    return []\n",  # to define it fails
        },
    )
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "F821"]
    assert [(one.path, one.severity) for one in found] == [
        ("b.py", Severity.HIGH),
        ("c.py", Severity.HIGH),
        ("a.py", Severity.LOW),
    ]


def test_a_name_that_an_example_does_not_read_is_information(tmp_path: Path) -> None:
    text = "def f(g):\n    made = g()\n"
    plant(tmp_path, {"docs/code/a.py": text, "shop/a.py": text})
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "F841"]
    assert [(one.path, one.severity) for one in found] == [
        ("shop/a.py", Severity.LOW),
        ("docs/code/a.py", Severity.INFO),
    ]


def test_sphinx_puts_names_into_its_own_settings(tmp_path: Path) -> None:
    text = "if True:\n    tags.add('x')\n    tag.add('x')\n"
    plant(tmp_path, {"docs/conf.py": text, "docs/other.py": text})
    found = [(one.path, one.line) for one in inspect(tmp_path, "lint").findings if one.rule == "F821"]
    assert found == [("docs/conf.py", 3), ("docs/other.py", 2), ("docs/other.py", 3)]


def test_names_of_python_2_belong_to_its_branches(tmp_path: Path) -> None:
    asked = (
        "import sys\n\nif sys.version_info[0] {} 3:\n    import a\n    text = {}\n"
        "else:\n    import b\n    text = {}\n"
    )
    plant(
        tmp_path,
        {
            "a.py": asked.format("<", "unicode", "str"),
            "b.py": asked.format(">=", "str", "unicode"),
            "c.py": asked.format("<", "lost", "str"),
            "d.py": "import sys\n\n\nif sys.argv:\n    text = unicode\nelse:\n    text = str\n",
            "e.py": "if get_ipython():\n    print(1)\n",
            "f.py": "from x import load\n\nload(locals())\nprint(made)\n",
        },
    )
    found = [(one.path, one.line) for one in inspect(tmp_path, "lint").findings if one.rule == "F821"]
    assert found == [("c.py", 5), ("d.py", 5), ("f.py", 4)]
    made = [one for one in inspect(tmp_path, "lint").findings if one.path == "f.py"]
    assert [(one.severity, one.confidence) for one in made] == [(Severity.LOW, Confidence.LOW)]


def test_a_built_in_name_may_be_offered_by_a_module(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "str = str\n",
            "b.py": "import limit\n\nlimit = limit\n",
            "c.py": "def f(str):\n    str = str\n    return str\n",
        },
    )
    assert _of_rule(tmp_path, "lint", "PLW0127") == ["PLW0127 b.py:3", "PLW0127 c.py:2"]


def test_what_is_called_after_a_debugger_is_there_to_start_one(tmp_path: Path) -> None:
    code = "def {}():\n    from pdb import set_trace\n\n    set_trace()\n"
    plant(
        tmp_path,
        {
            "a.py": code.format("rdb_handler"),
            "b.py": code.format("init_db"),
            "test_rdb.py": code.format("test_f"),
        },
    )
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "T100"]
    assert {one.path: one.severity for one in found} == {
        "a.py": Severity.INFO,
        "b.py": Severity.MEDIUM,
        "test_rdb.py": Severity.INFO,
    }


def test_a_choice_of_debuggers_starts_none(tmp_path: Path) -> None:
    choice = "try:\n    import ipdb as pdb\nexcept ImportError:\n    import pdb\n"
    plant(tmp_path, {"a.py": choice, "b.py": f"{choice}\n\npdb.set_trace()\n", "c.py": "import pdb\n"})
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "T100"]
    told = [(one.path, one.line) for one in found if one.severity is Severity.MEDIUM]
    assert told == [("b.py", 7), ("c.py", 1)]


def test_what_a_test_expects_to_fail_and_lists_of_others(tmp_path: Path) -> None:
    wrong = "class A:\n    def __str__(self):\n        return b''\n\n\n"
    tried = "def test_a():\n    with raises(TypeError):\n        str(A())\n"
    plant(
        tmp_path,
        {
            "tests/test_a.py": wrong + tried,
            "tests/test_b.py": wrong,
            "a.py": wrong + tried,
            "b.py": "from x import y, z\n\n__all__ = y + z\n",
            "c.py": "__all__ = 5\n",
        },
    )
    assert _of_rule(tmp_path, "lint", "PLE0307") == ["PLE0307 a.py:3", "PLE0307 tests/test_b.py:3"]
    assert _of_rule(tmp_path, "lint", "PLE0605") == ["PLE0605 c.py:1"]


def test_one_of_several_that_stays_as_it_is(tmp_path: Path) -> None:
    code = "def f(body):\n    {} = {}\n    return body\n"
    plant(
        tmp_path,
        {"a.py": code.format("kind, body", "body['kind'], body"), "b.py": code.format("body", "body")},
    )
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "PLW0127"]
    assert [(one.path, one.severity) for one in found] == [("b.py", Severity.LOW), ("a.py", Severity.INFO)]


def test_what_follows_a_return_under_a_constant_is_told_where_no_yield_is(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "def f():\n    if True:\n        return 1\n    print(1)\n\n\nf()\n"})
    assert "unreachable-code a.py:4" in _of_rule(tmp_path, "dead_code", "unreachable-code")


def test_an_attribute_that_the_class_reads_before_it_changes_is_no_slip(tmp_path: Path) -> None:
    read = "    @with_(\n        config\n    )\n    def a(self):\n        pass\n\n"
    only_in_method = "    def a(self):\n        config = 3\n        return config\n\n"
    set_as_keyword = "    @with_(config=1)\n    def a(self):\n        pass\n\n"
    for name, between in {"a": read, "b": only_in_method, "c": set_as_keyword, "d": "    # config\n"}.items():
        text = f"from x import with_\n\n\nclass A:\n    config = 1\n\n{between}    config = 2\n"
        plant(tmp_path, {f"{name}.py": text})
    assert _of_rule(tmp_path, "lint", "PIE794") == ["PIE794 b.py:11", "PIE794 c.py:11", "PIE794 d.py:8"]


def test_a_comparison_that_is_all_that_is_tried_may_raise(tmp_path: Path) -> None:
    text = (
        "def f(a, b):\n    try:\n        {tried}\n    except ValueError:\n        return b\n    a in b\n"
        "    return a\n"
    )
    plant(
        tmp_path, {"a.py": text.format(tried="a in b"), "b.py": text.format(tried="a.sort()\n        a in b")}
    )
    assert _of_rule(tmp_path, "lint", "B015") == ["B015 a.py:6", "B015 b.py:4", "B015 b.py:7"]


def test_what_only_python_4_would_break_is_information(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "import sys\n\nA = sys.version_info[0] == 3\nB = sys.version[:3]\n"})
    found = inspect(tmp_path, "lint").findings
    assert {one.rule: one.severity for one in found} == {"YTT201": Severity.INFO, "YTT101": Severity.MEDIUM}


def test_a_loop_hides_an_import_for_its_function_only(tmp_path: Path) -> None:
    loop = "for part in parts:\n{indent}    print(part)\n"
    own = f'    told = """\\na text\\n"""\n    {loop.format(indent="    ")}'
    text = f"from x import part, parts\n\n\ndef f():\n{own}\n\npart()\nf()\n"
    plant(tmp_path, {"a.py": text, "b.py": f"from x import part, parts\n\n{loop.format(indent='')}part()\n"})
    plant(tmp_path, {"c.py": f"from x import part, parts\n\n\nclass A:\n{own}\n\npart()\n"})
    found = inspect(tmp_path, "lint").findings
    assert {one.path: one.severity for one in found if one.rule == "F402"} == {
        "a.py": Severity.LOW,
        "b.py": Severity.MEDIUM,
        "c.py": Severity.MEDIUM,
    }


def test_the_old_name_of_any_version_of_tls_is_no_old_version(tmp_path: Path) -> None:
    text = "from OpenSSL import SSL\n\n\ndef f(\n    method=SSL.{name},\n):\n    return method\n"
    plant(
        tmp_path,
        {"a.py": text.format(name="SSLv23_METHOD"), "b.py": text.format(name="SSLv3_METHOD")},
    )
    found = inspect(tmp_path, "security_scan").findings
    assert {one.path: one.severity for one in found if one.rule == "S503"} == {
        "a.py": Severity.INFO,
        "b.py": Severity.MEDIUM,
    }


def test_loggers_to_which_a_whole_project_speaks_in_braces_are_its_own(tmp_path: Path) -> None:
    text = "import logging\n\n\ndef f(a):\n    logging.warning('no {}', a)\n"
    for number in range(FILES_OF_AN_OWN_LOGGER):
        plant(tmp_path, {f"a{number}.py": text})
        found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "PLE1205"]
        is_own = number == FILES_OF_AN_OWN_LOGGER - 1
        assert {one.severity for one in found} == {Severity.LOW if is_own else Severity.MEDIUM}
        assert len(found) == number + 1


def test_exceptions_joined_by_or_are_told_once(tmp_path: Path) -> None:
    tried = "def f(g):\n    try:\n        g()\n    except {caught}:\n        return 1\n    return 2\n"
    for name, caught in {
        "a": "KeyError or OSError",
        "b": "(KeyError and OSError)",
        "c": '"KeyError"',
    }.items():
        plant(tmp_path, {f"{name}.py": tried.format(caught=caught)})
    assert _of_rule(tmp_path, "lint", "B030") == ["B030 c.py:4"]
    assert _of_rule(tmp_path, "lint", "PLW0711") == ["PLW0711 a.py:4", "PLW0711 b.py:4"]
