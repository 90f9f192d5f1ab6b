"""What reaches a sink is found, and what does not is not: one small program per feature of the language."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import analysed, found, in_view

BAD = "taint-command"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.system(p)", [1]),
        ("os.system('ls')", []),
        ("q = p\nos.system(q)", [2]),
        ("q = p\nq = 'ls'\nos.system(q)", []),
        ("os.system('ls ' + p)", [1]),
        ("os.system(f'ls {p}')", [1]),
        ("os.system('ls %s' % p)", [1]),
        ("os.system('ls %d' % p)", []),
        ("os.system('ls {}'.format(p))", [1]),
        ("os.system('ls {a}'.format(a='x', b=p))", []),
        ("os.system(' '.join(['ls', p]))", [1]),
        ("q = 'ls '\nq += p\nos.system(q)", [3]),
        ("from string import Template\nos.system(Template('ls $x').substitute(x=p))", [2]),
        ("d = {'a': p, 'b': 'x'}\nos.system(d['b'])", []),
        ("d = {'a': p, 'b': 'x'}\nos.system(d['a'])", [2]),
        ("d = {}\nd['a'] = p\nd['b'] = 'x'\nos.system(d.get('b'))", []),
        ("d = {}\nd.update(a=p)\nos.system(d['a'])", [3]),
        ("d = {}\nd.setdefault('a', p)\nos.system(d['a'])", [3]),
        ("v = ['a', p, 'b']\nv.pop(0)\nos.system(v[1])", []),
        ("v = ['a', p, 'b']\nv.pop(0)\nos.system(v[0])", [3]),
        ("v = []\nw = v\nw.append(p)\nos.system(v[0])", [4]),
        ("a, b = 'x', p\nos.system(a)", []),
        ("a, b = 'x', p\nos.system(b)", [2]),
        ("for c in ['x', p]:\n    os.system(c)", [2]),
        ("os.system(''.join(c for c in p))", [1]),
        ("q = 'x'\nif 7 * 6 > 40:\n    q = 'y'\nelse:\n    q = p\nos.system(q)", []),
        ("q = 'x'\nif 7 * 6 < 40:\n    q = 'y'\nelse:\n    q = p\nos.system(q)", [6]),
        ("q = p if 1 > 2 else 'x'\nos.system(q)", []),
        ("match 'A':\n    case 'A':\n        q = 'x'\n    case _:\n        q = p\nos.system(q)", []),
        (
            "k = 'ABC'[1]\nmatch k:\n    case 'B':\n        q = p\n    case _:\n        q = 'x'\nos.system(q)",
            [7],
        ),
        ("while True:\n    q = p\n    break\nos.system(q)", [4]),
        ("a = b = c = ''\nfor i in range(3):\n    os.system(c)\n    c = b\n    b = p", [3]),
        ("try:\n    q = p\nexcept ValueError:\n    q = 'x'\nos.system(q)", [5]),
        ("try:\n    n = int(p)\nexcept ValueError:\n    n = 0\nos.system('ls %s' % n)", []),
        ("f = lambda x: x + '1'\nos.system(f(p))", [2]),
        ("def inner():\n    return p\nos.system(inner())", [3]),
        ("def inner(a, *rest, k='x', **more):\n    return rest[0]\nos.system(inner('a', p))", [3]),
        ("def inner(a, *rest, k='x', **more):\n    return k\nos.system(inner('a', p))", []),
        ("def inner(**more):\n    return more['z']\nos.system(inner(z=p))", [3]),
        ("from functools import partial\nf = partial(os.system)\nf(p)", [3]),
        ("ops = {'a': lambda x: 'y', 'b': lambda x: x}\nos.system(ops['a'](p))", []),
        ("ops = {'a': lambda x: 'y', 'b': lambda x: x}\nos.system(ops['b'](p))", [2]),
        ("def gen():\n    yield 'x'\n    yield p\nfor c in gen():\n    os.system(c)", [5]),
        ("if (q := p):\n    os.system(q)", [2]),
        ("os.system(str(len(p)))", []),
        ("os.system(p.strip().upper()[1:])", [1]),
    ],
)
def test_flow_within_a_view_follows_the_meaning(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body) == [f"{BAD} {line}" for line in expected]


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("def same(x):\n    return x\n", "os.system(same(p))", [1]),
        ("def drop(x):\n    return 'x'\n", "os.system(drop(p))", []),
        ("def second(x, y):\n    return y\n", "os.system(second(p, 'x'))", []),
        ("def run(x):\n    os.system(x)\n", "run('ls')", []),
        ("def fill(v, x):\n    v.append(x)\n", "v = []\nfill(v, p)\nos.system(v[0])", [3]),
        ("def deep(x, n):\n    return x if n == 0 else deep(x, n - 1)\n", "os.system(deep(p, 3))", [1]),
        (
            "class Box:\n    def __init__(self, v):\n        self.v = v\n    def get(self):\n        return self.v\n",
            "os.system(Box(p).get())",
            [1],
        ),
        (
            "class Box:\n    def __init__(self):\n        self.v = 'x'\n    def set(self, v):\n        self.v = v\n",
            "b = Box()\nb.set(p)\nb.set('y')\nos.system(b.v)",
            [],
        ),
        (
            "class Base:\n    def get(self, x):\n        return 'x'\nclass Sub(Base):\n    def get(self, x):\n"
            "        return x\n",
            "os.system(Sub().get(p))\nos.system(Base().get(p))",
            [1],
        ),
        (
            "class Base:\n    def get(self, x):\n        return x\nclass Sub(Base):\n    def get(self, x):\n"
            "        return super().get(x)\n",
            "os.system(Sub().get(p))",
            [1],
        ),
        (
            "class Box:\n    def __init__(self, v):\n        self._v = v\n    @property\n    def v(self):\n"
            "        return self._v\n",
            "os.system(Box(p).v)",
            [1],
        ),
        (
            "def twice(f):\n    def wrapper(x):\n        return f(f(x))\n    return wrapper\n@twice\ndef add(x):\n"
            "    return x + '1'\n",
            "os.system(add(p))",
            [1],
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Pair:\n    a: str\n    b: str\n",
            "os.system(Pair(p, 'x').b)\nos.system(Pair(p, 'x').a)",
            [2],
        ),
    ],
)
def test_flow_through_functions_and_classes(
    tmp_path: Path, head: str, body: str, expected: list[int]
) -> None:
    assert in_view(tmp_path, body, head) == [f"{BAD} {line}" for line in expected]


def test_flow_through_modules_is_told_hop_by_hop(tmp_path: Path) -> None:
    told = analysed(
        tmp_path,
        {
            "shop/__init__.py": "from .db import run\n",
            "shop/db.py": "import sqlite3\ndef run(sql):\n    sqlite3.connect('x').execute(sql)\n",
            "shop/views.py": """\
                from flask import Flask, request
                from shop import run
                app = Flask(__name__)

                @app.get("/")
                def view():
                    name = request.args["name"]
                    query = f"SELECT * FROM t WHERE n = '{name}'"
                    run(query)
                    return "done"
                """,
        },
    )
    (one,) = told["findings"]
    assert (one["rule"], one["path"], one["line"]) == ("taint-sql", "shop/db.py", 3)
    assert [(hop["path"], hop["line"], hop["variable"]) for hop in one["hops"]] == [
        ("shop/views.py", 7, ""),
        ("shop/views.py", 7, "name"),
        ("shop/views.py", 8, ""),
        ("shop/views.py", 8, "query"),
        ("shop/views.py", 9, ""),
        ("shop/db.py", 3, ""),
    ]


def test_file_that_does_not_parse_is_not_analysed(tmp_path: Path) -> None:
    told = analysed(tmp_path, {"a.py": "def f(:\n", "b.py": "x = 1\n"})
    assert [(one["path"], one["what"]) for one in told["not_analysed"]] == [("a.py", "the file")]
    assert told["files"] == 1


def test_function_past_its_bound_is_not_analysed(tmp_path: Path) -> None:
    body = "".join(f"    x{n} = y + {n}\n" for n in range(500))
    told = analysed(tmp_path, {"a.py": f"def f(y):\n{body}"}, root_steps=300)
    assert [(one["what"], one["reason"]) for one in told["not_analysed"]] == [("f()", "too many steps")]


def test_nothing_is_found_in_a_harmless_program(tmp_path: Path) -> None:
    assert found(tmp_path, {"a.py": "import os\ndef f(x):\n    os.system(x)\n"}) == []


_CHECKS = "def check(x):\n    if x not in ('a', 'b'):\n        raise ValueError\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("threading.Thread(target=work, args=(p,)).start()\nos.system(p)", [2]),
        ("ThreadPoolExecutor().submit(work, p)\nos.system(p)", [2]),
        ("threading.Thread(target=check, args=(p,)).start()\nos.system(p)", [2]),  # it may raise later
        ("check(p)\nos.system(p)", []),
        ("work(p)\nos.system(p)", []),  # it never returns
    ],
)
def test_who_starts_a_thread_goes_on_beside_it(tmp_path: Path, body: str, expected: list[int]) -> None:
    head = "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
    told = in_view(tmp_path, body, head=f"{head}def work(x):\n    while True:\n        x()\n{_CHECKS}")
    assert told == [f"{BAD} {line}" for line in expected]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("d = {'a': p, **unknown}\nfor x in d.values():\n    os.system(x)", [3]),
        ("d = {}\nd.update(**unknown())\nif d:\n    os.system(p)", [4]),
        ("d = {**unknown()}\nif d:\n    os.system(p)", [3]),
        ("d = {}\nif d:\n    os.system(p)", []),
        ("d = dict(**{})\nif d:\n    os.system(p)", []),
        ("def f(**more):\n    if more:\n        os.system(p)\nf(**unknown())", [3]),
    ],
)
def test_what_an_unknown_mapping_spreads_may_be_anything(
    tmp_path: Path, body: str, expected: list[int]
) -> None:
    assert in_view(tmp_path, body) == [f"{BAD} {line}" for line in expected]


_SHOP = """
class Shop:
    def name(self, x):
        '''Subclasses know.'''
        raise NotImplementedError

    def checked(self, x):
        raise ValueError(x)

