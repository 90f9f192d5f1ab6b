"""Fields of models, forms and schemas: what they let through is no input any more, or input of a harmless sort."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.agents.inspector.taint.programs import analysed, found

API = """\
import os
import re
import uuid
from enum import Enum
from typing import Annotated, Literal, Optional
from fastapi import FastAPI, Query
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, constr, field_validator, model_validator
app = FastAPI()
Known = Literal["a", "b"]
Plain = str
class Colour(str, Enum):
    red = "red"
def plain(value):
    if not re.fullmatch("[a-z]+", value):
        raise ValueError(value)
    return value
"""


def _in_model(root: Path, body: str) -> bool:
    """Whether `body.name` of a request's body with this field reaches a shell."""
    text = API + "class Body(BaseModel):\n" + "".join(f"    {line}\n" for line in dedent(body).splitlines())
    text += "@app.post('/')\ndef view(body: Body):\n    os.system(f'x {body.name}')\n"
    return any("taint-command" in one for one in found(root, {"app.py": text}))


@pytest.mark.parametrize(
    ("body", "is_dangerous"),
    [
        ("name: str", True),
        ("name: str = 'x'", True),
        ("name: str | None = None", True),
        ("name: int | str", True),
        ("name: list[str]", True),
        ("name: dict[str, int]", True),
        ("name: int", False),
        ("name: Optional[int] = None", False),
        ("name: int | None", False),
        ("name: list[int]", False),
        ("name: uuid.UUID", False),
        ("name: Colour", False),
        ("name: Literal['a', 'b'] = 'a'", False),
        ("name: Known = 'a'", False),
        ("name: Plain = 'a'", True),
        ("name: str = Field(pattern='^[a-z]+$')", False),
        ("name: str = Field(pattern='[a-z]+')", True),
        ("name: constr(pattern='^[a-z]+$')", False),
        ("name: Annotated[str, Field(pattern='^[a-z]+$')]", False),
        ("name: Annotated[str, Field(max_length=10)]", True),
        ("name: Annotated[str, AfterValidator(plain)]", False),
        ("name: Annotated[str, StringConstraints(pattern='^[a-z]+$')]", False),
    ],
)
def test_what_a_models_field_lets_through(tmp_path: Path, body: str, *, is_dangerous: bool) -> None:
    assert _in_model(tmp_path, body) is is_dangerous


@pytest.mark.parametrize(
    ("decorators", "check", "is_dangerous"),
    [
        ("@field_validator('name')\n@classmethod", "if not value.isalnum(): raise ValueError()", False),
        ("@field_validator('name')\n@classmethod", "if value.isspace(): raise ValueError()", True),
        (
            "@field_validator('other', 'name')\n@classmethod",
            "if not value.isalnum(): raise ValueError()",
            False,
        ),
        ("@field_validator('*')\n@classmethod", "if not value.isalnum(): raise ValueError()", False),
        ("@field_validator('other')\n@classmethod", "if not value.isalnum(): raise ValueError()", True),
        ("@field_validator('name')\n@classmethod", "if value not in ('a', 'b'): raise ValueError()", False),
        ("@field_validator('name')\n@classmethod", "value = str(int(value))", False),
    ],
)
def test_a_validator_is_called_with_the_value(
    tmp_path: Path, decorators: str, check: str, *, is_dangerous: bool
) -> None:
    method = f"name: str\nother: str\n{decorators}\ndef look(cls, value):\n    {check}\n    return value"
    assert _in_model(tmp_path, method) is is_dangerous


def test_a_validator_of_the_whole_model_counts(tmp_path: Path) -> None:
    look = (
        "name: str\n@model_validator(mode='after')\ndef look(self):\n    if not self.name.isalnum():\n"
        "        raise ValueError()\n    return self"
    )
    assert not _in_model(tmp_path, look)


