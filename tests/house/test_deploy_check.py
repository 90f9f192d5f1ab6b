"""`manage.py check --deploy` has nothing to say about the settings of a server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.checkout import ROOT

SERVER = {
    "DEBUG": "0",
    "SECRET_KEY": "9f1c0e6b7d8a4f52b3e6a1c47d9081f2a5b6c7d8e9f00112334455",
    "DATABASE_URL": "postgresql://wrench@127.0.0.1:1/wrenchai",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "WRENCH_HTTPS": "1",
    "WRENCH_HSTS_SUBDOMAINS": "1",
    "ALLOWED_HOSTS": "wrench.example.org",
    "WRENCH_BASE_URL": "https://wrench.example.org",
    "WRENCH_MASTER_KEY": "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "WRENCH_API_KEY_PEPPERS": "a:0123456789abcdef0123456789abcdef0123456789abcdef",
}


def check(tmp_path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**kept, "WRENCH_STATE_DIR": str(tmp_path), **SERVER, **changes},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_settings_of_a_server_pass(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.stdout + done.stderr == "System check identified no issues (1 silenced).\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("changes", "told"), [({"WRENCH_HTTPS": "0"}, "security.W004"), ({"DEBUG": "1"}, "security.W018")]
)
def test_settings_of_a_laptop_do_not(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    done = check(tmp_path, **changes)
    assert done.returncode == 1
    assert told in done.stderr
