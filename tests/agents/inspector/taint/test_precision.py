"""What programs mean, not how they look: each feature with a true twin and a safe one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import FLASK, analysed, found, in_view


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("q = 'x'\nfor n in range(5):\n    if n == 3:\n        q = p\n        break\nos.system(q)", [6]),
        (
            "q = 'x'\nfor n in range(5):\n    if n == 3:\n        q = p\n    if n == 2:\n        break\nos.system(q)",
            [],
        ),
        ("n = 0\nq = 'x'\nwhile n < 3:\n    n += 1\n    if n == 4:\n        q = p\nos.system(q)", []),
        ("n = 0\nq = 'x'\nwhile n < 3:\n    n += 1\n    if n == 2:\n        q = p\nos.system(q)", [7]),
        (
            "n = 0\nwhile True:\n    n += 1\n    if n == 2:\n        break\nos.system(p if n == 3 else 'x')",
            [],
        ),
        ("q = 'x'\nfor part in ['a', p, 'b']:\n    q = part\nos.system(q)", []),
        ("q = 'x'\nfor part in ['a', 'b', p]:\n    q = part\nos.system(q)", [4]),
        ("for n, part in enumerate(['a', p]):\n    if n == 0:\n        os.system(part)", []),
        ("for n, part in enumerate(['a', p]):\n    if n == 1:\n        os.system(part)", [3]),
        ("d = dict(zip(('a', 'b'), ('x', p)))\nos.system(d['a'])", []),
        ("d = dict(zip(('a', 'b'), ('x', p)))\nos.system(d['b'])", [2]),
        ("v = [one for one in ['a', p]]\nos.system(v[0])", []),
        ("v = [one for one in ['a', p]]\nos.system(v[1])", [2]),
        ("import io\nout = io.StringIO()\nout.write(p)\nos.system(out.getvalue())", [4]),
        ("import io\nout = io.StringIO()\nout.write('x')\nos.system(out.getvalue())", []),
        ("os.system('ls %s' % p.count('a'))", []),
    ],
)
def test_known_rounds_and_elements_are_told_apart(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body) == [f"taint-command {line}" for line in expected]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("q = p\nif not q.isalnum():\n    q = 'x'\nos.system(q)", []),
        ("q = p\nif not q:\n    q = 'x'\nos.system(q)", [4]),
        ("if not p.replace('_', '').isalnum():\n    return 'no'\nos.system(p)", []),
        ("if not p.replace(';', '').isalnum():\n    return 'no'\nos.system(p)", [3]),
        ("if not p[:1].isalnum():\n    return 'no'\nos.system(p)", [3]),
        ("try:\n    n = int(p[:1])\nexcept ValueError:\n    n = 0\nos.system(p)", [5]),
        ("if not all(part.isalnum() for part in p.split('-')):\n    return 'no'\nos.system(p)", []),
        ("if not p.split('-')[0].isalnum():\n    return 'no'\nos.system(p)", [3]),
        ("q = p\nif q not in ('a', 'b'):\n    q = 'a'\nos.system(q)", []),
    ],
)
def test_check_counts_for_what_it_was_made_of(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body) == [f"taint-command {line}" for line in expected]


_XML = "from lxml import etree\ntree = etree.parse('a.xml')\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if \"'\" in p:\n    return 'no'\ntree.xpath(f\"//a[@b='{p}']\")", []),
        ("if '\"' in p:\n    return 'no'\ntree.xpath(f\"//a[@b='{p}']\")", ["taint-xpath 3"]),
        ("if \"'\" in p:\n    return 'no'\ntree.xpath(f'//a[{p}]')", ["taint-xpath 3"]),
        ("tree.xpath(\"//a[@b='%s']\" % p.replace(\"'\", ''))", []),
        ("tree.xpath(\"//a[@b='%s']\" % p.replace('\"', ''))", ["taint-xpath 1"]),
    ],
)
def test_refused_quotation_marks_count_between_such_marks(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    assert in_view(tmp_path, body, _XML) == expected


_CLOSURE = "def maker(x):\n    def inner(y):\n        os.system({0})\n    return inner\n"


@pytest.mark.parametrize(("word", "expected"), [("x", ["taint-command app.py:6"]), ("y", [])])
def test_closure_sees_the_values_of_the_call_that_made_it(
    tmp_path: Path, word: str, expected: list[str]
) -> None:
    view = '@app.get("/")\ndef view():\n    maker(request.args["p"])("ls")\n    return "done"\n'
    assert found(tmp_path, {"app.py": FLASK + _CLOSURE.format(word) + view}) == expected


_PAGES = "from flask import render_template_string\nimport jinja2\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return render_template_string('<p>{{ a|safe }}</p>', a=p)", ["taint-xss 1"]),
        ("return render_template_string('<p>{{ a }}</p>', a=p)", []),
        ("return render_template_string('<p>{{ b|safe }}{{ a }}</p>', a=p, b='x')", []),
        ("return jinja2.Template('<p>{{ a }}</p>').render(a=p)", ["taint-xss 1"]),
        ("return jinja2.Environment(autoescape=True).from_string('<p>{{ a }}</p>').render(a=p)", []),
        ("return jinja2.Environment().from_string('<p>{{ a }}</p>').render(a=p)", ["taint-xss 1"]),
    ],
)
def test_template_in_the_program_is_read_for_what_it_escapes(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    assert in_view(tmp_path, body, _PAGES) == expected


_DIGEST = "import hashlib\nKNOWN = {'short': hashlib.md5, 'long': hashlib.sha256}\n"
_CHOSEN = "def digest(text, length='long'):\n    return KNOWN[length](text).hexdigest()\n"


@pytest.mark.parametrize(
    ("call", "expected"), [("digest(b'a')", []), ("digest(b'a', 'short')", ["weak-hash app.py:4"])]
)
def test_calls_in_the_tree_decide_which_hash_a_function_uses(
    tmp_path: Path, call: str, expected: list[str]
) -> None:
    assert found(tmp_path, {"app.py": f"{_DIGEST}{_CHOSEN}print({call})\n"}) == expected


@pytest.mark.parametrize(
    ("maker", "expected"),
    [
        ("return ''.join(random.choice('abc') for _ in range(9))", ["weak-random app.py:4"]),
        ("return ''.join(secrets.choice('abc') for _ in range(9))", []),
    ],
)
def test_maker_of_a_secret_must_not_draw_predictable_numbers(
    tmp_path: Path, maker: str, expected: list[str]
) -> None:
    text = f"import random\nimport secrets\ndef new_password():\n    {maker}\n"
    assert found(tmp_path, {"app.py": text}) == expected


@pytest.mark.parametrize(
    ("made", "expected"), [("(ROOT / name).resolve()", []), ("ROOT / name", ["taint-path app.py:9"])]
)
def test_resolved_path_below_a_folder_is_contained(tmp_path: Path, made: str, expected: list[str]) -> None:
    text = (
        "from flask import Flask\nfrom pathlib import Path\napp = Flask(__name__)\nROOT = Path('/srv')\n"
        "@app.get('/<path:name>')\ndef view(name):\n"
        f"    full = {made}\n    if ROOT in full.parents:\n        return {{'text': full.read_text()}}\n"
        "    return {}\n"
    )
    assert found(tmp_path, {"app.py": text}) == expected


_SHELL = "taint-command"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("import threading\nthreading.Thread(target=run, args=(p,)).start()", [-3]),
        ("import threading\nthreading.Thread(target=run, args=('x',), name=p).start()", []),
        ("import queue\nq = queue.Queue()\nq.put(p)\nq.put('x')\nos.system(q.get())", [5]),
        ("import queue\nq = queue.Queue()\nq.put('x')\nq.put(p)\nos.system(q.get())", []),
        ("import queue\nq = queue.LifoQueue()\nq.put('x')\nq.put(p)\nos.system(q.get())", [5]),
        (
            "from collections import namedtuple\nPair = namedtuple('Pair', 'a b')\nos.system(Pair('x', p).a)",
            [],
        ),
        (
            "from collections import namedtuple\nPair = namedtuple('Pair', 'a b')\nos.system(Pair('x', p).b)",
            [3],
        ),
        ("import base64\nos.system(base64.b64encode(p.encode()).decode())", []),
        ("import base64\nos.system(base64.b64decode(base64.b64encode(p.encode())).decode())", [2]),
        ("from html import escape, unescape\nreturn unescape(escape(p))", ["taint-xss 2"]),
        ("from html import escape, unescape\nreturn escape(unescape(p))", []),
    ],
)
def test_what_is_handed_on_comes_out_where_it_is_used(
    tmp_path: Path, body: str, expected: list[int | str]
) -> None:
    head = "def run(x):\n    os.system(x)\n"
    told = [one if isinstance(one, str) else f"{_SHELL} {one}" for one in expected]
    assert in_view(tmp_path, body, head) == told


_GLOBAL = "name = 'x'\ndef keep(text):\n    global name\n    name = {0}\n"


@pytest.mark.parametrize(("word", "expected"), [("text", ["taint-command 2"]), ("'y'", [])])
def test_global_that_a_called_function_changes_is_read_changed(
    tmp_path: Path, word: str, expected: list[str]
) -> None:
    assert in_view(tmp_path, "keep(p)\nos.system(name)", _GLOBAL.format(word)) == expected


_CLASSES = """
from dataclasses import dataclass, field
from enum import Enum
class Order(Enum):
    up = "up"
