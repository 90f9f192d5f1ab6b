"""How PostgreSQL would answer a statement, if the tables were as large as they are at work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection


def plan_of(statement: str, values: Mapping[str, Any] | None = None) -> list[str]:
    """Give the lines of the plan that reads no table whole, which would be quicker in so small a one."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"EXPLAIN (COSTS OFF) {statement}", values)
        plan = [line for (line,) in cursor.fetchall()]
        cursor.execute("RESET enable_seqscan")
    return plan
