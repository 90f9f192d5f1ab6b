"""Which file is read by which reader. Adding a format is one line here and one function."""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.dependencies import javascript, others, python
from agents.dependencies.component import Component, Page

Reader = Callable[[Page], list[Component]]

FORMATS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (
            r"(?:.*[_-])?requirements(?:[_.-].*)?\.(?:txt|in)|requirements/[^/]*\.(?:txt|in)",
            python.requirements,
        ),
        (r"pyproject\.toml", python.pyproject),
        (r"setup\.cfg", python.setup_cfg),
        (r"setup\.py", python.setup_py),
        (r"Pipfile", python.pipfile),
        (r"Pipfile\.lock", python.pipfile_lock),
        (r"poetry\.lock|uv\.lock|pdm\.lock|pylock(?:\.[^.]+)?\.toml", python.toml_lock),
        (r"package\.json", javascript.package_json),
        (r"package-lock\.json|npm-shrinkwrap\.json", javascript.package_lock),
        (r"yarn\.lock", javascript.yarn_lock),
        (r"pnpm-lock\.yaml", javascript.pnpm_lock),
        (r"go\.mod", others.go_mod),
        (r"Cargo\.lock", others.cargo_lock),
        (r"Gemfile\.lock|gems\.locked", others.gemfile_lock),
        (r"composer\.lock", others.composer_lock),
        (r"pom\.xml", others.pom_xml),
        (r"environment\.ya?ml", others.environment_yml),
    )
)


def reader_of(path: str) -> Reader | None:
    """Give the reader of a file by its path in the tree, or None if it declares no dependencies."""
    parts = path.split("/")
    for pattern, reader in FORMATS:
        if pattern.fullmatch(parts[-1]) or pattern.fullmatch("/".join(parts[-2:])):
            return reader
    return None
