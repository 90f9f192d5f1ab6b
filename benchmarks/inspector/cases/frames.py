"""What stands around a value: the web framework's program, its stores, and how a request brings a text.

A source's `line` sets `{v}`; `carrier` tells the runner where in the request to put the payload.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """One way in. `parameters` are the view's, `route` what the path ends with."""

    name: str
    carrier: str
    line: str
    parameters: str = ""
    route: str = ""
    above: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A program of one view. `{view}` is the view's body, `{above}` what stands before it."""

    name: str
    text: str
    answer: str
    refuse: str
    sources: tuple[Source, ...]


_JSON = "import json\n"
FLASK = Frame(
    "flask",
    "from flask import Flask, request\n{above}\n\napp = Flask(__name__)\napp.secret_key = 'only for cases'\n\n\n"
    "@app.route('/case{route}', methods=['GET', 'POST'])\ndef case({parameters}):\n{view}\n",
    "return Response(str(answer), mimetype='text/plain')",
    "return 'no', 400",
    (
        Source("args", "query", "{v} = request.args.get('q', '')"),
        Source("args item", "query", "{v} = request.args['q']"),
        Source("form", "form", "{v} = request.form.get('q', '')"),
        Source("values", "query", "{v} = request.values['q']"),
        Source("list of args", "query", "{v} = request.args.getlist('q')[0]"),
        Source("header", "header", "{v} = request.headers.get('X-Item', '')"),
        Source("cookie", "cookie", "{v} = request.cookies.get('item', '')"),
        Source("json", "json", "{v} = request.get_json()['q']"),
        Source("body", "body", "{v} = request.get_data(as_text=True)"),
        Source("path", "path", "{v} = q", "q", "/<path:q>"),
        Source(
            "query string",
            "query",
            "{v} = parse_qs(request.query_string.decode())['q'][0]",
            above="from urllib.parse import parse_qs\n",
        ),
    ),
)
DJANGO = Frame(
    "django",
    "from django.http import HttpResponse\nfrom django.urls import path, re_path\n{above}\n\n\n"
    "def case(request{parameters}):\n{view}\n\n\nurlpatterns = [re_path(r'^case{route}$', case)]\n",
    "return HttpResponse(str(answer), content_type='text/plain')",
    "return HttpResponse('no', status=400)",
    (
        Source("GET", "query", "{v} = request.GET.get('q', '')"),
        Source("GET item", "query", "{v} = request.GET['q']"),
        Source("POST", "form", "{v} = request.POST['q']"),
        Source("header", "header", "{v} = request.headers.get('X-Item', '')"),
        Source("META", "header", "{v} = request.META.get('HTTP_X_ITEM', '')"),
        Source("cookie", "cookie", "{v} = request.COOKIES.get('item', '')"),
        Source("body", "json", "{v} = json.loads(request.body)['q']", above=_JSON),
        Source("path", "path", "{v} = q", ", q", "/(?P<q>.+)"),
    ),
)
FASTAPI = Frame(
    "fastapi",
    "from fastapi import Cookie, FastAPI, Header, Request\nfrom pydantic import BaseModel\n"
    "from starlette.responses import PlainTextResponse\n{above}\n\napp = FastAPI()\n\n\n"
    "class Wanted(BaseModel):\n    q: str\n\n\n"
    "@app.api_route('/case{route}', methods=['GET', 'POST'])\ndef case({parameters}):\n{view}\n",
    "return PlainTextResponse(str(answer))",
    "return PlainTextResponse('no', 400)",
    (
        Source("parameter", "query", "{v} = q", "q: str"),
        Source("query_params", "query", "{v} = request.query_params['q']", "request: Request"),
        Source("header", "header", "{v} = x_item", "x_item: str = Header('')"),
        Source("cookie", "cookie", "{v} = item", "item: str = Cookie('')"),
        Source("model", "json", "{v} = wanted.q", "wanted: Wanted"),
        Source("path", "path", "{v} = q", "q: str", "/{q:path}"),
    ),
)
# Stores, with a row or a node that a harmless request does not see.
DATABASE = (
    "import sqlite3\n\ndef database():\n    link = sqlite3.connect(':memory:')\n"
    "    link.execute('CREATE TABLE item (name TEXT, secret TEXT)')\n"
    "    link.execute(\"INSERT INTO item VALUES ('report', 'fine'), ('hidden', 'SECRET-ROW')\")\n    return link"
)
DOCUMENT = (
    'from lxml import etree\n\nDOCUMENT = etree.fromstring(\'<users><user name="report"><mail>fine</mail></user>'
    '<user name="hidden"><mail>SECRET-ROW</mail></user></users>\')'
)
DIRECTORY = (
    "from ldap3 import MOCK_SYNC, Connection, Server\nfrom ldap3.utils.conv import escape_filter_chars\n\n"
    "def directory():\n    return Connection(Server('directory'), client_strategy=MOCK_SYNC)"
)
FRAMES = {frame.name: frame for frame in (FLASK, DJANGO, FASTAPI)}
