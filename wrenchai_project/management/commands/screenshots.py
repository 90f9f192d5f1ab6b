"""`./wrench screenshots`: pictures of every page, from a walk that the tests do too."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from wrenchai_project import services
from wrenchai_project.management import house
from wrenchai_project.management.local import LocalCommand

FOLDER = services.ROOT / "docs" / "screenshots"


class Command(LocalCommand):
    """Run the walk over all pages and keep what it sees."""

    help = "Make pictures of every page in both themes and at two widths, on a run of the sample. Needs Chromium."
    verb = "screenshots"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where the pictures go")

    def perform(self, **options: Any) -> int:
        """Walk with private servers; the exit code is that of the walk, which also judges the pages."""
        folder: Path = options["folder"].resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with house.test_environment() as environ:
            walk = [sys.executable, "-m", "pytest", "-q", "tests/e2e/test_gallery.py"]
            kept = {**environ, "WRENCH_SCREENSHOTS": str(folder)}
            code = subprocess.run(walk, cwd=services.ROOT, env=kept, check=False).returncode
        count = len(list(folder.glob("*.png")))
        self.stdout.write(f"{count} pictures in {os.path.relpath(folder)}")
        return code
