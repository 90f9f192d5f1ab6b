"""What other servers, libraries of logins and makers of statements give back, each beside its vulnerable twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import FLASK, analysed, found, in_view

_PAGE = ["taint-xss"]


def _weights(root: Path, program: str) -> list[tuple[str, str, str]]:
    told = analysed(root, {"app.py": FLASK + program})
    assert told["not_analysed"] == []
    return [(one["rule"], one["severity"], one["confidence"]) for one in told["findings"]]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("self.finish(json.dumps([p]))", []),
        ("self.write(json.dumps([p]))", []),
        ("self.finish(p, kind='text/html')", []),  # what kind it is, is not known there
        ("super().finish(p)", []),
    ],
)
@pytest.mark.parametrize("package", ["jupyter_server/base", "shop/base"])
def test_handler_whose_finish_says_what_it_is(
    tmp_path: Path, package: str, method: str, expected: list[str]
) -> None:
    base = (
        "from tornado import web\nclass JupyterHandler(web.RequestHandler):\n    pass\n"
        "class Interface(JupyterHandler):\n    def finish(self, *args, **kwargs):\n"
        '        self.set_header("Content-Type", kwargs.pop("kind", "application/json"))\n'
        "        return super().finish(*args, **kwargs)\n"
    )
    view = (
        f"import json\nfrom {package.replace('/', '.')}.handlers import Interface\n"
        f"class View(Interface):\n    def get(self):\n        p = self.get_argument('p')\n        {method}\n"
    )
    files = {f"{package}/handlers.py": base, f"{package.partition('/')[0]}/views.py": view}
    files |= {f"{package}/__init__.py": "", f"{package.partition('/')[0]}/__init__.py": ""}
    assert [one.partition(" ")[0] for one in found(tmp_path, files)] == expected


def test_handler_whose_finish_says_html_writes_pages(tmp_path: Path) -> None:
    text = (
        "from tornado import web\nclass View(web.RequestHandler):\n    def finish(self, *args):\n"
        '        self.set_header("Content-Type", "text/html")\n        return super().finish(*args)\n'
        "    def get(self):\n        self.write(self.get_argument('p'))\n"
    )
    assert [one.partition(" ")[0] for one in found(tmp_path, {"a.py": text})] == _PAGE


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("db.execute('SELECT ' + p, timeout=3)", ["taint-sql"]),
        ("case.execute('SELECT ' + p, user=p)", []),
        ("Page.objects.extra(where=['a = ' + p])", ["taint-sql"]),
        ("db.execute(pages.limit(p))", []),
        ("db.execute(insert(Page).on_conflict_do_update(set_=p))", []),
        ("db.execute(pages + p)", ["taint-sql"]),
        ("db.execute(pages.params(a=p))", []),
    ],
)
def test_execute_that_takes_what_no_database_takes(tmp_path: Path, body: str, expected: list[str]) -> None:
    told = in_view(tmp_path, body, "from shop import Page, case, db, insert, pages\n")
    assert [one.partition(" ")[0] for one in told] == expected


@pytest.mark.parametrize(
    ("made", "weight"),
    [
        ("pages_after(p)", ("taint-sql", "medium", "low")),
        ("sql_of(p)", ("taint-sql", "high", "medium")),
        ("'SELECT ' + p", ("taint-sql", "high", "high")),
    ],
)
def test_statement_that_an_unknown_function_made_is_most_likely_an_object(
    tmp_path: Path, made: str, weight: tuple[str, str, str]
) -> None:
    program = (
        "from shop import db, pages_after, sql_of\n"
        f'@app.route("/")\ndef view():\n    p = request.args["p"]\n    db.execute({made})\n    return ""\n'
    )
    assert _weights(tmp_path, program) == [weight]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("client.prepare_request_uri(HOME, state=p)", []),
        ("client.authorization_url(HOME, state=p)[0]", []),
        ("client.address(HOME, state=p)", ["taint-redirect"]),
        ("OneLogin_Saml2_Auth({'get_data': p}).login()", []),
        ("OneLogin_Saml2_Auth({'get_data': p}).redirect_to(p)", ["taint-redirect"]),
        ("ask(data=p).headers['Location']", ["taint-redirect"]),
    ],
)
def test_address_that_a_library_of_logins_makes_is_an_own_one(
    tmp_path: Path, made: str, expected: list[str]
) -> None:
    head = (
        "from flask import redirect\nfrom onelogin.saml2.auth import OneLogin_Saml2_Auth\n"
        "from shop import HOME, ask, client\n"
    )
    told = in_view(tmp_path, f"return redirect({made})", head)
    assert [one.partition(" ")[0] for one in told] == expected


@pytest.mark.parametrize(
    ("part", "weight"),
    [
        (".headers['Location']", ("taint-redirect", "info", "low")),
        (".address", ("taint-redirect", "medium", "medium")),
        ("", ("taint-redirect", "medium", "medium")),
    ],
)
def test_head_of_an_answer_is_another_servers(
    tmp_path: Path, part: str, weight: tuple[str, str, str]
) -> None:
    program = (
        "from flask import redirect\nfrom shop import ask\n"
        '@app.route("/")\ndef view():\n'
        f"    return redirect(ask(request.data){part})\n"
    )
    assert _weights(tmp_path, program) == [weight]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(r"(?P<a>[a-z]+)-(?P<b>\d+)", []), (r"(?P<a>[^-]+)-(?P<b>\d+)", ["taint-path"])],
)
def test_several_groups_of_a_match_at_once(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    told = in_view(
        tmp_path,
        f"m = re.match(r'{pattern}', p)\na, b = m.group('a', 'b')\nopen(a)\nopen(b)",
        "import re\n",
    )
    assert [one.partition(" ")[0] for one in told] == expected


@pytest.mark.parametrize(
    ("kept", "expected"), [("ContextVar('a').set(one)", []), ("str(one)", ["weak-random"])]
)
def test_token_by_which_a_variable_is_put_back_is_no_secret(
    tmp_path: Path, kept: str, expected: list[str]
) -> None:
    text = (
        "import random\nfrom contextvars import ContextVar\n"
        f"def f():\n    one = random.randint(1, 10 ** 9)\n    token = {kept}\n    return token\n"
    )
    assert [one.partition(" ")[0] for one in found(tmp_path, {"a.py": text})] == expected


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        ("os.path.abspath(ROOT) + os.sep", []),
        ("os.path.join(os.path.abspath(ROOT), '')", []),
        ("os.path.abspath(ROOT)", ["taint-path"]),
        ("os.path.abspath(ROOT) + os.sep\nroot = ROOT", ["taint-path"]),
    ],
)
def test_begin_that_a_variable_names_ends_with_a_separator(
    tmp_path: Path, begin: str, expected: list[str]
) -> None:
    body = (
        f"root = {begin}\npath = os.path.abspath(os.path.join(ROOT, p))\n"
        "if not path.startswith(root):\n    raise KeyError\nopen(path)"
    )
    told = in_view(tmp_path, body, "import os\nfrom shop import ROOT\n")
    assert [one.partition(" ")[0] for one in told] == expected


@pytest.mark.parametrize(
    ("opened", "weight"),
    [
        ("store.stream_read_file(p)", ("taint-path", "info", "low")),
        ("store.path_of(p)", ("taint-path", "high", "medium")),
    ],
)
def test_stream_that_an_unknown_function_opened_is_no_name(
    tmp_path: Path, opened: str, weight: tuple[str, str, str]
) -> None:
    program = (
        "from flask import send_file\nfrom shop import store\n"
        '@app.route("/")\ndef view():\n    p = request.args["p"]\n'
        f"    one = {opened}\n    return send_file(one)\n"
    )
    assert _weights(tmp_path, program) == [weight]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("max_tokens", []), ("prompt_tokens", []), ("max_token", []), ("user_token", ["weak-random"])],
)
def test_tokens_that_are_pieces_of_texts_are_no_secrets(
    tmp_path: Path, name: str, expected: list[str]
) -> None:
    text = f"import random\ndef f():\n    {name} = random.randint(1, 10 ** 9)\n    return {name}\n"
    assert [one.partition(" ")[0] for one in found(tmp_path, {"a.py": text})] == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("make_response({'errors': [{'detail': p}]}, '404 Not Found')", []),
        ("make_response(f'<p>{p}</p>', 404)", ["taint-xss 2"]),
        ("make_response(({'a': p}['a'], 200))", ["taint-xss 2"]),
        ("make_response({'a': p}, 200, {'Content-Type': 'text/html'})", ["taint-xss 2"]),
    ],
)
def test_flask_makes_json_of_a_dictionary(tmp_path: Path, answer: str, expected: list[str]) -> None:
    assert in_view(tmp_path, f"from flask import make_response\nreturn {answer}") == expected
