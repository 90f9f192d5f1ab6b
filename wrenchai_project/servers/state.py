"""The small files below the state directory: written whole, readable by their owner alone.

Owns `servers.json` (port and password of each embedded server, and the owners: the processes that asked
for the servers and have not released them) and the lock that makes every change of it exclusive.
Knows nothing of PostgreSQL or Redis. Invariant: a reader sees the old file or the new one, never a half.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from .errors import StateForbidden

LOCK_FILE = "servers.lock"
SERVERS_FILE = "servers.json"


class Access(TypedDict):
    """How one embedded server is reached."""

    port: int
    password: str


class Owner(TypedDict):
    """A process that uses the servers: its id and, against reused ids, its start (Unix seconds)."""

    pid: int
    created: float


@dataclass(slots=True, kw_only=True)
class Record:
    """The content of `servers.json`."""

    postgres: Access | None = None
    redis: Access | None = None
    owners: list[Owner] = field(default_factory=list)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`; {} when the file is missing or broken. Raises StateForbidden."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise StateForbidden(
            f"{path} belongs to another user: run ./wrench as the user who started it, "
            "or set WRENCH_STATE_DIR to a directory of your own"
        ) from None
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def write_json(path: Path, content: object) -> None:
    """Replace `path` at once by `content` as JSON, with mode 0600."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
    temporary.replace(path)


def load(state_dir: Path) -> Record:
    """Return what `servers.json` says; an empty record when there is none."""
    raw = read_json(state_dir / SERVERS_FILE)
    return Record(postgres=raw.get("postgres"), redis=raw.get("redis"), owners=list(raw.get("owners") or []))


def save(state_dir: Path, record: Record) -> None:
    """Write `servers.json`. Call it with the lock held."""
    write_json(state_dir / SERVERS_FILE, asdict(record))


@contextlib.contextmanager
def locked(state_dir: Path, name: str = LOCK_FILE) -> Iterator[None]:
    """Hold the state's lock: only one process at a time starts or stops servers. Makes the directory."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        file = (state_dir / name).open("a")
    except OSError as error:
        raise StateForbidden(
            f"cannot write in {state_dir} ({error.strerror}): give yourself the right to, "
            "or set WRENCH_STATE_DIR to a directory of your own"
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel frees it when the process dies
        yield
