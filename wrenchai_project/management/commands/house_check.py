"""`./wrench check`: format, lint, types, import rules, docs, tests."""

import os
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from wrenchai_project import services
from wrenchai_project.management import house
from wrenchai_project.management.local import LocalCommand


class Command(LocalCommand):
    """Check everything; print a line per part, and all that the failed ones said."""

    help = "Check format, lint, types, import rules, migrations, deployment files, docs and tests."
    verb = "check"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--fast", action="store_true", help="leave the tests out")

    def perform(self, **options: Any) -> int:
        """Run the static parts side by side, then the tests one after the other."""
        failed = _tell(house.run_together(house.static_parts(services.ROOT), os.environ))
        if not options["fast"]:
            with house.test_environment() as environ:
                failed += _tell(house.run(part, environ) for part in house.test_parts(services.ROOT))
        print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll is well.")
        return 1 if failed else 0


def _tell(outcomes: Iterable[house.Outcome]) -> list[str]:
    """Print each outcome as it comes; return the names of the parts that failed."""
    failed = []
    for one in outcomes:
        print(f"{'ok' if one.passed else 'FAIL':<5} {one.part.name:<14} {one.seconds:6.1f} s", flush=True)
        if not one.passed:
            failed.append(one.part.name)
            print("\n".join("      " + line for line in one.output.strip().splitlines()), flush=True)
    return failed
