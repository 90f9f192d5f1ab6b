"""Checkouts that tests write commits to, with times of their own."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.agents.workspace.conftest import git

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Project:
    """A checkout that a test writes commits to, a day apart."""

    def __init__(self, folder: Path, *init: str) -> None:
        folder.mkdir(parents=True)
        self.folder, self.day = folder, 0
        git("init", "--quiet", "--initial-branch=main", *init, folder=folder)

    def commit(self, message: str, files: dict[str, str] | None = None, *, by: str = "ada") -> str:
        for path, text in (files or {}).items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.day += 1
        when = (DAY + timedelta(days=self.day)).isoformat()
        git("add", "--all", folder=self.folder)
        subprocess.run(
            ["git", "commit", "--quiet", "--allow-empty", "--allow-empty-message", "-F", "-"],
            input=message.encode("utf-8", "surrogateescape"), cwd=self.folder, check=True, capture_output=True,
            env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": by, "GIT_COMMITTER_NAME": by,
                 "GIT_AUTHOR_EMAIL": f"{by}@example.org", "GIT_COMMITTER_EMAIL": f"{by}@example.org",
                 "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when},
        )  # fmt: skip
        return git("rev-parse", "HEAD", folder=self.folder)

    def tag(self, name: str, *words: str) -> None:
        git("tag", *words, name, folder=self.folder)

    @property
    def head(self) -> str:
        return git("rev-parse", "HEAD", folder=self.folder)
