"""`manage.py verify_audit`: check the audit chain, compare it with what was anchored, anchor its head."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import audit_check
from accounts.audit_check import AnchorUnreadable, Verdict


class Command(BaseCommand):
    help = "Check the audit chain from its first row to its last; tell the first row that is not as it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--anchors",
            type=Path,
            default=Path(settings.AUDIT_ANCHORS),
            help="the file of anchors, best on another host's disk",
        )
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            metavar="'NUMBER HASH'",
            help="one more anchor, such as a line 'audit' of the log tells it; may be repeated",
        )
        parser.add_argument("--no-write", action="store_true", help="do not add the head to the file")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, tell, and fail if anything is not as it was."""
        path: Path = options["anchors"]
        try:
            known = audit_check.read_anchors(path)
            lines = [f"{number} {hash}" for number, hash in known.items()]
            given = audit_check.parse_anchors(lines + options["anchor"])
            verdict = audit_check.check(given)
            if not verdict.fault and not options["no_write"] and verdict.head.number not in {0, *known}:
                audit_check.write_anchor(path, verdict.head)
        except AnchorUnreadable as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}; --anchors names another file") from error
        if options["json"]:
            self.stdout.write(json.dumps(_told(verdict, len(given)), sort_keys=True))
        if verdict.fault:
            raise CommandError(f"the audit chain is broken: {verdict.fault}")
        if not options["json"]:
            self.stdout.write(f"{verdict.rows} rows, each as it was; compared with {len(given)} anchors.")
            self.stdout.write(f"Head: {verdict.head.number} {verdict.head.hash}")


def _told(verdict: Verdict, anchors: int) -> dict[str, Any]:
    return {
        "rows": verdict.rows,
        "head": {"number": verdict.head.number, "hash": verdict.head.hash},
        "anchors": anchors,
        "fault": verdict.fault or None,
    }
