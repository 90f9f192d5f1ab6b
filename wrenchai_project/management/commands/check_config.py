"""`manage.py check_config PATH`: say whether a wrench.toml is in order, as a run would read it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.quality.reading import FILE, parse
from agents.workspace.default_branch import settings_in


class Command(BaseCommand):
    help = "Check a project's wrench.toml; exits with 1 if a run would not use it."
    requires_system_checks: list[str] = []  # it asks nothing of the installation

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the file, or the folder that holds it")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        folder = path.parent if path.name == FILE and not path.is_dir() else path
        found = settings_in(folder, source="")
        if found.fault:
            raise CommandError(f"{folder / FILE}: {found.fault}")
        if found.content is None:
            raise CommandError(f"there is no {FILE} in {folder}; without one the defaults apply")
        settings, faults = parse(found.content)
        if settings is None:
            raise CommandError(
                f"{folder / FILE} would not be used:\n" + "\n".join(f"  {one}" for one in faults)
            )
        patterns = len(settings.paths.exclude) + len(settings.paths.generated) + len(settings.paths.tests)
        self.stdout.write(
            f"{FILE} is in order: {_count(len(settings.rules), 'rule')} changed, "
            f"{_count(patterns, 'pattern')} of paths"
        )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
