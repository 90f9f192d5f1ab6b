"""Runs bandit's own command with its own checks alone; started by `agents.inspector.analyzers.bandit`.

    python -I bandit_driver.py ARGUMENT ...      as bandit takes them; the one format is JSON

bandit asks every installed package for plugins, makes all its formats ready and draws a bar of progress. None of that
is wanted: a check of a stranger's package could run here, and starting takes twice as long.
"""

import importlib.metadata
import sys
from types import ModuleType
from typing import Any

_UNUSED = "bandit.formatters"


def _own(**wanted: Any) -> importlib.metadata.EntryPoints:
    """Stand in for `importlib.metadata.entry_points`: what bandit itself brings, of its formats JSON."""
    own = importlib.metadata.distribution("bandit").entry_points
    kept = [one for one in own if one.group != _UNUSED or one.name == "json"]
    return importlib.metadata.EntryPoints(kept).select(**wanted)


_BAR = ModuleType("rich.progress")
vars(_BAR).update(track=lambda files, **_: files)
_RICH = ModuleType("rich")
vars(_RICH).update(progress=_BAR)
sys.modules.update({"rich": _RICH, "rich.progress": _BAR})
vars(importlib.metadata).update(entry_points=_own)

from bandit.cli.main import main  # noqa: E402 (after what it would import was taken away)

if __name__ == "__main__":
    main()
