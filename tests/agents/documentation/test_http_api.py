"""Routes, read from source that is never imported; the project's own are compared with what Django resolves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from openapi_spec_validator import validate

from agents.documentation.http_api import Interface, markdown, openapi, read


def _rows(interface: Interface) -> set[tuple[str, str, str]]:
    return {(" ".join(one.methods), one.path, one.view) for one in interface.endpoints}


DJANGO = {
    "site/settings.py": 'ROOT_URLCONF = "site.urls"\n',
    "site/urls.py": (
        "from django.urls import include, path, re_path\nfrom django.views.decorators.cache import never_cache\n"
        "from shop import views\nfrom shop.views import Basket\nfrom . import parts\n\n"
        "more = [path('inner/', views.plain)]\n"
        "urlpatterns = [\n    path('', never_cache(views.plain), name='home'),\n"
        "    path('items/<int:pk>/', Basket.as_view(), name='item'),\n"
        "    re_path(r'^old/(?P<year>[0-9]{4})/$', views.posted),\n"
        "    path('deep/', include('shop.urls')),\n    path('more/', include(more)),\n"
        "    path('api/', include((parts.router.urls, 'api'))),\n    path('lost/', include('not.here')),\n]\n"
        "urlpatterns += [path('late/', lambda request: None)]\n"
    ),
    "site/parts.py": (
        "from rest_framework.routers import DefaultRouter\nfrom shop.sets import Things\n"
        "router = DefaultRouter()\nrouter.register('things', Things, basename='thing')\n"
    ),
    "shop/urls.py": "from django.urls import path\nfrom .views import plain\n"
    "urlpatterns = [path('x/<slug:name>/', plain)]\n",
    "shop/views.py": (
        "from django.views import View\nfrom django.views.decorators.http import require_POST\n\n"
        'def plain(request):\n    """Say hello.\n\n    More.\n    """\n\n\n'
        "@require_POST\ndef posted(request, year):\n    pass\n\n\n"
        "class Basket(View):\n    def get(self, request, pk):\n        pass\n\n"
        "    def delete(self, request, pk):\n        pass\n"
    ),
    "shop/sets.py": (
        "from rest_framework.decorators import action\nfrom rest_framework.viewsets import ReadOnlyModelViewSet\n\n"
        "class Things(ReadOnlyModelViewSet):\n    lookup_field = 'slug'\n\n"
        "    @action(detail=True, methods=['post'], url_path='lock-it')\n"
        "    def lock(self, request, slug):\n        pass\n"
    ),
}


@pytest.fixture
def shop() -> Interface:
    return read(DJANGO.items())


def test_django_is_followed_through_includes_routers_and_wrappers(shop: Interface) -> None:
    assert _rows(shop) == {
        ("", "/", "shop.views.plain"),
        ("GET DELETE", "/items/{pk}/", "shop.views.Basket"),
        ("POST", "/old/{year}/", "shop.views.posted"),
        ("", "/deep/x/{name}/", "shop.views.plain"),
        ("", "/more/inner/", "shop.views.plain"),
        ("GET", "/api/things/", "shop.sets.Things.list"),
        ("GET", "/api/things/{slug}/", "shop.sets.Things.retrieve"),
        ("POST", "/api/things/{slug}/lock-it/", "shop.sets.Things.lock"),
        ("", "/late/", "computed"),
    }
    assert shop.problems == ["site/urls.py:15: includes not.here, not of this tree"]


def test_view_is_told_with_its_place_and_words(shop: Interface) -> None:
    home = next(one for one in shop.endpoints if one.path == "/")
    assert (home.name, home.doc, home.file, home.line) == ("home", "Say hello.", "shop/views.py", 4)


def test_parameters_have_types(shop: Interface) -> None:
    item = next(one for one in shop.endpoints if one.path == "/items/{pk}/")
    assert [(one.name, one.kind) for one in item.parameters] == [("pk", "integer")]


def test_flask_blueprints_have_their_prefixes() -> None:
    interface = read({
        "web/app.py": "from flask import Flask\nfrom web.pages import pages\napp = Flask(__name__)\n"
        "app.register_blueprint(pages, url_prefix='/p')\n\n@app.route('/', methods=['GET', 'POST'])\n"
            "def home():\n    pass\n",
        "web/pages.py": "from flask import Blueprint\npages = Blueprint('pages', __name__, url_prefix='/unused')\n\n"
        "@pages.get('/<uuid:key>/edit')\ndef edit(key):\n    pass\n",
    }.items())  # fmt: skip
    assert _rows(interface) == {("GET POST", "/", "web.app.home"), ("GET", "/p/{key}/edit", "web.pages.edit")}


def test_fastapi_routers_within_routers_add_up() -> None:
    interface = read({
        "svc/main.py": "from fastapi import FastAPI\nfrom .routes import outer\napp = FastAPI()\n"
        "app.include_router(outer, prefix='/v1')\n",
        "svc/routes.py": "from fastapi import APIRouter\ninner = APIRouter(prefix='/in')\nouter = APIRouter()\n"
        "outer.include_router(inner, prefix='/mid')\n\n@inner.put('/{file:path}')\nasync def store(file: str):\n"
        "    '''Keep it.'''\n",
    }.items())  # fmt: skip
    assert [(one.methods, one.path, one.doc, one.framework) for one in interface.endpoints] == [
        (("PUT",), "/v1/mid/in/{file}", "Keep it.", "FastAPI")
    ]


def test_includes_in_a_ring_end() -> None:
    interface = read([
        ("a/urls.py", "from django.urls import include, path\nurlpatterns = [path('b/', include('b.urls'))]\n"),
        ("b/urls.py", "from django.urls import include, path\nurlpatterns = [path('a/', include('a.urls'))]\n"),
        ("c/settings.py", "ROOT_URLCONF = 'a.urls'\n"),
    ])  # fmt: skip
    assert interface.problems == [
        "a/urls.py: urlpatterns includes itself again below; that ring was left out"
    ]


def test_routes_on_conditions_are_routes() -> None:
    interface = read([
        (
            "a/urls.py",
            "from django.urls import include, path\nfrom a import views\nurlpatterns = []\nif views.ON:\n"
            "    urlpatterns += [path('if/', views.v)]\n    if views.MORE:\n        urlpatterns += MORE\n"
            "else:\n    urlpatterns = [path('else/', views.v)]\n"
            "try:\n    import api\n    MORE = [path('more/', views.v)]\n"
            "    urlpatterns.append(path('try/', views.v))\n"
            "except ImportError:\n    pass\nurlpatterns.extend([path('extend/', views.v)])\n"
            "urlpatterns.insert(0, path('insert/', views.v))\nother.append(path('no/', views.v))\n",
        ),
        ("a/views.py", "if True:\n    def v(request):\n        'View.'\n"),
        ("a/settings.py", "if True:\n    ROOT_URLCONF = 'a.urls'\n"),
    ])  # fmt: skip
    assert [(one.path, one.doc) for one in interface.endpoints] == [
        (f"/{name}/", "View.") for name in ("else", "extend", "if", "insert", "more", "try")
    ]


def test_routes_of_a_comprehension_are_told_as_left_out() -> None:
    code = "from django.urls import path\nfrom a import v\nurlpatterns = [\n  *[path(f'{n}/', v) for n in 'ab'],\n]\n"
    interface = read([("a/urls.py", code)])
    assert interface.problems == ["a/urls.py:4: routes that are computed were left out"]


def test_rings_within_rings_serve_each_view_once_a_way() -> None:
    """A conf with four includes of itself and of another had 260,500 endpoints."""
    head = "from django.urls import include, path\nfrom a import views\nurlpatterns = [\n"
    rings = "".join(f"    path('{n}/', include('{name}.urls')),\n" for n, name in enumerate("abab"))
    interface = read([
        ("a/urls.py", f"{head}{rings}    path('v/', views.v),\n]\n"),
        ("b/urls.py", f"{head}{rings}    path('w/', views.w),\n]\n"),
        ("a/settings.py", "ROOT_URLCONF = 'a.urls'\n"),
    ])  # fmt: skip
    assert [one.path for one in interface.endpoints] == ["/1/w/", "/3/w/", "/v/"]
    assert set(interface.problems) == {
        f"{name}/urls.py: urlpatterns includes itself again below; that ring was left out" for name in "ab"
    }


def test_routes_without_end_are_cut_and_told() -> None:
    head = "from django.urls import include, path\nurlpatterns = [\n"
    confs = [
        (
            f"c{n}/urls.py",
            head + "".join(f"    path('{k}/', include('c{n + 1}.urls')),\n" for k in range(5)) + "]\n",
        )
        for n in range(10)
    ]
    interface = read([*confs, ("s/settings.py", "ROOT_URLCONF = 'c0.urls'\n")])
    assert "routes of Django beyond 20,000, or beyond 20,000 includes, were left out" in interface.problems


def test_routers_in_a_ring_are_gone_round_once() -> None:
    interface = read({
        "m.py": "from fastapi import APIRouter, FastAPI\napp = FastAPI()\nr = APIRouter(prefix='/r')\n"
        "s = APIRouter(prefix='/s')\nr.include_router(s)\ns.include_router(r)\nr.include_router(r)\n"
        "app.include_router(r)\napp.include_router(s)\n\n@r.get('/x')\ndef x(): ...\n",
    }.items())  # fmt: skip
    assert [one.path for one in interface.endpoints] == ["/r/x", "/s/r/x"]


def test_document_that_promises_more_than_the_code_is_told() -> None:
    document = "openapi: 3.0.0\npaths:\n  /deep/x/{id}/:\n    get: {summary: Fine}\n  /gone/:\n    post: {}\n"
    interface = read(
        DJANGO.items(), [("docs/openapi.yaml", document), ("x/api.json", "{"), ("api.yml", "a: &b [*b]")]
    )
    assert "- POST `/gone/` (`docs/openapi.yaml`)" in markdown(interface)
    assert "1 of them have no route" in markdown(interface)
    assert "x/api.json" in " ".join(interface.problems)


def test_skeleton_is_valid_openapi(shop: Interface) -> None:
    document = openapi(shop, title="Shop")
    validate(document)
    assert document["paths"]["/items/{pk}/"]["parameters"][0]["schema"] == {"type": "integer"}


def test_hostile_text_stays_text() -> None:
    text = "from flask import Flask\napp = Flask('a')\n@app.get('/<script>|`x`')\ndef f():\n    '''<img src=x>|`'''\n"
    told = markdown(read([("a.py", text)]))
    assert ("<script" in told, "<img" in told) == (False, False)


def _resolved(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for one in resolver.url_patterns:
        path = prefix + str(one.pattern).removeprefix("^").removesuffix("$")
        if isinstance(one, URLPattern):
            yield path
        else:
            yield from _resolved(one, path)


def test_own_routes_are_those_that_django_resolves() -> None:
    folders = ("api", "frontend", "wrenchai_project", "monitoring")
    files = [path for folder in folders for path in sorted((settings.BASE_DIR / folder).rglob("*.py"))]
    found = {
        one.path
        for one in read(
            (str(path.relative_to(settings.BASE_DIR)), path.read_text()) for path in files
        ).endpoints
    }
    resolved = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path) for path in _resolved(get_resolver())}
    resolved = {
        path for path in resolved if not path.startswith(("/admin/", "/accounts/")) and "(?P" not in path
    }
    assert resolved - found == set()


def test_a_path_put_together_of_constants_is_read() -> None:
    files = {
        "site/settings.py": "API_ROOT = 'pulp'\n",
        "site/places.py": "VERSION = 3\nBASE = f'api/v{VERSION}'\nTWICE = 'a'\nTWICE = 'b'\n",
        "site/urls.py": (
            "from django.conf import settings\nfrom django.urls import path\nfrom site.places import BASE, TWICE\n"
            "from site import places, views\n"
            "urlpatterns = [\n    path(f'{BASE}/items/', views.a),\n    path(BASE + '/more/<int:pk>/', views.b),\n"
            "    path('%s/late/' % places.BASE, views.a),\n    path('{}/x/'.format(settings.API_ROOT), views.a),\n"
            "    path(f'{TWICE}/lost/', views.a),\n    path(f'{BASE!r}/lost/', views.a),\n]\n"
        ),
        "site/views.py": "def a(request): pass\ndef b(request, pk): pass\n",
        "api/main.py": (
            "from fastapi import APIRouter, FastAPI\nPREFIX = '/v1'\napp = FastAPI()\n"
            "router = APIRouter(prefix=f'{PREFIX}/shop')\nNAME = 'basket'\n\n"
            "@router.get(f'/{NAME}/{{id}}')\ndef basket(id: int): pass\n\n\n"
            "app.include_router(router, prefix=PREFIX)\n"
        ),
    }
    told = read(files.items())
    assert [one.path for one in told.endpoints] == [
        "/api/v3/items/",
        "/api/v3/late/",
        "/api/v3/more/{pk}/",
        "/pulp/x/",
        "/v1/v1/shop/basket/{id}",
    ]
    assert told.problems == [
        "site/urls.py:10: a route that is computed was left out",
        "site/urls.py:11: a route that is computed was left out",
    ]


def test_names_bound_in_a_ring_end() -> None:
    files = {
        "a.py": "from django.urls import path\nfrom b import TWO\nONE = f'{TWO}x'\nurlpatterns = [path(ONE, view)]\n",
        "b.py": "from a import ONE\nTWO = ONE + 'y'\n",
    }
    assert read(files.items()).problems == ["a.py:4: a route that is computed was left out"]


def test_lists_of_other_files_that_are_put_in_are_followed() -> None:
    files = {
        "site/urls.py": (
            "from django.urls import path\nfrom site import last, pages\nmore = [path('c', view)]\n"
            "PAGES = (pages, last)\n"
            "urlpatterns = [path('a', view), *pages.urlpatterns, *more]\n"
            "urlpatterns += [one for page in PAGES for one in page.urlpatterns]\n"
        ),
        "site/last.py": "from django.urls import path as route\nurlpatterns = [route('d', view)]\n",
        "site/pages.py": "from django.urls import path\nurlpatterns = [path('b', view)]\n",
        "site/settings.py": "ROOT_URLCONF = 'site.urls'\n",
    }
    assert [one.path for one in read(files.items()).endpoints] == ["/a", "/b", "/c", "/d"]


@pytest.mark.parametrize(
    "again", ["format_suffix_patterns(urlpatterns)", "urlpatterns + [path('b/', views.b)]"]
)
def test_a_list_that_is_added_to_itself_is_read_once(again: str) -> None:
    text = (
        "from django.urls import path\nfrom rest_framework.urlpatterns import format_suffix_patterns\n"
        "from site import views\nurlpatterns = [path('a/', views.a), path(computed(), views.c)]\n"
        f"urlpatterns = {again}\n"
    )
    told = read([("site/urls.py", text)])
    assert [one.path for one in told.endpoints] == ["/a/", *(["/b/"] if "views.b" in again else [])]
    assert len(told.problems) == 1


RESOURCES = {
    "app/base.py": (
        "from flask import Blueprint, Flask\nfrom flask_restful import Api, Resource\n"
        "app = Flask(__name__)\nroutes = Blueprint('routes', __name__)\n"
        "app.register_blueprint(routes, url_prefix='/v1')\n"
        "api = Api(routes, prefix='/api')\n\n"
        "class OrgApi(Api):\n    def add_org_resource(self, resource, *urls):\n"
        "        return self.add_resource(resource, *[scoped(url) for url in urls])\n\n"
        "org = OrgApi()\n\n"
        "def scoped(rule):\n    return prefix() + rule\n\n"
        "class Base(Resource):\n    def options(self):\n        pass\n"
    ),
    "app/handlers.py": (
        "from app.base import Base, api, app, org, routes, scoped\n\n"
        "class Alert(Base):\n    'One alert.'\n\n    def get(self, pk):\n        pass\n\n"
        "    def delete(self, pk):\n        pass\n\n"
        "api.add_resource(Alert, '/alerts/<int:pk>', '/alarms/<int:pk>', endpoint='alert')\n"
        "org.add_org_resource(Alert, '/org/alerts/<pk>')\n\n"
        "@routes.route(scoped('/login'), methods=['POST'])\ndef login():\n    pass\n\n"
        "def about():\n    pass\n\n"
        "app.add_url_rule('/about', view_func=about)\n"
        "app.add_url_rule(scoped('/late'), 'late', about)\n"
        "app.add_url_rule('/things', view_func=Alert.as_view('things'))\n"
        "cache.get(scoped('/no route'))\n"
    ),
}


def test_routes_that_a_call_adds_are_told_with_the_methods_of_their_class() -> None:
    served = read(RESOURCES.items())
    assert _rows(served) == {
        ("GET DELETE OPTIONS", "/v1/api/alerts/{pk}", "app.handlers.Alert"),
        ("GET DELETE OPTIONS", "/v1/api/alarms/{pk}", "app.handlers.Alert"),
        ("GET DELETE OPTIONS", "/org/alerts/{pk}", "app.handlers.Alert"),
        ("GET", "/about", "app.handlers.about"),
        ("GET DELETE OPTIONS", "/things", "app.handlers.Alert"),
    }
    alert = next(one for one in served.endpoints if one.path == "/org/alerts/{pk}")
    assert (alert.doc, alert.file, alert.line) == ("One alert.", "app/handlers.py", 3)


def test_computed_routes_are_named_as_not_told() -> None:
    served = read(RESOURCES.items())
    assert served.problems == [
        "app/handlers.py:15: the path of login() is computed: scoped('/login')",
        "app/handlers.py:23: the path of a route that add_url_rule() adds is computed: scoped('/late')",
        "app/handlers.py:13: a path is given to the project's own add_org_resource(), which may put more before",
    ]
    assert "## Not told" in markdown(served)


def test_one_endpoint_is_no_endpoints() -> None:
    one = read([("app.py", "from flask import Flask\napp = Flask('a')\n@app.get('/')\ndef f(): pass\n")])
    assert markdown(one).startswith("# HTTP interface\n\n1 endpoint in the code.\n")
