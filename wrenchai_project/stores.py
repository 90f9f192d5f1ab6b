"""How Django and Channels use PostgreSQL and Redis: connections, caches, and the layer that carries hints to sockets.

Owns their form; `settings` puts it in place. Refuses to know where the servers are: it is told.
"""

from __future__ import annotations

from typing import Any

from wrenchai_project import redis_client
from wrenchai_project.sentinels import Sentinels

_SENTINEL_POOL = "wrenchai_project.redis_client.SentinelPool"
_QUICK_POOL = "wrenchai_project.redis_client.QuickPool"

# A host that is gone without a word is noticed within a minute; the kernel's own patience is two hours, and a quarter
# of one for what was sent and not acknowledged.
_PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",  # milliseconds
}


def databases(given: dict[str, Any], *, silent_seconds: int) -> dict[str, dict[str, Any]]:
    """Give the database of a URL. What the URL says goes before our options.

    A session that says nothing for so long within a transaction is ended by the server.
    """
    told = given["OPTIONS"]
    ended = f"-c idle_in_transaction_session_timeout={silent_seconds}s"
    options = {
        "application_name": "wrenchai",
        **_PATIENCE,
        **told,
        "options": f"{told['options']} {ended}" if told.get("options") else ended,
    }
    return {"default": {**given, "OPTIONS": options, "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}}


def caches(url: str, sentinels: Sentinels | None) -> dict[str, dict[str, Any]]:
    """Give the caches: `default`, and `attempts`, in which django-ratelimit counts and waits for its cache."""
    pool = {"pool_class": _SENTINEL_POOL} if sentinels else {}
    return {
        "default": _cache(url, "wrench", {"pool_class": _QUICK_POOL, **pool}),
        "attempts": _cache(url, "wrench-attempts", {**redis_client.patience(0.1), **pool}),
    }


def _cache(url: str, prefix: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": [url],
        "OPTIONS": options,
        "KEY_PREFIX": prefix,
    }


def channel_layers(url: str, sentinels: Sentinels | None) -> dict[str, dict[str, Any]]:
    """Give the channel layer. A process holds two connections, and more for a moment when much is told at once."""
    host = {**(sentinels.channels_host() if sentinels else {"address": url}), "max_connections": 1000}
    return {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [host], "prefix": "wrench-live"},
        }
    }
