"""Abilities that an examiner's twins showed to be missing, each by programs that differ in what counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import found, in_view


@pytest.mark.parametrize(
    ("pattern", "how", "expected"),
    [
        ("[0-9+*/ ()-]+", "fullmatch", []),
        ("[0-9+*/ ()-]+", "search", ["taint-code 4"]),
        ("[0-9a-z()' ]+", "fullmatch", ["taint-code 4"]),
        ("[^a-zA-Z_]+", "fullmatch", ["taint-code 4"]),  # other letters are read as these
        ("[0-9()\\u00a0-\\u00ff]+", "fullmatch", ["taint-code 4"]),
    ],
)
def test_without_letters_nothing_is_called(
    tmp_path: Path, pattern: str, how: str, expected: list[str]
) -> None:
    body = f"import re\nif not re.{how}({pattern!r}, p):\n    return 'no'\neval(p)"
    assert in_view(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("['sh', '-c', 'ls \"$1\"', 'ls', p]", []),
        ("['sh', '-c', 'ls ' + p, 'ls']", [2]),
        ("['sh', '-c', p]", [2]),
        ("['sh', '-c', 'eval \"$1\"', 'ls', p]", [2]),
        ("['sh', '-c', '\"$@\"', 'ls', p]", [2]),
        ("['sh', '-c', 'cd /; $1', 'ls', p]", [2]),
        ("['ssh', '-c', 'aes', 'host', p]", [2]),
        ("['python', '-c', 'import sys', p]", []),
    ],
)
def test_arguments_of_a_script_are_data(tmp_path: Path, command: str, expected: list[int]) -> None:
    body = f"import subprocess\nsubprocess.run({command})"
    assert in_view(tmp_path, body) == [f"taint-command {line}" for line in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p", [3]),
        ("json.dumps({'p': p})", []),
        ("json.loads(json.dumps({'p': p}))['p']", [3]),
        ("json.dumps(p).replace('n', p)", [3]),
    ],
)
def test_json_is_logged_on_one_line(tmp_path: Path, text: str, expected: list[int]) -> None:
    body = f"import json, logging\nt = {text}\nlogging.warning(t)"
    assert in_view(tmp_path, body) == [f"taint-log {line}" for line in expected]


@pytest.mark.parametrize(("read", "expected"), [("tell()", []), ("getvalue()", ["taint-command 4"])])
def test_length_of_a_buffer_is_no_text(tmp_path: Path, read: str, expected: list[str]) -> None:
    body = f"import io\nout = io.StringIO()\nout.write(p)\nos.system(str(out.{read}))"
    assert in_view(tmp_path, body) == expected


_ORDERS = """
from django.db import models
from django.http import JsonResponse
from django.urls import path

class OrderQuery(models.QuerySet):
    def since(self, day):
        return self.{query}

class Order(models.Model):
    objects = {objects}

def orders(request):
    return JsonResponse(dict(n=len(list(Order.objects.since(request.GET["since"])))))

urlpatterns = [path("orders", orders)]
"""


@pytest.mark.parametrize(
    "objects", ["OrderQuery.as_manager()", "models.Manager.from_queryset(OrderQuery)()", "OrderQuery()"]
)
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("raw(f\"SELECT * FROM o WHERE day > '{day}'\")", ["taint-sql app.py:8"]),
        ('raw("SELECT * FROM o WHERE day > %s", [day])', []),
        ("filter(day__gt=day)", []),
        ("extra(where=['day > ' + day])", ["taint-sql app.py:8"]),
    ],
)
def test_queries_of_a_class_are_known_by_its_managers(
    tmp_path: Path, objects: str, query: str, expected: list[str]
) -> None:
    assert found(tmp_path, {"app.py": _ORDERS.format(query=query, objects=objects)}) == expected


_CARD = """
from flask import Flask, request
from jinja2 import DictLoader, Environment

app = Flask(__name__)
PAGES = {{"card": "<p>{{{{ title }}}}</p>", "plain": "<p>{{{{ title|e }}}}</p>"}}

@app.route("/")
def card():
    title = request.args["title"]
    pages = Environment(loader=DictLoader({pages}), {options})
    return pages.get_template({name!r}).render(title=title)
