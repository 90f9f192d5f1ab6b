"""What is no danger though input comes by, each beside its vulnerable twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import FLASK, found, in_view

_LOG = "import logging\nfrom dataclasses import dataclass\nfrom urllib.parse import unquote\n"
_ENTRY = ["taint-log"]


def _rules(root: Path, text: str, name: str = "app.py") -> list[str]:
    return [one.partition(" ")[0] for one in found(root, {name: text})]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('"%s", request.headers["p"]', []),
        ('"%s", unquote(request.headers["p"])', _ENTRY),
        ('"%s", request.url', []),
        ('"%s", request.path', _ENTRY),
        ('"%s", made(Plain(p))', []),
        ('"%r", Plain(p)', []),
        ('f"{Plain(p)}"', []),
        ('"{}".format(Plain(p))', []),
        ("Plain(p)", []),
        ('"%s", Plain(p).title', _ENTRY),
        ('"%s", Written(p)', _ENTRY),
        ('"{}".format(Written(p))', _ENTRY),
        ("Written(p)", _ENTRY),
        ('"%s", Wrong(p)', _ENTRY),
        ('"%s", {"a": p}', []),
    ],
)
def test_entry_of_a_log_needs_a_line_end_that_somebody_chooses(
    tmp_path: Path, entry: str, expected: list[str]
) -> None:
    head = _LOG + (
        "class Plain:\n    def __init__(self, title):\n        self.title = title\n"
        "class Written(Plain):\n    def __str__(self):\n        return 'page ' + self.title\n"
        "class Wrong(Exception):\n    def __init__(self, title):\n        self.title = title\n"
        "def made(x):\n    return x\n"
    )
    assert [one.partition(" ")[0] for one in in_view(tmp_path, f"logging.info({entry})", head)] == expected


def test_text_of_a_dataclass_holds_its_fields(tmp_path: Path) -> None:
    head = _LOG + "@dataclass\nclass Page:\n    title: object\n"
    assert in_view(tmp_path, 'os.system(f"{Page(p)}")', head) == ["taint-command 1"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ('"rights_%s:index" % p', []),
        ('f"pages/{p}"', []),
        ('"page?next=" + p', []),
        ('"%s_rights" % p', ["taint-redirect"]),
        ('"http" + p', ["taint-redirect"]),
        ('"/" + p', ["taint-redirect"]),
    ],
)
def test_address_that_begins_with_no_scheme_stays_here(
    tmp_path: Path, target: str, expected: list[str]
) -> None:
    told = in_view(tmp_path, f"return redirect({target})", "from flask import redirect\n")
    assert [one.partition(" ")[0] for one in told] == expected


_SAFE = "def is_safe_url(url, host):\n    return not url or urlparse(url).netloc == host.strip()\n"
_BLIND = "def is_safe_url(url, host):\n    return bool(url.strip())\n"


@pytest.mark.parametrize(
    ("check", "body", "expected"),
    [
        (_SAFE, "if not is_safe_url(p, own()):\n    p = '/'\nreturn redirect(p)", []),
        (_SAFE, "if is_safe_url(p, own()):\n    return redirect(p)", []),
        (_SAFE, "if is_safe_url(p, own()):\n    p = '/'\nreturn redirect(p)", ["taint-redirect 3"]),
        (
            _SAFE,
            "q = request.args['q']\nif is_safe_url(q, own()):\n    return redirect(p)",
            ["taint-redirect 3"],
        ),
        (_SAFE, "if is_safe_url(p, own()):\n    return open(p).name", ["taint-path 2"]),
        (_BLIND, "if is_safe_url(p, own()):\n    return redirect(p)", ["taint-redirect 2"]),
        ("", "if p.startswith(request.host_url):\n    return redirect(p)", []),
        ("", "if p.startswith(request.host):\n    return redirect(p)", ["taint-redirect 2"]),
    ],
)
def test_check_that_promises_a_safe_address_and_looks_at_its_host_is_believed(
    tmp_path: Path, check: str, body: str, expected: list[str]
) -> None:
    head = f"from flask import redirect\nfrom urllib.parse import urlparse\nfrom shop import own\n{check}"
    assert in_view(tmp_path, body, head) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("resolve(p)\n    return redirect(p)", []),
        ("q = p[: p.index('?')]\n    resolve(q)\n    return redirect(p)", []),
        ("resolve(request.GET['q'])\n    return redirect(p)", ["taint-redirect"]),
        (
            "try:\n        resolve(p)\n    except Resolver404:\n        pass\n    return redirect(p)",
            ["taint-redirect"],
        ),
    ],
)
def test_path_that_must_lead_to_a_view_is_one_of_here(tmp_path: Path, body: str, expected: list[str]) -> None:
    head = "from django.shortcuts import redirect\nfrom django.urls import Resolver404, resolve\n"
    assert _rules(tmp_path, f"{head}def view(request):\n    p = request.GET['p']\n    {body}\n") == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("shop.folder", []),
        ("wsgi.multithread", []),
        ("REMOTE_ADDR", []),
        ("HTTP_X_FOLDER", ["taint-path"]),
        ("PATH_INFO", ["taint-path"]),
    ],
)
def test_what_the_server_put_beside_a_request_is_no_input(
    tmp_path: Path, key: str, expected: list[str]
) -> None:
    text = f"def app(environ, start_response):\n    open(environ.get('{key}'))\n    start_response('200 OK', [])\n"
    assert _rules(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.system(sys.argv[0] + ' again')", []),
        ("os.system(sys.argv[1] + ' again')", ["taint-command"]),
        ("importlib.import_module(sys.argv[1])", []),
        ("exec(sys.argv[1])", ["taint-code"]),
        ("exec(f'run({sys.argv[1:]!r})')", []),
        ("exec(f'run({sys.argv[1:]!r}, {sys.argv[1]})')", ["taint-code"]),
    ],
)
def test_own_name_and_own_modules_are_no_input(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert _rules(tmp_path, f"import importlib, os, sys\ndef start():\n    {body}\nstart()\n") == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("shop/tests/test_a.py", []), ("shop/a.py", ["cookie-flags"])]
)
def test_cookie_of_a_test_needs_no_flags(tmp_path: Path, name: str, expected: list[str]) -> None:
    assert _rules(tmp_path, "def f(client):\n    client.set_cookie('session', '1')\n", name) == expected


@pytest.mark.parametrize(
    ("wiki", "expected"),
    [("''", []), ("'Self'", []), ("'Other'", ["taint-redirect"]), ("p", ["taint-redirect"])],
)
def test_one_of_a_list_is_in_it_whatever_else_there_is(
    tmp_path: Path, wiki: str, expected: list[str]
) -> None:
    text = FLASK + (
        "from flask import redirect\nfrom shop import settings\n"
        "def is_local(wiki):\n    return wiki in ['', 'Self', settings.name]\n"
        f'@app.route("/")\ndef view():\n    p = request.args["p"]\n    if is_local({wiki}):\n        return "done"\n'
        "    return redirect(p)\n"
    )
    assert _rules(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [("ShopDateTimeField()", []), ("TreeSelectField()", []), ("ShopStringField()", _ENTRY)],
)
def test_field_whose_name_says_what_it_makes_of_a_text(
    tmp_path: Path, field: str, expected: list[str]
) -> None:
    head = (
        "import logging\nfrom flask_wtf import FlaskForm\n"
        "from shop import ShopDateTimeField, ShopStringField, TreeSelectField\n"
        f"class Form(FlaskForm):\n    when = {field}\n"
    )
    told = in_view(tmp_path, 'form = Form()\nlogging.info("%s", form.when.data)', head)
    assert [one.partition(" ")[0] for one in told] == expected


@pytest.mark.parametrize(
    ("read", "expected"),
    [("instance.kind", []), ("validated_data['kind']", _ENTRY), ("initial_data", _ENTRY)],
)
def test_row_of_a_serializer_is_not_its_data(tmp_path: Path, read: str, expected: list[str]) -> None:
    text = (
        "import logging\nfrom rest_framework import serializers\nfrom rest_framework.views import APIView\n"
        "class Pages(serializers.Serializer):\n    kind = serializers.CharField()\n"
        "class View(APIView):\n    def post(self, request):\n"
        f"        pages = Pages(row(), data=request.data)\n        logging.info('x' + pages.{read})\n"
    )
    assert _rules(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("set_cookie('session', '', expires=0)", []),
        ("set_cookie('session', '', max_age=0)", []),
        ("set_cookie('session', '', max_age=60)", ["cookie-flags"]),
        ("set_cookie('session', made(), max_age=0)", ["cookie-flags"]),
        ("set_cookie(whole)", []),
        ("set_cookie(whole, made())", ["cookie-flags"]),
    ],
)
def test_cookie_that_is_taken_away_or_put_into_a_jar_needs_no_flags(
    tmp_path: Path, call: str, expected: list[str]
) -> None:
    assert _rules(tmp_path, f"def f(there, whole):\n    there.{call}\n") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return redirect(api.url_for(Page, title=p))", []),
        ("return redirect(api.url_of(Page, title=p))", ["taint-redirect"]),
        ("logging.info(json.dumps(p))", []),
        ("logging.info(json.loads(json.dumps(p))['a'])", _ENTRY),
        ("logging.info(json.loads(int(p)))", []),
    ],
)
def test_own_address_and_json_hold_no_scheme_and_no_line_end(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    told = in_view(tmp_path, body, "import json, logging\nfrom flask import redirect\nfrom shop import api\n")
    assert [one.partition(" ")[0] for one in told] == expected
