"""The cast, and a real web server for a real browser."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import nursery
from tests.api.cast import _days, planner  # noqa: F401 - fixtures
from tests.e2e.browsing import browser, complaints, page  # noqa: F401 - fixtures
from tests.engine.cluster import database_url
from tests.private_servers import PLUGINS

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30  # seconds for the server to answer


class Web:
    """A uvicorn of our own on the tests' database. It can be stopped and started again on its port.

    `as_served`: with hashed names of files and our own pages of errors, as in production.
    """

    def __init__(self, *, as_served: bool = False) -> None:
        self.as_served = as_served
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environ = self._environ()
        if self.as_served:
            collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
            subprocess.run(collect, cwd=ROOT, env=environ, check=True)
        argv = ["-m", "uvicorn", "wrenchai_project.asgi:application"]
        argv += ["--port", str(self.port), "--log-level", "warning", "--timeout-graceful-shutdown", "1"]
        if self.as_served:  # with a secret of its own
            self.process = subprocess.Popen([sys.executable, *argv], cwd=ROOT, env=environ)
        else:
            self.process = nursery.start(argv, environ=environ)
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < end, "the web does not answer"
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def _environ(self) -> dict[str, str]:
        own = {"DEBUG": "0", "SECRET_KEY": secrets.token_hex(32)} if self.as_served else {"DEBUG": "1"}
        return {
            **os.environ,
            **own,
            # with the tests' own agents, which pictures should not show
            "PYTHONPATH": os.pathsep.join([str(ROOT)] if self.as_served else [str(ROOT), str(PLUGINS)]),
            "DATABASE_URL": database_url(),
        }

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/livez", trust_env=False).is_success
        except httpx.TransportError:
            return False


@pytest.fixture
def web(transactional_db: None) -> Iterator[Web]:
    server = Web()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def served(transactional_db: None) -> Iterator[Web]:
    server = Web(as_served=True)
    server.start()
    yield server
    server.stop()
