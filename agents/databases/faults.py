"""What psycopg2 raises, in words that tell people what to do.

A login that fails has no SQLSTATE in psycopg2, so it is told by the server's words; a server that speaks another
language than English gets the general error, which quotes them. What a server says is data, and may hold the
password that it was sent: then it is withheld.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from agents.databases.dsn import Address
from agents.databases.errors import (
    CatalogueUnreadable,
    ConnectionGone,
    DatabaseError,
    LoginRefused,
    RightsMissing,
    ServerBusy,
    TooSlow,
    Unreachable,
)
from agents.reporting.visible import one_line

MOST_QUOTED = 300  # characters of what a server says
SHORT = 4  # characters of a password
WITHHELD = "(its words are withheld, as they hold the password)"
_BUSY = ("too many", "starting up", "shutting down", "recovery mode", "reserved for", "not yet accepting")
_LOGIN = (
    (r"password authentication failed", "check the role and the password of the stored database URL"),
    (
        r"no password supplied|password supplied",
        "the server wants a password, and the stored database URL has none",
    ),
    (r"no pg_hba\.conf entry", "its pg_hba.conf lets this role, host or kind of connection not in"),
    (r"not permitted to log in", "give the role the right to log in"),
    (r"permission denied for database", "grant the role CONNECT on the database"),
    (r"method requirement", "it may want the password in clear: set sslmode=require, or better verify-full"),
    (r'database ".*" does not exist', "check the database's name in the stored URL"),
    (r'role ".*" does not exist', "check the role in the stored URL"),
)
_TLS = ("SSL", "certificate", "TLS", "channel binding")


@contextmanager
def at_connecting(address: Address) -> Iterator[None]:
    """Translate what goes wrong on the way in."""
    try:
        yield
    except psycopg2.Error as error:
        raise _login(str(error), address) from None  # libpq's own error may hold what is withheld
    except UnicodeError:
        raise _login("its answer is no UTF-8", address) from None


@contextmanager
def at_work(address: Address) -> Iterator[None]:
    """Translate what goes wrong with a statement."""
    try:
        yield
    except psycopg2.Error as error:
        raise _work(error, address) from None
    except UnicodeError:
        raise CatalogueUnreadable(
            f"the database at {address.place} holds names that are no UTF-8 (its encoding is SQL_ASCII?); "
            "such a database cannot be drawn"
        ) from None


def _login(said: str, address: Address) -> DatabaseError:
    quoted = _quoted(said, address)
    if any(word in said for word in _BUSY):
        return ServerBusy(
            f"the database at {address.place} lets nobody in at the moment: {quoted}; try again later"
        )
    for pattern, advice in _LOGIN:
        if re.search(pattern, said):
            return LoginRefused(f"the database at {address.place} does not let us in: {quoted}; {advice}")
    if any(word in said for word in _TLS):
        return LoginRefused(
            f"no sealed connection with {address.place}: {quoted}; check sslmode, and the server's certificate "
            "against the authorities (WRENCH_DATABASE_CA_FILE)"
        )
    if "FATAL" in said:
        return LoginRefused(f"the database at {address.place} does not let us in: {quoted}")
    return Unreachable(
        f"no connection with {address.place}: {quoted}; check host and port, that PostgreSQL runs there, and that "
        "its firewall lets this server in"
    )


def _work(error: psycopg2.Error, address: Address) -> DatabaseError:
    code, quoted = error.pgcode or "", _quoted(str(error), address)
    if code in ("57014", "55P03", "25P03"):
        return TooSlow(
            f"the database at {address.place} broke a question about its catalogue off: {quoted}; try again when "
            "it is less busy, or name a replica"
        )
    if code == "42501":
        return RightsMissing(
            f"the role may not read the catalogue of the database at {address.place}: {quoted}; grant it SELECT there"
        )
    if code == "40001":
        return ServerBusy(f"a conflict with recovery on the replica {address.place}: {quoted}; try again")
    if not code or code.startswith(("08", "57P")):
        return ConnectionGone(f"the connection with {address.place} broke: {quoted}; try again")
    return CatalogueUnreadable(
        f"the database at {address.place} refused a question about its catalogue: {quoted}"
    )


def _holds(said: str, password: str) -> bool:
    """Tell whether a password stands there; a very short one stands in every text, so as a word of its own."""
    if len(password) < SHORT:
        return bool(password) and re.search(rf"(?<!\w){re.escape(password)}(?!\w)", said) is not None
    return password in said


def _quoted(said: str, address: Address) -> str:
    """A server's words on one line, without the password."""
    if _holds(said, address.password):
        return WITHHELD
    line = one_line(" ".join(said.split()))
    return line if len(line) <= MOST_QUOTED else line[:MOST_QUOTED] + "…"
