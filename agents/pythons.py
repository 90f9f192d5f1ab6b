"""The newest Python of this machine: it knows the newest syntax, so it runs what parses Python.

What needs the standard library alone, or packages in pure Python besides, runs under any CPython from ours on; the
older ones cannot parse what the newer ones can, and a file that does not parse is not analysed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

NEWEST_TRIED = 20  # python3.20 is some years away
_ASK = "import sys; print(sys.implementation.name, *sys.version_info[:3])"
_SECONDS = 10.0
_PYENV = re.compile(r"^3\.(\d+)\.\d+$")


@cache
def newest() -> tuple[str, str]:
    """The path and version of the newest CPython found that is not older than ours."""
    ours = (sys.executable, "{}.{}.{}".format(*sys.version_info[:3]))
    for path in _candidates():
        version = _works(path)
        if version:
            return path, version
    return ours


@cache
def newest_with(*packages: str) -> tuple[str, tuple[str, ...]]:
    """The path of the newest CPython that can import these packages of ours, and the folders in which they lie.

    The folders go behind its own ones on `sys.path`. Only for packages in pure Python. No folder is named for our own
    Python, which finds them by itself.
    """
    specs = [find_spec(package) for package in packages]
    folders = tuple(
        dict.fromkeys(str(Path(spec.origin).parents[1]) for spec in specs if spec and spec.origin)
    )
    path, _ = newest()
    if path == sys.executable or not packages or _imports(path, packages, folders):
        return path, () if path == sys.executable else folders
    return sys.executable, ()


def _imports(path: str, packages: Sequence[str], folders: Sequence[str]) -> bool:
    order = f"import sys; sys.path += {list(folders)!r}; import {', '.join(packages)}"
    try:
        done = subprocess.run([path, "-I", "-c", order], capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def why_unread(error: BaseException) -> str:
    """Say why a file could not be parsed, and of faults of syntax, by which Python: a newer one knows more of it."""
    told = f"{type(error).__name__}: {error}"[:300]
    if not isinstance(error, SyntaxError):
        return told
    return f"{told}; read as Python {sys.version_info.major}.{sys.version_info.minor}"


def _candidates() -> list[str]:
    """Interpreters newer than ours, newest first."""
    found: list[tuple[int, str]] = []
    for minor in range(NEWEST_TRIED, sys.version_info.minor, -1):
        path = shutil.which(f"python3.{minor}")
        if path:
            found.append((minor, path))
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    if versions.is_dir():
        for folder in versions.iterdir():
            match = _PYENV.match(folder.name)
            if match and int(match[1]) > sys.version_info.minor:
                found.append((int(match[1]), str(folder / "bin" / "python3")))
    return [path for _, path in sorted(found, key=lambda one: -one[0])]


def _works(path: str) -> str:
    """Its version, if it is a CPython that starts; a shim without a version behind it does not."""
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", _ASK], capture_output=True, timeout=_SECONDS, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeError):
        return ""
    name, _, version = done.stdout.strip().partition(" ")
    return version.replace(" ", ".") if done.returncode == 0 and name == "cpython" else ""
