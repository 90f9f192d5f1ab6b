"""Lists, dictionaries and texts of which a part is known: true and safe twins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import found, in_view

_MANY = "many = request.args.getlist('m')\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # places that are sure, before others that are not
        ("from itertools import chain\nv = list(chain(['a'], many))\nos.system(v[0])", []),
        ("from itertools import chain\nv = list(chain(['a'], many))\nos.system(v[1])", [4]),
        ("from itertools import chain\nv = list(chain(many, ['a']))\nos.system(v[0])", [4]),
        (
            "from itertools import chain\nfor one in chain.from_iterable([['a'], many]):\n    os.system(one)",
            [4],
        ),
        ("v = ['a', *many]\nos.system(v[-1])", [3]),
        ("v = [p, *os.listdir()]\nos.system(v[-1])", [3]),
        ("v = ['a'] + many\nv.insert(1, 'b')\nos.system(v[0] + v[1])", []),
        ("v = ['a'] + many\nv.insert(0, p)\nos.system(v[0])", [4]),
        ("v = ['a'] + many\nv.pop(0)\nos.system(v[0])", [4]),
        ("v = ['a'] + many\nv.append('b')\nos.system(v[0])", []),
        ("v = ['a'] + many\nv.sort()\nos.system(v[0])", [4]),
        ("v = ['a']\nif os.name:\n    v = [p, *many]\nos.system(v[0])", [5]),
        ("v = []\nif os.name:\n    v = ['a']\nv.append(p)\nos.system(v[0])", [6]),
        ("v = ['a'] + many\nv[int('0')] = p\nos.system(v[0])", [4]),
        ("v = ['a'] + many\nv[0:1] = [p]\nos.system(v[0])", [4]),
        # keys say nothing of values, nor values of keys
        ("d = {one: 'a' for one in many}\nos.system(d['x'])", []),
        ("d = {one: 'a' for one in many}\nfor one in d:\n    os.system(one)", [4]),
        ("d = {one: 'a' for one in many}\nos.system(' '.join(d))", [3]),
        ("d = {one: 'a' for one in many}\nos.system(' '.join(d.values()))", []),
        ("d = {}\nd[p] = 'a'\nfor one, other in d.items():\n    os.system(other)", []),
        ("d = {}\nd[p] = 'a'\nfor one, other in d.items():\n    os.system(one)", [5]),
        ("d = {'b': 1, **{p: 'a'}}\nos.system(list(d)[0])", [3]),
        ("d = {one: p for one in ('a', 'b')}\nos.system(d['a'])", [3]),
        ("d = {one: p if one == 'a' else 'x' for one in ('a', 'b')}\nos.system(d['b'])", []),
        ("d = dict((one, 'a') for one in many)\nos.system(d['x'])", []),
        # names of parameters, and what stands under them
        ("for one in request.args:\n    if request.args[one] == 'x':\n        os.system(one)", [4]),
        ("for one in request.args:\n    if one == 'x':\n        os.system(one)", []),
    ],
)
def test_parts_of_collections_are_told_apart(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, _MANY + body) == [f"taint-command {line}" for line in expected]


_TABLE = "table = {'*': 'a', '(': 'b', ')': 'c'}\n"
_SEARCH = "\nfrom ldap3 import Connection\nConnection('x').search('dc=a', '(uid=' + q + ')')"


@pytest.mark.parametrize(
    ("body", "is_claimed"),
    [
        ("q = ''.join(table.get(one, one) for one in p)", False),
        ("q = ''.join(table[one] if one in table else one for one in p)", False),
        ("q = ''\nfor one in p:\n    q += table.get(one, one)", False),
        ("q = ''.join(one for one in p if one not in '*()')", False),
        ("q = ''.join(one for one in p if one not in '*')", True),
        ("q = ' '.join(table.get(one, one) for one in p.split(' '))", True),  # words, not letters
        ("q = table.get(p, p)", True),
        ("table.pop('*')\nq = ''.join(table.get(one, one) for one in p)", True),
    ],
)
def test_letters_replaced_one_by_one_are_gone(tmp_path: Path, body: str, is_claimed: bool) -> None:
    rules = [one.partition(" ")[0] for one in in_view(tmp_path, _TABLE + body + _SEARCH)]
    assert rules == (["taint-ldap"] if is_claimed else [])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "r = os.path.relpath(p, '/srv')\nif r.startswith(os.pardir):\n    return 'no'\nopen('/srv/' + r)",
            [],
        ),
        ("r = os.path.relpath(p, '/srv')\nif r.startswith('/'):\n    return 'no'\nopen('/srv/' + r)", [4]),
        (
            "r = os.path.relpath(p, '/srv')\nif '..' in r.split(os.sep):\n    return 'no'\n"
            "open(os.path.join('/srv', r))",
            [],
        ),
        ("r = os.path.relpath(p, '/srv')\nif '..' in r.split(os.sep):\n    return 'no'\nopen(p)", []),
        ("if os.path.commonprefix(['/srv', os.path.realpath(p)]) != '/srv':\n    return 'no'\nopen(p)", [3]),
        (
            "q = os.path.realpath(p)\nif os.path.commonpath(['/srv', q]) != '/srv':\n    return 'no'\nopen(q)",
            [],
        ),
        ("open('/srv/' + '/'.join(p.split('/')[1:]))", [1]),
        ("open('/srv/' + '-'.join(p.split('/')))", []),
        ("open(os.path.join('/srv', *p.split('/')))", [1]),
    ],
)
def test_parts_of_paths_lead_out_or_not(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body) == [f"taint-path {line}" for line in expected]


def test_what_is_kept_before_each_request_is_seen_by_views_of_other_modules(tmp_path: Path) -> None:
    files = {
        "door.py": """
            from flask import Flask, g, request
            from markupsafe import escape
            app = Flask(__name__)
            @app.before_request
            def keep():
                g.word = request.args.get("q", "")
                g.safe = escape(g.word)
        """,
        "pages.py": """
            from flask import g
            from door import app
            @app.get("/raw")
            def raw():
                return "<p>" + g.word
            @app.get("/safe")
            def safe():
                return "<p>" + g.safe + g.get("none", "")
        """,
    }
    assert found(tmp_path, files) == ["taint-xss pages.py:6"]


def test_view_sees_what_its_decorator_kept(tmp_path: Path) -> None:
    body = """
        from functools import wraps
        from flask import Flask, g, request
        app = Flask(__name__)
        def kept(view):
            @wraps(view)
            def wrapped():
                g.word = request.args["q"]
                return view()
            return wrapped
        @app.get("/a")
        @kept
        def a():
            return "<p>" + g.get("word")
    """
    assert found(tmp_path, {"app.py": body}) == ["taint-xss app.py:14"]


def test_attribute_that_instances_share_keeps_its_host(tmp_path: Path) -> None:
    body = """
        import requests
        from flask import Flask, request
        app = Flask(__name__)
        class Api:
            base = "http://inner.example"
            def __init__(self, base=None):
                self.base = base or self.base
            def get(self, path):
                return requests.get(self.base + path).text
            def other(self, path):
                return requests.get(self.base + path).text
        @app.get("/a")
        def a():
            return {"a": Api().get("/x/" + request.args["q"])}
        @app.get("/b")
        def b():
            return {"b": Api("http://" + request.args["q"]).other("/x")}
        @app.get("/c")
        def c():
            return {"c": requests.get("http://inner.example" + request.args["q"]).text}
    """
    assert found(tmp_path, {"app.py": body}) == ["taint-ssrf app.py:12", "taint-ssrf app.py:21"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("order.event.note|safe", []),  # another attribute than the one that input is in
        ("order.url|safe", ["taint-xss app.py:14"]),
        ("order.described()|safe", ["taint-xss app.py:14"]),  # a method may give any of it
        ("order.shown|safe", ["taint-xss app.py:14"]),
        ("order|safe", ["taint-xss app.py:14"]),
        ("order.url", []),
    ],
)
def test_template_writes_one_attribute_of_an_object(tmp_path: Path, written: str, told: list[str]) -> None:
    files = {
        "app.py": """
            from flask import Flask, render_template, request
            app = Flask(__name__)
            class Order:
                def described(self):
                    return "<b>" + self.url + "</b>"
                @property
                def shown(self):
                    return self.url
            @app.route("/")
            def view():
                order = Order()
                order.url = request.args["url"]
                return render_template("a.html", order=order)
        """,
        "templates/a.html": f"{{{{ {written} }}}}",
    }
    assert found(tmp_path, files) == told


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("{{ form.title|safe }}", []),  # a field writes itself, and escapes what it holds
        ("{% for field in form %}{{ field.label }}{{ field|safe }}{% endfor %}", []),
        ("{{ form.title.value()|safe }}", ["taint-xss app.py:9"]),
        ("{% for field in form %}{{ field.data|safe }}{% endfor %}", ["taint-xss app.py:9"]),
        ("{{ text|safe }}", ["taint-xss app.py:9"]),
    ],
)
def test_fields_of_a_form_write_themselves(tmp_path: Path, page: str, told: list[str]) -> None:
    files = {
        "app.py": """
            from django import forms
            from django.shortcuts import render
            class Title(forms.Form):
                title = forms.CharField()
            def edit(request):
                form = Title(request.POST)
                text = request.POST["text"]
                return render(request, "a.html", {"form": form, "text": text})
        """,
        "templates/a.html": page,
    }
    assert found(tmp_path, files) == told
