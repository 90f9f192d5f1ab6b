"""The newest Python of this machine: it knows the newest syntax, so it runs the engine.

The engine needs the standard library alone, so any CPython from 3.11 on will do; the older ones cannot parse what
the newer ones can, and a file that does not parse is not analysed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
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
