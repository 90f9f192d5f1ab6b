"""What real projects showed: guards in forms that teams write, secrets that are none, shapes without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import analysed, found, in_view

_HEAD = (
    "from flask import redirect\nfrom django.utils.http import url_has_allowed_host_and_scheme as allowed\n"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if not p or not allowed(p, None):\n    p = '/home'\nreturn redirect(p)", []),
        ("if p and not allowed(p, None):\n    p = '/home'\nreturn redirect(p)", []),
        ("if p or not allowed(p, None):\n    q = '/home'\nreturn redirect(p)", ["taint-redirect 3"]),
        ("if not allowed(p, None):\n    q = '/home'\nreturn redirect(p)", ["taint-redirect 3"]),
        ("q = p if allowed(p, None) else '/'\nreturn redirect(q)", []),
        (
            "if allowed(request.args.get('n'), None):\n    return redirect(request.args.get('n'))",
            [],
        ),
        (
            "if allowed(request.args.get('n'), None):\n    return redirect(request.args.get('m'))",
            ["taint-redirect 2"],
        ),
        (
            "if allowed(request.args.get('n'), None):\n    return redirect(request.form.get('n'))",
            ["taint-redirect 2"],
        ),
    ],
)
def test_a_check_of_an_address_counts_where_it_was_made(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    assert in_view(tmp_path, body, _HEAD) == expected


def test_a_check_that_cannot_be_seen_through_makes_a_claim_less_sure(tmp_path: Path) -> None:
    head = (
        "from flask import Flask, request, redirect\nimport policy\napp = Flask(__name__)\n"
        "def is_safe_url(u):\n    return policy.of(u).fine\n"
        "def longest(u):\n    return policy.of(u).fine\n"
        '@app.route("/")\ndef view():\n    p = request.args["p"]\n'
    )
    for check, confidence in (("is_safe_url", "medium"), ("longest", "high")):
        told = analysed(tmp_path, {"app.py": head + f"    if {check}(p):\n        return redirect(p)\n"})
        assert [(one["rule"], one["confidence"]) for one in told["findings"]] == [
            ("taint-redirect", confidence)
        ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("token = str(random.randint(1, 9))", ["weak-random a.py:3"]),
        ("reset_key = str(random.randint(1, 9))", ["weak-random a.py:3"]),
        ("oauth_id = random.randint(1, 9)", []),
        ("token_count = random.randint(1, 9)", []),
        ("session_url = '/a?%s' % random.randint(1, 9)", []),
        ("token = other_token = str(random.randint(1, 9))", ["weak-random a.py:3"]),
    ],
)
def test_predictable_numbers_matter_in_secrets_and_are_told_once(
    tmp_path: Path, line: str, expected: list[str]
) -> None:
    text = f"import random\ndef f():\n    {line}\n    return 1\n"
    assert found(tmp_path, {"a.py": text}) == expected


def test_a_page_made_by_an_unknown_template_engine_is_escaped_but_other_text_is_not(tmp_path: Path) -> None:
    head = "import themes\nfrom flask import Response\n"
    assert in_view(tmp_path, "return Response(themes.render_page(p))", head) == []
    assert in_view(tmp_path, "return Response(themes.shout(p))", head) == ["taint-xss 1"]


def test_an_object_whose_attributes_are_set_in_any_order_is_analysed_whole(tmp_path: Path) -> None:
    names = [f"a{number}" for number in range(12)]
    setters = "".join(
        f"    def set_{name}(self, x):\n        if x:\n            self.{name} = x\n            self.{after} = None\n"
        f"            self.run(x)\n        else:\n            self.{after} = 1\n            self.set_{after}(x)\n"
        for name, after in zip(names, [*names[1:], names[0]], strict=True)
    )
    text = (
        "import os\nfrom flask import request\nclass Machine:\n    def __init__(self):\n        self.last = None\n"
        "    def run(self, x):\n        self.last = x\n        os.system(x)\n"
        f"{setters}\ndef main():\n    Machine().set_a0(request.args['x'])\n"
    )
    assert found(tmp_path, {"a.py": text}) == ["taint-command a.py:8"]


def test_a_hash_that_protects_something_is_surer_to_be_wrong_than_one_that_does_not(tmp_path: Path) -> None:
    text = "import hashlib\ndef f(password, page):\n    return hashlib.md5(password), hashlib.md5(page)\n"
    told = analysed(tmp_path, {"a.py": text})
    assert [(one["column"], one["confidence"]) for one in told["findings"]] == [(12, "high"), (35, "medium")]


def test_a_librarys_name_means_the_library_though_a_package_has_a_module_of_that_name(tmp_path: Path) -> None:
    view = (
        "from flask import Flask, jsonify, request\nimport os\napp = Flask(__name__)\n"
        '@app.route("/")\ndef view():\n    os.system(request.args["p"])\n    return jsonify(request.args["p"])\n'
    )
    files = {
        "shop/__init__.py": "",
        "shop/web/__init__.py": "",
        "shop/web/flask.py": "def Flask(name):\n    return None\n",
        "shop/web/views.py": view,
    }
    assert found(tmp_path, files) == ["taint-command shop/web/views.py:6"]


def test_a_copy_made_by_pickling_is_no_strangers_pickle(tmp_path: Path) -> None:
    head = "import pickle\n"
    assert in_view(tmp_path, "pickle.loads(pickle.dumps(p))", head) == []
    assert in_view(tmp_path, "pickle.loads(p.encode())", head) == ["taint-deserialisation 1"]


def test_a_check_by_a_statement_whose_name_promises_it_makes_a_claim_less_sure(tmp_path: Path) -> None:
    head = (
        "import requests, policy\nfrom flask import Flask, request\napp = Flask(__name__)\n"
        "def validate_address(u):\n    if not policy.of(u).fine:\n        raise ValueError(u)\n"
        "def _assert_not_internal(u):\n    if not policy.of(u).fine:\n        raise ValueError(u)\n"
        "def assertion(u):\n    if not policy.of(u).fine:\n        raise ValueError(u)\n"
        '@app.route("/")\ndef view():\n    p = request.args["p"]\n'
    )
    checks = {
        "validate_address": "medium",
        "_assert_not_internal": "medium",
        "assertion": "high",
        "print": "high",
    }
    for check, confidence in checks.items():
        told = analysed(tmp_path, {"app.py": head + f"    {check}(p)\n    requests.get(p)\n"})
        assert [(one["rule"], one["confidence"]) for one in told["findings"]] == [("taint-ssrf", confidence)]


def test_flags_matter_for_cookies_that_name_a_session(tmp_path: Path) -> None:
    text = (
        "from flask import Flask, make_response\napp = Flask(__name__)\n"
        '@app.route("/")\ndef view():\n    r = make_response("x")\n'
        '    r.set_cookie("session_token", "x")\n    r.set_cookie("theme", "x")\n    return r\n'
    )
    told = analysed(tmp_path, {"app.py": text})
    assert [(one["line"], one["severity"]) for one in told["findings"] if one["rule"] == "cookie-flags"] == [
        (6, "medium"),
        (7, "info"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"), [("False", ["unverified-certificate a.py:4"]), ("chosen", [])]
)
def test_a_setting_that_somebody_chooses_is_not_wrong_by_itself(
    tmp_path: Path, value: str, expected: list[str]
) -> None:
    text = "import requests\ndef f(chosen):\n    with requests.Session() as session:\n"
    text += f"        session.verify = {value}\n"
    assert found(tmp_path, {"a.py": text}) == expected


def test_a_function_whose_time_is_over_does_not_go_on_in_its_caller(tmp_path: Path) -> None:
    text = "def long(x):\n" + "    y = [x, x]\n" * 400 + "def root(x):\n    long(x)\n    return 1\n"
    told = analysed(tmp_path, {"a.py": text}, root_milliseconds=0)
    assert [(one["what"], one["reason"]) for one in told["not_analysed"]] == [
        ("long()", "longer than 0 ms of processor time"),
        ("root()", "longer than 0 ms of processor time"),
    ]


_VERDICTS = """
    def refuse_paths(name):
        if "/" in name or "\\\\" in name:
            return False, "no separators"
        if ".." in name:
            return False, "no parents"
        return True, ""
    def refuse_long(name):
        return (False, "too long") if len(name) > 20 else (True, "")
    def backwards(name):
        if "/" in name or ".." in name:
            return True, ""
        return False, "fine"
    """


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ok, why = refuse_paths(p)\nif not ok:\n    raise ValueError(why)\nopen('/d/' + p)", []),
        ("told = refuse_paths(p)\nif told[0]:\n    open('/d/' + p)", []),
        ("ok, why = refuse_paths(p)\nopen('/d/' + p)", [2]),
        ("ok, why = refuse_paths(p)\nif why:\n    open('/d/' + p)", [3]),
        ("ok, why = refuse_paths(p)\nif not ok:\n    open('/d/' + p)", [3]),
        ("ok, why = refuse_long(p)\nif not ok:\n    raise ValueError(why)\nopen('/d/' + p)", [4]),
        ("ok, why = backwards(p)\nif not ok:\n    raise ValueError(why)\nopen('/d/' + p)", [4]),
    ],
)
def test_verdict_with_its_reason_is_a_verdict(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body, _VERDICTS) == [f"taint-path {line}" for line in expected]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("f'{start}?{p}'", []),
        ("f'{start}#{p}'", []),
        ("start + '?next=' + p", []),
        ("f'{start}{p}'", [5]),
        ("f'{start}&x={p}'", [5]),
        ("f'{p}?{start}'", [5]),
    ],
)
def test_who_chooses_the_query_chooses_no_host(tmp_path: Path, address: str, expected: list[int]) -> None:
    body = "start = request.args['start']\nif not allowed(start, None):\n    start = '/home'\n"
    body += f"address = {address}\nreturn redirect(address)"
    assert in_view(tmp_path, body, _HEAD) == [f"taint-redirect {line}" for line in expected]
