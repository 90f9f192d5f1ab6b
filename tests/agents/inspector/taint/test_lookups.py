"""What is found under a key that somebody chose is not the key; and how surely a path leads through unknown code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import analysed, found, in_view

_HEAD = (
    "import settings\nfrom books import books\nfrom types import MappingProxyType\n"
    "KNOWN = MappingProxyType({'a': '/a'})\n"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.system('x ' + settings.KINDS.get(p))", []),
        ("os.system('x ' + settings.KINDS.get(p, 'y'))", []),
        ("os.system('x ' + settings.KINDS.get(p, p))", [1]),
        ("os.system('x ' + settings.KINDS[p])", []),
        ("os.system('x ' + KNOWN.get(p, '/'))", []),
        ("os.system('x ' + (KNOWN.get(p) or p))", [1]),
        ("os.system('x ' + books.get(p).path)", []),
        ("os.system('x ' + books.query.filter_by(id=p).first().path)", []),
        ("os.system('x ' + books.get_book(p).path)", []),
        ("for one in books.find_books(p):\n    os.system('x ' + one.path)", []),
        ("os.system('x ' + books.get_book(p)['path'])", []),
        ("os.system('x ' + books.get_text(p))", [1]),
        ("os.system('x ' + books.treated(p).text)", [1]),
        ("os.system('x ' + books.get_book(p))", [1]),
        ("T = {'a': 1}\nif not T.get(p):\n    return ''\nos.system('x ' + p)", []),
        ("T = {'a': 1}\nif not T.get(p, 1):\n    return ''\nos.system('x ' + p)", [4]),
        ("T = {'a': 1}\nif T.get(p):\n    return ''\nos.system('x ' + p)", [4]),
        ("if p not in settings.KINDS:\n    return ''\nos.system('x ' + p)", []),
        (
            "row = next((r for r in books.all() if r.n == p), None)\nif not row:\n    return ''\nos.system('x ' + p)",
            [],
        ),
        (
            "row = next((r for r in books.all() if r.n == p), None)\nif row is None:\n    os.system('x ' + p)",
            [3],
        ),
        (
            "row = next((r for r in books.all() if r.n != p), None)\nif not row:\n    return ''\nos.system('x ' + p)",
            [4],
        ),
        (
            "row = next((r for r in books.all() if r.n == p), 1)\nif not row:\n    return ''\nos.system('x ' + p)",
            [4],
        ),
        ("row = next((r for r in p if r == p), None)\nif not row:\n    return ''\nos.system('x ' + p)", [4]),
        ("from settings import KINDS as kinds\nif p in kinds:\n    os.system('x ' + p)", []),
    ],
)
def test_what_is_looked_up_is_what_the_program_stored(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body, _HEAD) == [f"taint-command {line}" for line in expected]


def _sureness(root: Path, body: str) -> list[str]:
    text = (
        "import os\nfrom flask import Flask, request\nimport books\napp = Flask(__name__)\n"
        f"@app.route('/')\ndef view():\n    p = request.args['p']\n    {body}\n    return ''\n"
    )
    return [one["confidence"] for one in analysed(root, {"app.py": text})["findings"]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.system(p)", ["high"]),
        ("os.system(books.treated(p))", ["medium"]),
        ("os.system(books.two(books.treated(p)))", ["low"]),
        ("if p not in books.KINDS and books.STRICT:\n        return ''\n    os.system(p)", ["medium"]),
        ("if not books.get(p):\n        return ''\n    os.system(p)", ["medium"]),
        ("if p not in books.KINDS or books.STRICT:\n        return ''\n    os.system(p)", []),
    ],
)
def test_each_unknown_step_makes_a_claim_less_sure(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert _sureness(tmp_path, body) == expected


@pytest.mark.parametrize("converter", ["int", "uuid_str", "my_hex", "int(min=1)", "any(a,b)"])
def test_a_converter_that_says_what_it_lets_through_is_believed(tmp_path: Path, converter: str) -> None:
    text = (
        "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
        "@app.route('/<{}:name>')\ndef view(name):\n    os.system('x ' + name)\n    return ''\n"
    )
    assert found(tmp_path, {"app.py": text.format(converter)}) == []
    assert found(tmp_path, {"app.py": text.format("string")}) == ["taint-command app.py:6"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("class A:\n    def __init__(self, a, b):\n        self.a, self.b = a, b\nx = A('y', p)\n{}", None),
        ("x = {{'a': 'y', 'b': p}}\n{}", "[]"),
        ("x = ['y', p]\n{}", "[n]"),
    ],
)
def test_a_format_reads_what_it_names(tmp_path: Path, body: str, expected: str | None) -> None:
    one, other = {None: (".a", ".b"), "[]": ("[a]", "[b]"), "[n]": ("[0]", "[1]")}[expected]
    assert in_view(tmp_path, body.format(f"os.system('ls {{0{one}}}'.format(x))")) == []
    assert len(in_view(tmp_path, body.format(f"os.system('ls {{0{other}}}'.format(x))"))) == 1


@pytest.mark.parametrize("text", ["'%a' % p", "'{!a}'.format(p)", "f'{p!a}'", "'%r' % p", "'{!r}'.format(p)"])
def test_a_text_in_quotation_marks_has_no_lines(tmp_path: Path, text: str) -> None:
    assert in_view(tmp_path, f"app.logger.warning({text})") == []
    assert (
        in_view(
            tmp_path,
            f"app.logger.warning({text.replace('%a', '%s').replace('%r', '%s').replace('!a', '').replace('!r', '')})",
        )
        != []
    )


def test_a_header_that_is_decoded_in_a_function_is_no_random_number(tmp_path: Path) -> None:
    text = (
        "import json\nfrom base64 import b64decode\nfrom flask import Flask, request\napp = Flask(__name__)\n"
        "def read(text):\n    return b64decode(text)\n"
        "@app.route('/')\ndef view():\n    session_token = read(request.headers['T'])\n    return ''\n"
    )
    assert found(tmp_path, {"app.py": text}) == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("remote.tls_validation", "low"),
        ("not verify_ssl", "low"),
        ("remote.fast", "high"),
        ("form.is_valid()", "high"),
    ],
)
def test_whether_certificates_are_checked_may_be_somebodys_choice(
    tmp_path: Path, condition: str, expected: str
) -> None:
    text = (
        "import ssl\ndef open_to(remote, form, verify_ssl):\n    context = ssl.create_default_context()\n"
        f"    if {condition}:\n        context.verify_mode = ssl.CERT_NONE\n    return context\n"
    )
    (one,) = analysed(tmp_path, {"app.py": text})["findings"]
    assert (one["severity"], one["confidence"]) == ("info" if expected == "low" else "high", expected)
    assert ("where a setting asks for it" in one["message"]) is (expected == "low")


@pytest.mark.parametrize(
    ("kind", "expected"), [("application/json", []), ("text/html", ["taint-xss app.py:12"])]
)
def test_a_handlers_default_type_decides_what_its_text_is(
    tmp_path: Path, kind: str, expected: list[str]
) -> None:
    text = (
        "from tornado.web import Application, RequestHandler\nclass Base(RequestHandler):\n"
        "    def content_type(self):\n        return 'text/html'\n"
        "    def set_default_headers(self):\n        self.set_header('X-A', 'b')\n"
        "        self.set_header('Content-Type', self.content_type())\n"
        f"class Page(Base):\n    def content_type(self):\n        return '{kind}'\n"
        "    def get(self):\n        self.write(self.get_argument('p'))\n"
    )
    assert found(tmp_path, {"app.py": text}) == expected


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("Export.select().where(Export.id << ids)", []),
        ("list(Export.select().where(Export.id << ids).order_by('id'))", []),
        ("Export.objects.none().extra(where=['id > %s'], params=[ids])", []),
        ("shop.matching(ids)", ["taint-path 4"]),
    ],
)
def test_what_a_condition_finds_is_what_was_stored(tmp_path: Path, rows: str, told: list[str]) -> None:
    body = f"import shop\nids = request.args.getlist('id')\nfor one in {rows}:\n    open(one.path)"
    assert in_view(tmp_path, body, "from shop import Export\n") == told


@pytest.mark.parametrize(
    ("name", "told"), [("start and int(start)", []), ("start or int(start)", ["taint-path 2"])]
)
def test_text_that_is_false_is_empty(tmp_path: Path, name: str, told: list[str]) -> None:
    assert in_view(tmp_path, f"start = p\nopen({name})") == told


@pytest.mark.parametrize(
    ("call", "told"), [("get_page(number)", []), ("fill(number)", ["taint-xss app.py:6"])]
)
def test_page_of_rows_is_not_its_number(tmp_path: Path, call: str, told: list[str]) -> None:
    files = {
        "app.py": f"""
            from django.core.paginator import Paginator
            from django.shortcuts import render
            def listing(request, rows):
                number = request.GET.get("page")
                return render(request, "a.html", {{"rows": Paginator(rows, 25).{call}}})
        """,
        "templates/a.html": "{% for row in rows %}{{ row|safe }}{% endfor %}",
    }
    assert found(tmp_path, files) == told


@pytest.mark.parametrize(
    ("asked", "confidences"),
    [
        ("page = page_by_id(p)", ["high", "high"]),
        ("if not get_page_by_id(p):\n        return ''", ["medium"]),
        ("page = get_page_by_id(p)\n    if page is None:\n        return ''", ["medium"]),
        ("page = get_page_by_id(p)", ["high", "high"]),
        ("if get_page_by_id(p):\n        return ''", ["high", "high"]),
        ("if not get_page_by_id('x', p):\n        return ''", ["high", "high"]),
        ("if not books.find_by_name(p):\n        return ''", ["medium"]),
        ("if not books.find_by_name('x', p):\n        return ''", ["high", "high"]),
        ("if not books.get(p):\n        return ''", ["medium"]),
    ],
)
def test_what_something_was_found_by_has_no_line_ends(
    tmp_path: Path, asked: str, confidences: list[str]
) -> None:
    text = (
        "import logging, os\nfrom flask import Flask, request\nimport books\napp = Flask(__name__)\n"
        "def get_page_by_id(number, kind=''):\n    row = books.page(number, kind)\n    return row and row.page\n"
        "page_by_id = get_page_by_id\n"
        f"@app.route('/')\ndef view():\n    p = request.args['p']\n    {asked}\n"
        "    logging.info('at ' + p)\n    os.system(p)\n    return ''\n"
    )
    told = analysed(tmp_path, {"app.py": text})["findings"]
    assert [one["confidence"] for one in told] == confidences


@pytest.mark.parametrize(
    ("tried", "caught", "confidence"),
    [
        ("Row.objects.get(id=p)", "Row.DoesNotExist", "medium"),
        ("make(rows.get(pk=p, open=True))", "(ValueError, ObjectDoesNotExist)", "medium"),
        ("Row.objects.get(name=p)", "Row.DoesNotExist", "high"),  # a text may be anything
        ("Row.objects.get(id=other)", "Row.DoesNotExist", "high"),
        ("Row.objects.get(id=p)", "ValueError", "high"),
    ],
)
def test_key_of_which_the_database_knows_no_row_is_most_likely_a_number(
    tmp_path: Path, tried: str, caught: str, confidence: str
) -> None:
    text = (
        "from django.http import HttpResponse\nfrom shop.models import Row, rows, make, other\n"
        f"def view(request):\n    p = request.GET['p']\n    try:\n        {tried}\n"
        f"    except {caught}:\n        return HttpResponse('no ' + p)\n    return HttpResponse('yes')\n"
    )
    told = analysed(tmp_path, {"views.py": text})["findings"]
    assert [(one["rule"], one["confidence"]) for one in told] == [("taint-xss", confidence)]
