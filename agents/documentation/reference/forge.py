"""Where the source of a line can be looked at: at the forge that the tree came from, if that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents import workspace
from agents.reporting.links import line_url
from agents.workspace.targets import web_of

Source = Callable[[str, int], str | None]


def source_of(request: Mapping[str, Any], revision: str) -> Source:
    """Give a function from path and line to an address, which is None where no forge is known.

    The revision must be a commit.
    """
    try:
        web = web_of(workspace.parse_target(request.get("target")))
    except workspace.errors.TargetInvalid:
        web = ""
    return lambda path, line: line_url(web, revision, path, max(line, 1)) or None
