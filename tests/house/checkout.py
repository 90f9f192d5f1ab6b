"""What the house's tests look at: the files that belong to the project, and programs run in its folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PACKAGES = ("wrenchai_project", "accounts", "tasks", "agents", "monitoring", "api", "frontend", "history")
NOT_OURS = {".git", ".venv", ".wrench", "__pycache__", "staticfiles", "dist"}


@cache
def files() -> tuple[Path, ...]:
    """Give the files of the project: as git tracks them, or, where git is not installed, all that lies here."""
    if shutil.which("git") and (ROOT / ".git").exists():
        # a checkout that belongs to somebody else is usual in CI
        listed = run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]).stdout.split("\0")
        return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())
    return tuple(
        Path(folder) / name
        for folder, inner, names in os.walk(ROOT)
        for name in names
        if not _prune(inner) and not name.endswith(".pyc")
    )


def product_code() -> list[Path]:
    """Give the modules that are shipped, without migrations."""
    return [
        path
        for path in files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in PACKAGES
        and "migrations" not in path.parts
    ]


def pages() -> list[Path]:
    """Give the pages of the documentation."""
    return [
        path
        for path in files()
        if path.suffix == ".md" and path.relative_to(ROOT).parts[0] not in {"samples", "tests"}
    ]


def name(path: Path) -> str:
    """Name a file by its path in the checkout, for test ids."""
    return path.relative_to(ROOT).as_posix()


def run(
    argv: Sequence[str | Path], *, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in the checkout and keep what it says."""
    return subprocess.run(
        [str(part) for part in argv],
        cwd=ROOT,
        env=dict(os.environ if environ is None else environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _prune(inner: list[str]) -> bool:
    """Keep os.walk out of what is not ours; its list is changed in place. Always false."""
    inner[:] = [one for one in inner if one not in NOT_OURS and not one.endswith("_cache")]
    return False
