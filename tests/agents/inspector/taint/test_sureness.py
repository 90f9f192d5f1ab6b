"""How surely a way of input is one: what stands late in a list is told nevertheless."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import FLASK, analysed, found


def _weights(root: Path, program: str) -> list[tuple[str, str]]:
    told = analysed(root, {"app.py": FLASK + program})
    assert told["not_analysed"] == []
    return [(one["severity"], one["confidence"]) for one in told["findings"]]


@pytest.mark.parametrize(
    ("read", "weight"),
    [
        ('request.args["p"]', ("high", "high")),
        ('request.args["p"]["folder"]', ("medium", "low")),
        ('request.args["p"].folder', ("medium", "low")),
        ('request.json["p"]["folder"]', ("high", "high")),
        ('json.loads(request.args["p"])["folder"]["name"]', ("high", "high")),
        ('"a/" + yaml.load(request.args["p"], SafeLoader)["folder"]["name"]', ("high", "high")),
        ('"a/" + json.dumps(request.args["p"]["folder"])', ("medium", "low")),
        ('request.cookies["p"].value', ("high", "high")),
        ("part", ("high", "high")),
        ("part.folder", ("medium", "low")),
        ("urlparse(request.full_path).path", ("high", "high")),
        ("unquote(urlsplit(part).path)", ("high", "high")),
    ],
)
def test_part_that_a_text_has_not_is_of_something_else(
    tmp_path: Path, read: str, weight: tuple[str, str]
) -> None:
    program = "import json, yaml\nfrom urllib.parse import unquote, urlparse, urlsplit\nfrom yaml import SafeLoader\n"
    program += f'@app.route("/<path:part>")\ndef view(part):\n    return open({read}).name\n'
    assert _weights(tmp_path, program)[:1] == [weight]


@pytest.mark.parametrize(
    ("sink", "functions", "weight"),
    [
        ("os.system", 4, ("critical", "high")),
        ("os.system", 7, ("critical", "medium")),
        ("os.system", 12, ("high", "low")),
        ("open", 0, ("high", "high")),
        ("open", 1, ("high", "medium")),
        ("open", 2, ("high", "medium")),
        ("open", 3, ("medium", "low")),
        ("open", 7, ("info", "low")),
    ],
)
def test_the_longer_the_way_the_less_sure(
    tmp_path: Path, sink: str, functions: int, weight: tuple[str, str]
) -> None:
    program = f"def f0(p):\n    {sink}(p)\n"
    program += "".join(f"def f{one}(p):\n    f{one - 1}(p)\n" for one in range(1, functions))
    called = f"f{functions - 1}" if functions else sink
    program += f'@app.route("/")\ndef view():\n    p = request.args["p"]\n    {called}(p)\n    return ""\n'
    assert _weights(tmp_path, program) == [weight]


@pytest.mark.parametrize(
    ("read", "weight"),
    [('request.headers["p"]', []), ('request.args["p"]', [("info", "high")])],
)
def test_header_of_a_request_is_one_line(tmp_path: Path, read: str, weight: list[tuple[str, str]]) -> None:
    program = f'import logging\n@app.route("/")\ndef view():\n    logging.info("%s", {read})\n    return ""\n'
    assert _weights(tmp_path, program) == weight


@pytest.mark.parametrize(
    ("body", "weight"),
    [
        ("def stamp(page):\n    return hashlib.md5(page)", ("info", "medium")),
        ("def cache_key(token):\n    return hashlib.md5(token)", ("info", "low")),
        ("def stamp(password):\n    return hashlib.md5(password)", ("low", "high")),
        ("def start():\n    subprocess.run([sys.argv[1], '-q'])", ("info", "low")),
        (
            "@app.route('/')\ndef view():\n    session['next'] = request.args['p']\n    return ''",
            ("info", "low"),
        ),
        ("def start():\n    subprocess.Popen(sys.argv[1:])", ("info", "low")),
        ("def start():\n    subprocess.run(sys.argv[1], shell=True)", ("low", "medium")),
        ("def start():\n    exec(sys.argv[1])", ("low", "medium")),
        (
            "@app.route('/')\ndef view():\n    subprocess.run([request.args['p'], '-q'])\n    return ''",
            ("critical", "medium"),
        ),
    ],
)
def test_what_harms_nobody_is_mere_information(tmp_path: Path, body: str, weight: tuple[str, str]) -> None:
    assert _weights(tmp_path, f"import hashlib, subprocess, sys\nfrom flask import session\n{body}\n") == [
        weight
    ]


@pytest.mark.parametrize(
    ("use", "weight"),
    [
        ("return render_to_string(value)", ("info", "low")),
        ("return mark_safe(value)", ("medium", "low")),
    ],
)
def test_name_that_a_template_hands_over_is_its_author_s(
    tmp_path: Path, use: str, weight: tuple[str, str]
) -> None:
    program = (
        "from django import template\nfrom django.template.loader import render_to_string\n"
        "from django.utils.safestring import mark_safe\nregister = template.Library()\n"
        f"@register.simple_tag\ndef tag(value):\n    {use}\n"
    )
    assert _weights(tmp_path, program) == [weight]


@pytest.mark.parametrize(("made", "weight"), [("drawn", [("medium", "high")]), ("drawn.info", [])])
def test_what_was_drawn_by_lot_has_no_parts(tmp_path: Path, made: str, weight: list[tuple[str, str]]) -> None:
    program = (
        f"import random\ndef make():\n    drawn = random.random()\n    session_token = {made}\n    return 1\n"
    )
    assert _weights(tmp_path, program) == weight


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        ("api_key", ("medium", "high")),
        ("salt", ("medium", "medium")),
        ("user_secret_key", ("medium", "high")),
        ("db_key", ("info", "low")),
    ],
)
def test_key_of_a_table_is_hardly_a_secret(tmp_path: Path, name: str, weight: tuple[str, str]) -> None:
    assert _weights(tmp_path, f"import random\ndef make():\n    {name} = random.random()\n") == [weight]


def test_what_a_test_draws_by_lot_is_not_what_the_program_does(tmp_path: Path) -> None:
    files = {
        "make.py": "def make(x):\n    api_key = x\n    return api_key\n",
        "shop/tests.py": "import random\nfrom make import make\ndef test():\n    make(random.random())\n",
    }
    assert analysed(tmp_path, files)["findings"] == []
    mock = {"make.py": files["make.py"], "shop/mock/bill.py": files["shop/tests.py"]}
    assert analysed(tmp_path, mock)["findings"] == []
    use = {"make.py": files["make.py"], "use.py": files["shop/tests.py"]}
    assert [one["rule"] for one in analysed(tmp_path, use)["findings"]] == ["weak-random"]


@pytest.mark.parametrize(
    ("opened", "weights"),
    [
        ("upload", []),
        ("upload or given", []),
        ("made(upload)", [("high", "medium")]),
        ('"/data/" + upload.filename', [("high", "high")]),
        ('"/data/" + str(upload)', [("info", "low")]),
    ],
)
def test_uploaded_file_is_open_and_its_name_is_not(
    tmp_path: Path, opened: str, weights: list[tuple[str, str]]
) -> None:
    program = 'import zipfile\n@app.route("/")\ndef view():\n    upload = request.files["f"]\n'
    assert _weights(tmp_path, f'{program}    zipfile.ZipFile({opened})\n    return ""\n') == weights


@pytest.mark.parametrize(
    ("address", "opened", "weight"),
    [
        ("/<part>", '"/data/" + part', ("high", "medium")),
        ("/<string:part>", '"/data/" + part', ("high", "medium")),
        ("/<path:part>", '"/data/" + part', ("high", "high")),
        ("/<part>", '"/data/" + unquote(part)', ("high", "high")),
        ("/", '"/data/" + part', ("high", "high")),
    ],
)
def test_one_part_of_an_address_is_no_way_to_elsewhere(
    tmp_path: Path, address: str, opened: str, weight: tuple[str, str]
) -> None:
    program = f'from urllib.parse import unquote\n@app.route("{address}")\ndef view(part):\n'
    assert _weights(tmp_path, f"{program}    return str(len(open({opened}).read()))\n") == [weight]


@pytest.mark.parametrize(
    ("address", "told"),
    [("<name>", []), ("<str:name>", []), ("<path:name>", ["taint-redirect app.py:4"])],
)
def test_one_part_of_an_address_names_no_host(tmp_path: Path, address: str, told: list[str]) -> None:
    files = {
        "urls.py": f"from django.urls import path\nfrom app import go\nurlpatterns = [path('go/{address}', go)]\n",
        "app.py": """
            from django.http import HttpResponseRedirect
            def go(asked, name):
                return HttpResponseRedirect("/" + name)
        """,
    }
    assert found(tmp_path, files) == told


@pytest.mark.parametrize(
    ("pattern", "is_told"), [("(?P<name>[^/]+)", False), ("(?P<name>[^?]+)", True), ("(?P<name>.+)", True)]
)
def test_pattern_of_an_address_may_refuse_slashes(tmp_path: Path, pattern: str, is_told: bool) -> None:
    files = {
        "urls.py": "from django.urls import re_path\nfrom app import go\n"
        f"urlpatterns = [re_path(r'^{pattern}$', go)]\n",
        "app.py": """
            from urllib.parse import unquote
            from django.http import HttpResponseRedirect
            def go(asked, name):
                if asked.GET:
                    return HttpResponseRedirect(f"/{name}")
                return HttpResponseRedirect("/" + unquote(name))
        """,
    }
    assert found(tmp_path, files) == ["taint-redirect app.py:6"] * is_told + ["taint-redirect app.py:7"]


@pytest.mark.parametrize(
    ("returned", "weights"),
    [
        ("current().edit(p)", [("info", "low")]),
        ("current().to_html(p)", [("high", "medium")]),
        ('"<b>" + p', [("high", "high")]),
    ],
)
def test_answer_of_an_unknown_function_is_hardly_the_page(
    tmp_path: Path, returned: str, weights: list[tuple[str, str]]
) -> None:
    program = f'@app.route("/")\ndef view():\n    p = request.args["p"]\n    one = {returned}\n'
    assert _weights(tmp_path, f"{program}    return one\n") == weights


@pytest.mark.parametrize(
    ("written", "weights"),
    [
        ('f"got {request.args}"', []),
        ("given", []),
        ('f"got {request.args}\\n{request.args[0]}"', [("info", "high")]),
    ],
)
def test_all_fields_at_once_are_one_line_of_a_log(
    tmp_path: Path, written: str, weights: list[tuple[str, str]]
) -> None:
    program = 'import logging\n@app.route("/")\ndef view():\n    given = request.args\n'
    assert _weights(tmp_path, f'{program}    logging.warning({written})\n    return ""\n') == weights


def test_what_tests_draw_and_hash_protects_nothing(tmp_path: Path) -> None:
    body = "import hashlib, random\ndef make(x):\n    password = random.random()\n    return hashlib.md5(x)\n"
    assert analysed(tmp_path, {"tests/test_shop.py": body})["findings"] == []
    (tmp_path / "own").mkdir()
    told = analysed(tmp_path / "own", {"shop.py": body})["findings"]
    assert {one["rule"] for one in told} == {"weak-random", "weak-hash"}


@pytest.mark.parametrize(
    ("read", "sink", "weight"),
    [
        ("cookies", "redirect(p)", ("medium", "medium")),
        ("args", "redirect(p)", ("medium", "high")),
        ("cookies", "'<b>' + p", ("high", "medium")),
        ("args", "'<b>' + p", ("high", "high")),
        ("cookies", "os.popen(p).read()", ("critical", "high")),
    ],
)
def test_cookie_is_set_by_nobody_else(tmp_path: Path, read: str, sink: str, weight: tuple[str, str]) -> None:
    program = f'@app.route("/")\ndef view():\n    p = request.{read}["p"]\n    return {sink}\n'
    assert _weights(tmp_path, "from flask import redirect\n" + program)[:1] == [weight]


def test_counter_of_secrets_is_none(tmp_path: Path) -> None:
    assert _weights(tmp_path, "import random\ndef make():\n    hotp_counter = random.random()\n") == []
    secret = "import random\ndef make():\n    hotp_secret = random.random()\n"
    assert _weights(tmp_path, secret) == [("medium", "high")]


@pytest.mark.parametrize(
    ("replaced", "weight"),
    [
        ("reader.find_global = find", ("high", "low")),
        ("reader.find_class = find", ("high", "low")),
        ("other.find_global = find", ("critical", "high")),
        ("reader.find_something = find", ("critical", "high")),
    ],
)
def test_unpickler_whose_classes_the_program_chooses(
    tmp_path: Path, replaced: str, weight: tuple[str, str]
) -> None:
    program = (
        "import pickle\nfrom shop import find, other\n"
        '@app.route("/")\ndef view():\n    reader = pickle.Unpickler(request.stream)\n'
        f"    {replaced}\n    reader.load()\n    return ''\n"
    )
    assert _weights(tmp_path, program) == [weight]


@pytest.mark.parametrize(
    ("read", "severity"),
    [
        ("request.referrer", "low"),
        ("request.headers['Referer']", "low"),
        ("request.headers.get('Referrer')", "low"),
        ("request.headers['X-Next']", "medium"),
        ("request.args['Referer']", "medium"),
    ],
)
def test_redirect_back_to_where_one_was_is_a_small_matter(tmp_path: Path, read: str, severity: str) -> None:
    program = f'from flask import redirect\n@app.route("/")\ndef view():\n    return redirect({read})\n'
    (one,) = analysed(tmp_path, {"app.py": FLASK + program})["findings"]
    assert (one["rule"], one["severity"]) == ("taint-redirect", severity)
    assert one["message"].endswith("page that the browser says it was on.") is (severity == "low")


@pytest.mark.parametrize(
    ("steps", "weight"),
    [
        (0, ("critical", "high")),
        (1, ("critical", "medium")),
        (2, ("high", "low")),
    ],
)
def test_each_unknown_step_is_a_doubt(tmp_path: Path, steps: int, weight: tuple[str, str]) -> None:
    program = (
        "from shop import " + ", ".join(f"f{one}" for one in range(9)) + '\n@app.route("/")\ndef view():\n'
    )
    program += '    p = request.args["p"]\n' + "".join(f"    p = f{one}(p)\n" for one in range(steps))
    assert _weights(tmp_path, f"{program}    os.system(p)\n    return ''\n") == [weight]


def test_three_doubts_make_a_guess(tmp_path: Path) -> None:
    program = (
        'from shop import a, b\n@app.route("/")\ndef view():\n    p = request.args["p"]\n'
        "    open(a(p))\n    p = a(p)\n    p = b(p)\n    open(p['x'])\n    return ''\n"
    )
    told = analysed(tmp_path, {"app.py": FLASK + program})["findings"]
    assert [(one["severity"], one["confidence"]) for one in told] == [("high", "medium"), ("info", "low")]
    assert told[1]["message"].endswith("it is a mere guess.")
    assert "guess" not in told[0]["message"]


@pytest.mark.parametrize(
    ("method", "weight"),
    [("found(p)", ("critical", "medium")), ("known()", ("high", "low"))],
)
def test_what_a_subclass_gives_is_hardly_what_its_object_holds(
    tmp_path: Path, method: str, weight: tuple[str, str]
) -> None:
    program = (
        "from flask.views import MethodView\nclass Pages(MethodView):\n"
        "    def known(self):\n        raise NotImplementedError\n"
        "    def found(self, p):\n        raise NotImplementedError()\n"
        '    def get(self):\n        p = self.mark = request.args["p"]\n'
        f"        os.system(self.{method})\n"
    )
    assert _weights(tmp_path, program)[:1] == [weight]


@pytest.mark.parametrize(
    ("functions", "weights"), [(0, [("medium", "high")]), (1, [("medium", "medium")]), (3, [("info", "low")])]
)
def test_number_from_afar_is_hardly_the_secret_that_a_name_tells_of(
    tmp_path: Path, functions: int, weights: list[tuple[str, str]]
) -> None:
    program = "import random\ndef f0(p):\n    api_token = p\n    return api_token\n"
    program += "".join(f"def f{one}(p):\n    return f{one - 1}(p)\n" for one in range(1, functions))
    last = f"f{functions - 1}(p)" if functions else "1"
    name = "p" if functions else "api_token"
    assert _weights(tmp_path, f"{program}def start():\n    {name} = random.random()\n    {last}\n") == weights


@pytest.mark.parametrize(
    ("read", "rules"),
    [
        ("f", []),
        ("f.file", []),
        ("f if len(p) < 9 else f", []),
        ("f.name", ["taint-path"]),
        ("p", ["taint-log", "taint-path"]),
    ],
)
def test_uploaded_file_of_django_and_its_name(tmp_path: Path, read: str, rules: list[str]) -> None:
    text = (
        "import logging, zipfile\nfrom django.http import HttpResponse\n"
        "def view(request):\n    p = request.GET['p']\n    f = request.FILES['f']\n"
        f"    zipfile.ZipFile({read})\n    logging.info('got ' + {'f.name' if read[0] == 'f' else 'p'})\n"
        "    return HttpResponse('')\n"
    )
    told = [one.partition(" ")[0] for one in found(tmp_path, {"app.py": text})]
    assert sorted(told) == rules
