"""`manage.py advisory_database import FILE | status`: take OSV records in, or tell what there is."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from agents.advisories import importing, matching
from agents.advisories.importing import Imported
from agents.advisories.models import Advisory
from agents.advisories.reading import ImportRefused

TELL_SECONDS = 2.0


class Command(BaseCommand):
    help = "Import known vulnerabilities in the OSV format, or tell what was imported."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("import").add_argument("file", type=Path)
        acts.add_parser("status")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "status":
            self._status()
            return
        began = time.monotonic()
        try:
            done = importing.load(options["file"], now=timezone.now(), tell=self._progress())
        except ImportRefused as error:
            raise CommandError(f"nothing was imported: {error}") from error
        self._told(done, time.monotonic() - began)

    def _progress(self) -> importing.Tell:
        last = time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last >= TELL_SECONDS:
                last = time.monotonic()
                self.stdout.write(f"{done:,} of {total:,} records read")
                self.stdout.flush()

        return tell

    def _told(self, done: Imported, seconds: float) -> None:
        self.stdout.write(
            f"{done.file}: {done.read:,} records in {seconds:.1f} s: {done.added:,} new, {done.changed:,} changed,"
            f" {done.unchanged:,} as they were, {done.withdrawn:,} withdrawn, {done.unreadable:,} not read"
        )
        for fault in done.faults:
            self.stderr.write(f"  not read: {fault}")
        if done.audited:
            self.stdout.write(f"Dependencies of {', '.join(done.audited)} can be audited.")
        else:
            self.stdout.write("A single record makes no ecosystem audited: import the all.zip of one.")

    def _status(self) -> None:
        found = matching.sources()
        if not found:
            self.stdout.write("No advisories are imported: dependencies are not audited.")
        now = timezone.now()
        for name, source in sorted(found.items()):
            days = max((now - min(source.newest, source.imported_at)).days, 0)
            old = "; old, import a newer one" if days > settings.ADVISORIES_STALE_DAYS else ""
            self.stdout.write(
                f"{name}: {source.records:,} advisories, the newest of {source.newest:%Y-%m-%d} ({days} days ago),"
                f" imported {source.imported_at:%Y-%m-%d %H:%M} from {source.file} ({source.digest[:12]}){old}"
            )
        self.stdout.write(f"{Advisory.objects.count():,} advisories in all.")
