"""Where the source of a line can be looked at: at the forge that the tree came from, if that is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

Source = Callable[[str, int], str | None]

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!/)([^\s]+)")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_FORMS = (
    (("github",), "/blob/{commit}/{path}#L{line}"),
    (("gitlab",), "/-/blob/{commit}/{path}#L{line}"),
    (("bitbucket",), "/src/{commit}/{path}#lines-{line}"),
    (("codeberg", "gitea", "forgejo"), "/src/commit/{commit}/{path}#L{line}"),
)


def source_of(request: Mapping[str, Any], revision: str) -> Source:
    """Give a function from path and line to an address, which is None where no forge is known.

    Known are GitHub, GitLab, Bitbucket, Gitea and Forgejo, by their host's name. Nothing of the address but host and
    path is kept, so no user and no password. The revision must be a commit.
    """
    target = request.get("target")
    url = target.get("url") if isinstance(target, Mapping) and target.get("kind") == "git" else None
    home = _home(url) if isinstance(url, str) and _COMMIT.fullmatch(revision) else None
    if home is None:
        return lambda path, line: None
    host, repository = home
    form = next((form for names, form in _FORMS if any(name in host for name in names)), None)
    if form is None:
        return lambda path, line: None
    base = f"https://{host}/{quote(repository)}"
    return lambda path, line: base + form.format(commit=revision, path=quote(path), line=max(line, 1))


def _home(url: str) -> tuple[str, str] | None:
    """Host and path of a repository, from an https, ssh or scp-like address."""
    try:
        parts = urlsplit(url)
        host, path = (
            (parts.hostname or "", parts.path) if parts.scheme in ("https", "http", "ssh") else ("", "")
        )
    except ValueError:
        return None
    if not host and (found := _SCP.fullmatch(url)):
        host, path = found[1].lower(), found[2]
    path = path.strip("/").removesuffix(".git")
    return (host, path) if _HOST.fullmatch(host) and path and ".." not in path else None