class Box:
    def __init__(self):
        self.kept = {}
    def __setitem__(self, key, value):
        self.kept[key] = value
    def __getitem__(self, key):
        return self.kept[key]
@dataclass
class Page:
    title: str
    lines: list = field(default_factory=list)
    def __str__(self):
        return "".join(self.lines)
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.system(Order(p).value)", []),
        ("Order(p)\nos.system(p)", []),
        ("b = Box()\nb['a'] = p\nb['b'] = 'x'\nos.system(b['a'])", [4]),
        ("b = Box()\nb['a'] = p\nb['b'] = 'x'\nos.system(b['b'])", []),
        ("page = Page('x')\npage.lines.append(p)\nos.system(str(page))", [3]),
        ("page = Page(p)\npage.lines.append('x')\nos.system(f'{page}')", []),
    ],
)
def test_classes_do_what_their_special_methods_do(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body, _CLASSES) == [f"{_SHELL} {line}" for line in expected]


@pytest.mark.parametrize(("name", "expected"), [("md5", ["weak-hash app.py:4"]), ("sha256", [])])
def test_default_of_a_setting_is_what_is_used(tmp_path: Path, name: str, expected: list[str]) -> None:
    text = f"import hashlib\nimport os\nused = os.environ.get('DIGEST', '{name}')\nhashlib.new(used, b'a')\n"
    assert found(tmp_path, {"app.py": text}) == expected


