"""`./wrench test`: pass the tests, the same that CI runs."""

import subprocess
import sys
from argparse import REMAINDER, ArgumentParser
from typing import Any

from wrenchai_project import services
from wrenchai_project.management import house
from wrenchai_project.management.local import LocalCommand


class Command(LocalCommand):
    """Hand over to pytest, with private servers."""

    help = "Pass the tests, the same that CI runs, a file on each core. Arguments go to pytest: then one at a time."
    verb = "test"

    def run_from_argv(self, argv: list[str]) -> None:
        """Keep every argument for pytest, such as -x or --lf: none is Django's."""
        if argv[2:3] in (["-h"], ["--help"]):
            super().run_from_argv(argv)
        else:
            self.handle(rest=argv[2:])

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "rest", nargs=REMAINDER, metavar="ARGS", help="for pytest, such as tests/engine -x"
        )

    def perform(self, **options: Any) -> int:
        """Run pytest; its exit code is ours."""
        with house.test_environment() as environ:
            some = [sys.executable, "-m", "pytest", *options["rest"]]
            argv = some if options["rest"] else house.pytest_argv()
            return subprocess.run(argv, cwd=services.ROOT, env=environ, check=False).returncode
