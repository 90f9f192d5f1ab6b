"""`./wrench serve` as a new user starts it, in a state folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from tests.e2e.conftest import ROOT

NOT_OURS = {"DATABASE_URL", "REDIS_URL", "DEBUG", "LOG_LEVEL", "SECRET_KEY", "WRENCH_TEST_STATE_DIR"}


class Serve:
    """The running `serve`, with what it has printed; `plugins` is a folder of agents that it finds, too."""

    def __init__(self, state: Path, *, plugins: Path | None = None) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        found = {"PYTHONPATH": str(plugins)} if plugins else {}
        self._environ = kept | found | {"WRENCH_STATE_DIR": str(state)}
        self.printed = ""
        self.is_up = threading.Event()
        self.processes = [self._begin("serve", "--no-flower")]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> tuple[str, str]:
        """Wait until it is up. Gives its address, and the link that signs in."""
        assert self.is_up.wait(180), self.printed
        link = re.search(r"(http://127\.0\.0\.1:\d+)/enter/\S+", self.printed)
        assert link is not None, self.printed
        return link[1], link[0]

    def worker(self, *queues: str) -> None:
        """Start one more worker beside it."""
        self.processes.append(self._begin("worker", *queues, "-c", "1"))

    def end(self) -> None:
        """End everything, the workers first."""
        for process in reversed(self.processes):
            process.terminate()
            process.wait(60)
        self._reader.join(10)

    def _begin(self, *verb: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *verb],
            env=self._environ,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if verb[0] == "serve" else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _read(self) -> None:
        output = self.processes[0].stdout
        assert output is not None
        with output:
            for line in output:
                self.printed += line
                if line.startswith("Now your repository"):
                    self.is_up.set()