_DOOR = """
def plain(view):
    def wrapped(*args, **kwargs):
        {0}
        return view(*args, **kwargs)
    return wrapped
@app.get("/<path:name>")
@plain
def shown(name):
    os.system(name)
    return {{}}
"""


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("if not kwargs['name'].isalnum(): return {}", []),
        ("if not kwargs['name']: return {}", ["taint-command app.py:13"]),
        ("kwargs['name'] = 'ls'", []),
    ],
)
def test_decorator_before_a_view_checks_for_it(tmp_path: Path, check: str, expected: list[str]) -> None:
    assert found(tmp_path, {"app.py": FLASK + _DOOR.format(check)}) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return {'t': open('/srv/' + os.path.split(p)[1]).read()}", []),
        ("return {'t': open('/srv/' + os.path.split(p)[0]).read()}", ["taint-path 1"]),
        ("return {'t': open('/srv/' + p.rpartition('/')[2]).read()}", []),
        ("return {'t': open('/srv/' + p.partition(':')[2]).read()}", ["taint-path 1"]),
        ("return {'t': open('/srv/' + p.split('/')[-1]).read()}", []),
        ("return {'t': open('/srv/' + p.split(':')[-1]).read()}", ["taint-path 1"]),
    ],
)
def test_last_part_of_a_path_is_a_name(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert in_view(tmp_path, body) == expected


@pytest.mark.parametrize(("kind", "expected"), [("'X-Kind'", ["taint-xss 5"]), ("'Content-Type'", [])])
def test_body_that_is_set_later_is_the_page(tmp_path: Path, kind: str, expected: list[str]) -> None:
    body = (
        "from flask import make_response\nanswer = make_response()\nanswer.set_data('<p>' + p)\n"
        f"answer.headers[{kind}] = 'text/plain'\nreturn answer"
    )
    assert in_view(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if type(p) is datetime.date:\n    return f'<b>{p}</b>'\nreturn 'no'", []),
        ("if type(p) is str:\n    return f'<b>{p}</b>'\nreturn 'no'", ["taint-xss 2"]),
        ("if type(p) in (int, datetime.date):\n    return f'<b>{p}</b>'\nreturn 'no'", []),
        ("if type(p) in (int, str):\n    return f'<b>{p}</b>'\nreturn 'no'", ["taint-xss 2"]),
        ("if isinstance(p, (int, datetime.date)):\n    return f'<b>{p}</b>'\nreturn 'no'", []),
        ("if isinstance(p, (int, str)):\n    return f'<b>{p}</b>'\nreturn 'no'", ["taint-xss 2"]),
        ("return p.isoformat()", []),
        ("return p.begin", ["taint-xss 1"]),
    ],
)
def test_type_that_holds_no_text_cannot_be_injected(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert in_view(tmp_path, body, "import datetime\n") == expected


FILTER = """
from django import template
from django.utils.html import escape
from django.utils.safestring import mark_safe

register = template.Library()

@register.filter
def shown(thing):
    return mark_safe(f'<a href="{thing.get_absolute_url()}">{CONTENT}</a>')
"""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{escape(thing)}", []),
        ("{thing}", ["taint-xss tags.py:10"]),
        ("{thing.name}", ["taint-xss tags.py:10"]),
    ],
)
def test_own_address_of_a_model_is_no_danger_but_its_name_is(
    tmp_path: Path, content: str, expected: list[str]
) -> None:
    assert found(tmp_path, {"tags.py": FILTER.replace("{CONTENT}", content)}) == expected