"""


@pytest.mark.parametrize(
    ("pages", "options", "name", "expected"),
    [
        ("PAGES", "", "card", ["taint-xss app.py:12"]),
        ("PAGES", "autoescape=True", "card", []),
        ("PAGES", "", "plain", []),
        ("{**PAGES, 'card': title}", "autoescape=True", "card", ["taint-template app.py:11"]),
        ("{**PAGES, title: 'x'}", "autoescape=True", "card", []),
    ],
)
def test_templates_in_a_dictionary_are_read(
    tmp_path: Path, pages: str, options: str, name: str, expected: list[str]
) -> None:
    text = _CARD.format(pages=pages, options=options, name=name)
    assert found(tmp_path, {"app.py": text}) == expected


_KEPT = {
    "aiohttp": """
        import os
        from aiohttp import web

        class Runner:
            def run(self, text):
                {run}

        async def view(request):
            request.app["{read}"].run(request.query["q"])
            return web.Response()

        app = web.Application()
        app["runner"] = Runner()
        app.router.add_get("/", view)
        """,
    "fastapi": """
        import os
        from fastapi import FastAPI, Request

        class Runner:
            def run(self, text):
                {run}

        app = FastAPI()
        app.state.runner = Runner()

        @app.get("/")
        def view(q: str, request: Request):
            request.app.state.{read}.run(q)
        """,
}


@pytest.mark.parametrize("framework", ["aiohttp", "fastapi"])
@pytest.mark.parametrize(
    ("run", "read", "expected"),
    [
        ("os.system(text)", "runner", ["taint-command app.py:7"]),
        ("os.system('ls')", "runner", []),
        ("os.system(text)", "other", []),
    ],
)
def test_what_an_application_holds_is_known_to_its_views(
    tmp_path: Path, framework: str, run: str, read: str, expected: list[str]
) -> None:
    text = _KEPT[framework].format(run=run, read=read)
    assert found(tmp_path, {"app.py": text}) == expected


_STREAMED = {
    "starlette": """
        from html import escape
        from fastapi import FastAPI
        from fastapi.responses import StreamingResponse

        async def pieces(items):
            for item in items:
                yield "<p>" + {piece}

        app = FastAPI()

        @app.get("/")
        def view(q: str):
            return StreamingResponse(pieces([q]), media_type="{kind}")
        """,
    "django": """
        from html import escape
        from django.http import StreamingHttpResponse
        from django.urls import path

        def pieces(items):
            for item in items:
                yield "<p>" + {piece}

        def view(request):
            q = request.GET["q"]
            return StreamingHttpResponse(streaming_content=pieces([q]), content_type="{kind}")

        urlpatterns = [path("", view)]
        """,
}


@pytest.mark.parametrize(("framework", "line"), [("starlette", 14), ("django", 12)])
@pytest.mark.parametrize(
    ("piece", "kind", "is_found"),
    [("item", "text/html", True), ("escape(item)", "text/html", False), ("item", "text/csv", False)],
)
def test_pages_that_are_sent_in_pieces(
    tmp_path: Path, framework: str, line: int, piece: str, kind: str, is_found: bool
) -> None:
    text = _STREAMED[framework].format(piece=piece, kind=kind)
    assert found(tmp_path, {"app.py": text}) == ([f"taint-xss app.py:{line}"] if is_found else [])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("first, *others = ['a', p, 'b']\nos.system(others[0])", [2]),
        ("first, *others = ['a', p, 'b']\nos.system(others[1])", []),
        ("*others, last = ['a', 'b', p]\nos.system(last)", [2]),
        ("*others, last = ['a', p, 'b']\nos.system(last)", []),
        ("first, *others, last = ['a', p]\nos.system(last)", [2]),
        ("first, *others, last = ['a', p]\nos.system(str(others))", []),
        ("first, *others = p.split(',')\nos.system(others[0])", [2]),
    ],
)
def test_rest_of_a_known_list_is_known(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body) == [f"taint-command {line}" for line in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repr(p)", []),
        ("f'len({p!r})'", []),
        ("'len(%r)' % p", []),
        ("'len(%s)' % p", [3]),
        ("ast.literal_eval(repr(p))", [3]),
    ],
)
def test_what_repr_writes_is_a_literal(tmp_path: Path, text: str, expected: list[int]) -> None:
    body = f"import ast\nt = {text}\neval(t)"
    assert in_view(tmp_path, body) == [f"taint-code {line}" for line in expected]


_RECORDS = """
import dataclasses
from typing import NamedTuple
@dataclasses.dataclass
class Row:
    name: str
    owner: str = "ann"
