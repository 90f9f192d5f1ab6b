"""Trees whose names are syntax of what is written about them: every operation tells them, and acts on none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.grounding import replaced
from agents.pythons import newest
from tests.agents.documentation.conftest import Work
from tests.agents.inspector.trees import plant

CODE = (
    '"""Says `a`."""\n\n\ndef lacking(a):\n    return a\n\n\n'
    'def told(größe):\n    """Tell.\n\n    Args:\n        gone: no\n    """\n'
)
URLS = (
    "from django.urls import path\nfrom shop import views\n"
    "urlpatterns = [path('a`b|<c>/<int:pk>/', views.odd, name='x`|<b>')]\n"
)
MODELS = (
    "from django.db import models\n\n\nclass Größe(models.Model):\n"
    "    of = models.ForeignKey(made(), models.CASCADE)\n"
    "    up = models.ForeignKey('self', models.CASCADE, db_column='a`b|<c>')\n"
)
ODD = {
    "shop/__init__.py": "",
    "shop/a`b|c.py": CODE,
    "shop/``.py": CODE,
    "shop/a\\`b.py": CODE,
    "shop/<b>x](y.py": CODE,
    "shop/sp ace.py": CODE,
    "shop/-dash.py": CODE,
    "shop/class.py": CODE,
    "shop/größe.py": CODE,
    "shop/urls.py": URLS,
    "shop/views.py": 'def odd(request, pk):\n    """A `b | <c>."""\n',
    "shop/models.py": MODELS,
    "shop/settings.py": "ROOT_URLCONF = 'shop.urls'\n",
}


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ("api_reference", "lacking"),
        ("architecture_map", "größe"),
        ("docstring_report", "``shop/a`bǀc.py:4``"),
        ("docstring_patch", ""),
        ("data_model", "`made()`"),
        ("http_api", "/a'b\\|{c}/{pk}/"),
        ("readme_check", ""),
    ],
)
def test_names_that_are_syntax_end_no_operation(work: Work, operation: str, told: str) -> None:
    done = work(operation, ODD)
    pages = [content.decode() for name, content in done.artifacts.items() if name.endswith(".md")]
    assert not told or any(told in page for page in pages)
    assert not any("<b>x" in replaced(page, lambda _: "") for page in pages)


def test_parameters_are_those_that_python_reads(work: Work) -> None:
    """A ligature is its letters, and names need no Latin letter."""
    entries = "\n        名前: one\n        \ufb01: two\n        größe: three\n"
    code = f'def f(名前, \ufb01, größe, rest=1):\n    """Do.\n\n    Args:{entries}    """\n'
    done = work("docstring_report", {"a.py": code})
    assert [(one.rule, one.message) for one in done.findings] == [
        ("docstring-missing-parameter", "The docstring of f() lists its parameters, but not `rest`.")
    ]


NEW_SYNTAX = (
    'type Many[T] = list[T]\n\n\ndef f[T](a: T) -> str:\n    """Do."""\n    return f"{\'a\' + f"{a}"}"\n'
)


@pytest.mark.skipif(
    [int(one) for one in newest()[1].split(".")] < [3, 12],
    reason="no Python of this machine knows that syntax",
)
def test_pages_and_trees_are_read_by_the_newest_python_that_is_there(work: Work, tmp_path: Path) -> None:
    page = {"README.md": f"```python\n{NEW_SYNTAX}```\n"}
    assert work("readme_check", page).findings == []
    base = plant(tmp_path / "base", {"a.py": f"{NEW_SYNTAX}\n\ndef gone(): ...\n"})
    done = work(
        "changelog",
        {"a.py": NEW_SYNTAX},
        request={"target": {"kind": "archive", "digest": "0" * 64, "name": "a.zip"}},
        base=base,
    )
    assert json.loads(done.artifacts["changelog.json"])["breaking_api"][0]["path"] == "a.gone"
