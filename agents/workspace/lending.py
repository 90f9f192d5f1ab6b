"""Files that snapshots have in common: those unpacked before lend theirs to the next.

Of two snapshots of a project nearly all files are the same, and to make a file costs twenty times what a further
name of one costs. A lent file is the same inode under a second name: both are read-only, in folders that nobody may
write into, so neither can be changed through the other; each stays until its own entry is deleted.

Only what has the same path, bytes and mode is lent. The lender is compared with the snapshot's bytes, never trusted.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path


class Lender:
    """Unpacked trees of other snapshots. Who makes one holds their locks for as long as it lends."""

    def __init__(self, trees: Sequence[Path]) -> None:
        self._trees = [os.fspath(tree) for tree in trees]

    def lend(self, name: str, content: bytes, mode: int, target: str) -> bool:
        """Make `target` a further name of a file that has this path, content and mode. False if there is none."""
        for number, tree in enumerate(self._trees):
            held = f"{tree}/{name}"
            try:
                if not _is_same(held, content, mode):
                    continue
                os.link(held, target, follow_symlinks=False)
            except OSError:  # not there, or named too often: the file is written like any other
                continue
            self._trees.insert(0, self._trees.pop(number))  # the next file is likely of the same project
            return True
        return False


def _is_same(path: str, content: bytes, mode: int) -> bool:
    about = os.lstat(path)
    if (
        not stat.S_ISREG(about.st_mode)
        or stat.S_IMODE(about.st_mode) != mode
        or about.st_size != len(content)
    ):
        return False
    with open(path, "rb", buffering=0) as held:
        return held.read(len(content) + 1) == content
