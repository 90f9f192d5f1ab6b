"""Functions that something else calls: addresses, events, requests that only their use tells; and what they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import found


def test_address_gives_its_parts_to_the_view_that_it_leads_to(tmp_path: Path) -> None:
    files = {
        "shop/urls.py": r"""
            from django.urls import path, re_path
            from shop.pages import item, other, both, untold
            urlpatterns = [
                path("items/<str:name>/<int:number>/<slug:word>/", item),
                re_path(r"^other/(?P<name>.+)/(?P<year>[0-9]{4})/(?P<word>[\w-]+)$", other),
                path("both/<int:name>/", both),
                path("more/<name>/", both),
            ]
        """,
        "shop/pages.py": """
            import os
            def item(asked, name, number, word):
                os.system(name)
                os.system(str(number) + word)
            def other(asked, name, year, word):
                os.system(name)
                os.system(year + word)
                os.system(asked.GET["q"])
            def both(asked, name):
                os.system(name)
            def untold(asked, name):
                os.system(name)
        """,
    }
    lines = [4, 7, 9, 11]
    assert found(tmp_path, files) == [f"taint-command shop/pages.py:{line}" for line in lines]


def test_request_is_known_by_what_is_read_of_it(tmp_path: Path) -> None:
    body = """
        import os
        def first(request):
            os.system(request.GET["q"])
        def second(request):
            os.system(request.get("q"))
        def third(thing, name):
            os.system(thing.GET["q"])
    """
    assert found(tmp_path, {"app.py": body}) == ["taint-command app.py:4"]


def test_function_of_a_cloud_answers_with_a_page(tmp_path: Path) -> None:
    body = """
        import html
        HEADERS = {"Content-Type": "text/html"}
        def raw(event, context):
            return {"statusCode": 200, "headers": HEADERS, "body": f"<p>{event['q']}"}
        def escaped(event, context):
            return {"statusCode": 200, "headers": HEADERS, "body": f"<p>{html.escape(event['q'])}"}
        def plain(event, context):
            return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": f"<p>{event['q']}"}
    """
    assert found(tmp_path, {"app.py": body}) == ["taint-xss app.py:5"]


def test_views_of_pyramid(tmp_path: Path) -> None:
    body = """
        from pyramid.httpexceptions import HTTPFound
        from pyramid.response import Response
        from pyramid.view import view_config
        @view_config(route_name="a")
        def a(request):
            return Response("<p>" + request.params["q"])
        @view_config(route_name="b")
        def b(request):
            return Response("<p>" + request.params["q"], content_type="text/plain")
        @view_config(route_name="c")
        def c(request):
            return HTTPFound(location=request.matchdict["to"])
        @view_config(route_name="d")
        def d(request):
            return HTTPFound(location=request.route_url("a", q=request.GET["q"]))
        @view_config(route_name="e")
        def e(request):
            open(request.json_body["name"])
            return {"q": request.params["q"]}
    """
    assert found(tmp_path, {"app.py": body}) == [
        "taint-xss app.py:7",
        "taint-redirect app.py:13",
        "taint-path app.py:19",
    ]


def test_serializer_gives_what_it_does_not_parse(tmp_path: Path) -> None:
    body = """
        import os
        from rest_framework import serializers
        from rest_framework.views import APIView
        class Order(serializers.Serializer):
            word = serializers.CharField()
            amount = serializers.IntegerField()
        class Orders(APIView):
            def post(self, request):
                order = Order(data=request.data)
                order.is_valid(raise_exception=True)
                os.system("print %s" % order.validated_data["word"])
                os.system("print %s" % order.validated_data["amount"])
    """
    assert found(tmp_path, {"app.py": body}) == ["taint-command app.py:12"]


@pytest.mark.parametrize(
    ("framework", "line", "is_claimed"),
    [
        ("django.http", "request.session.update({'word': word})", True),
        ("django.http", "request.session.update({'length': len(word)})", False),
        ("django.http", "request.session.setdefault('word', word)", True),
        ("django.http", "request.session.setdefault(word, 1)", True),
        ("django.http", "request.session.get(word)", False),
    ],
)
def test_sessions_are_filled_in_several_ways(
    tmp_path: Path, framework: str, line: str, is_claimed: bool
) -> None:
    body = f"import {framework}\ndef view(request):\n    word = request.GET['word']\n    {line}\n"
    assert found(tmp_path, {"app.py": body}) == (["taint-trust-boundary app.py:4"] if is_claimed else [])


def test_consoles_of_old_and_interpreters_within(tmp_path: Path) -> None:
    body = """
        import code, os
        from flask import Flask, request
        app = Flask(__name__)
        @app.get("/a")
        def a():
            os.popen2("ls " + request.args["q"])
            console = code.InteractiveConsole()
            console.push(request.args["q"])
            console.push("1")
            return "done"
    """
    assert found(tmp_path, {"app.py": body}) == ["taint-command app.py:7", "taint-code app.py:9"]


def test_parts_without_slashes_lead_out_together(tmp_path: Path) -> None:
    body = """
        import os
        from flask import Flask, request
        app = Flask(__name__)
        @app.get("/a")
        def a():
            first, last = request.args["a"].split("/")[0], request.args["b"].split("/")[0]
            open("/srv/" + first)
            open("/srv/" + first + "/" + last)
            open(os.path.join("/srv", first, last))
            open("/srv/" + first + "-" + last)
            return "done"
    """
    assert found(tmp_path, {"app.py": body}) == ["taint-path app.py:9", "taint-path app.py:10"]


def test_address_gives_nothing_to_what_it_does_not_name_and_need_not_be_given(tmp_path: Path) -> None:
    files = {
        "shop/urls.py": """
            from django.urls import path
            from shop.views import leave, named
            urlpatterns = [path("leave/", leave), path("named/<target>/", named)]
        """,
        "shop/views.py": """
            from django.http import HttpResponseRedirect
            def leave(request, target=None):
                return HttpResponseRedirect(target or "/")
            def named(request, target=None):
                return HttpResponseRedirect(target or "/")
        """,
    }
    assert found(tmp_path, files) == ["taint-redirect shop/views.py:6"]
