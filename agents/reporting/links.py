"""Where a line of a repository can be seen on the pages of its host.

Knows the addresses of GitHub, GitLab, Bitbucket, Gitea and Forgejo; a host whose name tells none of them gets none.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# Part of a host's name -> what stands between the repository and the path, and before the line.
_SHAPES = (
    ("github", "blob/{revision}", "#L{line}"),
    ("gitlab", "-/blob/{revision}", "#L{line}"),
    ("bitbucket", "src/{revision}", "#lines-{line}"),
    ("codeberg", "src/commit/{revision}", "#L{line}"),
    ("gitea", "src/commit/{revision}", "#L{line}"),
    ("forgejo", "src/commit/{revision}", "#L{line}"),
)


def line_url(web: str, revision: str, path: str, line: int) -> str:
    """Give the address of a line at a commit, or "" if it is not known. `web`: the repository's own address."""
    parts = urlsplit(web)
    if parts.scheme != "https" or not parts.hostname or ".." in parts.path or not _COMMIT.match(revision):
        return ""
    for sign, between, at in _SHAPES:
        if sign in parts.hostname:
            root = f"https://{parts.netloc}{quote(parts.path.rstrip('/'), safe='/')}"
            middle = between.format(revision=revision)
            return f"{root}/{middle}/{quote(path, safe='/')}{at.format(line=line)}"
    return ""
