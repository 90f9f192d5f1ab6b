"""`manage.py write_texts [--check]`: bring the catalogues of the pages' texts up to the code, and compile them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from frontend import catalogues


class Command(BaseCommand):
    help = "Bring the catalogues of the pages' texts up to the code, and compile them."
    requires_system_checks: list[str] = []  # translators have a checkout, not an installation

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if a text has no translation"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        texts = catalogues.gather()
        for language in catalogues.languages():
            source, binary = catalogues.files(language)
            known = catalogues.read(source.read_text(encoding="utf-8")) if source.is_file() else {}
            entries = catalogues.merged(texts, known)
            missing = [singular for singular, entry in entries.items() if not entry.is_whole]
            if options["check"] and missing:
                raise CommandError(f"{language} lacks {len(missing)} texts, the first is {missing[0]!r}")
            if not options["check"]:
                source.parent.mkdir(parents=True, exist_ok=True)
                source.write_text(catalogues.written(language, entries, texts), encoding="utf-8")
                binary.write_bytes(catalogues.compiled(language, entries))
            self.stdout.write(f"{language}: {len(entries)} texts, {len(missing)} without a translation")
