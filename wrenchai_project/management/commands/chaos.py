"""`./wrench chaos`: prove the engine under faults drawn by seed. The harness itself is `tests/chaos`."""

import os
import subprocess
import sys
from argparse import REMAINDER, ArgumentParser
from typing import Any

from wrenchai_project import services
from wrenchai_project.management.local import LocalCommand

FOREIGN = (
    "DATABASE_URL",
    "REDIS_URL",
    "WRENCH_ARTIFACTS_DIR",
)  # the harness breaks what it uses: only its own


class Command(LocalCommand):
    """Hand over to the harness, which has servers and a state of its own."""

    help = "Kill, freeze and cut off a private installation by seed, and check what it did."
    verb = "chaos"

    def run_from_argv(self, argv: list[str]) -> None:
        """Keep every argument for the harness: none is Django's."""
        self.handle(rest=argv[2:])

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("rest", nargs=REMAINDER, metavar="ARGS", help="for the harness")

    def perform(self, **options: Any) -> int:
        """Run the harness; its exit code is ours."""
        environ = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        environ["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(services.ROOT), environ.get("PYTHONPATH", "")])
        )
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos", *options["rest"]], cwd=services.ROOT, env=environ
        )
        try:
            return started.wait()
        except KeyboardInterrupt:
            started.terminate()
            return started.wait()  # it ends what it has started
