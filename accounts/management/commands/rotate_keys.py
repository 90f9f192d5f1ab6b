"""`manage.py rotate_keys`: wrap the projects' data keys by the newest master key, or renew them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import credentials, crypto
from accounts.crypto import CryptoError


class Command(BaseCommand):
    help = "Wrap the data keys of stored credentials by the first master key that is set. May be run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--data-keys",
            action="store_true",
            help="make new data keys, too, and seal every stored value anew: for when an old one may be known",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and tell which master keys are no longer needed."""
        try:
            known = [key.id for key in crypto.master_keys()]
            done = credentials.rotate(renew=bool(options["data_keys"]), now=timezone.now())
        except CryptoError as error:
            raise CommandError(f"{error}. Projects that were done before stay done; run it again.") from error
        self.stdout.write(
            f"Data keys wrapped by {known[0]}: {done.rewrapped} rewrapped, {done.renewed} made new;"
            f" {done.resealed} values sealed anew."
        )
        spare = [id for id in known[1:] if id not in done.in_use]
        if spare:
            self.stdout.write(f"No data key needs these master keys any more: {', '.join(spare)}")
