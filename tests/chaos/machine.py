"""What this machine allows: a small disk, bounded memory, clocks that can be stepped. What it does not is told.

small disk       a tmpfs in a mount namespace of the harness alone; needs root
bounded memory   a cgroup (v1 or v2) with a limit; needs a writable one
clocks           libfaketime by LD_PRELOAD, stepped by a file; needs Debian's package `faketime`
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import subprocess
from pathlib import Path

ABILITIES = ("small disk", "bounded memory", "clocks")
CLONE_NEWNS = 0x00020000
SMALL_MEGABYTES = 48
MEMORY_MEGABYTES = 900  # a parent, a heart, two children, and some room
_V1 = Path("/sys/fs/cgroup/memory")
_V2 = Path("/sys/fs/cgroup")
_LIBRARIES = "/usr/lib/*/faketime/libfaketime.so.1"


class Machine:
    """Prepares once per harness; every missing ability is in `missing`, with its reason."""

    def __init__(self, *, is_left_alone: bool = False) -> None:
        """Prepare. A machine that is left alone can none of it: for tests, whose process has other work to do."""
        self.missing: dict[str, str] = {}
        self._cgroup: Path | None = None
        self._has_namespace = not is_left_alone and self._own_mounts()
        self._library = "" if is_left_alone else next(iter(sorted(glob.glob(_LIBRARIES))), "")
        if is_left_alone:
            self.missing = dict.fromkeys(ABILITIES, "the machine is left alone")
            return
        if not self._library:
            self.missing["clocks"] = "libfaketime is not installed (apt-get install faketime)"
        self._make_cgroup()

    def close(self) -> None:
        """Remove the cgroup."""
        if self._cgroup is not None:
            with contextlib.suppress(OSError):
                self._cgroup.rmdir()

    def mount_small(self, place: Path) -> None:
        """Mount a small disk there, if that is possible."""
        if not self._has_namespace:
            return
        argv = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MEGABYTES}m,mode=0700", "chaos", str(place)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            self.missing["small disk"] = f"mount said: {done.stderr.strip()}"

    def unmount(self, place: Path) -> None:
        """Take the small disk away again."""
        if self._has_namespace:
            subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)

    def bound_memory(self, pid: int) -> None:
        """Put a process, before it starts others, where memory is bounded."""
        if self._cgroup is not None:
            (self._cgroup / "cgroup.procs").write_text(str(pid))

    def clock(self, file: Path) -> dict[str, str]:
        """Give the environment of a process whose clock follows this file, which is made."""
        if not self._library:
            return {}
        step_clock(file, 0)
        return {
            "LD_PRELOAD": self._library,
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def _own_mounts(self) -> bool:
        """Leave the machine's mount namespace, so that our mounts end with us."""
        libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() != 0:
            self.missing["small disk"] = "only root may mount one"
            return False
        if libc.unshare(CLONE_NEWNS) != 0:
            reason = os.strerror(ctypes.get_errno())
            self.missing["small disk"] = f"no mount namespace of our own: {reason}"
            return False
        done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
        if done.returncode:
            self.missing["small disk"] = f"no mount namespace of our own: {done.stderr.strip()}"
        return done.returncode == 0

    def _make_cgroup(self) -> None:
        limit = str(MEMORY_MEGABYTES * 1024 * 1024)
        for root, files in ((_V1, ("memory.limit_in_bytes",)), (_V2, ("memory.max",))):
            group = root / f"wrench-chaos-{os.getpid()}"
            try:
                group.mkdir()
                for name in files:
                    (group / name).write_text(limit)
                self._cgroup = group
                return
            except OSError:
                with contextlib.suppress(OSError):
                    group.rmdir()
        self.missing["bounded memory"] = "no cgroup that we may write"


def step_clock(file: Path, seconds: int) -> None:
    """Let the clocks that follow this file differ from the true one by so many seconds."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}\n")
    fresh.replace(file)
