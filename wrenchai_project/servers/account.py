"""Which account the servers run as, and where their data can lie so that this account gets there.

PostgreSQL refuses to run as root. An ordinary user runs the servers as himself, with the data in the state
directory. Root hands them to an account number of their own, which nobody else has; when that account cannot
walk to the state directory or to the binaries (a 0700 home, an umask of 077), data and a copy of the
binaries go to `/var/tmp/wrenchai-<hash of the state directory>`.

Invariant: the mode and owner of a directory that we did not create are never changed.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import StateForbidden

# Between systemd's container range (to 60577, reserved to 60705) and its dynamic users (from 61184), below
# 65536 so that a container's usual id map holds it.
SERVICE_UIDS = range(60877, 60977)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user id that the servers run as; None means: as ourselves."""

    uid: int | None

    def popen(self) -> dict[str, Any]:
        """Return the arguments of Popen that make a child run as this account."""
        if self.uid is None:
            return {"umask": 0o077}
        return {"user": self.uid, "group": self.uid, "extra_groups": [], "umask": 0o077}

    def give(self, path: Path) -> None:
        """Hand a file or directory that we created to the account."""
        if self.uid is not None:
            os.chown(path, self.uid, self.uid)

    def named(self) -> "Account":
        """Return an account that has a name: initdb refuses a number that nobody is called by."""
        if self.uid is None or _is_taken(self.uid):
            return self
        try:
            return Account(uid=pwd.getpwnam("nobody").pw_uid)
        except KeyError:
            raise StateForbidden(
                "PostgreSQL does not run as root, and there is no account 'nobody' to set it up with: run "
                " ./wrench as an ordinary user, or set DATABASE_URL"
            ) from None

    def take(self, tree: Path) -> None:
        """Hand a whole tree to the account, shutting out its former owner first; follows no links."""
        if self.uid is None:
            return
        os.chown(tree, 0, 0)
        for folder, folders, files in os.walk(tree):
            for name in (*folders, *files):
                os.chown(Path(folder) / name, self.uid, self.uid, follow_symlinks=False)
        os.chown(tree, self.uid, self.uid)

    def reaches(self, path: Path) -> bool:
        """Tell whether the account can walk to `path` and enter, execute or read it (by the mode bits)."""
        if self.uid is None:
            return True
        path = path.resolve()
        if not all(self._may(parent, 0o1) for parent in path.parents):
            return False
        if path.is_dir():
            return self._may(path, 0o1)
        return self._may(path, 0o5 if path.stat().st_mode & 0o100 else 0o4)

    def _may(self, path: Path, bits: int) -> bool:
        found = path.stat()
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.uid else 0
        return (found.st_mode >> shift) & bits == bits


def choose(home: Path | None = None) -> Account:
    """Return the account for servers whose data lie in `home`: its owner's, or a free number for root."""
    if os.geteuid() != 0:
        return Account(uid=None)
    for name in ("postgres", "redis"):
        if home is not None and (home / name).is_dir() and (owner := (home / name).stat().st_uid) != 0:
            return Account(uid=owner)
    return Account(uid=next(uid for uid in SERVICE_UIDS if not _is_taken(uid)))


def data_home(state_dir: Path) -> Path:
    """Return the directory below which data lie; create nothing. See the module's text for the choice."""
    inside = state_dir.resolve() / "data"
    existing = next(path for path in (inside, *inside.parents) if path.exists())
    if choose().reaches(existing):
        return inside
    return _outside(state_dir)


def _outside(state_dir: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(state_dir.resolve())).hexdigest()[:12]
    base = Path("/var/tmp")  # noqa: S108 - survives a restart, unlike /tmp; _trusted() refuses a planted one
    return (base if base.is_dir() else Path(tempfile.gettempdir())) / f"wrenchai-{digest}"


def make_home(state_dir: Path) -> Path:
    """Create the directory of `data_home` if it is missing and return it. Raises StateForbidden."""
    home = data_home(state_dir)
    home.mkdir(mode=0o711, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise StateForbidden(
            f"{home} was made by somebody else (owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}): "
            "remove it, or set WRENCH_STATE_DIR to another directory"
        )
    if home == _outside(state_dir) or os.geteuid() == 0:
        home.chmod(0o711)  # ours; an umask of 077 would keep the account out
    return home


def make_directory(path: Path, account: Account) -> None:
    """Create `path` (mode 0700) for the account, unless it is there."""
    if not path.is_dir():
        path.mkdir(mode=0o700)
        account.give(path)


def copy_readable(source: Path, target: Path) -> None:
    """Copy a tree or file to `target` in one step, readable by every account; keep a copy already there."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        fresh = Path(scratch) / "copy"
        if source.is_dir():
            shutil.copytree(source, fresh, symlinks=True)
        else:
            shutil.copy2(source, fresh)
        for path in (fresh, *fresh.rglob("*")) if fresh.is_dir() else (fresh,):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
        fresh.rename(target)


def _is_taken(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
