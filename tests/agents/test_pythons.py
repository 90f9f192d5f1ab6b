"""Which Python parses Python: the newest that there is, if it has what a reader needs."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import pythons
from agents.imports import read as read_imports
from agents.pythons import newest, newest_with, why_unread
from agents.symbols import read
from agents.symbols.sources import listed
from tests.agents.inspector.trees import plant

NEW = '''\
import os

type Pair[T] = tuple[T, T]


class Box[T]:
    """Holds one."""

    def put[U: int](self, one: U, *, name: str = f"{"a"}") -> T: ...
'''

newer = pytest.mark.skipif(
    tuple(map(int, newest()[1].split(".")[:2])) < (3, 12), reason="NO NEWER PYTHON: its syntax was not read"
)


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    newest_with.cache_clear()
    yield
    newest_with.cache_clear()


@newer
def test_newer_syntax_is_read_whatever_runs_the_worker(tmp_path: Path) -> None:
    root = plant(tmp_path / "tree", {"new.py": NEW, "bad.py": "def f(:\n"})
    symbols = read(listed(root), scratch=tmp_path)
    paths = [one.path for module in symbols.modules for one in module.walk()]
    assert paths == ["new", "new.Pair", "new.Box", "new.Box.put"]
    assert [one.path for one in symbols.failed] == ["bad.py"]
    assert symbols.failed[0].reason.endswith(f"; read as Python {'.'.join(newest()[1].split('.')[:2])}")
    facts = read_imports(root, ["new.py"], max_bytes=9_999, scratch=tmp_path)
    assert (facts.failed, [fact[0] for fact in facts.facts["new.py"]]) == ((), ["os"])


def test_python_that_cannot_import_what_is_needed_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = shutil.which("false")
    assert shell is not None
    monkeypatch.setattr(pythons, "newest", lambda: (shell, "3.99.0"))
    assert newest_with("griffe") == (sys.executable, ())
    assert newest_with() == (shell, ())
    root = plant(tmp_path / "tree", {"a.py": "def f(): ...\n"})
    assert [module.path for module in read(listed(root), scratch=tmp_path).modules] == ["a"]


def test_own_python_finds_its_packages_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "newest", lambda: (sys.executable, "3.11.0"))
    assert newest_with("griffe") == (sys.executable, ())


def test_why_unread_names_the_python_for_faults_of_syntax_alone() -> None:
    with pytest.raises(SyntaxError) as caught:
        ast.parse("def f(:")
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert why_unread(caught.value) == (f"SyntaxError: {caught.value}; read as Python {ours}")
    assert why_unread(ValueError("larger than 9 bytes")) == "ValueError: larger than 9 bytes"
