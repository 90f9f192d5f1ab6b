"""The parts of `./wrench check` and how they are run: the same words on a laptop and in CI."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from wrenchai_project import servers, services

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A thing that is checked, by one program."""

    name: str
    argv: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a part ended."""

    part: Part
    passed: bool
    seconds: float
    output: str


def static_parts(root: Path) -> list[Part]:
    """Return the parts that start nothing of ours. A part whose subject is not in the checkout is left out."""
    parts = [
        Part(name="format", argv=[_tool("ruff"), "format", "--check", ".", "wrench"]),
        Part(name="lint", argv=[_tool("ruff"), "check", ".", "wrench"]),
        Part(name="types", argv=[_tool("mypy")]),
        Part(name="import rules", argv=[_tool("lint-imports")]),
        Part(
            name="migrations",
            argv=[*services.manage("makemigrations"), "--check", "--dry-run", "--skip-checks"],
        ),
    ]
    if (root / "tests" / "house" / "names.py").is_file():
        parts.append(Part(name="names in tests", argv=[sys.executable, "-m", "tests.house.names"]))
    if (dockerfile := root / "deploy" / "Dockerfile").is_file():
        parts.append(Part(name="Dockerfile", argv=[_tool("hadolint"), str(dockerfile)]))
    if (compose := root / "docker-compose.yml").is_file():
        schema = ["--builtin-schema", "vendor.compose-spec"]
        parts.append(Part(name="Compose file", argv=[_tool("check-jsonschema"), *schema, str(compose)]))
    return parts


def _tool(name: str) -> str:
    return str(BIN / name)


def pytest_argv() -> list[str]:
    """Return the command that passes all tests: as many files at a time as there are cores, at most 4.

    Each process has servers of its own; with a given DATABASE_URL or REDIS_URL there is only one.
    """
    pytest = [sys.executable, "-m", "pytest"]
    at_once = min(os.cpu_count() or 1, 4)
    if at_once == 1 or os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        return pytest
    return [*pytest, f"--numprocesses={at_once}", "--dist=loadfile"]


def test_parts(root: Path) -> list[Part]:
    """Return the tests: first docs and house rules, then the rest."""
    pytest = [*pytest_argv(), "-q"]
    house = root / "tests" / "house"
    if not house.is_dir():
        return [Part(name="tests", argv=pytest)]
    return [
        Part(name="docs", argv=[*pytest, str(house)]),
        Part(name="tests", argv=[*pytest, f"--ignore={house}"]),
    ]


def run_together(parts: Sequence[Part], environ: Mapping[str, str]) -> Iterator[Outcome]:
    """Run the parts side by side, yielding each when it ends."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for done in as_completed([pool.submit(run, part, environ) for part in parts]):
            yield done.result()


def run(part: Part, environ: Mapping[str, str]) -> Outcome:
    """Run one part in the checkout and keep what it says."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            list(part.argv),
            cwd=services.ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return Outcome(part=part, passed=False, seconds=0.0, output=f"{part.argv[0]}: {error.strerror}")
    return Outcome(
        part=part, passed=done.returncode == 0, seconds=time.monotonic() - began, output=done.stdout
    )


@contextmanager
def test_environment() -> Iterator[dict[str, str]]:
    """Yield an environment for tests: a private state, apart from what runs in this checkout.

    The tests start their own servers there (DATABASE_URL and REDIS_URL win). A second run of the tests at
    the same time gets a state of its own, which is deleted afterwards.
    """
    environ = {name: value for name, value in os.environ.items() if name != "WRENCH_STATE_DIR"}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(services.ROOT), environ.get("PYTHONPATH"))))
    usual = services.state_dir() / "test"
    busy = bool(servers.status(usual).owners)
    state = usual.with_name(f"test-{os.getpid()}") if busy else usual
    environ["WRENCH_TEST_STATE_DIR"] = str(state)
    try:
        yield environ
    finally:
        for one in (state, *state.glob("gw*/")):
            servers.stop(one)
        if busy:
            for folder in {state, servers.data_home(state)}:
                rmtree(folder, ignore_errors=True)
