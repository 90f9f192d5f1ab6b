"""Hands each write to a tracked table its stamp, for the trigger that makes the version.

    UPDATE "accounts_team" ...   ->   SELECT set_config('pghistory.context_metadata', '{...}', true); UPDATE ...

The setting is local and goes in the same message to PostgreSQL as the write: it belongs to the same transaction, also
without a BEGIN and behind a pooler of transactions, and is gone with it. pghistory's own way puts it before every
write of a request to any table, keeps it in a thread that an asynchronous request leaves, and breaks `executemany`;
ours stands before writes to tracked tables only, before each; of others it looks whether they name one.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from history import origins, tracking

SETTING = "pghistory.context_metadata"  # what pghistory's triggers read
_READS = ("SELECT", "EXECUTE")  # how statements begin that write to no tracked table: most

MOST_KNOWN = 4_000  # characters: longer statements are each another one, and would fill the memory


def install() -> None:
    """Stamp on every connection from now on."""
    connection_created.connect(_stamp_on, dispatch_uid="history.stamping")


def is_tracked_write(sql: str) -> bool:
    """Tell whether a statement may write to a tracked table."""
    if sql.startswith(_READS):
        return False
    return _known(sql) if len(sql) <= MOST_KNOWN else _look(sql)


def _look(sql: str) -> bool:
    lowered = sql.lower()
    return any(table in lowered for table in _tables()) and _writes().search(lowered) is not None


def _stamp_on(sender: object, connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    if _stamp not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _stamp)  # innermost: others pop what they have put last


def _stamp(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """An execute wrapper of Django's."""
    cursor = context["cursor"]
    text: str = sql if isinstance(sql, str) else _text(sql, cursor)
    if is_tracked_write(text):
        told = json.dumps(origins.stamp())
        stamp: str = cursor.mogrify(f"SELECT set_config('{SETTING}', %s, true); ", [told]).decode()
        sql = (stamp if params is None else stamp.replace("%", "%%")) + text
    return execute(sql, params, many, context)


def _text(sql: Any, cursor: Any) -> str:
    return sql.decode() if isinstance(sql, bytes) else str(sql.as_string(cursor.cursor))


_known = lru_cache(maxsize=1_024)(_look)


@cache
def _tables() -> tuple[str, ...]:
    """The tracked tables, which are known when the apps are loaded."""
    return tuple(sorted(tracking.tables()))


@cache
def _writes() -> re.Pattern[str]:
    """Recognize writes to the tracked tables. Sought in what names one only: an alternation is slow."""
    tables = "|".join(re.escape(table) for table in _tables())
    return re.compile(
        rf'\b(?:insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|merge\s+into)\s+"?(?:{tables})\b'
    )
