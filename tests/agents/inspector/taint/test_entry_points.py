"""Who calls a function from outside: handlers, protocols, middleware, filters, and a framework's own classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import found


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        pytest.param(
            """\
            import tornado.web

            class Page(tornado.web.RequestHandler):
                def get(self, name):
                    open("/srv/" + name)
                    self.redirect(self.get_argument("next"))
                    self.write("<p>" + self.request.arguments["x"][0])
            """,
            ["taint-path a.py:5", "taint-redirect a.py:6", "taint-xss a.py:7"],
            id="tornado handler",
        ),
        pytest.param(
            """\
            import tornado.web

            class Page(tornado.web.RequestHandler):
                def initialize(self, folder):
                    open(folder)

                def get(self, name):
                    self.set_header("Content-Type", "text/plain")
                    self.write(name)
                    self.finish({"name": name})
                    self.redirect("/" + self.get_argument("next").lstrip("/"))
                    open("/srv/" + self.get_secure_cookie("file"))
            """,
            [],
            id="tornado handler that is safe",
        ),
        pytest.param(
            """\
            from tornado import web

            class Mixin:
                def get(self, name):
                    return self.answer(name)

            class Page(Mixin, web.RequestHandler):
                def answer(self, name):
                    self.write(name)
            """,
            ["taint-xss a.py:9"],
            id="method of a mixin",
        ),
        pytest.param(
            """\
            def application(environ, start_response):
                start_response("302 Found", [("Location", environ["QUERY_STRING"])])
                return [open("/srv/" + environ.get("PATH_INFO")).read()]
            """,
            ["taint-redirect a.py:2", "taint-path a.py:3"],
            id="WSGI",
        ),
        pytest.param(
            """\
            def application(environ, start_response):
                start_response("200 OK", [("Location", "/"), ("Content-Type", "text/plain")])
                return [open("/srv/" + environ["REQUEST_METHOD"] + environ.get("SERVER_NAME")).read()]

            def other(environ, name):
                return open(environ[name])
            """,
            [],
            id="WSGI that is safe",
        ),
        pytest.param(
            """\
            class Files:
                async def __call__(self, scope, receive, send):
                    return open("/srv/" + scope["path"]), open("/srv/" + scope["method"])
            """,
            ["taint-path a.py:3"],
            id="ASGI",
        ),
        pytest.param(
            """\
            import anyio.to_thread

            class Files:
                async def __call__(self, scope, receive, send):
                    return await anyio.to_thread.run_sync(self.read, scope["path"])

                def read(self, path):
                    return open("/srv/" + path)
            """,
            ["taint-path a.py:8"],
            id="ASGI and a thread",
        ),
        pytest.param(
            """\
            from http.server import BaseHTTPRequestHandler

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_header("Location", self.headers["Referer"])
                    open("/srv" + self.path)

                def helper(self, name):
                    open(name)
            """,
            ["taint-redirect a.py:5", "taint-path a.py:6"],
            id="the standard library's server",
        ),
        pytest.param(
            """\
            from django import template
            from django.utils.html import escape
            from django.utils.safestring import mark_safe
            register = template.Library()

            @register.filter
            def bad(value):
                return mark_safe("<b>" + value + "</b>")

            @register.simple_tag(takes_context=True)
            def tag(context, value):
                return mark_safe("<b>%s</b>" % value)

            @register.filter
            def good(value):
                return mark_safe("<b>" + escape(value) + "</b>")

            def helper(value):
                return mark_safe(value)
            """,
            ["taint-xss a.py:8", "taint-xss a.py:12"],
            id="filters and tags of Django's templates",
        ),
        pytest.param(
            """\
            import os
            from flask.views import MethodView
            from flask_restful import Resource

            class Page(MethodView):
                def get(self, name):
                    return "<p>" + name

            class Item(Resource):
                def get(self, name):
                    os.system("ls " + name)
                    return "<p>" + name

            class Plain:
                def get(self, name):
                    os.system("ls " + name)
            """,
            ["taint-xss a.py:7", "taint-command a.py:11"],
            id="classes of views of Flask",
        ),
        pytest.param(
            """\
            from aiohttp import web

            def slashes(answer=web.HTTPFound):
                @web.middleware
                async def inner(request: web.Request, handler):
                    if request.path == "/":
                        raise answer(request.query["to"])
                    return await handler(request)
                return inner
            """,
            ["taint-redirect a.py:7"],
            id="middleware with the class of its answer as a default",
        ),
    ],
)
def test_what_a_framework_calls_is_an_entry(tmp_path: Path, program: str, expected: list[str]) -> None:
    assert sorted(found(tmp_path, {"a.py": program})) == sorted(expected)


def test_a_framework_under_analysis_is_known_by_its_tables(tmp_path: Path) -> None:
    files = {
        "starlette/__init__.py": "",
        "starlette/requests.py": """\
            class Request:
                def __init__(self, scope):
                    self._scope = scope

                @property
                def query_params(self):
                    return self._parse(self._scope)
            """,
        "starlette/responses.py": """\
            class RedirectResponse:
                def __init__(self, url):
                    self.url = url
            """,
        "starlette/pages.py": """\
            from .requests import Request
            from .responses import RedirectResponse

            async def away(request: Request):
                return RedirectResponse(request.query_params["to"])

            async def home(request: Request):
                return RedirectResponse("/")
            """,
    }
    assert found(tmp_path, files) == ["taint-redirect starlette/pages.py:5"]


def test_types_imported_in_a_circle_are_known(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/forms.py": """\
            import os
            from typing import TYPE_CHECKING

            if TYPE_CHECKING:
                from .views import Form

            def store(form: "Form", folder):
                os.system(form.command(folder))
            """,
        "shop/views.py": """\
            from flask import Flask, request
            from . import forms
            app = Flask(__name__)

            class Form:
                def command(self, folder):
                    return "ls " + folder + request.args["name"]
            """,
    }
    assert found(tmp_path, files) == ["taint-command shop/forms.py:8"]