def test_a_models_own_maker_checks_too(tmp_path: Path) -> None:
    text = dedent("""\
        import os
        from flask import Flask, request
        from pydantic import BaseModel
        app = Flask(__name__)
        class Body(BaseModel):
            name: str
            count: int
        @app.post('/')
        def view():
            body = Body.model_validate(request.json)
            os.system(f'x {body.count}')
            os.system(f'x {body.name}')
            other = Body(name=request.args['n'], count=request.args['c'])
            os.system(f'x {other.count}')
            os.system(f'x {other.name}')
            return 'done'
    """)
    assert found(tmp_path, {"app.py": text}) == ["taint-command app.py:12", "taint-command app.py:15"]


DJANGO = """\
import os
import re
from django import forms
from django.core.validators import RegexValidator, validate_slug
from django.http import HttpResponse
def only(value):
    if not value.isalnum():
        raise forms.ValidationError(value)
class Other(forms.Form):
    name = forms.CharField()
"""


@pytest.mark.parametrize(
    ("field", "is_dangerous"),
    [
        ("forms.CharField(max_length=3)", True),
        ("forms.ChoiceField(choices=[('a', 'A')])", False),
        ("forms.IntegerField()", False),
        ("forms.RegexField(regex=r'^[a-z]+$')", False),
        ("forms.CharField(validators=[RegexValidator(r'^[a-z]+\\Z')])", False),
        ("forms.CharField(validators=[RegexValidator(r'[a-z]')])", True),
        ("forms.CharField(validators=[only])", False),
    ],
)
@pytest.mark.parametrize("read", ["form.cleaned_data['name']", "form.cleaned_data.get('name')"])
def test_what_a_forms_field_lets_through(
    tmp_path: Path, field: str, read: str, *, is_dangerous: bool
) -> None:
    text = DJANGO + (
        f"class Form(forms.Form):\n    name = {field}\ndef view(request):\n    form = Form(request.POST)\n"
        f"    if form.is_valid():\n        os.system('x ' + {read})\n    return HttpResponse('')\n"
    )
    assert any("taint-command" in one for one in found(tmp_path, {"views.py": text})) is is_dangerous


@pytest.mark.parametrize(
    ("field", "is_dangerous"),
    [
        ("StringField('Name')", True),
        ("StringField('Name', [validators.Length(max=3)])", True),
        ("StringField('Name', validators=[validators.Regexp('^[a-z]+$')])", False),
        ("StringField('Name', [validators.AnyOf(['a', 'b'])])", False),
        ("SelectField('Name', choices=['a', 'b'])", False),
        ("IntegerField('Name')", False),
    ],
)
def test_what_a_web_forms_field_lets_through(tmp_path: Path, field: str, *, is_dangerous: bool) -> None:
    text = (
        "import os\nfrom flask import Flask\nfrom flask_wtf import FlaskForm\n"
        "from wtforms import IntegerField, SelectField, StringField, validators\napp = Flask(__name__)\n"
        f"class Form(FlaskForm):\n    name = {field}\n"
        "@app.post('/')\ndef view():\n    form = Form()\n    os.system('x ' + form.name.data)\n    return ''\n"
    )
    assert any("taint-command" in one for one in found(tmp_path, {"app.py": text})) is is_dangerous


def test_a_schema_lets_through_what_its_fields_do(tmp_path: Path) -> None:
    text = dedent("""\
        import os
        from flask import Flask, request
        from marshmallow import Schema, fields, validate
        app = Flask(__name__)
        class Body(Schema):
            name = fields.Str()
            kind = fields.Str(validate=validate.OneOf(['a', 'b']))
            count = fields.Integer()
        @app.post('/')
        def view():
            told = Body().load(request.get_json())
            os.system('x ' + told['kind'])
            os.system('x ' + str(told['count']))
            os.system('x ' + told['name'])
            return ''
    """)
    assert found(tmp_path, {"app.py": text}) == ["taint-command app.py:14"]


def test_a_parameters_pattern_counts(tmp_path: Path) -> None:
    text = API + dedent("""\
        @app.get('/')
        def view(a: str = Query(pattern='^[a-z]+$'), b: str = Query(), c: Annotated[str, Query(pattern='^a$')] = ''):
            os.system(f'x {a}')
            os.system(f'x {c}')
            os.system(f'x {b}')
    """)
    assert found(tmp_path, {"app.py": text}) == ["taint-command app.py:21"]