FORMS = """
from django import forms
from django.shortcuts import redirect

class Wish(forms.Form):
    target = forms.CharField()
    other = forms.CharField()

    def clean_target(self):
        return self.cleaned_data["target"]

def view(request):
    form = Wish(request.POST)
    request.session["name"] = form.cleaned_data["other"]
    request.session["kind"] = request.POST["kind"]
    return redirect(form.cleaned_data["FIELD"])
"""


@pytest.mark.parametrize(("field", "confidence"), [("target", "medium"), ("other", "high")])
def test_form_checks_what_it_has_a_method_for(tmp_path: Path, field: str, confidence: str) -> None:
    told = analysed(tmp_path, {"views.py": FORMS.replace("FIELD", field)})
    assert [(one["rule"], one["line"], one["confidence"]) for one in told["findings"]] == [
        ("taint-trust-boundary", 15, "low"),
        ("taint-redirect", 16, confidence),
    ]


def test_check_that_only_a_test_switches_off_is_on(tmp_path: Path) -> None:
    program = "import jwt\n\ndef read(token, verify=True):\n    return jwt.decode(token, verify=verify)\n"
    test = "from tokens import read\n\ndef test_read():\n    read('x', verify=False)\n"
    assert found(tmp_path, {"tokens.py": program, "tests/test_tokens.py": test}) == []
    assert found(tmp_path, {"tokens.py": program, "tools.py": test}) == ["unverified-token tokens.py:4"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return helpers.redirect_to(p + '.read')", []),
        ("return helpers.abort(404, p)", []),
        ("return helpers.shown(p)", [("taint-xss", "info", "low")]),
        ("return helpers.shown_html(p)", [("taint-xss", "info", "low")]),
        ("return p.upper()", [("taint-xss", "high", "high")]),
        ("return '<b>' + p", [("taint-xss", "high", "high")]),
    ],
)
def test_what_an_unknown_function_answers_is_hardly_a_page(
    tmp_path: Path, body: str, expected: list[tuple[str, str, str]]
) -> None:
    head = f"{FLASK}from state import make\nhelpers = make()['h']\n"
    view = f"@app.route('/')\ndef view():\n    p = request.args['p']\n    {body}\n"
    told = analysed(tmp_path, {"app.py": head + view})
    assert [(one["rule"], one["severity"], one["confidence"]) for one in told["findings"]] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("mark_safe(cleaner().clean(p))", []),
        ("mark_safe(cleaner().shorten(p))", ["taint-xss views.py:8"]),
        ("redirect(Signer().unsign(p))", []),
        ("redirect(Signer().sign(p))", ["taint-redirect views.py:8"]),
        ("open(Token.objects.get(key=p).file.name)", []),
        ("open(Token.named(key=p).file.name)", ["taint-path views.py:8"]),
    ],
)
def test_what_was_cleaned_signed_or_stored_by_the_program_is_its_own(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    head = (
        "from django.core.signing import Signer\nfrom django.shortcuts import redirect\n"
        "from django.utils.safestring import mark_safe\nfrom models import Token\nfrom texts import cleaner\n"
    )
    view = f"def view(request):\n    p = request.GET['p']\n    return {body}\n"
    assert found(tmp_path, {"views.py": head + view}) == expected


ENUM = """
from enum import Enum
from fastapi import FastAPI
app = FastAPI()

class Kind(str, Enum):
    small = "small"

@app.get("/{kind}")
def shown(kind: KIND):
    return open(kind).read()
"""


@pytest.mark.parametrize(("kind", "expected"), [("Kind", []), ("str", ["taint-path app.py:11"])])
def test_member_of_an_enumeration_is_no_text_of_the_request(
    tmp_path: Path, kind: str, expected: list[str]
) -> None:
    assert found(tmp_path, {"app.py": ENUM.replace("KIND", kind)}) == expected


@pytest.mark.parametrize(
    "call", ["requests.request('post', URL, data=p)", "requests.Session().post(URL, data=p)"]
)
def test_answer_of_a_server_is_not_what_it_was_sent(tmp_path: Path, call: str) -> None:
    assert in_view(tmp_path, f"return {call}.text", "import requests\nURL = 'https://a.example/'\n") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("redirect(f\"{url_for('x', key=p)}?{request.query_string.decode()}\")", []),
        ('redirect(f"{p}?{request.query_string.decode()}")', [1]),
        ("redirect(f\"{int(p)}{request.args['q']}\")", []),
        ("redirect(f\"{request.args['q']}{url_for('x', key=p)}\")", [1]),
    ],
)
def test_own_address_with_input_behind_it_is_one_still(
    tmp_path: Path, body: str, expected: list[int]
) -> None:
    head = "from flask import redirect, url_for\n"
    assert in_view(tmp_path, body, head) == [f"taint-redirect {line}" for line in expected]


