"""What weighs less than its rule: patterns that are harmless in working code."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.findings import Confidence, Severity, sort_key
from tests.agents.inspector.trees import inspect, places, plant


def test_a_fixture_filled_in_as_a_parameter_loses_no_definition_but_a_second_test_does(
    tmp_path: Path,
) -> None:
    fixture = "from tools import client\n\n\ndef test_a(client):\n    client()\n"
    twice = "def test_b():\n    pass\n\n\ndef test_b():\n    pass\n"
    plant(tmp_path, {"tests/test_a.py": fixture, "tests/test_b.py": twice})
    found = inspect(tmp_path, "lint").findings
    assert [place for place in places(found) if place.startswith("F811")] == ["F811 tests/test_b.py:5"]


def test_an_attribute_whose_type_is_announced_is_defined_once(tmp_path: Path) -> None:
    announced = "class A:\n    owner: 'User'\n    size = 1\n\n    owner = key(\n        'user'\n    )\n"
    twice = "class B:\n    owner: 'User' = key('user')\n    owner = key('user')\n"
    thrice = "class C:\n    owner: 'User'\n    owner = key('a')\n    owner = key('b')\n"
    plant(tmp_path, {"a.py": announced, "b.py": twice, "c.py": thrice})
    found = inspect(tmp_path, "lint").findings
    assert [place for place in places(found) if place.startswith("PIE794")] == [
        "PIE794 b.py:3",
        "PIE794 c.py:4",
    ]


def test_an_error_swallowed_for_a_reason_that_is_told_is_less_of_a_fault(tmp_path: Path) -> None:
    told = "def f(g):\n    try:\n        g()\n    except Exception:\n        # the next run does it\n        pass\n"
    silent = "def f(g):\n    try:\n        g()\n    except Exception:  # noqa: BLE001\n        pass\n"
    above = silent.replace("    try:", "    # if it fails nobody misses it\n    try:")
    farther = "# what f is for\n" + silent
    plant(
        tmp_path,
        {
            "a.py": told,
            "b.py": silent,
            "c.py": f"{silent}\n\n# a remark after the handler\n",
            "d.py": above,
            "e.py": farther,
        },
    )
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.rule, one.path, one.confidence) for one in found] == [
        ("S110", "b.py", Confidence.MEDIUM),
        ("S110", "c.py", Confidence.MEDIUM),
        ("S110", "e.py", Confidence.MEDIUM),
        ("S110", "a.py", Confidence.LOW),
        ("S110", "d.py", Confidence.LOW),
    ]


def test_a_decimal_is_made_of_an_inexact_float_if_the_float_is_inexact(tmp_path: Path) -> None:
    made = "A = Decimal(0.5)\nB = Decimal(28.3495)\nC = Decimal(-1e3)\nD = Decimal(-0.1)\n"
    text = f"from decimal import Decimal\n\n{made}"
    plant(tmp_path, {"a.py": text})
    assert places(inspect(tmp_path, "lint").findings) == ["RUF032 a.py:4", "RUF032 a.py:6"]


def test_what_somebody_silenced_for_one_tool_weighs_little_with_the_other(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "exec(x)  # noqa: S102\nexec(y)  # noqa: S324\nexec(z)  # noqa: E501\n"})
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.line, one.severity) for one in found] == [
        (2, Severity.LOW),
        (3, Severity.LOW),
        (1, Severity.INFO),
    ]


def test_a_comparison_that_is_expected_to_fail_is_meant_but_another_is_not(tmp_path: Path) -> None:
    text = (
        "import pytest\n\n\ndef test_a(a):\n    with pytest.raises(TypeError):\n        a < 'b'\n"
        "    a < 'c'\n"
    )
    plant(tmp_path, {"tests/test_a.py": text, "a.py": text})
    found = inspect(tmp_path, "lint").findings
    assert [place for place in places(found) if place.startswith("B015")] == [
        "B015 a.py:6",
        "B015 a.py:7",
        "B015 tests/test_a.py:7",
    ]


def test_stripping_one_character_written_twice_removes_no_word(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "def f(x):\n    return x.lstrip('--'), x.strip('.json-j')\n"})
    found = inspect(tmp_path, "lint").findings
    assert [place for place in places(found) if place.startswith("B005")] == ["B005 a.py:2"]
    plant(tmp_path, {"a.py": "def f(x):\n    return x.lstrip('--')\n"})
    assert [place for place in places(inspect(tmp_path, "lint").findings) if place.startswith("B005")] == []


def test_a_default_is_mutable_by_what_it_is_not_by_being_a_call(tmp_path: Path) -> None:
    head = "import contextvars\nfrom typing import cast\n"
    good = 'A = contextvars.ContextVar("A", default=cast("int | None", None))\n'
    bad = 'B = contextvars.ContextVar("B", default=[])\nC = contextvars.ContextVar("C", default=dict())\n'
    plant(tmp_path, {"a.py": head + good + bad})
    found = inspect(tmp_path, "lint").findings
    assert [place for place in places(found) if place.startswith("B039")] == ["B039 a.py:4", "B039 a.py:5"]


def test_faults_stand_before_upkeep_of_the_same_severity(tmp_path: Path) -> None:
    drifted = (
        'def f(a):\n    """Do.\n\n    Args:\n        b: gone.\n    """\n    return [lambda: a for a in a]\n'
    )
    plant(tmp_path, {"a.py": drifted, "b.py": "import requests\n\nrequests.get('http://x.y')\n"})
    every = [*inspect(tmp_path, "lint").findings, *inspect(tmp_path, "security_scan").findings]
    medium = [one.rule for one in sorted(every, key=sort_key) if one.severity is Severity.MEDIUM]
    assert medium == ["S113", "docstring-unknown-parameter"]


def _of_utc(root: Path, text: str) -> dict[int, Severity]:
    plant(root, {"a.py": text})
    found = inspect(root, "lint").findings
    return {one.line: one.severity for one in found if one.rule in ("DTZ003", "DTZ004")}


def test_time_of_utc_that_says_so_at_once_is_mere_information(tmp_path: Path) -> None:
    text = (
        "from datetime import UTC, datetime\n\nA = datetime.utcnow().replace(tzinfo=UTC)\n"
        "B = datetime.utcnow().isoformat() + 'Z'\nC = datetime.utcnow().replace(tzinfo=None)\n"
        "D = datetime.utcfromtimestamp(3).strftime('%Y-%mZ')\nE = datetime.utcnow().isoformat()\n"
    )
    assert _of_utc(tmp_path, text) == {
        3: Severity.INFO,
        4: Severity.INFO,
        5: Severity.LOW,
        6: Severity.INFO,
        7: Severity.LOW,
    }


def test_day_or_hour_of_utc_loses_no_zone_but_its_seconds_are_wrong_elsewhere(tmp_path: Path) -> None:
    text = (
        "from datetime import datetime\n\nA = datetime.utcnow().date()\nB = datetime.utcnow().hour\n"
        "C = datetime.utcfromtimestamp(3).time()\nD = datetime.utcnow().timestamp()\n"
        "E = datetime.utcnow() - datetime.now().date()\n"
    )
    assert _of_utc(tmp_path, text) == {
        **dict.fromkeys((3, 4, 5), Severity.INFO),
        6: Severity.LOW,
        7: Severity.LOW,
    }


@pytest.mark.parametrize(
    ("read", "severity"),
    [
        ("return {**_A.get(), 'b': 1}", Severity.INFO),
        ("return _A.get().get('b'), dict(_A.get())", Severity.INFO),
        ("return _A.get()", Severity.MEDIUM),  # whoever calls may change it
        ("_A.get()['b'] = dict(_A.get())", Severity.MEDIUM),
        ("_A.get().update(b=1)", Severity.MEDIUM),
        ("return 1", Severity.MEDIUM),
    ],
)
def test_default_of_a_context_variable_that_is_only_copied(
    tmp_path: Path, read: str, severity: Severity
) -> None:
    made = "from contextvars import ContextVar\n\n_A: ContextVar[dict] = ContextVar('a', default={})\n"
    text = f"{made}\n\ndef f():\n    {read}\n"
    plant(tmp_path, {"a.py": text, "b.py": text.replace("_A", "A")})
    told = [(one.path, one.severity) for one in inspect(tmp_path, "lint").findings if one.rule == "B039"]
    assert sorted(told) == [("a.py", severity), ("b.py", Severity.MEDIUM)]


@pytest.mark.parametrize(
    ("route", "taken", "severity"),
    [
        ('"/a/{case_id}"', "limit: int", Severity.MEDIUM),
        ('"/a/{case_id}"', "current_case: CurrentCase", Severity.LOW),
        ('"/a/{case_id}"', "limit: Limit", Severity.MEDIUM),
        ('"/a/{case_id}",\n    dependencies=[Depends(owns)],\n', "limit: int", Severity.LOW),
    ],
)
def test_what_a_route_depends_on_may_read_its_address(
    tmp_path: Path, route: str, taken: str, severity: Severity
) -> None:
    head = "from fastapi import Depends, FastAPI\nfrom cases import CurrentCase, Limit, owns\n\napp = FastAPI()\n\n\n"
    plant(tmp_path, {"a.py": f"{head}@app.get({route})\ndef view({taken}) -> None: ...\n"})
    found = inspect(tmp_path, "lint").findings
    assert [one.severity for one in found if one.rule == "FAST003"] == [severity]


def test_docstring_in_another_form_is_not_out_of_date(tmp_path: Path) -> None:
    text = 'def f(a, b):\n    """Do.\n\n    :param {}: the first.\n    :param b: the second.\n    """\n'
    plant(tmp_path, {"a.py": text.format("a str"), "b.py": text.format("gone"), "c.py": text.format("str a")})
    found = inspect(tmp_path, "lint").findings
    assert [(one.path, one.severity) for one in found] == [("b.py", Severity.MEDIUM), ("a.py", Severity.LOW)]


def test_small_matter_that_is_sure_makes_no_grave_one_sure(tmp_path: Path) -> None:
    head = "import subprocess, sys\nfrom flask import Flask, request\n\napp = Flask(__name__)\n\n\n"
    own = "def run():\n    subprocess.run(f'ls {sys.argv[1]}', shell=True)\n"
    others = "@app.route('/')\ndef view():\n    subprocess.run('x ' + request.args['p'], shell=True)\n    return ''\n"
    plant(tmp_path, {"own.py": f"{head}{own}\n\nrun()\n", "others.py": head + others})
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.path, one.severity, one.confidence) for one in found] == [
        ("others.py", Severity.CRITICAL, Confidence.HIGH),
        ("own.py", Severity.HIGH, Confidence.MEDIUM),
    ]


def test_variable_that_is_told_its_type_is_assigned_for_that(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "a = 1\na: int = a\nb = 1\nb = b\n"})
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "PLW0127"]
    assert [(one.line, one.severity) for one in found] == [(4, Severity.LOW), (2, Severity.INFO)]


def test_code_that_a_program_made_small_is_not_called_hard_to_follow(tmp_path: Path) -> None:
    paths = [f"if(a=={number}){{b({number})}}" for number in range(40)]
    small, tall = "".join(paths), "\n".join(paths)
    plant(tmp_path, {"a.js": f"function f(a){{{small}}}\n", "b.js": f"function f(a){{{tall}}}\n"})
    found = inspect(tmp_path, "complexity").findings
    assert [one.path for one in found if one.rule == "high-complexity"] == ["b.js"]


def test_package_may_gather_the_names_of_its_modules(tmp_path: Path) -> None:
    text = "from .b import *\n"
    paths = ["a/__init__.py", "a/b.py", "a/settings/local.py", "a/settings_test.py", "a/sets.py"]
    plant(tmp_path, dict.fromkeys(paths, text))
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "F403"]
    assert {one.path: one.severity for one in found} == {
        "a/__init__.py": Severity.INFO,
        "a/b.py": Severity.LOW,
        "a/settings/local.py": Severity.INFO,
        "a/settings_test.py": Severity.INFO,
        "a/sets.py": Severity.LOW,
    }


def test_module_with_the_name_of_a_debugger_may_be_another(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "import ipdb\n\nCITIES = ipdb.City('cities')\n",
            "b.py": "import ipdb\n\nipdb.set_trace()\n",
            "c.py": "import ipdb\n",
        },
    )
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "T100" and one.line == 1]
    assert {one.path: one.severity for one in found} == {
        "a.py": Severity.INFO,
        "b.py": Severity.MEDIUM,
        "c.py": Severity.MEDIUM,
    }


def test_what_is_thrown_away_replaces_nothing(tmp_path: Path) -> None:
    head = "from django.utils.translation import gettext as _\n\n\ndef f(rows):\n"
    plant(
        tmp_path,
        {
            "a.py": f"{head}    row, _ = rows\n    return row\n",
            "b.py": f"{head.replace(' as _', ' as row')}    row, more = rows\n    return row, more\n",
        },
    )
    found = [one for one in inspect(tmp_path, "lint").findings if one.rule == "F811"]
    assert {one.path: one.severity for one in found} == {"a.py": Severity.INFO, "b.py": Severity.MEDIUM}


def test_a_test_may_block_and_a_cache_on_a_method_is_a_small_matter(tmp_path: Path) -> None:
    waits = "import time\n\n\nasync def f():\n    time.sleep(9)\n"
    cached = "import functools\n\n\nclass A:\n    @functools.lru_cache\n    def f(self):\n        return 1\n"
    plant(tmp_path, {"a.py": waits, "b.py": cached, "tests/test_a.py": waits})
    found = inspect(tmp_path, "lint").findings
    assert [(one.rule, one.path, one.severity) for one in found] == [
        ("ASYNC251", "a.py", Severity.MEDIUM),
        ("B019", "b.py", Severity.LOW),
        ("ASYNC251", "tests/test_a.py", Severity.LOW),
    ]


def test_marks_of_direction_hide_no_code_and_overrides_do(tmp_path: Path) -> None:
    mark, override = "\u200f", "\u202e"
    plant(tmp_path, {"a.py": f'A = "\u05e2\u05d1{mark}"\nB = "{override}x"\n'})
    assert places(inspect(tmp_path, "security_scan").findings) == ["PLE2502 a.py:2"]


def test_a_constructor_that_returns_what_its_base_returns_returns_nothing(tmp_path: Path) -> None:
    text = (
        "class A(dict):\n    def __init__(self):\n        return super().__init__()\n\n\n"
        "class B(dict):\n    def __init__(self):\n        return self.update()\n"
    )
    named = (
        "class A(dict):\n    def __init__(self, x):\n        result = super().__init__(\n            x\n        )\n"
        "        self.x = x\n        return result\n\n\n"
        "class B(dict):\n    def __init__(self, x):\n        result = x\n        return result\n"
    )
    plant(tmp_path, {"a.py": text, "b.py": named})
    found = inspect(tmp_path, "lint").findings
    assert [(one.path, one.line, one.severity) for one in found] == [
        ("b.py", 13, Severity.HIGH),
        ("a.py", 8, Severity.LOW),
    ]


def test_a_guess_at_a_fault_stands_behind_upkeep_that_is_due(tmp_path: Path) -> None:
    text = "def f(cursor, x):\n    unused = 1\n    cursor.execute('select * from t where n = ' + x)\n"
    plant(tmp_path, {"a.py": text})
    every = [*inspect(tmp_path, "lint").findings, *inspect(tmp_path, "security_scan").findings]
    assert [(one.rule, one.severity) for one in sorted(every, key=sort_key)] == [
        ("F841", Severity.LOW),
        ("S608", Severity.LOW),
    ]


def test_a_minor_version_beside_its_major_is_told_rightly(tmp_path: Path) -> None:
    text = "import sys\n\nif sys.version_info.major >= 3 and sys.version_info.minor >= 11:\n    A = 1\n"
    plant(tmp_path, {"a.py": text, "b.py": "import sys\n\nA = sys.version_info.minor >= 11\n"})
    assert places(inspect(tmp_path, "lint").findings) == ["YTT204 b.py:3"]


def test_what_nobody_wants_may_be_assigned_twice(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "a, dummy, dummy = 'a b c'.split()\nb, c, c = 'a b c'.split()\n"})
    assert places(inspect(tmp_path, "lint").findings) == ["PLW0128 a.py:2"]


def test_mistakes_on_which_a_rule_is_tried_are_there_on_purpose(tmp_path: Path) -> None:
    case = "def f():\n    # ruleid: no-lost\n    return lost\n"
    plant(
        tmp_path,
        {
            "rules/no-lost.yaml": "rules: []\n",
            "rules/no-lost.py": case,
            "rules/no-lost.fixed.py": case,
            "shop/no-lost.py": case,  # without a rule beside it a comment says nothing
        },
    )
    found = inspect(tmp_path, "lint").findings
    assert [(one.path, one.severity, one.confidence) for one in found if one.rule == "F821"] == [
        ("shop/no-lost.py", Severity.HIGH, Confidence.HIGH),
        ("rules/no-lost.fixed.py", Severity.INFO, Confidence.LOW),
        ("rules/no-lost.py", Severity.INFO, Confidence.LOW),
    ]
