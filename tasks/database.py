"""Bounded patience with PostgreSQL: what to do when it restarts, or two transactions lock each other out.

Owns: `resilient`, which does a whole transaction again on a new connection. Refuses to know what the
transaction does. Invariant: it is given only transactions that are safe to repeat (filtered by a fence or by
the old state), because a commit whose answer was lost may have happened.

And `Prepared`: planning the claim took longer than executing it, so a worker child lets PostgreSQL keep the plans of
the statements that every step needs.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    Error,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
)
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 60.0  # a restart with recovery took 1 to 4 s; a longer outage is the operator's
FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 2.0
SILENT_SECONDS = (
    10.0  # a leader acts every second or two; the standby's place is worth more than a silent one's
)

# SQLSTATE, as the appendix "PostgreSQL Error Codes" of its manual has them
AWAY_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
"""Connection, rollback (deadlock), resources (disk full, too many connections), lock, operator (restart), system."""
AWAY_CODES = frozenset({"25006", "25P03", "25P04"})
"""A server that became a standby or read-only, and transactions that were ended because they took too long."""
NOT_MIGRATED_CODES = frozenset({"42P01", "42703"})  # no such table, no such column

REPLAN_SECONDS = 60.0  # a plan made for an empty table is kept no longer, if no ANALYZE throws it away before

_T = TypeVar("_T")
# connection -> statement -> its name there, and when it was planned
_plans: WeakKeyDictionary[Any, dict[str, tuple[str, float]]] = WeakKeyDictionary()
_plan_numbers = count()


def is_away(error: BaseException) -> bool:
    """Tell whether PostgreSQL cannot do it now but may later, rather than never for what it was given."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    code = sqlstate(error)
    if code is None:
        return isinstance(error, OperationalError | InterfaceError)  # the connection, or none to be had
    return code[:2] in AWAY_CLASSES or code in AWAY_CODES


def is_not_migrated(error: BaseException) -> bool:
    """Tell whether a table or column is missing that this release needs."""
    return isinstance(error, ProgrammingError) and sqlstate(error) in NOT_MIGRATED_CODES


def sqlstate(error: BaseException) -> str | None:
    """Give PostgreSQL's five characters for what happened; None if the server said nothing."""
    return getattr(error.__cause__, "pgcode", None)


def resilient(act: Callable[[], _T], *, what: str, patience_seconds: float = PATIENCE_SECONDS) -> _T:
    """Run a repeatable transaction; while PostgreSQL `is_away` run it again, until patience ends.

    Raises the last error when the patience is over, and any other at once.
    """
    deadline = time.monotonic() + patience_seconds
    delay = FIRST_DELAY_SECONDS
    while True:
        try:
            return act()
        except Error as error:
            if not is_away(error) or connection.in_atomic_block or time.monotonic() + delay > deadline:
                raise
            log.warning("database_again", what=what, reason=str(error).strip(), delay=round(delay, 2))
            connection.close()
            time.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)


def each(move: Callable[..., int], rows: Iterable[tuple[int, ...]]) -> int:
    """Move each row in a transaction of its own. One that the database refuses is told, and holds up no other.

    Raises what says nothing about the row, such as a server that is away or a missing table: the round comes again.
    """
    moved = 0
    for row in rows:
        try:
            moved += move(*row)
        except Error as error:
            if is_away(error) or is_not_migrated(error):
                raise
            log.exception("row_not_moved", move=move.__name__, row=row)
    return moved


def mend_connection() -> None:
    """Throw this thread's connection away if it is in the middle of a transaction that nobody will end.

    A signal may strike between two lines of Django's `atomic`, and an operation may leave one open. Whatever is
    written then would wait, with its locks, for a commit that never comes.
    """
    raw = connection.connection
    is_idle = raw is None or raw.info.transaction_status == TRANSACTION_STATUS_IDLE
    if is_idle and not connection.in_atomic_block and (raw is None or connection.get_autocommit()):
        return
    log.warning("connection_thrown_away", reason="left in the middle of a transaction")
    if raw is not None:
        raw.close()
    del connections[DEFAULT_DB_ALIAS]  # the wrapper too: it counts blocks that were never left


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A statement that PostgreSQL plans once per connection, and again after a minute.

    `text` has its parameters as `%(name)s`, `types` gives the type of each.
    """

    name: str
    text: str
    types: Mapping[str, str]

    def prepare(self, name: str) -> str:
        """Write the statement that makes PostgreSQL know this one by a name."""
        places = {key: f"${number}" for number, key in enumerate(self.types, start=1)}
        text = re.sub(r"%\((\w+)\)s", lambda match: places[match.group(1)], self.text)
        return f"PREPARE {name} ({', '.join(self.types.values())}) AS {text}"

    def call(self, name: str) -> str:
        """Write the statement that executes it."""
        return f"EXECUTE {name} ({', '.join(f'%({key})s' for key in self.types)})"


def execute(cursor: Any, values: Mapping[str, Any], *statements: Prepared) -> None:
    """Execute these one after the other, in one round trip. The cursor has the result of the last one."""
    if settings.PREPARE:
        text = "; ".join(statement.call(_planned_as(cursor, statement)) for statement in statements)
    else:
        text = "; ".join(statement.text for statement in statements)
    cursor.execute(text, values)


def _planned_as(cursor: Any, statement: Prepared) -> str:
    """Give the name by which this connection knows the statement; let it plan, if it does not or too long ago.

    For any values: PostgreSQL would plan five times for given ones first. Each plan has a name of its own, because a
    signal may interrupt us between PostgreSQL's having it and our knowing that.
    """
    connection.ensure_connection()
    known = _plans.setdefault(connection.connection, {})
    name, planned_at = known.get(statement.name, ("", 0.0))
    if name and time.monotonic() - planned_at < REPLAN_SECONDS:
        return name
    forget = f"DEALLOCATE {name}; " if name else ""
    known.pop(statement.name, None)
    name = f"{statement.name}_{next(_plan_numbers)}"
    cursor.execute(f"SET plan_cache_mode = force_generic_plan; {forget}{statement.prepare(name)}")
    known[statement.name] = (name, time.monotonic())
    return name


class Leadership:
    """The right to be the one relay or scheduler, held as a session lock of PostgreSQL.

    It is gone with the connection, so a killed leader's place is free at once and a standby takes it. A frozen or
    cut-off leader keeps its connection, the latter for as long as TCP believes in it: hours. So PostgreSQL is told
    to end the session of a leader that was silent for `silent_seconds`.
    """

    def __init__(self, role: str, *, silent_seconds: float = SILENT_SECONDS) -> None:
        self.role = role
        self.silent_seconds = silent_seconds
        self._held_by: object = None

    def is_held(self) -> bool:
        """Tell whether this process leads, trying to if nobody does."""
        connection.ensure_connection()
        if self._held_by is not None and self._held_by is connection.connection:
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"wrench {self.role}"])
            got = bool(cursor.fetchone()[0])
            if got:
                patience = f"{self.silent_seconds:g}s"
                cursor.execute(
                    "SELECT set_config('idle_session_timeout', %s, false),"
                    " set_config('idle_in_transaction_session_timeout', %s, false)",
                    [patience, patience],
                )
        self._held_by = connection.connection if got else None
        if got:
            log.info("leadership_taken", role=self.role)
        return got
