"""The servers that the user gave by DATABASE_URL and REDIS_URL: do they answer?"""

import contextlib
from urllib.parse import unquote, urlsplit

from wrenchai_project import sentinels

from .errors import ServerUnreachable

CONNECT_SECONDS = 5


def check_postgres(url: str) -> None:
    """Connect once. Raises ServerUnreachable with the place and the reason, never with the password."""
    import psycopg2

    place = _place("DATABASE_URL", url, schemes=("postgresql", "postgres"), port=5432)
    try:
        connection = psycopg2.connect(url, connect_timeout=CONNECT_SECONDS)
    except (psycopg2.Error, UnicodeError) as error:
        raise _unreachable("PostgreSQL", place, str(error), "DATABASE_URL", url) from None
    with contextlib.closing(connection):
        version = connection.server_version
    if version < 140000:
        raise ServerUnreachable(
            f"PostgreSQL at {place} is version {version // 10000}: WrenchAI needs 14 or newer; "
            "check DATABASE_URL, or unset it to use the embedded server"
        )


def check_redis(url: str) -> None:
    """Ping once. Raises ServerUnreachable with the place and the reason, never with the password."""
    import redis

    from wrenchai_project import redis_client

    place = _redis_place(url)
    try:
        with contextlib.closing(redis_client.client(url, timeout_seconds=CONNECT_SECONDS)) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise _unreachable("Redis", place, str(error), "REDIS_URL", url) from None


def _redis_place(url: str) -> str:
    try:
        watched = sentinels.parse(url)
    except ValueError as error:
        raise ServerUnreachable(
            f"REDIS_URL cannot be used: {error} (its value is not shown, it may hold a password); {sentinels.HINT}"
        ) from None
    if watched is None:
        return _place("REDIS_URL", url, schemes=("redis", "rediss", "unix"), port=6379)
    asked = ", ".join(f"{host}:{port}" for host, port in watched.hosts)
    return f"the primary {watched.master!r} of the sentinels {asked}"


def _place(variable: str, url: str, *, schemes: tuple[str, ...], port: int) -> str:
    """Return host:port/db of the URL. Raises ServerUnreachable if it is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in schemes:
            raise ValueError
        if not parts.hostname:
            return parts.path or "the local socket"
        found = [urlsplit(f"//{place}") for place in parts.netloc.rpartition("@")[2].split(",")]
        places = ", ".join(f"{one.hostname}:{one.port or port}" for one in found)
        return f"{places}{parts.path if parts.path != '/' else ''}"
    except ValueError:
        raise ServerUnreachable(
            f"{variable} is not a valid URL (its value is not shown, it may hold a password): "
            f"write {schemes[0]}://user:password@host:{port}/name, "
            "with special characters of the password percent-encoded"
        ) from None


def _unreachable(server: str, place: str, reason: str, variable: str, url: str) -> ServerUnreachable:
    first = reason.strip().splitlines()[0] if reason.strip() else "no answer"
    first = first.rsplit("failed: ", 1)[-1].removeprefix("FATAL:  ").rstrip(".")
    password = urlsplit(url).password
    for secret in {password, unquote(password)} if password else set():
        first = first.replace(secret, "***")
    return ServerUnreachable(
        f"cannot reach {server} at {place} ({first}): "
        f"check {variable}, or unset it to use the embedded server"
    )
