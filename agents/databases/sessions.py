"""One session with a user's database: checked, read only, bounded, and over at once when nobody wants it.

    Address -> host resolved once, public only -> libpq connects to that address, TLS still checks the name
    -> one read-only transaction with limits -> statements, each with a bound -> rolled back, closed

libpq works without blocking here: while it waits, we look at the clock and ask whether the answer is still wanted.
A server that takes the connection and never says a word costs CONNECT_SECONDS.

libpq reads variables (PG*) and files (~/.pgpass, ~/.postgresql/*, services) of the process that it works in. All that
it could take from there is given in full, and the variables are away while it connects: nothing of the operator's
goes to a server of a user's choosing.
"""

from __future__ import annotations

import os
import select
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, connection, libpq_version, make_dsn

from agents.databases.dsn import Address
from agents.databases.errors import DatabaseCancelled, HostForbidden, TooSlow, Unreachable
from agents.databases.faults import at_connecting, at_work
from wrenchai_project.hosts import HostRefused, Resolver, pinned_address, system_resolver

CONNECT_SECONDS = 15.0  # with TLS and login
STATEMENT_SECONDS = 30.0
LOCK_SECONDS = 2
GRACE_SECONDS = 3.0  # beyond the server's own limit, before we hang up
LOOK_SECONDS = 0.2  # between two looks at the clock and at whether it is still wanted
SETTING = "WRENCH_DATABASE_PRIVATE_HOSTS"
APPLICATION = "WrenchAI (reads the catalogue)"
_NOWHERE = "/nonexistent/wrench"  # what libpq looks for in our home folder unless it is told another place
_SINCE_16 = 160_000

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the installation and the step lay down."""

    private_hosts: tuple[str, ...] = ()
    ca_file: str = ""  # certificates of authorities; empty: this system's
    cancelled: Callable[[], bool] = lambda: False
    resolve: Resolver = system_resolver
    connect_seconds: float = CONNECT_SECONDS
    statement_seconds: float = STATEMENT_SECONDS


class Session:
    """A read-only transaction. `rows` is all that it can do."""

    def __init__(self, link: connection, address: Address, rules: Rules) -> None:
        self._link = link
        self._address = address
        self._rules = rules

    def rows(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Execute a statement of ours and give its rows. Raises DatabaseError's children, DatabaseCancelled."""
        with at_work(self._address), self._link.cursor() as cursor:
            cursor.execute(statement, parameters)
            _wait(self._link, self._rules.statement_seconds + GRACE_SECONDS, self._rules, self._late)
            return cursor.fetchall() if cursor.description else []

    def _late(self) -> TooSlow:
        seconds = self._rules.statement_seconds
        return TooSlow(
            f"the database at {self._address.place} did not answer a question about its catalogue within "
            f"{seconds:g} s; try again when it is less busy, or name a replica"
        )


@contextmanager
def opened(address: Address, rules: Rules) -> Iterator[Session]:
    """Connect, and give a session in a read-only transaction. Raises DatabaseError's children, DatabaseCancelled."""
    link = _connected(address, rules)
    try:
        session = Session(link, address, rules)
        session.rows("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for statement in _settings(rules):
            session.rows(statement)
        yield session
    finally:
        link.close()  # ends the transaction: nothing is ever committed


def _settings(rules: Rules) -> Iterable[str]:
    milliseconds = int(rules.statement_seconds * 1000)
    yield f"SET LOCAL statement_timeout = {milliseconds:d}"
    yield f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000:d}"
    yield f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds:d}"
    yield "SET LOCAL search_path = pg_catalog, pg_temp"  # no function or operator of theirs stands in for ours


def _connected(address: Address, rules: Rules) -> connection:
    try:
        resolved = pinned_address(
            address.host,
            address.port,
            private_hosts=rules.private_hosts,
            resolve=rules.resolve,
            setting=SETTING,
        )
    except HostRefused as error:
        raise HostForbidden(str(error)) from error
    with at_connecting(address), _without_our_environment():
        link: connection = psycopg2.connect(make_dsn(**_words(address, resolved, rules)), async_=True)
        try:
            _wait(link, rules.connect_seconds, rules, lambda: _mute(address, rules))
        except BaseException:
            link.close()
            raise
    return link


def _mute(address: Address, rules: Rules) -> Unreachable:
    return Unreachable(
        f"no answer from {address.place} within {rules.connect_seconds:g} s; check host and port, and that its "
        "firewall lets this server in"
    )


def _words(address: Address, resolved: str, rules: Rules) -> dict[str, str]:
    """Everything that libpq would else take from our environment or home folder."""
    verifies = address.sslmode.startswith("verify")
    words = {
        "host": address.host,
        "hostaddr": resolved,
        "port": str(address.port),
        "dbname": address.dbname,
        "user": address.user,
        "password": address.password,
        "passfile": _NOWHERE,
        "options": "",
        "application_name": APPLICATION,
        "client_encoding": "UTF8",
        "connect_timeout": str(int(rules.connect_seconds) or 1),
        "sslmode": address.sslmode,
        "sslcert": _NOWHERE,
        "sslkey": _NOWHERE,
        "sslcrl": _NOWHERE,
        "sslrootcert": _authorities(rules) if verifies else _NOWHERE,
        "channel_binding": address.channel_binding,
        "gssencmode": "disable",
        "krbsrvname": "postgres",
        "target_session_attrs": "any",
    }
    if libpq_version() >= _SINCE_16:
        words["sslcertmode"] = "disable"
        words["require_auth"] = _methods(address)
    return words


def _methods(address: Address) -> str:
    """No ticket of this host is shown to anybody, and no password goes over a line that all can read."""
    is_sealed = address.sslmode == "require" or address.sslmode.startswith("verify")
    return "!gss,!sspi" if is_sealed else "!password,!gss,!sspi"


def _authorities(rules: Rules) -> str:
    if rules.ca_file:
        return rules.ca_file
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.openssl_cafile


@contextmanager
def _without_our_environment() -> Iterator[None]:
    """Take the variables that libpq reads away while it connects, PGSERVICE above all, which has no neutral value."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(kept)


def _wait(link: connection, seconds: float, rules: Rules, late: Callable[[], Exception]) -> None:
    """Let libpq work until it is done, is late, or nobody wants it."""
    deadline = time.monotonic() + seconds
    while (state := link.poll()) != POLL_OK:
        if rules.cancelled():
            raise DatabaseCancelled("nobody wants the answer any more")
        if time.monotonic() > deadline:
            raise late()
        watch = select.poll()  # select() knows no descriptor above 1,023
        watch.register(link.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        watch.poll(LOOK_SECONDS * 1000)
