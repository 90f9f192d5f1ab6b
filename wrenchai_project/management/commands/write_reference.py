"""`manage.py write_reference [--check]`: write the reference pages that are made from the code, or compare them."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from wrenchai_project.management import reference


class Command(BaseCommand):
    help = "Write the reference pages that are made from the code."
    requires_system_checks: list[str] = []  # a page about settings is wanted when settings are wrong

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if a page is not current"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        stale = [name for name, content in reference.pages().items() if _read(root / name) != content]
        if options["check"] and stale:
            raise CommandError(
                f"not current: {', '.join(stale)}; ./wrench manage write_reference writes them"
            )
        if not options["check"]:
            for name in stale:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(reference.pages()[name], encoding="utf-8")
        self.stdout.write(f"written: {', '.join(stale)}" if stale else "all pages are current")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