def test_a_validator_of_a_subclass_leaves_the_type_of_the_field(tmp_path: Path) -> None:
    text = API + (
        "class Base(BaseModel):\n    name: int\n    other: str\n"
        "class Body(Base):\n    @field_validator('name', 'other')\n    @classmethod\n"
        "    def look(cls, value):\n        return value\n"
        "@app.post('/')\ndef view(body: Body):\n    os.system(f'x {body.name}')\n"
        "@app.put('/')\ndef other(body: Body):\n    os.system(f'x {body.other}')\n"
    )
    told = [one for one in found(tmp_path, {"app.py": text}) if "taint-command" in one]
    assert len(told) == 1, told


def test_a_nested_schema_may_be_named_by_its_keyword(tmp_path: Path) -> None:
    """What is not understood of one field costs nothing of the rest of the file."""
    text = (
        "import os\nfrom flask import Flask, request\nfrom marshmallow import Schema, fields\napp = Flask('a')\n"
        "class Inner(Schema):\n    number = fields.Int()\n"
        "class Outer(Schema):\n    inner = fields.Nested(nested=Inner)\n    odd = fields.Nested()\n"
        "@app.get('/')\ndef view():\n    os.system(request.args['x'])\n"
    )
    assert any("taint-command" in one for one in found(tmp_path, {"app.py": text}))


@pytest.mark.parametrize(
    ("head", "field", "is_told"),
    [
        ("from django import forms", "forms.EmailField()", False),
        ("from django import forms", "forms.URLField()", False),
        ("from django import forms", "forms.CharField()", True),
        ("import wtforms as forms", "forms.EmailField()", True),
    ],
)
def test_address_of_mail_is_one_line(tmp_path: Path, head: str, field: str, *, is_told: bool) -> None:
    text = (
        f"import logging, os\n{head}\nfrom django.http import HttpResponse\n"
        f"class Form(forms.Form):\n    name = {field}\ndef view(request):\n    form = Form(request.POST)\n"
        "    if form.is_valid():\n        logging.info(form.cleaned_data['name'])\n"
        "        os.system('x ' + form.cleaned_data['name'])\n    return HttpResponse('')\n"
    )
    told = [one.partition(" ")[0] for one in found(tmp_path, {"views.py": text})]
    assert told == ["taint-log"] * is_told + ["taint-command"]


@pytest.mark.parametrize(
    ("annotation", "is_told"),
    [("EmailStr", False), ("EmailStr | None", False), ("Optional[HttpUrl]", False), ("EmailStr | str", True),
     ("Email", True), ("dict[str, EmailStr]", True), ("str", True)],
)  # fmt: skip
def test_type_of_one_line(tmp_path: Path, annotation: str, *, is_told: bool) -> None:
    text = (
        "import logging, os\nfrom typing import Optional\nfrom fastapi import FastAPI\n"
        "from pydantic import BaseModel, EmailStr, HttpUrl\napp = FastAPI()\nEmail = str\n"
        f"class Body(BaseModel):\n    name: {annotation}\n"
        "@app.post('/')\ndef view(body: Body):\n    logging.info(body.name)\n    os.system(body.name)\n"
    )
    told = [one.partition(" ")[0] for one in found(tmp_path, {"app.py": text})]
    assert told == ["taint-log"] * is_told + ["taint-command"]


@pytest.mark.parametrize(
    ("sent", "confidences"),
    [("form.errors", ["low"]), ("form.data['title']", ["high"]), ("form['title']", ["high"])],
)
def test_errors_of_a_form_are_sentences_of_its_fields(
    tmp_path: Path, sent: str, confidences: list[str]
) -> None:
    text = (
        "import json\nfrom django import forms\nfrom django.http import HttpResponse\n"
        "class Title(forms.Form):\n    title = forms.CharField()\n"
        "def told(form):\n    return form.errors\n"
        f"def view(request):\n    form = Title(request.POST)\n    found = {sent}\n"
        "    return HttpResponse(json.dumps({'a': found}))\n"
    )
    assert [one["confidence"] for one in analysed(tmp_path, {"views.py": text})["findings"]] == confidences
