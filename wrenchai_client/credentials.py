"""What lets this user into which server: kept in one file that nobody else may read.

    ~/.config/wrenchai/credentials.json (0600; WRENCHAI_CONFIG names another folder)
    {"current": URL, "servers": {URL: {"key": ...} | {"access": ..., "refresh": ..., "username": ...}}}

WRENCHAI_URL and WRENCHAI_KEY, as a CI job sets them, come before the file. Refresh tokens are good for one use, so
whoever renews holds a lock, and writes the next one down before using it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from wrenchai_client.errors import BAD_INPUT, FORBIDDEN, ClientError

URL_VARIABLE, KEY_VARIABLE, FOLDER_VARIABLE = "WRENCHAI_URL", "WRENCHAI_KEY", "WRENCHAI_CONFIG"
PLAIN_VARIABLE = "WRENCHAI_PLAIN_HTTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A way in: an API key, or a pair of tokens. Never printed."""

    key: str = field(default="", repr=False)
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    username: str = ""
    plain_http: bool = False  # the user said that an unencrypted way is all right

    @property
    def bearer(self) -> str:
        """What goes into the Authorization header."""
        return self.key or self.access


def folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the file lies."""
    environ = os.environ if environ is None else environ
    if given := environ.get(FOLDER_VARIABLE):
        return Path(given).expanduser()
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "wrenchai"


class Store:
    """The file. Raises ClientError where it cannot be read or written."""

    def __init__(self, place: Path | None = None) -> None:
        self._folder = place or folder()
        self._file = self._folder / "credentials.json"

    def current(self) -> str:
        """Return the URL that was signed in at last; empty if none was."""
        return self._read()[0]

    def get(self, url: str) -> Credential | None:
        """Return what is known for a server."""
        return self._read()[1].get(url)

    def put(self, url: str, credential: Credential, *, make_current: bool = True) -> None:
        """Keep a credential."""
        with self.locked():
            current, servers = self._read()
            self._write(url if make_current or not current else current, {**servers, url: credential})

    def drop(self, url: str) -> Credential | None:
        """Forget a server; returns what was known for it."""
        with self.locked():
            current, servers = self._read()
            dropped = servers.pop(url, None)
            left = next(iter(servers), "") if current == url else current
            self._write(left, servers)
        return dropped

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change the file. Not to be nested."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self._folder / ".lock").open("a")
        except OSError as error:
            raise ClientError(
                f"cannot write in {self._folder}: {error.strerror}; {FOLDER_VARIABLE} can name another folder"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def replace(self, url: str, credential: Credential) -> None:
        """Write the next pair of tokens down. The caller holds the lock."""
        current, servers = self._read()
        self._write(current, {**servers, url: credential})

    def _read(self) -> tuple[str, dict[str, Credential]]:
        try:
            with self._file.open(encoding="utf-8") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise ClientError(f"others may read {self._file}: chmod 600 it", exit_code=FORBIDDEN)
                content = json.load(file)
            servers = {url: Credential(**one) for url, one in content["servers"].items()}
            return str(content["current"]), servers
        except FileNotFoundError:
            return "", {}
        except OSError as error:
            raise ClientError(f"cannot read {self._file}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ClientError(f"{self._file} is damaged: delete it and sign in again") from None

    def _write(self, current: str, servers: Mapping[str, Credential]) -> None:
        content = {"current": current, "servers": {url: asdict(one) for url, one in servers.items()}}
        fresh = self._file.with_name(f".{os.getpid()}.new")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
        except OSError as error:
            raise ClientError(f"cannot write {self._file}: {error.strerror}") from None


def from_environment() -> tuple[str, Credential | None]:
    """Return the URL and the key that the environment names, each possibly empty."""
    url, key = os.environ.get(URL_VARIABLE, "").strip(), os.environ.get(KEY_VARIABLE, "").strip()
    if key and not url:
        raise ClientError(
            f"{KEY_VARIABLE} is set and {URL_VARIABLE} is not: whose key is it?", exit_code=BAD_INPUT
        )
    plain = os.environ.get(PLAIN_VARIABLE) == "1"
    return url.rstrip("/"), Credential(key=key, plain_http=plain) if key else None


def with_pair(credential: Credential, *, access: str, refresh: str) -> Credential:
    """Return the credential with the next pair of tokens."""
    return replace(credential, access=access, refresh=refresh)
