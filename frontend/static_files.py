"""How static files are stored for serving: under hashed names, and a style sheet with its imports in one file.

Owns: what `collectstatic` makes of the sources. The sources work as they are, too, so there is nothing to build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

_IMPORT = re.compile(r'^@import url\("([^":]+)"\);$', re.MULTILINE)
_ADDRESS = re.compile(r"\burl\(")


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Files under hashed names, compressed. A style sheet's imports stand in it: a browser waits for each fetch."""

    def post_process(
        self, paths: dict[str, tuple[Storage, str]], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        whole = InMemoryStorage()
        for name in [name for name in paths if name.endswith(".css") and "vendor" not in name]:
            text = _read(paths, name)
            if _IMPORT.search(text):
                whole.save(name, ContentFile(_with_imports(paths, name, text).encode()))
                paths[name] = (whole, name)
        return super().post_process(paths, dry_run, **options)  # type: ignore[no-any-return]  # it has no types


def _with_imports(paths: dict[str, tuple[Storage, str]], name: str, text: str) -> str:
    def written(found: re.Match[str]) -> str:
        imported = str(PurePosixPath(name).parent / found[1])
        inner = _read(paths, imported)
        if _ADDRESS.search(inner):
            raise ValueError(
                f"{imported} names an address, which would be another one inside {name}: write no url() there"
            )
        return inner

    return _IMPORT.sub(written, text)


def _read(paths: dict[str, tuple[Storage, str]], name: str) -> str:
    if name not in paths:
        raise ValueError(f"there is no {name} to import")
    storage, path = paths[name]
    with storage.open(path) as file:
        return bytes(file.read()).decode()
