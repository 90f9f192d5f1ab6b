"""What programs mean, not how they look: each feature with a true twin and a safe one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import FLASK, found, in_view


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