"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Shop().name(1)\nos.system(p)", [2]),  # a subclass's own, most likely
        ("os.system(Shop().name(p))", [1]),
        ("Shop().checked(1)\nos.system(p)", []),
        ("if ENGINE is None:\n    raise ValueError\nos.system(p)", [3]),  # somebody sets it from outside
    ],
)
def test_what_subclasses_and_other_modules_give_ends_no_function(
    tmp_path: Path, body: str, expected: list[int]
) -> None:
    told = in_view(tmp_path, body, head=f"{_SHOP}\nENGINE = None\n")
    assert told == [f"{BAD} {line}" for line in expected]


@pytest.mark.parametrize(
    ("safe", "twin"),
    [
        ("_('No {}').format(calm)", "_('No {}').format(error)"),
        ("TEXT.format(calm)", "TEXT.format(error)"),
        ("_('No %s') % calm", "_('No %s') % error"),
        (
            "_('No %(age)s') % {'name': request.GET['p'], 'age': 1}",
            "_('No %(name)s') % {'name': request.GET['p'], 'age': 1}",
        ),
    ],
)
def test_translated_text_has_the_places_of_what_it_translates(tmp_path: Path, safe: str, twin: str) -> None:
    text = """
        from django.http import HttpResponse
        from django.utils.translation import gettext as _
        class Error(Exception):
            def __init__(self, name, message):
                self.name, self.message = name, message
            def __str__(self):
                return str(self.message)
        def view(request):
            TEXT = 'No {{}}' + str(request.method)
            error, calm = Error('', request.GET['p']), Error(request.GET['p'], '')
            return HttpResponse({made})
    """
    assert found(tmp_path, {"app.py": text.format(made=safe)}) == []
    assert found(tmp_path, {"app.py": text.format(made=twin)}) == ["taint-xss app.py:12"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("fail('got %s', type(p))", []),
        ("fail('got %s', p)", ["taint-log"]),
        ("fail('got %s %s', type(p), p)", ["taint-log"]),
        ("logging.error(f'got {type(p)}')", []),
        ("logging.error(f'got {type(p).__name__} {p}')", ["taint-log"]),
    ],
)
def test_text_of_a_type_is_its_name(tmp_path: Path, call: str, expected: list[str]) -> None:
    head = "import logging\ndef fail(message, *args):\n    logging.error(message % args)\n"
    assert [one.partition(" ")[0] for one in in_view(tmp_path, call, head)] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [("return 1, r", []), ("return r", []), ("return 1, r + request.args['s']", ["taint-command"]),
     ("return 1, request.args['s']", ["taint-command"])],
)  # fmt: skip
def test_what_was_looked_at_before_it_is_returned_with_others(
    tmp_path: Path, given: str, expected: list[str]
) -> None:
    head = (
        "KNOWN = {'a': 1}\ndef params():\n    r = request.args['r']\n"
        f"    if r not in KNOWN:\n        raise ValueError\n    {given}\n"
    )
    use = "r = params()" if given == "return r" else "n, r = params()"
    assert [
        one.partition(" ")[0] for one in in_view(tmp_path, f"{use}\nos.system('x ' + r)", head)
    ] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("urlparse(p).netloc", []), ("f'{urlsplit(p).scheme}://{urlsplit(p).netloc}'", []), ("p", ["taint-log"]),
     ("unquote(p)", ["taint-log"])],
)  # fmt: skip
def test_parsed_addresses_have_no_line_ends(tmp_path: Path, text: str, expected: list[str]) -> None:
    head = "import logging\nfrom urllib.parse import unquote, urlparse, urlsplit\n"
    assert [one.partition(" ")[0] for one in in_view(tmp_path, f"logging.info({text})", head)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("urlparse(p).query", []),
        ("unquote_plus(urlparse(p).query)", ["taint-header"]),
        ("parse_qs(urlparse(p).query)['a'][0]", ["taint-header"]),
        ("dict(parse_qsl(urlsplit(p).query))['a']", ["taint-header"]),
        ("quote(parse_qs(urlparse(p).query)['a'][0])", []),
    ],
)
def test_line_ends_of_an_address_are_there_once_it_is_decoded(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    names = "parse_qs, parse_qsl, quote, unquote_plus, urlparse, urlsplit"
    head = f"from flask import make_response\nfrom urllib.parse import {names}\n"
    told = in_view(tmp_path, f"r = make_response('x')\nr.headers['X-A'] = {text}\nreturn r", head)
    assert [one.partition(" ")[0] for one in told] == expected
