"""What all tests stand on: a private PostgreSQL and Redis, started once, and the tests' own agents.

The servers live in a state folder of their own below `.wrench/`, so that a running installation is not touched.
DATABASE_URL and REDIS_URL, when given, are used instead.
"""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = ROOT / "tests" / "fixtures" / "plugins"
STATE = Path(os.environ.get("WRENCH_TEST_STATE_DIR") or ROOT / ".wrench" / "test")
ARE_EMBEDDED = not os.environ.get("DATABASE_URL") and not os.environ.get("REDIS_URL")


def _use_private_servers() -> None:
    from wrenchai_project import servers

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
_use_private_servers()
