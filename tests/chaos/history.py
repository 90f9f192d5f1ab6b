"""What clients did and what they know of it, one line of JSON per operation, as Jepsen keeps it.

ok        the server said that it is done
fail      it certainly did not happen
unknown   it may have happened: no answer, or a server error
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request of one client. `key` is the idempotency key of a submission, `run` the run's public id."""

    at: float
    took: float
    client: str
    verb: str
    outcome: Outcome
    status: int
    key: str = ""
    run: str = ""
    told: dict[str, Any] = field(default_factory=dict)


class History:
    """All operations, in memory and in a file."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._file = file.open("a", encoding="utf-8")
        self.operations: list[Operation] = []

    def add(self, operation: Operation) -> None:
        with self._lock:
            self.operations.append(operation)
            self._file.write(json.dumps(asdict(operation)) + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()

    def since(self, at: float) -> list[Operation]:
        with self._lock:
            return [one for one in self.operations if one.at >= at]


def now() -> float:
    """The wall clock, which is PostgreSQL's too: it is never stepped."""
    return time.time()