class Pair(NamedTuple):
    name: str
    owner: str = "ann"
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("r = Pair('a')._replace(name=p)\nos.system(r.name)", [2]),
        ("r = Pair('a')._replace(owner=p)\nos.system(r.name)", []),
        ("r = Pair(p)._replace(name='a')\nos.system(r.name)", []),
        ("r = dataclasses.replace(Row(p), owner='bob')\nos.system(r.name)", [2]),
        ("r = dataclasses.replace(Row(p), name='bob')\nos.system(r.name)", []),
        ("r = dataclasses.asdict(Row(p, 'bob'))\nos.system(r['name'])", [2]),
        ("r = dataclasses.asdict(Row(p, 'bob'))\nos.system(r['owner'])", []),
        ("r = Pair(p, 'bob')._asdict()\nos.system(r['name'])", [2]),
        ("r = Pair(p, 'bob')._asdict()\nos.system(r['owner'])", []),
        ("r = vars(Row(p, 'bob'))\nos.system(r['name'])", [2]),
    ],
)
def test_records_are_changed_and_told_field_by_field(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body, _RECORDS) == [f"taint-command {line}" for line in expected]


_JOB = """
class Job:
    def __init__(self):
        self._name = ""
    @property
    def name(self):
        return self._name
    @name.setter
    def name(self, value):
        self._name = {value}
"""


@pytest.mark.parametrize(("value", "expected"), [("value", [3]), ("str(len(value))", []), ("'x'", [])])
def test_setter_of_a_property_is_called(tmp_path: Path, value: str, expected: list[int]) -> None:
    body = "job = Job()\njob.name = p\nos.system(job.name)"
    assert in_view(tmp_path, body, _JOB.format(value=value)) == [f"taint-command {line}" for line in expected]


_ERRORS = """
class Unknown(Exception):
    def __init__(self, name, hint):
        super().__init__(name, hint)
        self.name = name
        self.hint = hint
class Other(Exception):
    pass
def known(name, kind):
    if kind == "other":
        raise Other("other")
    if kind:
        raise Unknown(name, "report")
    return "none"
def through(name):
    try:
        return known(name, "unknown")
    except Other as error:
        return str(error)
def told(name):
    raise ValueError("no " + name)
"""


@pytest.mark.parametrize(
    ("tried", "error", "used", "expected"),
    [
        ("known(p, 'x')", "Unknown", "error.name", [4]),
        ("known(p, 'x')", "Unknown", "error.hint", []),
        ("known(p, 'other')", "Other", "str(error)", []),
        ("known(p, 'x')", "Other", "str(error)", []),
        ("known(p, 'x')", "(Other, Unknown)", "error.name", [4]),
        ("through(p)", "Exception", "error.name", [4]),
        ("told(p)", "ValueError", "str(error)", [4]),
        ("told('x')", "ValueError", "str(error)", []),
        ("told(p)", "KeyError", "str(error)", []),
    ],
)
def test_error_carries_what_it_was_made_of(
    tmp_path: Path, tried: str, error: str, used: str, expected: list[int]
) -> None:
    body = f"try:\n    {tried}\nexcept {error} as error:\n    os.system({used})"
    assert in_view(tmp_path, body, _ERRORS) == [f"taint-command {line}" for line in expected]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("'', 302, {'Location': p}", ["taint-redirect 1"]),
        ("'', 201, {'Location': p}", []),
        ("'', 302, {'Location': '/a/' + p}", []),
        ("Response('', 302, {'Location': p})", ["taint-redirect 1"]),
        ("Response('', status=302, headers=[('location', p)])", ["taint-redirect 1"]),
        ("Response('', status=201, headers={'Location': p})", []),
        ("Response('', status=302, headers={'X-Place': p})", []),
    ],
)
def test_answer_leads_where_its_location_says(tmp_path: Path, answer: str, expected: list[str]) -> None:
    assert in_view(tmp_path, f"return {answer}", "from flask import Response\n") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("from elementpath import Selector\nSelector('//a' + p)", ["taint-xpath 2"]),
        ("import httpx\nhttpx.stream('GET', p)", ["taint-ssrf 2"]),
        ("import httpx\nhttpx.stream(p, 'https://a.example/')", []),
        ("import timeit\ntimeit.timeit(p)", ["taint-code 2"]),
        ("app.jinja_env.from_string(p)", ["taint-template 1"]),
        ("from django.template import engines\nengines['django'].from_string(p)", ["taint-template 2"]),
        ("from loguru import logger\nlogger.info(p)", ["taint-log 2"]),
        ("from Crypto.Cipher import AES\nAES.new(b'k', mode=1)", ["weak-cipher 2"]),
        ("from Crypto.Cipher import AES\nAES.new(b'k', mode=2)", []),
        (
            "import random\nfrom flask import session\nsession['rememberMe'] = random.random()",
            ["weak-random 3"],
        ),
    ],
)
def test_rows_that_a_walk_through_libraries_missed(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert in_view(tmp_path, body) == expected
