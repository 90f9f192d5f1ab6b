"""`./wrench worker QUEUE...`: one more worker, for these queues."""

import os
import re
import time
from argparse import ArgumentParser
from typing import Any

from wrenchai_client.errors import ClientError
from wrenchai_project import servers, services
from wrenchai_project.management.local import LocalCommand, note
from wrenchai_project.supervisor import Supervisor, bury

QUEUE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


class Command(LocalCommand):
    """Start a worker and look after it until Ctrl-C."""

    help = "Start one more worker for these queues; Ctrl-C ends it."
    verb = "worker"
    needs_settings = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        known = ", ".join((*services.INTERACTIVE, *services.HEAVY))
        parser.add_argument(
            "queues", nargs="+", metavar="QUEUE", help=f"such as {known}; `agent.` may be left out"
        )
        parser.add_argument("-c", "--slots", type=int, default=os.cpu_count() or 2, help="steps at once")

    def perform(self, **options: Any) -> int:
        """Work until we are asked to end."""
        queues = [queue_name(given) for given in options["queues"]]
        if options["slots"] < 1:
            raise ClientError("-c must be at least 1", exit_code=2)
        state_dir = services.state_dir()
        bury(state_dir)
        try:
            found = servers.ensure(state_dir)
            environ = services.environment(found, roots=())
            with Supervisor(
                state_dir, role="worker", environ=environ, cwd=services.ROOT, say=note
            ) as supervisor:
                name = f"worker-{os.getpid()}"
                supervisor.start(services.worker(name, queues, slots=options["slots"]))
                supervisor.wait_ready(seconds=60)
                note(
                    f"{name} works on {', '.join(queues)}; its log is {state_dir / 'logs' / (name + '.log')}"
                )
                _work(supervisor)
        finally:
            servers.release(state_dir)
        return 0


def queue_name(given: str) -> str:
    """Return the queue's whole name. Raises ClientError if it cannot be one."""
    if not QUEUE.fullmatch(given):
        raise ClientError(
            f"{given!r} is not a queue's name: write agent.inspector, or inspector", exit_code=2
        )
    return given if "." in given else f"agent.{given}"


def _work(supervisor: Supervisor) -> None:
    try:
        while True:
            time.sleep(0.5)
            supervisor.tend()
    except KeyboardInterrupt:
        note("ending the worker; Ctrl-C again stops at once")
