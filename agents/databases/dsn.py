"""A stored database URL, read by an allow-list.

libpq's own parser takes it apart, so that nobody reads it in two ways; what comes out is checked word by word and
built anew by `sessions`. Refused is what would make this host lend something of its own (sockets, files, services,
certificates, tickets), lead elsewhere than to the one host that is checked, or set the session up.
Invariant: no error quotes the URL or its password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import psycopg2
from psycopg2.extensions import parse_dsn

from agents.databases.errors import DsnInvalid

EXAMPLE = "postgresql://reader:password@db.example.org:5432/shop"
DEFAULT_PORT = 5432
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OURS = frozenset({"application_name", "client_encoding", "connect_timeout", "fallback_application_name"})
_TAKEN = frozenset({"host", "port", "dbname", "user", "password", "sslmode", "channel_binding"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)(?:\+[A-Za-z0-9_.-]+)?://")
_HOST = re.compile(r"[\w.:-]{1,253}")
_WHY = {
    "hostaddr": "the host's address is looked up and checked here",
    "options": "the session is set up here",
    "service": "services are files of this server",
    "passfile": "it is a file of this server",
    "sslcert": "it is a file of this server",
    "sslkey": "it is a file of this server",
    "sslpassword": "keys are files of this server",
    "sslrootcert": "it is a file of this server; an operator names the authorities by WRENCH_DATABASE_CA_FILE",
    "sslcrl": "it is a file of this server",
    "sslcrldir": "it is a folder of this server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a database is and who we are there. Printing it shows no password."""

    host: str
    port: int
    dbname: str
    user: str
    password: str = field(repr=False)
    sslmode: str = "prefer"
    channel_binding: str = "prefer"

    @property
    def place(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """Read a database URL. Raises DsnInvalid."""
    given = _words(text)
    unknown = sorted(set(given) - _TAKEN - _OURS)
    if unknown:
        why = _WHY.get(unknown[0], "it is none of those that are taken")
        raise DsnInvalid(
            f"the database URL sets {unknown[0]!r}, which is refused: {why}; leave it out. Taken are "
            f"{', '.join(sorted(_TAKEN))}"
        )
    user = given.get("user", "")
    if not user:
        raise DsnInvalid(f"the database URL names no role; it looks like {EXAMPLE}")
    return Address(
        host=_host(given.get("host", "")),
        port=_port(given.get("port", "")),
        dbname=given.get("dbname") or user,
        user=user,
        password=given.get("password", ""),
        sslmode=_one_of(given, "sslmode", SSL_MODES),
        channel_binding=_one_of(given, "channel_binding", ("disable", "prefer", "require")),
    )


def _words(text: str) -> dict[str, str]:
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise DsnInvalid(f"the database URL has no scheme; it looks like {EXAMPLE}")
    if scheme[1].lower() not in ("postgres", "postgresql"):
        raise DsnInvalid(f"the database URL is of {scheme[1]!r}; only PostgreSQL is read: {EXAMPLE}")
    plain = f"postgresql://{text[scheme.end() :]}"  # SQLAlchemy's names the driver too
    if "\0" in plain:
        raise DsnInvalid(f"the database URL holds a NUL; it looks like {EXAMPLE}")
    try:
        found = parse_dsn(plain)
    except (psycopg2.Error, UnicodeError):
        # libpq quotes what it does not understand, which may be the password
        raise DsnInvalid(
            f"the database URL cannot be read; it looks like {EXAMPLE}. Signs such as @ : / % in the password "
            "are written as %40 %3A %2F %25"
        ) from None
    return {name: str(value) for name, value in found.items()}


def _host(host: str) -> str:
    if not host:
        raise DsnInvalid(f"the database URL names no host; it looks like {EXAMPLE}")
    if host.startswith(("/", "@")):
        raise DsnInvalid("the database URL names a socket of this server; name a host")
    if "," in host:
        raise DsnInvalid("the database URL names several hosts; name one, best a replica that is only read")
    if not _HOST.fullmatch(host):  # not quoted: a password with @ in it ends up here
        raise DsnInvalid(
            "the database URL's host is no name and no address. Signs such as @ : / % in the password are written as "
            "%40 %3A %2F %25"
        )
    return host


def _port(port: str) -> int:
    if not port:
        return DEFAULT_PORT
    if "," in port:
        raise DsnInvalid("the database URL names several ports; name one")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise DsnInvalid("the database URL's port is no number from 1 to 65535")
    return int(port)


def _one_of(given: dict[str, str], name: str, options: tuple[str, ...]) -> str:
    value = given.get(name) or "prefer"
    if value not in options:
        raise DsnInvalid(f"the database URL's {name} is none of {', '.join(options)}")
    return value