@pytest.mark.parametrize(
    ("read", "expected"),
    [('request.headers["Authorization"]', []), ("str(random.random())", ["weak-random"])],
)
def test_what_somebody_sent_is_not_drawn_by_lot_once_it_is_decoded(
    tmp_path: Path, read: str, expected: list[str]
) -> None:
    program = FLASK + (
        "import base64, random\n"
        "def parted(header):\n    header = base64.b64decode(header.replace('Basic ', '')).decode()\n"
        "    name, password = header.split(':', 1)\n    return name\n"
        f"@app.route('/')\ndef view():\n    parted({read})\n    return ''\n"
    )
    assert [one["rule"] for one in analysed(tmp_path, {"app.py": program})["findings"]] == expected


_DJANGO = (
    "from django.template.defaultfilters import slugify\nfrom django.http import HttpResponseBadRequest\n"
    "from a import form_of\ndef view(request):\n"
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("slugify(request.POST['name'])", []),
        ("form_of(request.POST).errors", []),
        ("form_of(request.POST).errors['name']", ["taint-xss app.py:5"]),
        ("str(form_of(request.POST).errors)", ["taint-xss app.py:5"]),
        ("request.POST['name']", ["taint-xss app.py:5"]),
    ],
)
def test_of_a_dictionary_django_sends_the_keys(tmp_path: Path, answer: str, expected: list[str]) -> None:
    text = f"{_DJANGO}    return HttpResponseBadRequest({answer})\n"
    assert found(tmp_path, {"app.py": text}) == expected


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("request.matched_route.generate({'name': request.matchdict['name']})", []),
        ("request.matchdict['name']", ["taint-redirect app.py:5"]),
    ],
)
def test_address_of_a_route_stays_on_its_host(tmp_path: Path, location: str, expected: list[str]) -> None:
    text = "from pyramid.view import view_config\nfrom pyramid.httpexceptions import HTTPSeeOther\n"
    text += f"@view_config(route_name='a')\ndef view(request):\n    return HTTPSeeOther({location})\n"
    assert found(tmp_path, {"app.py": text}) == expected
