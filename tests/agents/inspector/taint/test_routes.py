"""Functions that something else calls: addresses, events, requests that only their use tells; and what they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import analysed, found


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


_URLS = r"""
    from django.conf import settings
    from django.urls import include, path, re_path
    from shop import pages
    from shop.forms import Form
    urlpatterns = [
        re_path(r"^(?P<kind>sale|loan)/", include("shop.more")),
        re_path(r"^item/(?P<key>" + settings.UUID_REGEX + ")/$", pages.by_key),
        re_path(r"^text/(?P<key>" + settings.TEXT_REGEX + ")/$", pages.by_text),
        re_path(rf"^form/{Form.NAME_REGEX}/$", pages.by_form),
        re_path(r"^nested/(?P<key>[a-f]{8}(-[a-f]{4}){3})/$", pages.nested),
        path("own/", pages.own, {"key": "own"}),
        path("guarded/<int:key>/", pages.guarded),
        path("optional/", pages.optional),
        path("optional/<int:key>/", pages.optional),
        path("twice/<int:key>/", pages.twice),
        path("twice/<path:key>/", pages.twice),
    ]
"""


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("def by_key(request, key):", []),
        ("def by_text(request, key):", ["taint-command shop/pages.py:9"]),
        ("def by_form(request, key):", []),
        ("def nested(request, key):", []),
        ("def own(request, key):", []),
        ("@only_post\ndef guarded(request, key):", []),
        ("@only_post\ndef unguarded(request, key):", ["taint-command shop/pages.py:10"]),
        ("def optional(request, key=None):", []),
        ("def twice(request, key):", ["taint-command shop/pages.py:9"]),
    ],
)
def test_address_rules_out_what_its_patterns_do_not_match(
    tmp_path: Path, view: str, expected: list[str]
) -> None:
    head = (
        "import os\nfrom django.http import HttpResponse\n"
        "def only_post(view):\n    def wrapped(request, *args, **named):\n"
        "        return view(request, *args, **named)\n    return wrapped\n\n"
    )
    files = {
        "shop/urls.py": _URLS,
        "shop/forms.py": 'class Form:\n    NAME_REGEX = r"(?P<key>[a-z]+)"\n',
        "shop/pages.py": f"{head}{view}\n    os.system(key)\n",
        "shop/__init__.py": "",
    }
    if "unguarded" in view:
        files["shop/urls.py"] = _URLS.replace('int:key>/", pages.guarded', 'path:key>/", pages.unguarded')
    assert found(tmp_path, files) == expected


@pytest.mark.parametrize(("name", "expected"), [("kind", []), ("other", ["taint-path shop/pages.py:2"])])
def test_part_before_an_included_list_is_given_to_its_views(
    tmp_path: Path, name: str, expected: list[str]
) -> None:
    files = {
        "shop/urls.py": _URLS,
        "shop/more.py": 'from django.urls import path\nfrom shop import pages\nurlpatterns = [path("", pages.show)]',
        "shop/pages.py": f"def show(request, {name}):\n    open({name})\n",
        "shop/forms.py": "",
        "shop/__init__.py": "",
    }
    assert found(tmp_path, files) == expected


@pytest.mark.parametrize(
    ("found_by", "expected"),
    [
        ("kind=kind", []),
        ("kind__exact=kind", []),
        ("kind__startswith=kind", ["taint-path"]),
        ("kind=request.GET['q']", ["taint-path"]),
        ("active=True", ["taint-path"]),
    ],
)
def test_what_must_be_found_is_what_was_stored(tmp_path: Path, found_by: str, expected: list[str]) -> None:
    text = (
        "from django.shortcuts import get_object_or_404\nfrom shop.models import Page\n"
        "def show(request):\n    kind = request.GET['kind']\n"
        f"    page = get_object_or_404(Page, {found_by})\n    return open('pages/' + kind)\n"
    )
    assert [one.partition(" ")[0] for one in found(tmp_path, {"app.py": text})] == expected


@pytest.mark.parametrize(
    ("address", "weights"),
    [
        ('"/<part>"', ["high", "high"]),
        ('"/<path:part>"', ["high", "high"]),
        ("\"/<regex('[a-z.]+'):part>\"", []),
        ("\"/<regex('[^x]+'):part>\"", ["high", "high"]),
        ("BASE.format(PATTERN)", ["high", "high"]),
        ("ROUTE", []),
        ('"/<folder:part>"', ["medium", "medium"]),
        ('"/<folder:part>", methods=["GET"]', ["medium", "medium"]),
        ('"/<part>")\n@app.route("/<folder:part>"', ["high", "high"]),
        ('"/<int:part>")\n@app.route("/<part>"', ["high", "high"]),
        ('"/<int:part>")\n@app.route("/<path:part>"', ["high", "high"]),
        ('"/<int:part>")\n@app.route("/<uuid:part>"', []),
        ('"/<int:part>")\n@app.route("/none", defaults={"part": 1}', []),
    ],
)
def test_converter_tells_what_a_part_of_an_address_may_be(
    tmp_path: Path, address: str, weights: list[str]
) -> None:
    text = (
        "import logging, os\nfrom flask import Flask\nfrom names import PATTERN\napp = Flask(__name__)\n"
        "BASE = \"/<regex('{}'):part>\"\nROUTE = BASE.format(PATTERN)\n"
        f"@app.route({address})\ndef view(part):\n    logging.info(part)\n    os.system(part)\n    return ''\n"
    )
    told = analysed(tmp_path, {"app.py": text, "names.py": 'PATTERN = "[a-z.]+"\n'})["findings"]
    assert [one["confidence"] for one in told] == weights


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ('r"^(?P<key>%s)$" % settings.UUID_REGEX', []),
        ('r"^(?P<key>%s)/(?P<other>%s)$" % (settings.UUID_REGEX, settings.ANY)', ["taint-command"]),
        ('r"^(?P<key>%s)$" % settings.ANY', ["taint-command"]),
        ('r"^(?P<key>%s)$" % (settings.UUID_REGEX, settings.UUID_REGEX)', ["taint-command"]),
    ],
)
def test_address_that_is_filled_in(tmp_path: Path, address: str, expected: list[str]) -> None:
    files = {
        "shop/urls.py": f"""
            from django.urls import re_path
            from django.conf import settings
            from shop import pages
            urlpatterns = [re_path({address}, pages.show)]
        """,
        "shop/pages.py": "import os\ndef show(request, key, other=''):\n    os.system(key)\n",
        "shop/__init__.py": "",
    }
    assert [one.partition(" ")[0] for one in found(tmp_path, files)] == expected
