"""Sessions of browsers: in PostgreSQL, read through Redis. For settings.SESSION_ENGINE.

Django's `cached_db` fails where the cache does when it reads or deletes. Here a Redis that is away costs time and a
line in the log; the truth is in PostgreSQL. A copy that could not be deleted is harmless: whose session it is, and
whether that still lives, is asked of PostgreSQL at each request (`browser`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.contrib.sessions.backends.cached_db import SessionStore as CachedSessions

from accounts.limits.shared import RedisAway, circuit

log = structlog.get_logger(__name__)


class SessionStore(CachedSessions):
    """A browser's session."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._cache: Any = _Lenient(self._cache)

    @classmethod
    def get_model_class(cls) -> Any:
        from django.contrib.sessions.models import (
            Session,
        )  # the apps are not loaded when settings name this module

        return Session


class _Lenient:
    """The part of a cache that sessions use; one that does not answer is an empty one."""

    def __init__(self, cache: Any) -> None:
        self._inner = cache

    def get(self, key: str) -> Any:
        return self._ask("session_not_cached", lambda: self._inner.get(key))

    def set(self, key: str, value: object, timeout: float | None = None) -> None:
        self._ask("session_not_cached", lambda: self._inner.set(key, value, timeout))

    def delete(self, key: str) -> None:
        self._ask("session_not_uncached", lambda: self._inner.delete(key))

    def _ask(self, event: str, act: Callable[[], Any]) -> Any:
        """Ask through the circuit of the limits: a Redis that hangs is waited for once, not by each page."""
        try:
            return circuit.call(act)
        except RedisAway as error:
            log.warning(event, reason=str(error))
            return None

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None
