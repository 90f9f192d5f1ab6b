"""Dead code: told where nothing names it, silent where a framework, a template or a library's user does."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.findings import Confidence
from tests.agents.inspector.trees import inspect, places, plant

SHOP = Path(__file__).parents[3] / "samples" / "shop"


def test_what_no_file_names_is_dead_and_what_another_file_names_is_not(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "manage.py": "import a\na.used()\n",
            "a.py": "def used():\n    return 1\n\n\ndef _dead():\n    return 2\n\n\ndef public():\n    return 3\n",
            "b.py": "def f():\n    return 1\n    print('never')\n\n\nf()\n",
        },
    )
    found = inspect(tmp_path, "dead_code").findings
    assert places(found) == ["unreachable-code b.py:3", "dead-code a.py:5", "dead-code a.py:9"]
    assert [finding.confidence for finding in found] == [Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW]
    assert found[1].cwe == (561,)


def test_names_that_are_put_together_are_used(tmp_path: Path) -> None:
    made = "class A:\n    def run(self, kind):\n        return getattr(self, f'_do_it_{kind}')()\n\n"
    plant(
        tmp_path,
        {
            "manage.py": "import a\na.A().run('x')\n",
            "a.py": f"{made}    def _do_it_now(self):\n        pass\n\n    def _did_it(self):\n        pass\n",
        },
    )
    assert places(inspect(tmp_path, "dead_code").findings) == ["dead-code a.py:8"]


def test_key_of_a_cache_is_no_name_that_is_looked_up(tmp_path: Path) -> None:
    kept = "def keep(cache, number):\n    cache[f'user_{number}'] = getattr(cache, 'x')\n\n\nkeep({}, 1)\n"
    apart = kept.replace("getattr(cache, 'x')", "1")
    for path, text in (("a", kept), ("b", apart)):
        plant(tmp_path / path, {"manage.py": f"{text}\n\ndef user_left():\n    return 1\n"})
    found = [places(inspect(tmp_path / path, "dead_code").findings) for path in ("a", "b")]
    assert found == [[], ["dead-code manage.py:8"]]


def test_public_names_of_a_library_are_for_its_users(tmp_path: Path) -> None:
    code = "def _dead():\n    return 2\n\n\ndef public():\n    return 3\n"
    plant(tmp_path, {"pyproject.toml": "[project]\nname = 'lib'\n", "lib/__init__.py": code})
    assert places(inspect(tmp_path, "dead_code").findings) == ["dead-code lib/__init__.py:1"]


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "def helper():\n    return 1\n", "t.html": "{{ order.helper }}"},
        {"a.py": "def helper():\n    return 1\n", "t.html": "Nimm \u201ehelper\u201c."},
        {"a.py": "def h\u00f6he():\n    return 1\n", "t.html": "{{ order.h\u00f6he }}"},
        {"a.py": "def helper():\n    return 1\n", "app.toml": "run = 'a:helper'\n"},
        {"a.py": "def helper():\n    return 1\n\n\ngetattr(__import__('a'), 'helper')\n"},
        {
            "a.py": "from flask import Flask\napp = Flask('a')\n\n\n@app.route('/')\ndef index():\n    return ''\n"
        },
        {"a.py": "class V(View):\n    def get(self):\n        return 1\n\n\nV()\n"},
        {"tests/test_a.py": "def _helper():\n    return 1\n"},
        {"app/migrations/0001_a.py": "def forwards(apps, schema_editor):\n    return 1\n"},
        {"a.py": "class C:\n    def __enter__(self):\n        return 1\n\n\nC()\n"},
        {"a.py": "class C:\n    def clean(self):\n        return 1\n\n\nC()\n"},
        {"a.py": "__all__ = ['f']\n\n\ndef f():\n    return 1\n"},
        {"a.py": "def _f():  # noqa\n    return 1\n"},
    ],
)
def test_what_is_called_from_elsewhere_is_not_dead(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    plant(tmp_path, files)
    assert places(inspect(tmp_path, "dead_code").findings) == []


@pytest.mark.parametrize("others", [0, 60])
def test_a_template_s_words_are_found_among_few_names_and_among_many(tmp_path: Path, others: int) -> None:
    names = ["helper", "h\u00f6he", *(f"dead_{number}" for number in range(others))]
    code = "\n\n".join(f"def {name}():\n    return 1\n" for name in names)
    plant(tmp_path, {"a.py": code, "t.html": "{{ order.helpers }} {{ order.helper }} {{ order.h\u00f6he }}"})
    titles = [finding.message.split()[7] for finding in inspect(tmp_path, "dead_code").findings]
    assert titles == [f"dead_{number}," for number in range(others)]


def test_name_in_prose_keeps_nothing_alive(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "def _gone():\n    return 1\n", "README.md": "`_gone` does nothing.\n"})
    assert places(inspect(tmp_path, "dead_code").findings) == ["dead-code a.py:1"]


def test_sample_shop_has_one_dead_function() -> None:
    found = inspect(SHOP, "dead_code").findings
    assert places(found) == ["dead-code orders/shipping.py:41"]
