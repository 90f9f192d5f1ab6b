"""Settings: a value that cannot be used is named with a hint, and nothing starts with it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.house.checkout import ROOT, product_code, run
from wrenchai_project.env import DECLARED

DEFAULT_SECRET = "insecure-development-key-of-wrenchai"
SOUND = {
    "DEBUG": "0",
    "SECRET_KEY": "a-secret-of-our-own-" * 3,
    "DATABASE_URL": "postgresql://wrench@127.0.0.1:1/wrenchai",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
BAD = [
    pytest.param({"DEBUG": "maybe"}, "DEBUG: 'maybe' is neither yes nor no", "use 1 or 0", id="flag"),
    pytest.param({"WRENCH_LEASE_SECONDS": "long"}, "'long' is no whole number", "from 3 to 600", id="number"),
    pytest.param({"WRENCH_LEASE_SECONDS": "1"}, "1 is out of bounds", "from 3 to 600", id="number-small"),
    pytest.param({"WRENCH_LEASE_SECONDS": "9999"}, "9999 is out of bounds", "from 3 to 600", id="number-large"),
    pytest.param({"WRENCH_LOCAL_ROOTS": "code"}, "'code' is not absolute", "starting with /", id="folders"),
    pytest.param({"DATABASE_URL": "mysql://h/x"}, "scheme 'mysql'", "write postgresql://", id="database"),
    pytest.param({"DATABASE_URL": "postgresql://h"}, "database ''", "write postgresql://", id="database-name"),
    pytest.param({"DATABASE_URL": "postgresql://h:abc/x"}, "DATABASE_URL", "write postgresql://", id="database-port"),
    pytest.param({"DATABASE_URL": "postgresql://h,/x"}, "one of them without a name", "host2:5432", id="db-hosts"),
    pytest.param({"DATABASE_URL": "postgresql://h,h2:y/x"}, "host or port", "host2:5432", id="database-port-2"),
    pytest.param({"DATABASE_URL": "postgresql://h/x?target_session_attrs=any"}, "takes no writes", "read-write",
        id="database-standby"),
    pytest.param({"REDIS_URL": "http://h"}, "scheme 'http'", "write redis://", id="redis"),
    pytest.param({"REDIS_URL": "sentinel://h:1/0"}, "name the primary", "write sentinel://", id="master"),
    pytest.param({"REDIS_URL": "sentinel://h,h2:x/0?master=m"}, "sentinel 'h2'", "write sentinel://", id="place"),
    pytest.param({"REDIS_URL": "sentinel://h/x?master=m"}, "'x' is no number", "write sentinel://", id="db"),
    pytest.param({"REDIS_URL": "sentinel://h,,/0?master=m"}, "without a host", "write sentinel://", id="host"),
    pytest.param({"REDIS_URL": "sentinel://h/0?mater=m"}, "parameter 'mater'", "write sentinel://", id="word"),
    pytest.param({"REDIS_URL": "rediss+sentinel://h/0?master=m&ssl_ca_certs=/none"}, "'/none', which is no file",
        "rediss+sentinel://", id="authority"),
    pytest.param({"REDIS_URL": "sentinel://h/0?master=m&ssl_ca_certs=/none"}, "parameter 'ssl_ca_certs'",
        "rediss+sentinel://", id="no-tls"),
    pytest.param({"WRENCH_TOKEN_KEYS": "short:secret"}, "key 1 has no id or too short", "id:secret", id="key-short"),
    pytest.param({"WRENCH_TOKEN_KEYS": "x" * 40}, "key 1 has no id or too short", "id:secret", id="key-without-id"),
    pytest.param({"WRENCH_TOKEN_KEYS": f"a:{'x' * 32},a:{'y' * 32}"}, "'a' is there twice", "id:secret",
        id="key-twice"),
    pytest.param({"WRENCH_ACCESS_TOKEN_MINUTES": "60"}, "60 is out of bounds", "from 5 to 10", id="access-token"),
    pytest.param({"WRENCH_API_KEY_PEPPERS": "a:short"}, "its part 1 has no id", "32 characters or more", id="pepper"),
    pytest.param({"WRENCH_MASTER_KEY": "a:short"}, "key a is not 32 bytes", "keep_credentials.md", id="master-key"),
    pytest.param({"WRENCH_MASTER_KEY_FILE": "/none"}, "cannot be read: No such file", "keep_credentials.md",
        id="master-key-file"),
    pytest.param({"WRENCH_EMAIL_URL": "http://h"}, "scheme 'http'", "smtp://user:password@host:587", id="mail"),
    pytest.param({"WRENCH_EMAIL_URL": "smtp://u:x@h:y"}, "host or port", "smtp://user:password@", id="mail-port"),
    pytest.param({"WRENCH_TEAMS_BY": "nobody"}, "'nobody' is none of the words", "use anyone or staff", id="choice"),
    pytest.param({"LOG_LEVEL": "LOUD"}, "'LOUD' is no level", "use DEBUG, INFO", id="level"),
    pytest.param({"WRENCH_LEASE_SECONDS": "20"}, "shorter than three heartbeats", "raise WRENCH_LEASE", id="lease"),
    pytest.param({"SECRET_KEY": DEFAULT_SECRET}, "published default", "50 random", id="secret"),
]  # fmt: skip
WEB = [sys.executable, "-c", "import wrenchai_project.asgi"]
WSGI = [sys.executable, "-c", "import wrenchai_project.wsgi"]
WORKER = [sys.executable, "-m", "celery", "-A", "wrenchai_project", "worker", "-Q", "agent.super", "-c", "1"]
RELAY = [sys.executable, ROOT / "manage.py", "relay"]


def environment(changes: dict[str, str], state: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in DECLARED}
    return kept | SOUND | {"WRENCH_STATE_DIR": str(state)} | changes


def check(changes: dict[str, str], state: Path) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, ROOT / "manage.py", "check"], environ=environment(changes, state))


def test_sound_environment_passes(tmp_path: Path) -> None:
    done = check({}, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], list[str]]:
    """Give the errors that a start tells, each with its hint. Cases of different variables share a start."""
    starts: list[dict[str, str]] = []
    for case in BAD:
        changes: dict[str, str] = case.values[0]
        start = next((one for one in starts if not apart(one) & apart(changes)), None)
        if start is None:
            starts.append(start := {})
        start.update(changes)

    @cache
    def errors(number: int) -> list[str]:
        done = check(starts[number], tmp_path_factory.mktemp("state"))
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        _, _, listed = done.stderr.partition("\nERRORS:\n")
        return re.split(r"^\?: ", re.split(r"^WARNINGS:$", listed, flags=re.M)[0], flags=re.M)[1:]

    return lambda changes: errors(next(n for n, one in enumerate(starts) if changes.items() <= one.items()))


def apart(changes: dict[str, str]) -> set[str]:
    """What no other case of the same start may name: a bad value hides another of its variable."""
    return {name.removesuffix("_FILE") for name in changes}


@pytest.mark.parametrize(("changes", "fault", "hint"), BAD)
def test_bad_value_is_told_with_a_hint(
    changes: dict[str, str], fault: str, hint: str, told: Callable[[dict[str, str]], list[str]]
) -> None:
    errors = [error.partition("HINT: ") for error in told(changes)]
    assert [fault in said and hint in hinted for said, _, hinted in errors].count(True) == 1, errors


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    done = check({"DEBUG": "maybe", "REDIS_URL": "http://h", "LOG_LEVEL": "LOUD"}, tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("wrench.E001") == 3


def test_secret_of_a_url_is_not_told(tmp_path: Path) -> None:
    keys = dict.fromkeys(("WRENCH_API_KEY_PEPPERS", "WRENCH_MASTER_KEY"), "hunter2")
    urls = {"DATABASE_URL": "mysql://u:hunter2@h/x", "REDIS_URL": "http://:hunter2@h"}
    for changes in (keys | urls, {"REDIS_URL": "sentinel://:hunter2@h:x/0?master=m"}):
        done = check(changes, tmp_path)
        assert done.returncode == 1
        assert done.stderr.count("(wrench.E") == len(changes)
        assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize("door", [WEB, WSGI, WORKER, RELAY], ids=["web", "wsgi", "worker", "relay"])
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"WRENCH_SWEEP_SECONDS": "often"}, "WRENCH_SWEEP_SECONDS"),
        ({"SECRET_KEY": DEFAULT_SECRET}, "SECRET_KEY"),
    ],
    ids=["unreadable", "default-secret"],
)
def test_nothing_starts_with_a_bad_setting(
    door: list[str], changes: dict[str, str], word: str, tmp_path: Path
) -> None:
    try:
        done = subprocess.run(
            door, cwd=ROOT, env=environment(changes, tmp_path), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=30, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.fail("it started")
    assert done.returncode != 0
    assert word in done.stderr


def test_default_secret_is_allowed_in_development(tmp_path: Path) -> None:
    done = check({"DEBUG": "1", "SECRET_KEY": DEFAULT_SECRET}, tmp_path)
    assert done.returncode == 0, done.stderr


def readers_called() -> set[str]:
    """Name the variables that the code asks `env` for, found in its syntax tree."""
    return {
        node.args[0].value
        for path in product_code()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_every_reader_is_on_the_page() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert readers_called() == set(DECLARED)
    assert [name for name in sorted(readers_called()) if f"| `{name}` |" not in page] == []
