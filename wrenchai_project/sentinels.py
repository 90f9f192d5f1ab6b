"""REDIS_URL with Redis Sentinel: one form for all who use Redis, translated into each one's own.

    sentinel://:password@host:26379,host2:26379/0?master=name[&sentinel_password=...]
    rediss+sentinel://...[&ssl_ca_certs=/path][&ssl_certfile=/path&ssl_keyfile=/path]   TLS to sentinels and to Redis

Knows the form only; who connects is in redis_client.py, celery.py and settings.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

SCHEME = "sentinel"  # Celery's name for it, too
TLS_SCHEME = "rediss+sentinel"
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
PORT = 26379
HINT = (
    "write sentinel://:password@host:26379,host2:26379/0?master=name, special characters percent-encoded;"
    " with TLS rediss+sentinel://...&ssl_ca_certs=/path"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinels:
    """Where the sentinels are, and which primary they are asked for."""

    hosts: tuple[tuple[str, int], ...]
    master: str
    db: int
    username: str
    password: str
    sentinel_password: str
    """Of the sentinels themselves; the other one is of the Redis that they watch."""
    has_tls: bool
    tls_files: tuple[tuple[str, str], ...]
    """Those of `TLS_FILES` that are given, with their paths. Without an authority the machine's own count."""

    def login(self) -> dict[str, Any]:
        """What a connection to the primary needs beside its address, as redis-py names it."""
        given = {"username": self.username or None, "password": self.password or None}
        return {"db": self.db, **{name: value for name, value in given.items() if value}, **self._tls()}

    def sentinel_login(self) -> dict[str, Any]:
        """What a connection to a sentinel needs beside its address, as redis-py names it."""
        login = {"password": self.sentinel_password} if self.sentinel_password else {}
        return {**login, **self._tls()}

    def celery_tls(self) -> dict[str, str] | bool:
        """Celery's setting `broker_use_ssl`."""
        return {"ssl_cert_reqs": "required", **dict(self.tls_files)} if self.has_tls else False

    def celery_url(self) -> str:
        """Celery's form: one URL for each sentinel, each with the login of the primary."""
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return ";".join(f"{SCHEME}://{login}{_shown(host)}:{port}/{self.db}" for host, port in self.hosts)

    def _tls(self) -> dict[str, Any]:
        return {"ssl": True, "ssl_cert_reqs": "required", **dict(self.tls_files)} if self.has_tls else {}

    def channels_host(self) -> dict[str, Any]:
        """The channel layer's form."""
        return {
            "sentinels": list(self.hosts),
            "master_name": self.master,
            "sentinel_kwargs": self.sentinel_login(),
            **self.login(),
        }


def is_one(url: str) -> bool:
    """Tell whether the URL is one of sentinels, sound or not."""
    return url.partition(":")[0] in {SCHEME, TLS_SCHEME}


def parse(url: str) -> Sentinels | None:
    """Take a sentinel URL apart; None if it is another kind of URL.

    Raises ValueError saying what is wrong, without the URL: it may hold a password.
    """
    parts = urlsplit(url)
    if not is_one(url):
        return None
    login, _, places = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    query = parse_qs(parts.query)
    has_tls = parts.scheme == TLS_SCHEME
    known = {"master", "sentinel_password", *(TLS_FILES if has_tls else ())}
    if unknown := sorted(set(query) - known):
        raise ValueError(f"it has the unknown parameter {unknown[0]!r}")
    if "master" not in query:
        raise ValueError("it does not name the primary that the sentinels watch")
    db = parts.path.removeprefix("/") or "0"
    if not db.isdigit():
        raise ValueError(f"{db!r} is no number of a database")
    return Sentinels(
        hosts=tuple(_place(place) for place in places.split(",")),
        master=query["master"][-1],
        db=int(db),
        username=unquote(username),
        password=unquote(password),
        sentinel_password=query.get("sentinel_password", [""])[-1],
        has_tls=has_tls,
        tls_files=tuple((name, _file(name, query[name][-1])) for name in TLS_FILES if name in query),
    )


def _file(name: str, path: str) -> str:
    if not Path(path).is_file():
        raise ValueError(f"its {name} names {path!r}, which is no file here")
    return path


def _place(place: str) -> tuple[str, int]:
    parts = urlsplit(f"//{place}")
    try:
        port = parts.port or PORT
    except ValueError:
        raise ValueError(f"the port of the sentinel {parts.hostname!r} is no number up to 65535") from None
    if not parts.hostname:
        raise ValueError("it names a sentinel without a host")
    return parts.hostname, port


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
