"""`./wrench serve`: keep everything up until Ctrl-C."""

import os
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from wrenchai_client.errors import ClientError
from wrenchai_project import crew, servers, services
from wrenchai_project.management.local import LocalCommand, note
from wrenchai_project.servers import keys, processes
from wrenchai_project.supervisor import ChildFailed

READY_SECONDS = 60.0
WATCH_SECONDS = 0.5
WEB_PORT = 8000
MINUTES = 15  # for which a sign-in link opens: accounts.entries


class Command(LocalCommand):
    """Bring everything up, print where it is, and look after it."""

    help = "Keep everything up: web, workers, relay, scheduler, Flower. Ctrl-C ends it."
    verb = "serve"
    needs_settings = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, help=f"of the web (default: {WEB_PORT} or the next free)")
        parser.add_argument("--no-flower", action="store_true", help="leave the task monitor out")
        parser.add_argument(
            "--root",
            type=Path,
            action="append",
            default=[],
            metavar="DIR",
            help="runs may read below it (repeatable)",
        )

    def perform(self, **options: Any) -> int:
        """Serve until we are asked to end."""
        began = float(os.environ.get("WRENCH_LAUNCHED") or time.time())
        state_dir = services.state_dir()
        roots = [_existing(root) for root in options["root"]]
        with crew.only_one(state_dir, role="serve", say=note):
            port = web_port(options["port"])
            # nobody types it: people come by the web. One that is written down somewhere would be contended for
            flower_port = None if options["no_flower"] else processes.free_port()
            flower = _flower_url(flower_port, state_dir) if flower_port else ""
            with crew.up(state_dir, role="serve", port=port, roots=roots, flower=flower, say=note) as ours:
                ours.supervisor.wait_ready(["interactive", "heavy"], seconds=READY_SECONDS)
                ours.supervisor.publish(url=ours.url, roots=ours.environ["WRENCH_LOCAL_ROOTS"])
                if flower_port:
                    _start_flower(ours, state_dir, flower_port)
                _print_box(ours, has_flower=bool(flower_port), seconds=time.time() - began)
                try:
                    _look_after(ours)
                except KeyboardInterrupt:
                    note("ending everything; Ctrl-C again stops at once")
        note("everything is ended")
        return 0


def web_port(wanted: int | None) -> int:
    """Return the port for the web: the wanted one, or 8000, or the next free. Raises ClientError if taken."""
    if wanted is None:
        return next_free(WEB_PORT)
    if not 1 <= wanted <= 65535:
        raise ClientError(f"--port {wanted} is no port: use 1024 to 65535", exit_code=2)
    if processes.free_port(wanted) != wanted:
        raise ClientError(
            f"port {wanted} is in use or not allowed to you: choose another with --port, or leave it out "
            "to take the next free one"
        )
    return wanted


def next_free(first: int) -> int:
    """Return the first free port of the hundred from `first` on, else any."""
    for port in range(first, first + 100):
        if processes.free_port(port) == port:
            return port
    return processes.free_port()


def _existing(root: Path) -> Path:
    if not root.is_dir():
        raise ClientError(f"--root {str(root)!r} is not a directory", exit_code=2)
    return root.resolve()


def _flower_url(port: int, state_dir: Path) -> str:
    return services.flower_url(port, password=keys.make(state_dir).flower_password)


def _start_flower(ours: crew.Crew, state_dir: Path, port: int) -> None:
    """Start the task monitor, last so that it holds up nobody."""
    ours.supervisor.start(services.flower(port, password=keys.make(state_dir).flower_password))


def _print_box(ours: crew.Crew, *, has_flower: bool, seconds: float) -> None:
    rows = [("Web", ours.url), ("API", f"{ours.url}/api/v1/docs"), ("Admin", f"{ours.url}/admin/")]
    if has_flower:
        rows.append(("Flower", f"{ours.url}/{services.FLOWER_PREFIX}/"))
    sign_in = (
        f"{ours.entry.admin} / {ours.entry.password}  (shown this once)"
        if ours.entry.password
        else (f"{ours.entry.admin}, with the password shown at the first start")
    )
    rows += [
        ("Sign in", sign_in),
        ("State", str(ours.servers.state_dir)),
        ("End", "Ctrl-C, or ./wrench stop"),
    ]
    body = Text("\n".join(f"{name:<8} {value}" for name, value in rows))
    width = max(map(len, body.plain.splitlines())) + 4  # never cut: a password must be readable
    Console(width=max(width, Console().width)).print(
        Panel(body, title=f"WrenchAI is up ({seconds:.1f} s)", expand=False)
    )
    if ours.entry.link:  # outside the frame, whose edge a terminal would take for a part of it
        print(f"\nOpen {ours.url}{ours.entry.link}\nIt signs you in, once, within {MINUTES} minutes.\n")
    print(f"Now your repository: paste a URL or a path at {ours.url}/runs/new", flush=True)


def _look_after(ours: crew.Crew) -> None:
    """Restart what crashes, children and embedded servers, until Ctrl-C."""
    while True:
        time.sleep(WATCH_SECONDS)
        ours.supervisor.tend()
        urls = servers.urls_from_state(ours.servers.state_dir)
        dead = [name for name, url in zip(("postgres", "redis"), urls, strict=True) if url is None]
        for name in dead:
            if name in ours.servers.embedded:
                _revive(name, ours)


def _revive(name: str, ours: crew.Crew) -> None:
    """Start a dead server again, on the port that the children know."""
    note(f"{name} ended; starting it again")
    start = servers.start_postgres if name == "postgres" else servers.start_redis
    known = ours.servers.database_url if name == "postgres" else ours.servers.redis_url
    if start(ours.servers.state_dir) != known:
        raise ChildFailed(f"{name} came back on another port (its own was taken): start ./wrench serve again")
