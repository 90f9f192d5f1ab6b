"""Parts and what they are parts of: names and values, begins of texts, defaults, buffers, bodies, cookies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import in_view

_JAR = 'from http.cookies import SimpleCookie\njar = SimpleCookie()\njar["session_id"] = "abc"\n'
_PATHS = "from pathlib import Path\n"


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("for n in request.form.keys():\n    if n == 'x':\n        open(request.form[n])", [3]),
        ("for n in request.form.keys():\n    if n == 'x':\n        open(request.form.getlist(n)[0])", [3]),
        ("for n in request.form.keys():\n    if n == 'x':\n        open(n)", []),
        ("for n in request.form:\n    if n == 'x':\n        open(request.form[n])", [3]),
        ("for n in request.form:\n    if n == 'x':\n        open(n)", []),
        (
            "for n in request.headers.keys():\n    if request.headers.get_all(n)[0] == 'x':\n        open(n)",
            [3],
        ),
        ("for v in request.form.values():\n    if v == 'x':\n        open(request.form['y'])", [3]),
        ("for v in request.form.values():\n    if v == 'x':\n        open(v)", []),
        ("for n in list(request.form):\n    if n == 'x':\n        open(request.form[n])", [3]),
        ("for n in sorted(request.form):\n    if n == 'x':\n        open(n)", []),
        ("d = request.get_json()\nfor n in d.keys():\n    if d.get(n) == 'x':\n        open(n)", [4]),
        ("d = request.get_json()\nfor n in d.keys():\n    if d.get(n) == 'x':\n        open(d.get(n))", []),
    ],
)
def test_name_of_a_field_tells_nothing_of_its_value(tmp_path: Path, loop: str, expected: list[int]) -> None:
    assert in_view(tmp_path, loop) == [f"taint-path {line}" for line in expected]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("[:6]", []),
        ("[:7]", []),
        ("[2:4]", []),
        ("[2]", []),
        ("[:8]", ["taint-code 2"]),
        ("[7:]", ["taint-code 2"]),
        ("[:-1]", ["taint-code 2"]),
        ("[7]", ["taint-code 2"]),
        ("[6::-1]", ["taint-code 2"]),  # it is, but nobody writes this
    ],
)
def test_part_of_a_constant_begin_is_constant(tmp_path: Path, part: str, expected: list[str]) -> None:
    assert in_view(tmp_path, f"text = 'pass # ' + p\nexec(text{part})") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("v = request.get_json()\nv.setdefault('a', 'x')\nopen(v['a'])", [3]),
        ("v = dict(request.args.lists())\nv.setdefault('a', ['x'])\nopen(v['a'][0])", [3]),
        ("v = {'b': p}\nv.setdefault('a', 'x')\nopen(v['a'])", []),
        ("v = {'a': p}\nv.setdefault('a', 'x')\nopen(v['a'])", [3]),
        ("v = {}\nv.setdefault('a', []).append(p)\nopen(v['a'][0])", [3]),
        ("v = {}\nv.setdefault('a', []).append(p)\nopen(v.setdefault('b', 'x'))", []),
        ("v = request.get_json() or {'a': 'x'}\nopen(v['a'])", [2]),
        ("v = request.get_json() or {'a': 'x'}\nv['a'] = 'y'\nopen(v['a'])", []),
        ("v = request.get_json()\nif p:\n    v['a'] = 'y'\nopen(v['a'])", [4]),
    ],
)
def test_default_is_one_of_two_values(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert in_view(tmp_path, body) == [f"taint-path {line}" for line in expected]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("print('a', p, file=f)", ["taint-path 4"]),
        ("print('a', len(p), file=f)", []),
        ("print('a', p)", []),
        ("print(*[p], sep='', file=f)", ["taint-path 4"]),
    ],
)
def test_what_is_printed_into_a_buffer_is_read_again(tmp_path: Path, body: str, expected: list[str]) -> None:
    body = f"from io import StringIO\nf = StringIO()\n{body}\nopen(f.getvalue())"
    assert in_view(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("r = make_response()\nr.data = '<p>' + p\nreturn r", [3]),
        ("r = make_response()\nr.data = '<p>' + p\nreturn r, 200", [3]),
        ("r = make_response(p)\nr.data = 'fine'\nreturn r", []),
        ("r = make_response(p)\nr.data = r.data.upper()\nreturn r", [3]),
        ("r = Response(mimetype='text/plain')\nr.data = '<p>' + p\nreturn r", []),
    ],
)
def test_body_of_an_answer_is_what_was_set_last(tmp_path: Path, answer: str, expected: list[int]) -> None:
    head = "from flask import Response, make_response\n"
    assert in_view(tmp_path, answer, head) == [f"taint-xss {line}" for line in expected]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("Path('/srv') not in q.resolve().parents", []),
        ("Path('/srv') not in q.resolve().parents or not q.is_file()", []),
        ("Path('/srv') not in q.parents", [4]),
        ("Path('/srv') in q.resolve().parents", [4]),
    ],
)
def test_folder_among_the_parents_of_what_it_leads_to(tmp_path: Path, test: str, expected: list[int]) -> None:
    body = f"q = Path('/srv') / p\nif {test}:\n    return 'no'\nopen(q)"
    assert in_view(tmp_path, body, _PATHS) == [f"taint-path {line}" for line in expected]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("fileinput.input(files=['/srv/' + p])", ["taint-path 2"]),
        ("fileinput.FileInput(('/srv/' + p,))", ["taint-path 2"]),
        ("fileinput.input(files=['/srv/a'], encoding=p)", []),
    ],
)
def test_files_that_are_read_by_their_lines(tmp_path: Path, call: str, expected: list[str]) -> None:
    assert in_view(tmp_path, f"import fileinput\n{call}") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('jar["session_id"]["path"] = "/"\njar["session_id"].OutputString()', [5]),
        ('jar["session_id"]["secure"] = True\njar["session_id"].OutputString()', []),
        ('jar["session_id"].update({"secure": True})\njar["session_id"].OutputString()', []),
        ('jar["session_id"]["secure"] = False\njar.output()', [5]),
        ('jar["session_id"]["secure"] = True\njar.output()', []),
        ('jar["session_id"][p] = True\njar.output()', []),
        ("for one in jar.values():\n    one.OutputString()", [5]),
    ],
)
def test_cookie_is_written_with_the_flags_that_were_set(
    tmp_path: Path, body: str, expected: list[int]
) -> None:
    assert in_view(tmp_path, _JAR + body) == [f"cookie-flags {line}" for line in expected]
