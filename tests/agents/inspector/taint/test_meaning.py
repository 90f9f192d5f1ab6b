"""Small things of the language and its libraries that decide whether a flow is real: true and safe twins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import FLASK, found, in_view

_BODIES = [
    # what errors tell
    ("try:\n    int(p)\nexcept ValueError as error:\n    return f'<p>{error}'", ["taint-xss 4"]),
    ("try:\n    int(p)\nexcept ValueError:\n    return '<p>no'", []),
    ("q = 'x'\ntry:\n    q = p\n    int('x')\nexcept ValueError:\n    q = 'y'\nos.system(q)", []),
    (
        "q = 'x'\ntry:\n    q = p\n    int('x')\nexcept ValueError:\n    pass\nos.system(q)",
        ["taint-command 7"],
    ),
    # what an inner function changes
    (
        "q = 'x'\ndef take():\n    nonlocal q\n    q = p\ntake()\nos.system(q)",
        ["taint-command 6"],
    ),
    ("q = p\ndef drop():\n    nonlocal q\n    q = 'x'\ndrop()\nos.system(q)", []),
    # what is signed
    (
        "import hmac\nd = hmac.new(b'k', p.encode(), 'sha256').hexdigest()\n"
        "if not hmac.compare_digest(d, request.args['s']):\n"
        "    return 'no'\nos.system(p)",
        [],
    ),
    (
        "import hmac\nif not hmac.compare_digest(p, request.args['s']):\n    return 'no'\nos.system(p)",
        ["taint-command 4"],
    ),
    # a missing key is None
    ("import requests\nrequests.get({'a': 'http://a.example/'}.get(p) or p)", ["taint-ssrf 2"]),
    ("import requests\nrequests.get({'a': 'http://a.example/'}.get(p) or 'http://b.example/')", []),
    # paths
    (
        "full = os.path.abspath(os.path.join('/srv/www', p))\nif not full.startswith('/'):\n    return 'no'\n"
        "return {'t': open(full).read()}",
        ["taint-path 4"],
    ),
    (
        "full = os.path.abspath(os.path.join('/srv/www', p))\nif not full.startswith('/srv/www/'):\n"
        "    return 'no'\nreturn {'t': open(full).read()}",
        [],
    ),
    ("import io, zipfile\nreturn {'n': len(zipfile.ZipFile(io.BytesIO(p.encode())).namelist())}", []),
    # texts that escape what is put into them
    ("from markupsafe import Markup\nreturn Markup('<p>%s</p>') % p", []),
    ("from markupsafe import Markup\nreturn Markup('<p>%s</p>' % p)", ["taint-xss 2"]),
    # XPath
    (
        "from lxml import etree\netree.XPathEvaluator(etree.parse('a.xml'))('//a[' + p + ']')",
        ["taint-xpath 2"],
    ),
    ("from lxml import etree\netree.XPathEvaluator(etree.parse('a.xml'))('//a[$p]', p=p)", []),
    # XML
    (
        "import io\nfrom lxml import etree\netree.iterparse(io.BytesIO(p.encode()), resolve_entities=True)",
        ["taint-xxe 3"],
    ),
    (
        "import io\nfrom lxml import etree\netree.iterparse(io.BytesIO(p.encode()), resolve_entities=False)",
        [],
    ),
    # logs
    ("import logging\nlogging.error('words: %s', ' '.join(p.split(' ')))", ["taint-log 2"]),
    ("import logging\nlogging.error('words: %s', p.split(' '))", []),  # a list is written as repr() does
    ("import logging\nlogging.error('words: ' + ' '.join(p.split()))", []),
    ("import logging\nlogging.error(f'words: {p.split()} {[p]}')", []),
    ("import logging\nlogging.error('words: %s', [p])", []),
    # cookies
    (
        "from flask import make_response\na = make_response('x')\na.headers['Set-Cookie'] = 'session=1; HttpOnly'\n"
        "return a",
        ["cookie-flags 3"],
    ),
    (
        "from flask import make_response\na = make_response('x')\na.headers['Set-Cookie'] = 'session=1; Secure'\n"
        "return a",
        [],
    ),
    (
        "from flask import make_response\na = make_response('x')\n"
        "a.set_cookie('session', '1', None, None, '/', None, True, True)\nreturn a",
        [],
    ),
]


@pytest.mark.parametrize(("body", "expected"), _BODIES)
def test_program_is_judged_by_what_it_does(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert in_view(tmp_path, body) == expected


@pytest.mark.parametrize(("name", "expected"), [("sha1", ["weak-hash app.py:5"]), ("sha256", [])])
def test_settings_in_the_program_are_read(tmp_path: Path, name: str, expected: list[str]) -> None:
    text = (
        "import configparser\nimport hashlib\nkept = configparser.ConfigParser()\n"
        f"kept.read_string('[a]\\nhash = {name}')\nhashlib.new(kept['a']['hash'])\n"
    )
    assert found(tmp_path, {"app.py": text}) == expected


@pytest.mark.parametrize(("text", "expected"), [("f'echo {x}'", ["taint-command app.py:10"]), ("x", [])])
def test_command_line_for_an_unknown_shell_is_doubtful(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    view = (
        "import subprocess\nimport sys\n@app.get('/')\ndef view():\n    x = request.args['x']\n"
        "    line = ['cmd', '/c'] if sys.platform == 'win32' else ['sh', '-c']\n"
        f"    subprocess.run([line[0], line[1], {text}])\n    return {{}}\n"
    )
    assert found(tmp_path, {"app.py": FLASK + view}) == expected
