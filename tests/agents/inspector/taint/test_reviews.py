"""What is of unknown origin where it could be dangerous: told for review, as information; its safe twin is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from tests.agents.inspector.taint.programs import analysed, to_review

DATABASE = "import psycopg2\ncursor = psycopg2.connect('').cursor()\n"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import os\ndef run(command):\n    os.system(command)\n", ["review-command app.py:3"]),
        ("import os\ndef run(size):\n    os.system(f'head -c {int(size)} log')\n", []),
        ("import os\nfrom elsewhere import what\nos.system(what())\n", ["review-command app.py:3"]),
        ("import os\nWHAT = 'ls'\nos.system(WHAT)\n", []),
        (
            "import subprocess\ndef run(program):\n    subprocess.run([program, '-v'])\n",
            ["review-command app.py:3"],
        ),
        ("import subprocess\ndef run(path):\n    subprocess.run(['cat', '--', path])\n", []),
        ("import subprocess, sys\ndef run():\n    subprocess.run([sys.executable, '-V'])\n", []),
        (
            "import subprocess\ndef run(script):\n    subprocess.run(['bash', '-c', script])\n",
            ["review-command app.py:3"],
        ),
        (f"{DATABASE}cursor.execute(f'SELECT * FROM {{table}}')\n", ["review-sql app.py:3"]),
        (f"{DATABASE}text = 'SELECT * FROM %s' % name\ncursor.execute(text)\n", ["review-sql app.py:4"]),
        (f"{DATABASE}cursor.execute('SELECT * FROM item WHERE name = %s', (name,))\n", []),
        (f"{DATABASE}def run(query):\n    cursor.execute(query)\n", []),  # what a wrapper is for
        ("import code\ndef run(text):\n    code.InteractiveConsole().push(text)\n", ["review-code app.py:3"]),
        ("import code\ncode.InteractiveConsole().push('1 + 1')\n", []),
        ("import importlib\ndef load(name):\n    importlib.import_module(name)\n", []),  # plugins
        (
            "import jsonpickle\ndef read(text):\n    return jsonpickle.decode(text)\n",
            ["review-deserialisation app.py:3"],
        ),
        ("import jsonpickle\njsonpickle.decode('{}')\n", []),
        (
            "from jinja2 import Template\ndef page(text):\n    return Template(text)\n",
            ["review-template app.py:3"],
        ),
    ],
)
def test_a_value_of_unknown_origin_is_told_and_what_was_seen_is_not(
    tmp_path: Path, program: str, expected: list[str]
) -> None:
    assert to_review(tmp_path, {"app.py": program}) == expected


CIPHERS = "from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes\n"
FLASK_PAGE = "from flask import render_template\n"
FUNC = "from django.db.models import Func\n"
FILTER = "from django import template\nregister = template.Library()\n@register.filter"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (
            f"{CIPHERS}def hide(key, iv):\n    return Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()\n",
            ["review-weak-cipher app.py:3"],
        ),
        (
            f"{CIPHERS}def hide(key, iv):\n    return Cipher(algorithms.AES(key), modes.GCM(iv)).encryptor()\n",
            [],
        ),
        (
            f"{CIPHERS}import hmac\ndef hide(key, iv):\n"
            "    made = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()\n"
            "    return made, hmac.new(key, made)\n",
            [],
        ),
        (
            f"{CIPHERS}def read(key, iv):\n    return Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()\n",
            [],
        ),
        ("from Crypto.Cipher import AES\nAES.new(key, AES.MODE_CTR)\n", ["review-weak-cipher app.py:2"]),
        ("from Crypto.Cipher import AES\nAES.new(key, AES.MODE_EAX)\n", []),
        (
            "from multiprocessing.connection import Client\nClient(('host', 1))\n",
            ["review-deserialisation app.py:2"],
        ),
        ("from multiprocessing.connection import Client\nClient(('host', 1), authkey=key)\n", []),
        (
            "import joblib\njoblib.load('model.joblib')\n",  # what is in the file nobody has seen
            ["review-deserialisation app.py:2"],
        ),
        ("import numpy\nnumpy.load('a.npy', allow_pickle=True)\n", ["review-deserialisation app.py:2"]),
        ("import numpy\nnumpy.load('a.npy')\n", []),
        ("import torch\ntorch.load('model.pt', weights_only=True)\n", []),
        ("from ruamel.yaml import YAML\nYAML(typ='unsafe')\n", ["review-deserialisation app.py:2"]),
        ("from ruamel.yaml import YAML\nYAML(typ='safe')\n", []),
        (f"{FLASK_PAGE}render_template('page.jinja2', name=name)\n", ["review-xss app.py:2"]),
        (f"{FLASK_PAGE}render_template(kind + '.txt', name=name)\n", ["review-xss app.py:2"]),
        (f"{FLASK_PAGE}render_template('page.html', name=name)\n", []),
        (f"{FLASK_PAGE}render_template('page.txt', name='Ada')\n", []),
        (
            "from jinja2 import Template\nTemplate('<p>{{ name }}</p>').render(name=name)\n",
            ["review-xss app.py:2"],
        ),
        (
            "from jinja2 import Template\nTemplate('<p>{{ name }}</p>', autoescape=True).render(name=name)\n",
            [],
        ),
        ("from jinja2 import Template\nTemplate('[{{ name }}]').render(name=name)\n", []),
        ("from flask import make_response\nmake_response('<b>' + name + '</b>')\n", ["review-xss app.py:2"]),
        ("from flask import make_response\nmake_response('<b>name</b>')\n", []),
        ("from flask import make_response\nmake_response('<b>' + name, mimetype='text/plain')\n", []),
        (
            "from django.utils.safestring import SafeString\nclass Page(SafeString):\n    pass\n",
            ["review-xss app.py:2"],
        ),
        ("class Page(str):\n    pass\n", []),
        ("class Page:\n    def __html__(self):\n        return self.text\n", ["review-xss app.py:2"]),
        ("class Page:\n    def __html__(self):\n        return escape(self.text)\n", []),
        (f"{FILTER}(is_safe=True)\ndef add(value):\n    return value + '.'\n", ["review-xss app.py:4"]),
        (f"{FILTER}(is_safe=False)\ndef add(value):\n    return value + '.'\n", []),
        (
            f"{FUNC}class Position(Func):\n    template = \"%(function)s('%(text)s' in %(expressions)s)\"\n",
            ["review-sql app.py:2"],
        ),
        (f"{FUNC}class Sum(Func):\n    template = '%(function)s(%(distinct)s%(expressions)s)'\n", []),
        (
            f"{FUNC}class Cast(Func):\n    template = 'CAST(%(expressions)s AS %(kind)s)'\n"
            "    def as_sql(self, compiler, connection):\n        self.extra['kind'] = 'INTEGER'\n",
            [],
        ),
        (
            "from django.views.decorators.csrf import csrf_exempt\n@csrf_exempt\ndef hook(request):\n    pass\n",
            ["review-forgery-protection-off app.py:3"],
        ),
        (
            "import payments\nfrom django.views.decorators.csrf import csrf_exempt\n"
            "@csrf_exempt\ndef hook(request):\n"
            "    payments.receive(request.body, request.headers['X-Signature'])\n",
            [],
        ),
        (
            "from django.views.decorators.csrf import csrf_exempt\n"
            "from django.views.decorators.http import require_safe\n"
            "@csrf_exempt\n@require_safe\ndef feed(request):\n    pass\n",
            [],
        ),
        (
            "from django.utils.html import html_safe\n@html_safe\nclass Page:\n    pass\n",
            ["review-xss app.py:3"],
        ),
        (
            "from django.template import Context\nContext({}, autoescape=False)\nContext({})\n",
            ["review-xss app.py:2"],
        ),
        (
            "import flask\napp = flask.Flask(__name__)\napp.config['DEBUG'] = True\napp.config['DEBUG'] = False\n",
            ["review-debug-mode app.py:3"],
        ),
        ("def call(name):\n    run.__globals__[name]()\n", ["review-code app.py:2"]),
        ("def run(text):\n    __import__('os').system(text)\n", ["review-command app.py:2"]),
        ("__import__('os').system('ls')\n", []),
        ("from lxml import etree\netree.XPath('//user[@name=' + name + ']')\n", ["review-xpath app.py:2"]),
        ("from lxml import etree\netree.parse('a.xml').find('.//{' + space + '}user')\n", []),
        ("query.filter('name = ' + name)\n", ["review-sql app.py:1"]),
        ("query.filter(Item.name == name)\nquery.filter('name = 1')\nquery.filter(name=name)\n", []),
        ("from sqlalchemy import text\ntext('name = ' + name)\n", ["review-sql app.py:2"]),
        ("from sqlalchemy import text\ntext('name = :name')\n", []),
        (
            "from django.utils.html import format_html\nformat_html('<b>' + name)\n",
            ["review-xss app.py:2"],
        ),
        ("from django.utils.html import format_html\nformat_html('<b>{}</b>', name)\n", []),
        (
            "import yaml\nyaml.unsafe_load('!!python/object/new:os.system [ls]')\n",
            ["review-deserialisation app.py:2"],
        ),
        ("import yaml\nyaml.unsafe_load('a: 1')\nyaml.safe_load('!!python/object/new:os.system [ls]')\n", []),
        ("def call(name):\n    globals()[name]()\n", ["review-code app.py:2"]),
        ("def call(name):\n    globals().get(name)()\n", ["review-code app.py:2"]),
        ("def call():\n    globals()['name']()\n", []),
        (
            "from airflow.operators.bash import BashOperator\n"
            "BashOperator(task_id='t', bash_command='echo ' + what)\n",
            ["review-command app.py:2"],
        ),
        (
            "from airflow.operators.bash import BashOperator\nBashOperator(task_id=what, bash_command='echo')\n",
            [],
        ),
        (
            "import pg8000.native\npg8000.native.Connection('me').run(f'SELECT * FROM {name}')\n",
            ["review-sql app.py:2"],
        ),
        (
            "import pg8000.native\npg8000.native.Connection('me').run('SELECT * FROM item WHERE a = :a', a=name)\n",
            [],
        ),
    ],
)
def test_what_declares_itself_harmless_or_lacks_a_part_is_told_and_its_twin_is_not(
    tmp_path: Path, program: str, expected: list[str]
) -> None:
    assert to_review(tmp_path, {"app.py": program}) == expected


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (
            "from django.conf import settings\nfrom hashids import Hashids\nHashids(settings.SECRET_KEY)\n",
            ["weak-cipher app.py:3"],
        ),
        (
            "from flask import current_app\nfrom hashids import Hashids\n"
            "Hashids(salt=current_app.config['SECRET_KEY'])\n",
            ["weak-cipher app.py:3"],
        ),
        ("from django.conf import settings\nfrom hashids import Hashids\nHashids(settings.IDS_SALT)\n", []),
        (
            "import jwt\njwt.encode({}, None, algorithm='none')\njwt.encode({}, key, algorithm='HS256')\n",
            ["unverified-token app.py:2"],
        ),
        ("import rsa\nrsa.newkeys(1024)\nrsa.newkeys(3072)\n", ["weak-key app.py:2"]),
    ],
)
def test_what_is_wrong_with_keys(tmp_path: Path, program: str, expected: list[str]) -> None:
    assert to_review(tmp_path, {"app.py": program}) == expected


def test_settings_of_django_that_switch_a_protection_off(tmp_path: Path) -> None:
    program = (
        "SESSION_COOKIE_SECURE = False\nCSRF_COOKIE_SECURE = True\n"
        "TEMPLATES = [{'BACKEND': 'x', 'OPTIONS': {'autoescape': False}}]\n"
    )
    expected = ["review-cookie-flags settings.py:1", "review-xss settings.py:3"]
    assert to_review(tmp_path, {"settings.py": program}) == expected
    assert to_review(tmp_path, {"settings.py": "", "other.py": program}) == []


def test_what_callers_in_the_tree_pass_is_known(tmp_path: Path) -> None:
    helper = "import os\ndef run(command):\n    os.system(command)\n"
    assert to_review(tmp_path, {"app.py": helper}) == ["review-command app.py:3"]
    assert to_review(tmp_path, {"app.py": helper + "run('ls')\n"}) == []
    helper = "import os\ndef run(**options):\n    os.system(options['name'])\nrun(name='ls')\n"
    assert to_review(tmp_path, {"app.py": helper}) == []


def test_a_function_that_reads_input_itself_is_followed_so_nothing_is_for_review(tmp_path: Path) -> None:
    program = (
        "import os\nfrom flask import Flask, request\nfrom elsewhere import what\napp = Flask(__name__)\n"
        "@app.route('/')\ndef view():\n    name = request.args['n']\n    os.system(what())\n    return 'done'\n"
    )
    assert to_review(tmp_path, {"app.py": program}) == []


def test_a_proof_speaks_instead(tmp_path: Path) -> None:
    program = "import os, sys\nos.system('ls ' + sys.argv[1])\n"
    assert to_review(tmp_path, {"app.py": program}) == ["taint-command app.py:2"]


@pytest.mark.parametrize(
    "program",
    [
        "import os\ndef run(command):\n    os.system(command)\n",
        "import os\nfrom elsewhere import what\nos.system(what())\n",
        "import joblib\ndef test_it():\n    joblib.load('model.joblib')\n",
    ],
)
def test_nobody_reviews_tests(tmp_path: Path, program: str) -> None:
    assert to_review(tmp_path, {"tests/test_it.py": program}) == []
    assert to_review(tmp_path, {"tests/test_it.py": "", "app.py": program}) != []


def test_it_is_information_of_low_confidence_in_words(tmp_path: Path) -> None:
    program = "import jsonpickle\ndef read(text):\n    return jsonpickle.decode(text)\n"
    (told,) = analysed(tmp_path, {"app.py": program})["findings"]
    assert (told["severity"], told["confidence"]) == ("info", "low")
    assert told["title"] == "To be reviewed: object deserialised from what is not known"
    assert told["message"] == "A value of unknown origin reaches jsonpickle.decode(): see who can choose it."
    assert told["hops"] == []


def test_where_a_pattern_speaks_of_the_same_call_it_is_one_finding_under_the_patterns_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "app.py").write_text("import os\n\n\ndef run(command):\n    os.system(command)\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (one,) = analyse(tmp_path, ANALYZERS["security_scan"], scratch=scratch).findings
    assert (one.rule, one.severity.value) == ("S605", "medium")
    assert [evidence.tool for evidence in one.evidence] == ["ruff", "bandit", "taint"]
