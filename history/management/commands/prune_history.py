"""`manage.py prune_history`: delete versions that are older than they are kept."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from history import retention


class Command(BaseCommand):
    help = "Delete versions older than WRENCH_HISTORY_DAYS; the daily round of pruning does so, too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="count what is due, delete nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune, or count, and tell."""
        is_dry = bool(options["dry_run"])
        counts = retention.due() if is_dry else self._prune()
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": is_dry, "counts": counts}, sort_keys=True))
            return
        days = settings.HISTORY_DAYS
        self.stdout.write(f"Versions are kept for {days} days." if days else "Versions are kept for good.")
        self.stdout.write("Due now, and not deleted:" if is_dry else "Deleted:")
        for label, many in sorted(counts.items()):
            self.stdout.write(f"  {many:>14,}  {label}")
        if not counts:
            self.stdout.write("  nothing")

    def _prune(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for tracked, gone in retention.prune():
            counts[tracked.versions._meta.label] += gone
        return dict(counts)
