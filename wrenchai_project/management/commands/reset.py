"""`./wrench reset`: delete the local state."""

import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from wrenchai_client.errors import ClientError
from wrenchai_project import servers, services, supervisor
from wrenchai_project.management.local import LocalCommand


class Command(LocalCommand):
    """Delete database, reports, logs and secrets, after asking."""

    help = "Delete the local state: database, artifacts, reports, logs, secrets. Asks first."
    verb = "reset"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def perform(self, **options: Any) -> int:
        """Delete what `targets` names."""
        state_dir = services.state_dir()
        if running := supervisor.alive(state_dir):
            roles = ", ".join(f"{one['role']} (process {one['pid']})" for one in running)
            raise ClientError(f"still running: {roles}. End it first: ./wrench stop")
        folders = targets(state_dir)
        if not folders:
            print("Nothing to delete.")
            return 0
        listed = "\n".join(f"  {folder}" for folder in folders)
        if not options["yes"] and not _agrees(listed):
            print("Nothing was deleted.")
            return 1
        supervisor.bury(state_dir)
        servers.stop(state_dir)
        for folder in folders:
            shutil.rmtree(folder)
        print(f"Deleted:\n{listed}")
        return 0


def targets(state_dir: Path) -> list[Path]:
    """Return the directories to delete: the state, and the servers' data where they lie outside of it.

    Raises ClientError for a directory that does not look like our state.
    """
    ours = ("servers.lock", "servers.json", "setup.lock", "crew.lock", "processes.lock")
    if (
        state_dir.is_dir()
        and any(state_dir.iterdir())
        and not any((state_dir / one).exists() for one in ours)
    ):
        raise ClientError(f"{state_dir} does not look like WrenchAI's state: delete it yourself if it is")
    outside = servers.data_home(state_dir)
    return [folder for folder in (state_dir, outside) if folder.is_dir() and _is_outside(folder, state_dir)]


def _is_outside(folder: Path, state_dir: Path) -> bool:
    return folder == state_dir or not folder.is_relative_to(state_dir.resolve())


def _agrees(listed: str) -> bool:
    if not sys.stdin.isatty():
        raise ClientError("reset asks first, and there is no terminal to ask on: add --yes", exit_code=2)
    return input(f"This deletes for good:\n{listed}\nGo on? [y/N] ").strip().lower() in {"y", "yes"}
