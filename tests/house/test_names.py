"""The check that tests import from each other what is there finds what is not, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.house.checkout import ROOT
from tests.house.names import faults


def test_every_name_is_there() -> None:
    assert list(faults(ROOT)) == []


def test_names_that_are_gone_are_told_and_others_are_not(tmp_path: Path) -> None:
    for path, text in {
        "tests/__init__.py": "",
        "tests/helpers.py": "import os\nif os.name:\n    A = 1\nelse:\n    from x import y as A\n\n"
        "def f():\n    hidden = 1\n\nclass C:\n    inner = 1\n",
        "tests/deep/__init__.py": "kept = [hidden for hidden in ()]\n",
        "tests/deep/leaf.py": "(a, *b), c = x = (1, 2), 3\n",
        "tests/test_a.py": "from tests import helpers, deep, gone\nfrom tests.helpers import A, C, f, hidden, inner\n"
        "from tests.deep import leaf, kept, leaves\nfrom tests.deep.leaf import a, b, c, x\n"
        "def g():\n    from tests.nowhere import it\n",
        "benchmarks/one.py": "from tests.helpers import A, old\nfrom os import anything\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert sorted(faults(tmp_path)) == [
        "benchmarks/one.py:1: no old in tests.helpers",
        "tests/test_a.py:1: no gone in tests",
        "tests/test_a.py:2: no hidden in tests.helpers",
        "tests/test_a.py:2: no inner in tests.helpers",
        "tests/test_a.py:3: no leaves in tests.deep",
        "tests/test_a.py:6: no it in tests.nowhere",
    ]
