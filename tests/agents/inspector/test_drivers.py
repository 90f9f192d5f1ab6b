"""Drivers that start with less of a package say what the whole package says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.inspector import analyzers
from tests.agents.inspector.trees import plant

DRIVERS = Path(analyzers.__file__).parent / "drivers"
SAMPLE = Path(__file__).parents[3] / "samples" / "shop"
# Where a driver puts the bare package, or a stand-in, in place of the whole one.
PARTS = ("griffe", "pydoclint", "click", "click.core", "detect_secrets", "requests", "subprocess")
# Runs a driver with the whole packages in their places: what it puts there goes nowhere.
WHOLE = """
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
source = open(sys.argv[1]).read().replace("sys.modules[", "nowhere[")
sys.argv = sys.argv[1:]
nowhere = {{"pydoclint": importlib}}
exec(compile(source, sys.argv[0], "exec"), {{"__name__": "__main__", "nowhere": nowhere, "__file__": sys.argv[0]}})
"""
DOCUMENTED = {
    "google.py": 'def f(a):\n    """F.\n\n    Args:\n        b: it\n    """\n    return 1\n',
    "numpy.py": 'def f(a):\n    """F.\n\n    Parameters\n    ----------\n    c : int\n        it\n    """\n',
    "sphinx.py": 'class A:\n    """A.\n\n    :param d: it\n    """\n    def __init__(self, a):\n        pass\n',
    "broken.py": "def f(:\n",
    "key.py": "aws_key = \"AKIA" + "IOSFODNN7ABCDEFG\"\npassword = \"Tr0ub4dor" + "&3-xkcd\"\n",
    "key.yml": "password: Tr0ub4dor" + "&3-xkcd\n",
    "key.ini": "[a]\npassword = Tr0ub4dor" + "&3-xkcd\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("driver", "told"), [("griffe", "unknown"), ("pydoclint", "violations"), ("secrets", "secrets")]
)
def test_driver_says_what_the_whole_package_says(tmp_path: Path, driver: str, told: str) -> None:
    tree = plant(tmp_path, dict(DOCUMENTED))
    files = [
        *sorted(SAMPLE.rglob("*.py")),
        *(tree / name for name in DOCUMENTED if driver == "secrets" or name.endswith(".py")),
    ]
    listed = tmp_path / "list"
    listed.write_bytes(b"".join(str(file).encode() + b"\0" for file in files))
    program = [str(DRIVERS / f"{driver}_driver.py"), str(listed)]
    names = tuple(name for name in PARTS if driver == "secrets" or name not in ("requests", "subprocess"))
    lean, whole = (
        json.loads(
            subprocess.run([sys.executable, "-I", *start, *program], capture_output=True, check=True).stdout
        )
        for start in ([], ["-c", WHOLE.format(names=names)])
    )
    assert lean[told]
    assert lean == whole
