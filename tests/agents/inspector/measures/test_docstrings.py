"""The share of documented names is the same whoever tells it: the measures of quality, or the docstring report."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.documentation.coverage import coverage
from agents.inspector.measures.docstrings import documented
from agents.symbols import read, sources

ROOT = Path(__file__).parents[4]
CODE = '''
"""A module."""
from functools import cached_property
from typing import overload

if True:
    def told():
        """Told."""
else:
    def other():
        pass

try:
    import x
except ImportError:
    def fallback():
        pass

@overload
def many(a: int) -> int: ...
def many(a):
    """Many."""
    def inner():
        pass

class Thing:
    class Meta:
        pass
    class Inner:
        """In."""
    def __init__(self):
        pass
    @property
    def size(self):
        return 1
    @size.setter
    def size(self, value):
        pass
    @cached_property
    def kept(self):
        return 1
    def use(self):
        pass
    def _own(self):
        pass

def _hidden():
    pass
'''

STAND_IN = '''
try:
    from gone import f
except ImportError:
    def f():
        """Do."""

class Box:
    @classproperty
    def size(cls): ...
    @other.cached_property
    def kept(self): ...
'''


@pytest.fixture
def told(tmp_path: Path):
    def told(files: dict[str, str]) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return both(tmp_path, tmp_path)

    return told


def both(tree: Path, scratch: Path) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    found = sources.listed(tree)
    reported = {one.file: (one.total, one.documented) for one in coverage(read(found, scratch=scratch))}
    measured = {path: documented(path, found.text(path) or "") for path in found.python}
    return {path: one for path, one in measured.items() if one[0]}, reported


def test_what_counts_is_what_the_docstring_report_counts(told):
    files = {
        "a.py": CODE,
        "listed.py": '__all__ = ["_b"]\n__all__ += ["d"]\ndef _b(): ...\ndef c(): ...\ndef d():\n    """D."""\n',
        "p/__init__.py": "",
        "q/__init__.py": "from listed import d\n",
        "r/__init__.py": "import os\nfrom json import dumps\nif os:\n    from listed import c\nprint(1)\n",
        "s/__init__.py": "from json import dumps\n__all__ = ['dumps']\n",
        "t/__init__.py": '"""T."""\nimport os\n',
        "v/__init__.py": "try:\n    import os\nexcept ImportError:\n    os, a.b = None\n",
        "w/__init__.py": "import os\nos.a = 1\nos.b: int = 2\n",
        "stand_in.py": STAND_IN,
        "stand_in_listed.py": f"__all__ = ['f']\n{STAND_IN}",
        "shop/migrations/0001_initial.py": "class Migration: ...\n",
        "tests/test_a.py": "def test_a(): ...\n",
        "broken.py": "def (",
    }
    measured, reported = told(files)
    assert measured == reported
    assert (measured["a.py"], measured["listed.py"]) == ((8, 4), (3, 1))
    packages = {path: measured.get(path) for path in files if path.endswith("__init__.py")}
    assert {path[0]: one for path, one in packages.items() if one} == {"s": (1, 0), "t": (1, 1)}
    assert (measured["stand_in.py"], measured["stand_in_listed.py"]) == ((2, 0), (2, 1))


def test_the_sample_has_one_share(tmp_path):
    measured, reported = both(ROOT / "samples" / "shop", tmp_path)
    assert measured == reported
