"""`manage.py prune`: delete now what is over and older than its project's policy says."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tasks import retention
from tasks.errors import ArtifactStoreForeign, PrunerBusy
from tasks.models import RetentionPolicy


class Command(BaseCommand):
    help = "Delete what is over and older than its project's policy says; the scheduler does so once a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="count what is due, delete nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune, or count, and tell."""
        is_dry = bool(options["dry_run"])
        try:
            counts = retention.forecast() if is_dry else retention.prune().counts
        except (PrunerBusy, ArtifactStoreForeign) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": is_dry, "counts": counts}, sort_keys=True))
            return
        if not RetentionPolicy.objects.exists():
            self.stdout.write(
                "There is no retention policy, so nothing of any project is deleted; write one in the admin."
            )
        self.stdout.write("Due now, and not deleted:" if is_dry else "Deleted:")
        for what, many in sorted(counts.items()):
            self.stdout.write(f"  {many:>14,}  {what}")
        if not counts:
            self.stdout.write("  nothing")
