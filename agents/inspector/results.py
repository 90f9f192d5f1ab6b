"""What analyzers said of content, kept on this host, so that the same content is not analysed twice.

    key = SHA-256 over everything that the answer depends on  ->  what was said, as JSON

One SQLite file: a commit is whole or absent, processes may write at once, and one question brings hundreds of rows.
The cache is a memory, never a truth: whatever is wrong with it (another's lock, a full disk, a damaged page, an
entry whose checksum does not fit, one that an older release wrote) counts as "not known", and the work is done
again. A file that is no database any more is thrown away.

Invariant: a row's checksum covers its key and its body, so a torn or swapped row is never believed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

MOST_IN_QUESTION = 500  # keys of one SELECT; SQLite takes at least 999 parameters
BUSY_SECONDS = 2.0  # another process's commit takes milliseconds
USED_AGAIN_NANOSECONDS = 3_600_000_000_000  # an hour: reading should seldom write
TRIM = 0.1  # share of the rows that goes when the bound is reached
_LARGEST = 64 << 20  # of one unpacked entry
_HEAD = 16 << 10  # bytes by which a large entry is judged: compressing once more shrinks nothing
_TABLE = """
CREATE TABLE IF NOT EXISTS said (key BLOB PRIMARY KEY, used INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS said_used ON said (used);
"""
_log = logging.getLogger(__name__)


def key_of(*parts: str) -> bytes:
    """Name an answer by all that it depends on. No two lists of parts share a name."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


@cache
def code_digest() -> str:
    """SHA-256 over the agents' own files: what another release of them understood is not our answer."""
    return digest_below(Path(__file__).parents[1])


def digest_below(folder: Path) -> str:
    """The same over what is below any folder."""
    seen = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".toml", ".json", ".txt") and path.is_file():
            seen.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            seen.update(path.read_bytes())
    return seen.hexdigest()


class Results:
    """The open cache. `get` and `put` never raise for what is wrong with the file."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._path = folder / "results.sqlite"
        self._most = most_bytes
        self._connection: sqlite3.Connection | None = None

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Give the bodies that are known and sound."""
        found: dict[bytes, bytes] = {}
        self._guarded(lambda connection: self._get(connection, keys, found))
        return found

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep the bodies, all or none."""
        now = time.time_ns()
        rows = [(key, now, _packed(key, body)) for key, body in entries.items() if len(body) <= _LARGEST]
        if rows and self._most:
            self._guarded(lambda connection: self._put(connection, rows))

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _get(self, connection: sqlite3.Connection, keys: Sequence[bytes], found: dict[bytes, bytes]) -> None:
        stale: list[tuple[int, bytes]] = []
        now = time.time_ns()
        for start in range(0, len(keys), MOST_IN_QUESTION):
            part = keys[start : start + MOST_IN_QUESTION]
            marks = ",".join("?" * len(part))
            rows = connection.execute(f"SELECT key, used, body FROM said WHERE key IN ({marks})", part)  # noqa: S608 - question marks only
            for key, used, body in rows:
                said = _unpacked(key, body) if isinstance(body, bytes) else None
                if said is not None:
                    found[key] = said
                    if abs(now - used) > USED_AGAIN_NANOSECONDS:
                        stale.append((now, key))
        if stale:
            with connection:
                connection.executemany("UPDATE said SET used = ? WHERE key = ?", stale)

    def _put(self, connection: sqlite3.Connection, rows: Sequence[tuple[bytes, int, bytes]]) -> None:
        with connection:
            connection.executemany("INSERT OR REPLACE INTO said VALUES (?, ?, ?)", rows)
        self._trim(connection)

    def _trim(self, connection: sqlite3.Connection) -> None:
        """Drop what was not used for longest until the rest fits."""
        for _ in range(20):
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            if (pages - free) * size <= self._most:
                return
            with connection:
                count = connection.execute("SELECT count(*) FROM said").fetchone()[0]
                connection.execute(
                    "DELETE FROM said WHERE key IN (SELECT key FROM said ORDER BY used LIMIT ?)",
                    (max(1, int(count * TRIM)),),
                )

    def _guarded(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Work with the connection; what goes wrong with the file ends the work and is logged, no more."""
        try:
            work(self._opened())
        except sqlite3.OperationalError as error:  # locked for long, no room, no right
            _log.warning("analysis_cache_unusable", extra={"path": str(self._path), "error": str(error)})
            self.close()
        except sqlite3.DatabaseError as error:  # no database, or a damaged one
            _log.warning("analysis_cache_damaged", extra={"path": str(self._path), "error": str(error)})
            self.close()
            self._discard()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise sqlite3.OperationalError(str(error)) from error
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
            self._connection = connection
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_TABLE)
        return self._connection

    def _discard(self) -> None:
        """Delete the file, its log first, so that no old log is replayed into a new file."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for ending in ("-wal", "-shm", ""):
                Path(f"{self._path}{ending}").unlink(missing_ok=True)
        finally:
            os.close(lock)


def _packed(key: bytes, body: bytes) -> bytes:
    head = body[:_HEAD]
    is_dense = len(body) > _HEAD and len(zlib.compress(head, 1)) >= len(head)  # compressed by who gave it
    packed = zlib.compress(body, 0 if is_dense else 1)
    return hashlib.sha256(key + packed).digest() + packed


def _unpacked(key: bytes, stored: bytes) -> bytes | None:
    checksum, packed = stored[:32], stored[32:]
    if hashlib.sha256(key + packed).digest() != checksum:
        return None
    unpacking = zlib.decompressobj()
    try:
        body = unpacking.decompress(packed, _LARGEST)
    except zlib.error:
        return None
    return body if unpacking.eof else None
