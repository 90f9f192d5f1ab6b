"""`./wrench doctor`: what is missing, in plain words."""

import os
from typing import Any

from wrenchai_project import services
from wrenchai_project.management import checkup
from wrenchai_project.management.local import LocalCommand


class Command(LocalCommand):
    """Print a line per question."""

    help = "Say what is missing and which command mends it. Exit code 1 if something must be mended."
    verb = "doctor"

    def perform(self, **options: Any) -> int:
        """Ask, print, judge."""
        answers = checkup.all_answers(services.state_dir(), os.environ)
        for one in answers:
            print(f"{one.level:<5} {one.topic:<11} {one.text}")
        failed = sum(one.level == "fail" for one in answers)
        print(f"\n{failed} to mend." if failed else "\nReady.")
        return 1 if failed else 0
