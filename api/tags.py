"""The resources of the API, as its description groups operations: the first word of an operation's id.

A new resource is one line here; a test fails for an operation whose resource has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METHODS = frozenset({"get", "put", "post", "delete", "patch"})

TAGS: Mapping[str, str] = {
    "token": "Programs sign in and out by tokens, in the forms of OAuth 2.",
    "me": "Who you are here, and by what you came.",
    "sessions": "Where you are signed in, and ending that.",
    "keys": "Your API keys: programs of yours, held to scopes and projects.",
    "stream": "Live updates by WebSocket and server-sent events.",
    "teams": "People who work together, with their roles.",
    "projects": "What runs work on, and who may do what there.",
    "invitations": "Bringing people into a team.",
    "plans": "What a run would do, without running it.",
    "runs": "Accepted requests with their steps: submit, follow, steer, do again.",
    "steps": "What a run is made of, with attempts and logs.",
    "reports": "What came out of runs, for people and programs.",
    "findings": "Claims about a project, each with its evidence: read and triage.",
    "quality": "Gates, ratings and figures of projects.",
    "approvals": "Questions that steps ask people, and the answers.",
    "artifacts": "Bytes that steps made.",
    "uploads": "Archives to work on.",
    "credentials": "What a project signs in with elsewhere; values go in and never come out.",
    "webhooks": "Whom a project tells of its runs, and what was delivered.",
    "schedules": "Runs that begin by the clock.",
    "advisories": "Known vulnerabilities that dependencies are compared with: how old they are.",
    "agents": "Who does the work.",
    "queues": "Where work waits: depth, oldest wait, pause.",
    "workers": "Processes that do the work: what they serve and do, for staff.",
    "history": "What was configured: who changed what, from what to what.",
    "audit": "The chain of security acts, for staff.",
    "health": "Whether this installation is alive and ready.",
}


def tag_of(operation_id: str) -> str:
    """Give the tag of an operation: `team_members_list` belongs to teams."""
    word = operation_id.partition("_")[0]
    return f"{word}s" if f"{word}s" in TAGS else word


def add_tags(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Tell what the tags in use mean. A postprocessing hook of drf-spectacular."""
    used = {
        tag
        for verbs in result["paths"].values()
        for verb, told in verbs.items()
        if verb in METHODS
        for tag in told["tags"]
    }
    result["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return result
