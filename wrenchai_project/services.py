"""What WrenchAI consists of when it runs: the table of its processes and the environment they get.

Read by `run`, `serve` and `worker`; knows no Django and starts nothing itself. A secret is handed on by the
environment only: a command line can be read by everybody on the machine.
"""

import os
import re
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote

from wrenchai_project import servers
from wrenchai_project.supervisor import ChildSpec

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "shop"
GOAL = "Inspect this repository and report what should be fixed"  # unless somebody says another
INTERACTIVE = ("agent.super", "agent.journey")
HEAVY = ("agent.inspector", "agent.dba", "agent.test_engineer", "agent.documentation")
WEB_STAGE, WORKER_STAGE, ENGINE_STAGE = 1, 2, 3  # the order of ending
FLOWER_PREFIX = "flower"  # where the web shows it, too: its pages link to each other by it
CELERY = (sys.executable, "-m", "celery", "-A", "wrenchai_project")


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the state directory: WRENCH_STATE_DIR, or `.wrench` in the checkout."""
    return Path(
        (os.environ if environ is None else environ).get("WRENCH_STATE_DIR") or ROOT / ".wrench"
    ).absolute()


def environment(
    found: servers.Servers,
    *,
    roots: Sequence[Path],
    base_url: str = "",
    given: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment of the children: the user's own, with where things are laid over it.

    `roots` are the directories that a target of kind "path" may lie in, beside the sample.
    """
    given = dict(os.environ if given is None else given)
    secrets = servers.make_secrets(found.state_dir)
    ours = {
        "DATABASE_URL": found.database_url,
        "REDIS_URL": found.redis_url,
        "WRENCH_STATE_DIR": str(found.state_dir),
        "WRENCH_LOCAL_ROOTS": os.pathsep.join(str(root) for root in dict.fromkeys((*roots, SAMPLE))),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), given.get("PYTHONPATH")))),
        "DJANGO_SETTINGS_MODULE": "wrenchai_project.settings",
    }
    if base_url:
        ours["WRENCH_BASE_URL"] = base_url
    defaults = {
        "SECRET_KEY": secrets.secret_key,
        "DEBUG": "0",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
    }
    return defaults | {name: value for name, value in given.items() if value or name not in defaults} | ours


def manage(*arguments: str) -> list[str]:
    """Return the command line of one of manage.py's commands."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def web(port: int, *, flower: str = "") -> ChildSpec:
    """The web: pages, REST, WebSocket; and Flower for staff, where `flower` is its address with its password."""
    argv = [
        sys.executable, "-m", "uvicorn", "wrenchai_project.asgi:application", "--host", "127.0.0.1",
        "--port", str(port), "--no-proxy-headers", "--no-access-log", "--log-level", "warning",
        "--timeout-graceful-shutdown", "3", "--ws-per-message-deflate", "false", "--ws-max-size", "1048576",
    ]  # fmt: skip
    return ChildSpec(
        name="web",
        argv=argv,
        stage=WEB_STAGE,
        environ={"WRENCH_FLOWER_URL": flower} if flower else {},
        ready=lambda log: answers(f"http://127.0.0.1:{port}/readyz"),
    )


def worker(name: str, queues: Sequence[str], *, slots: int) -> ChildSpec:
    """A worker group: one Celery parent with `slots` children for these queues."""
    argv = [
        *CELERY, "--quiet", "worker", "-Q", ",".join(queues), "-n", f"{name}-{os.getpid()}@%h", "-c", str(slots),
        "--without-gossip", "--without-mingle", "-E", "--loglevel", "INFO",
    ]  # fmt: skip
    return ChildSpec(
        name=name,
        argv=argv,
        stage=WORKER_STAGE,
        ready=lambda log: bool(re.search(rb"@\S+ ready\b", log.read_bytes())),
    )


def workers() -> list[ChildSpec]:
    """The two groups of every installation: what people wait for, and what takes long."""
    return [
        worker("interactive", INTERACTIVE, slots=2),
        worker("heavy", HEAVY, slots=max(2, os.cpu_count() or 2)),
    ]


def engine() -> list[ChildSpec]:
    """The relay and the scheduler: they ring, retry, recover."""
    return [ChildSpec(name=name, argv=manage(name), stage=ENGINE_STAGE) for name in ("relay", "scheduler")]


def flower(port: int, *, password: str) -> ChildSpec:
    """The task monitor. It asks for a password (user `admin`), which the web shows it for staff."""
    return ChildSpec(
        name="flower",
        argv=[*CELERY, "flower", "--address=127.0.0.1", f"--port={port}", f"--url-prefix={FLOWER_PREFIX}"],
        stage=WEB_STAGE,
        environ={"FLOWER_BASIC_AUTH": f"admin:{password}"},
        ready=lambda log: answers(f"http://127.0.0.1:{port}/{FLOWER_PREFIX}/healthcheck"),
    )


def flower_url(port: int, *, password: str) -> str:
    """Give the address at which the web reaches Flower."""
    return f"http://admin:{quote(password, safe='')}@127.0.0.1:{port}"


def answers(url: str) -> bool:
    """Tell whether a GET of this local address gives 200 within two seconds."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # a proxy does not know our loopback
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, ValueError, HTTPException):  # no HTTP: somebody else has taken the port
        return False
