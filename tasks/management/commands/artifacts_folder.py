"""`manage.py artifacts_folder`: say whose the folder of artifacts is; with `--take`, make it this installation's."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tasks import artifacts, ownership
from tasks.errors import ArtifactStoreForeign


class Command(BaseCommand):
    help = "Say whose the folder of artifacts is: retention deletes from this installation's only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--take",
            action="store_true",
            help="make it this installation's: after a restore or a move, or when the other one is gone for good",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell, or take."""
        store = artifacts.folder_store()
        if store is None:
            self.stdout.write("WRENCH_ARTIFACTS_BACKEND is no folder: nothing is ever deleted from it.")
            return
        if options["take"]:
            ownership.take(store)
        try:
            is_ours = ownership.is_ours(store)
        except ArtifactStoreForeign as error:
            raise CommandError(str(error)) from error
        folder = Path(store.location)
        if ownership.owner_of(folder) is not None:
            self.stdout.write(f"{folder} is this installation's ({ownership.ours().installation}).")
        elif is_ours:
            self.stdout.write(
                f"{folder} is nobody's yet; the next round of pruning makes it this installation's."
            )
        else:
            self.stdout.write(
                f"{folder} has no mark, and no row of this database names any of its files: nothing is deleted"
                f" from it. If it is this installation's, run {ownership.TAKE}."
            )
