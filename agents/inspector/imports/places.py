"""Where a log's URIs are in the tree, which lay elsewhere when the tool ran.

    %SRCROOT%/src/a.py, file:///builds/acme/shop/src/a.py, C:\\shop\\src\\a.py, src/a%20b.py  ->  src/a.py, ...

The log's own base URIs are cut off; else, of what is no path of the tree as it stands, the one folder under which
most are files of it. Invariant: what is given is a text file of the survey, so no path leads out of the tree, through
a link, or to what the project leaves out.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable
from urllib.parse import unquote

from agents.inspector.imports.sarif import Object, Run, as_index, as_object, as_text

MAX_URI = 4_000  # characters
MAX_BASES = 10  # a base may stand on another one
MAX_PARTS = 60  # folders of a path that are tried
_DRIVE = re.compile(r"/?[A-Za-z]:[\\/]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class Places:
    """The places of one run in a tree. `files`: the paths of the tree that may be spoken of."""

    def __init__(self, run: Run, files: Collection[str]) -> None:
        self._run = run
        self._files = files
        self._roots = [
            root for name in as_object(run.given.get("originalUriBaseIds")) if (root := self._base(name))
        ]
        self._root, self._is_learned = "", False

    def learn(self, paths: Iterable[str]) -> None:
        """Find the folder under which most of the paths that the tool names are files of this tree."""
        votes: Counter[str] = Counter()
        for path in set(paths):
            if path not in self._files and not self._below_base(path):
                parts = path.split("/")[:MAX_PARTS]
                votes.update(
                    "/".join(parts[:cut])
                    for cut in range(1, len(parts))
                    if "/".join(parts[cut:]) in self._files
                )
        best = max(votes.items(), key=lambda vote: (vote[1], -len(vote[0])), default=("", 0))
        self._root, self._is_learned = best[0], bool(best[1])

    def named(self, location: Object) -> str:
        """Give the path that an artifactLocation names, wherever it is; "" if it names none that is a file's."""
        for _ in range(2):
            index = as_index(location.get("index"))
            if as_text(location.get("uri")) or index is None:
                break
            artifacts = self._run.list_of("artifacts")
            location = as_object(
                as_object(artifacts[index] if index < len(artifacts) else None).get("location")
            )
        uri = as_text(location.get("uri"))
        if not uri or len(uri) > MAX_URI or "\0" in uri:
            return ""
        path = _path(uri)
        base = self._base(as_text(location.get("uriBaseId")))
        if base and path and not path.startswith("/"):
            path = f"{base.rstrip('/')}/{path}"
        return path

    def in_tree(self, path: str) -> str:
        """Give the file of the tree that `named` meant; "" if it is none of the survey's."""
        for one in self._readings(path):
            for form in (one, unquote(one), one.replace("\\", "/")):
                known = posixpath.normpath(form)
                if known in self._files:
                    return known
        return ""

    def _readings(self, path: str) -> Iterable[str]:
        if not path.startswith("/"):
            yield path
        elif below := self._below_base(path):
            yield below
        if self._is_learned and path.startswith(f"{self._root}/"):
            yield path[len(self._root) + 1 :]

    def _below_base(self, path: str) -> str:
        for root in sorted(self._roots, key=len, reverse=True):
            if root.startswith("/") and path.startswith(f"{root.rstrip('/')}/"):
                below = path[len(root.rstrip("/")) + 1 :]
                if posixpath.normpath(unquote(below)) in self._files:
                    return below
        return ""

    def _base(self, name: str) -> str:
        """The path that a base id stands for; "" for the tree's own root, or one that nobody tells."""
        bases = as_object(self._run.given.get("originalUriBaseIds"))
        path = ""
        for _ in range(MAX_BASES):
            told = as_object(bases.get(name))
            path = f"{_path(as_text(told.get('uri')))}{path}"
            name = as_text(told.get("uriBaseId"))
            if not name or path.startswith("/"):
                break
        return path


def _path(uri: str) -> str:
    """Give the path of a URI as it stands there; "" if it is no file's. `%xx` of relative ones are read later."""
    if _DRIVE.match(uri):
        return "/" + uri.lstrip("/").replace("\\", "/")
    if uri[:5].lower() == "file:":
        path = unquote(re.sub(r"^file:(//[^/]*)?", "", uri, flags=re.IGNORECASE))
        return "/" + path.lstrip("/")
    return "" if _SCHEME.match(uri) else uri
