"""What looks like a way of input in real projects and is none, each with a twin that is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import FLASK, analysed, found, in_view

_API = "from fastapi import FastAPI, File, Response, UploadFile\napp = FastAPI()\n"


def _weights(root: Path, program: str) -> list[tuple[str, str, str]]:
    told = analysed(root, {"app.py": program})
    assert told["not_analysed"] == []
    return [(one["rule"], one["severity"], one["confidence"]) for one in told["findings"]]


@pytest.mark.parametrize(
    ("begin", "told"),
    [
        ('f"/items?key={p}"', []),
        ('f"/{p}"', ["taint-redirect 3"]),
        ("p", ["taint-redirect 3"]),
    ],
)
def test_text_keeps_its_constant_begin_when_more_follows(tmp_path: Path, begin: str, told: list[str]) -> None:
    body = f"from flask import redirect\nurl = {begin}\nredirect(f'{{url}}&{{p}}')"
    assert in_view(tmp_path, body) == told


@pytest.mark.parametrize(
    ("written", "is_told"),
    [("field.help_text", False), ("field.label", False), ("field.value", True), ("form", True)],
)
def test_what_developers_write_into_forms_is_no_input(tmp_path: Path, written: str, is_told: bool) -> None:
    files = {
        "app.py": """
            from django.shortcuts import render
            from shop import ItemForm
            def edit(request):
                return render(request, "a.html", {"form": ItemForm(request.POST)})
        """,
        "templates/a.html": f"{{% for field in form %}}{{{{ {written}|safe }}}}{{% endfor %}}",
    }
    assert found(tmp_path, files) == ["taint-xss app.py:5"] * is_told


@pytest.mark.parametrize(
    ("made", "name", "told"),
    [
        ("render_to_string('{0}', {{'p': p}})", "mail.txt", []),
        ("render_to_string('{0}', {{'p': p}})", "mail.html", ["taint-xss app.py:6"]),
        ("render(request, '{0}', {{'p': p}})", "mail.txt", ["taint-xss app.py:6"]),
    ],
)
def test_text_of_a_message_is_no_page(tmp_path: Path, made: str, name: str, told: list[str]) -> None:
    files = {
        "app.py": f"""
            from django.shortcuts import render
            from django.template.loader import render_to_string
            def view(request):
                p = request.GET["p"]
                return {made.format(name)}
        """,
        f"templates/{name}": "{{ p|safe }}",
    }
    assert [one.replace(":7", ":6") for one in found(tmp_path, files)] == told


@pytest.mark.parametrize(
    ("media", "weights"),
    [
        ('f"video/{kind}"', []),
        ('"image/png"', []),
        ('f"image/{kind}"', [("taint-xss", "medium", "low")]),
        ('f"text/{kind}"', [("taint-xss", "medium", "low")]),
        ('"text/html"', [("taint-xss", "high", "high")]),
    ],
)
def test_film_is_no_page_and_an_image_may_be_one(
    tmp_path: Path, media: str, weights: list[tuple[str, str, str]]
) -> None:
    program = (
        f'@app.get("/")\ndef view(p: str, kind: str):\n    return Response(content=p, media_type={media})\n'
    )
    assert _weights(tmp_path, _API + program) == weights


@pytest.mark.parametrize(
    ("opened", "rules"),
    [('"/data/" + upload.filename', ["taint-path"]), ("upload.file.name and '/data'", [])],
)
def test_name_of_an_uploaded_file_is_input(tmp_path: Path, opened: str, rules: list[str]) -> None:
    program = f'@app.post("/")\ndef view(upload: UploadFile = File(...)):\n    open({opened}, "wb")\n'
    assert [one[0] for one in _weights(tmp_path, _API + program)] == rules


@pytest.mark.parametrize(
    ("base", "rules"),
    [("flask_appbuilder.ModelRestApi", []), ("flask_appbuilder.BaseView", ["taint-xss"])],
)
def test_api_answers_with_data(tmp_path: Path, base: str, rules: list[str]) -> None:
    program = f"""
import flask_appbuilder
from flask import request
class Shop({base}):
    @flask_appbuilder.expose("/")
    def view(self):
        return "<b>" + request.args["p"]
"""
    assert [one[0] for one in _weights(tmp_path, program)] == rules


@pytest.mark.parametrize(
    ("client", "weight"),
    [
        ("httpx.Client()", ("taint-ssrf", "high", "high")),
        ("httpx.Client(timeout=3)", ("taint-ssrf", "high", "high")),
        ("httpx.Client(transport=Inner())", ("taint-ssrf", "medium", "low")),
    ],
)
def test_transport_of_ones_own_may_refuse_addresses(
    tmp_path: Path, client: str, weight: tuple[str, str, str]
) -> None:
    program = 'import httpx\nclass Inner(httpx.HTTPTransport):\n    pass\n@app.route("/")\ndef view():\n'
    program += f'    {client}.get(request.args["p"])\n    return ""\n'
    assert _weights(tmp_path, FLASK + program) == [weight]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("spec.execute(cursor, 'select 1')", []),
        ("spec.execute(cursor, 'select ' + p)", ["taint-sql 2"]),
        ("spec.execute('select ' + p, cursor)", ["taint-sql 2"]),
    ],
)
def test_cursor_that_is_handed_over_is_no_query(tmp_path: Path, call: str, told: list[str]) -> None:
    assert in_view(tmp_path, f"spec, cursor = made(), made(p)\n{call}") == told


@pytest.mark.parametrize(
    ("logged", "weights"),
    [
        ("'saved %s', item", []),
        ("'saved %s', item.name", [("taint-log", "info", "high")]),
        ("'saved %s', [item.name]", []),
        ("'saved {}'.format(item)", []),
        ("f'saved {item}'", []),
        ("f'saved {Named(item.name)}'", [("taint-log", "info", "high")]),
    ],
)
def test_what_an_object_holds_is_hardly_its_text(
    tmp_path: Path, logged: str, weights: list[tuple[str, str, str]]
) -> None:
    program = """
