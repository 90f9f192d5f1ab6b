"""`./wrench advisories import FILE | status`: known vulnerabilities of this checkout's installation."""

import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from wrenchai_project import crew, servers, services
from wrenchai_project.management.local import LocalCommand


class Command(LocalCommand):
    """Start the database if it is down, migrate it, and hand over to `manage.py advisory_database`."""

    help = "Import known vulnerabilities (OSV files), which dependencies are compared with; or tell of them."
    verb = "advisories"
    needs_settings = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the two acts."""
        acts = parser.add_subparsers(dest="act", required=True, metavar="import FILE | status")
        importing = acts.add_parser("import", help="take the records of FILE in")
        importing.add_argument(
            "file", metavar="FILE", help="an OSV all.zip, a folder of JSON files, or one JSON file"
        )
        acts.add_parser(
            "status", help="tell of each ecosystem how many advisories there are and how old they are"
        )

    def perform(self, **options: Any) -> int:
        """Do it beside whatever runs."""
        state_dir = services.state_dir()
        words = [options["act"]]
        if options["act"] == "import":
            words += ["--", str(Path(options["file"]).absolute())]
        try:
            environ = services.environment(servers.ensure(state_dir), roots=())
            crew.bootstrap(environ)
            return subprocess.run(
                services.manage("advisory_database", *words), cwd=services.ROOT, env=environ, check=False
            ).returncode
        finally:
            servers.release(state_dir)
