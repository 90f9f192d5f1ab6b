"""What all tests stand on: a private PostgreSQL and Redis, started once, and the tests' own agents.

The servers live in a state folder of their own below `.wrench/`, so that a running installation is not touched;
each of several processes side by side (pytest-xdist) has its own. DATABASE_URL and REDIS_URL, when given, are used
instead.
"""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = ROOT / "tests" / "fixtures" / "plugins"
_PARENT = "WRENCH_TEST_PARENT"  # the process that started servers and then us: what it set is not given to us
WORKER = os.environ.get("PYTEST_XDIST_WORKER") if os.environ.get(_PARENT) == str(os.getppid()) else None
STATE = Path(os.environ.get("WRENCH_TEST_STATE_DIR") or ROOT / ".wrench" / "test") / (WORKER or "")
ARE_EMBEDDED = WORKER is not None or not (os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"))


def _use_private_servers() -> None:
    from wrenchai_project import servers

    if WORKER is not None:
        for name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
        os.environ["WRENCH_STATE_DIR"] = str(STATE)
    STATE.mkdir(parents=True, exist_ok=True)
    (STATE / "static").mkdir(exist_ok=True)  # WhiteNoise warns about a missing one, and warnings are errors
    found = servers.ensure(STATE, durable=False)
    atexit.register(servers.release, STATE)
    os.environ["DATABASE_URL"] = found.database_url
    os.environ["REDIS_URL"] = found.redis_url


# At import: pytest-django reads the settings before any conftest.py is loaded, so this is a plugin (see addopts)
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(PLUGINS))
os.environ.setdefault("WRENCH_STATE_DIR", str(STATE))
os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("LOG_LEVEL", "WARNING")
if ARE_EMBEDDED:
    os.environ[_PARENT] = str(os.getpid())
_use_private_servers()
