"""Hotspots: files that are complex and change often, which is where a mend pays first.

Method: the score of a file is its commits in the window, times the paths through all its functions (A. Tornhill,
Your Code as a Crime Scene, 2015). What is not product code, has no function or did not change is none.

Owns: the product and asking for the past. Refuses to guess: without a history it says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings as installation

from agents.quality.config import Hotspots
from agents.quality.model import Hotspot
from agents.workspace import WorkspaceError, history, parse_target
from agents.workspace.errors import ObtainCancelled
from agents.workspace.history import Churned
from tasks.contract import StepCancelled

MAX_SHOWN_PATH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The worst first, and what is to be said of how they were measured. `spots` is None if they were not."""

    spots: tuple[Hotspot, ...] | None
    why: str


def hotspots(
    commits: Mapping[str, int],
    complexities: Mapping[str, Sequence[int]],
    product: Collection[str],
    *,
    top: int,
) -> tuple[Hotspot, ...]:
    """Give the files with the highest scores, by path where they are equal."""
    scored = [
        Hotspot(path=path[:MAX_SHOWN_PATH], commits=count, complexity=paths, score=count * paths)
        for path, count in commits.items()
        if path in product and count and (paths := sum(complexities.get(path, ())))
    ]
    return tuple(sorted(scored, key=lambda one: (-one.score, one.path))[:top])


def measured(
    request: Mapping[str, Any],
    complexities: Mapping[str, Sequence[int]],
    product: Collection[str],
    wanted: Hotspots,
    *,
    revision: str,
    scratch: Path,
    now: datetime,
    cancelled: Callable[[], bool],
) -> Found:
    """Ask for the past of a run's target, and find its hotspots. `request`: the run's. Raises StepCancelled."""
    since = now - timedelta(days=wanted.days)
    try:
        past = history.opened(
            parse_target(request.get("target")),
            head=revision,
            scratch=scratch,
            since=since,
            local_roots=installation.LOCAL_ROOTS,
            private_hosts=installation.GIT_PRIVATE_HOSTS,
            cancelled=cancelled,
        )
        churned = past.churn(since=since)
    except ObtainCancelled as error:
        raise StepCancelled(str(error)) from error
    except WorkspaceError as error:
        return Found(spots=None, why=str(error)[:300])
    commits = {path: one.commits for path, one in churned.paths.items()}
    return Found(spots=hotspots(commits, complexities, product, top=wanted.top), why=_told(churned, wanted))


def _told(churned: Churned, wanted: Hotspots) -> str:
    told = f"{churned.commits:,} commits of {wanted.days:,} days"
    return f"{told}; there may be more, which could not be read" if churned.truncated else told
