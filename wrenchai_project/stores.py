"""How Django and Channels use Redis: the caches, and the layer that carries hints to the sockets.

Owns their form; `settings` puts it in place. Refuses to know where Redis is: it is told.
"""

from __future__ import annotations

from typing import Any

from wrenchai_project import redis_client
from wrenchai_project.sentinels import Sentinels

_SENTINEL_POOL = "wrenchai_project.redis_client.SentinelPool"
_QUICK_POOL = "wrenchai_project.redis_client.QuickPool"


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