import logging
class Named:
    def __init__(self, name):
        self.name = name
    def __str__(self):
        return self.name
@app.route("/")
def view():
    item = rows()
    item.name = request.args["p"]
"""
    program += f'    logging.info({logged})\n    return ""\n'
    assert _weights(tmp_path, FLASK + program) == weights


@pytest.mark.parametrize(
    ("check", "weight"),
    [
        ("place.parent != BASE", ("taint-path", "high", "medium")),
        ("place.name != 'a'", ("taint-path", "high", "high")),
        ("place.parent == BASE", ("taint-path", "high", "high")),
    ],
)
def test_written_parent_is_a_doubt(tmp_path: Path, check: str, weight: tuple[str, str, str]) -> None:
    program = "from pathlib import Path\nBASE = Path('/data')\n" + '@app.route("/")\ndef view():\n'
    program += (
        f'    place = BASE / request.args["p"]\n    if {check}:\n        return "no"\n    place.read_text()\n'
    )
    told = _weights(tmp_path, FLASK + program + '    return ""\n')
    assert told == [weight]


@pytest.mark.parametrize(
    ("form", "weights"),
    [("form.errors", []), ("form.cleaned_data['name']", [("taint-log", "info", "medium")])],
)
def test_what_a_form_finds_wrong_is_hardly_input(
    tmp_path: Path, form: str, weights: list[tuple[str, str, str]]
) -> None:
    program = f"""
import logging
from django.http import HttpResponse
from shop import ItemForm
def view(request):
    form = ItemForm(request.POST)
    logging.info({form})
"""
    assert _weights(tmp_path, program) == weights


@pytest.mark.parametrize(("number", "confidence"), [(4, "high"), (20, "medium")])
def test_one_of_many_keys_is_less_surely_the_one(tmp_path: Path, number: int, confidence: str) -> None:
    """Of a dictionary with that many keys a function is told only that some value is input."""
    program = '@app.route("/")\ndef view():\n    d = {"p": request.args["p"]}\n'
    program += "".join(f"    d['k{one}'] = str({one})\n" for one in range(number - 1))
    program += '    run(d)\n    return ""\ndef run(d):\n    os.system(d["p"])\n'
    assert _weights(tmp_path, FLASK + program) == [("taint-command", "critical", confidence)]


@pytest.mark.parametrize(
    ("built", "told"),
    [
        ("update(Shop).where(Shop.id == p).values(name=p)", []),
        ("'update shop set name = %s' % p", ["taint-sql 2"]),
    ],
)
def test_values_of_a_statement_are_bound(tmp_path: Path, built: str, told: list[str]) -> None:
    assert in_view(tmp_path, f"from shop import Shop, update, session\nsession.execute({built})") == told


@pytest.mark.parametrize(
    ("read", "told"),
    [
        ("getattr(shop.get_item(p), field)", []),
        ("getattr(shop.get_item(p), 'path')", []),
        ("getattr(request.json['p'], field)", ["taint-path 3"]),
    ],
)
def test_attribute_by_name_of_what_was_stored(tmp_path: Path, read: str, told: list[str]) -> None:
    assert in_view(tmp_path, f"import shop\nfor field in shop.FIELDS:\n    open({read})") == told


@pytest.mark.parametrize(("given", "confidence"), [("request", "low"), ("request.cart", "medium")])
def test_request_that_is_handed_on_is_hardly_what_was_kept_in_it(
    tmp_path: Path, given: str, confidence: str
) -> None:
    program = f"""
from django.shortcuts import redirect
def view(request):
    request.cart = request.GET["cart"]
    return redirect(step().address({given}))
"""
    assert [one[2] for one in _weights(tmp_path, program)] == [confidence]


@pytest.mark.parametrize(
    ("written", "weight"),
    [
        ("{{ form.title(class_='wide')|safe }}", []),
        ("{{ form['title']()|safe }}", []),
        ("{{ form.title.data|safe }}", ["high"]),
        ("{{ form|avatar(20)|safe }}", ["medium"]),
        ("{{ form|trim|safe }}", ["high"]),
        ("{{ form|avatar|e|safe }}", []),
    ],
)
def test_a_field_writes_itself_and_what_a_filter_makes_is_not_known(
    tmp_path: Path, written: str, weight: list[str]
) -> None:
    files = {
        "app.py": """
            from flask import Flask, render_template, request
            app = Flask(__name__)
            @app.route("/")
            def edit():
                return render_template("a.html", form=request.args["p"])
        """,
        "templates/a.html": written,
    }
    assert [one["confidence"] for one in analysed(tmp_path, files)["findings"]] == weight


@pytest.mark.parametrize(
    ("name", "is_told"),
    [("login_form", False), ("loginForm", False), ("platform", True), ("transform", True)],
)
def test_only_what_is_called_a_form_has_fields(tmp_path: Path, name: str, *, is_told: bool) -> None:
    files = {
        "app.py": f"""
            from flask import Flask, render_template, request
            app = Flask(__name__)
            @app.route("/")
            def edit():
                return render_template("a.html", {name}=request.args["p"])
        """,
        "templates/a.html": f"{{{{ {name}.title()|safe }}}}",
    }
    assert bool(analysed(tmp_path, files)["findings"]) == is_told
