"""Typed readers of environment variables. A malformed value stops the start with a message that names it."""

import os
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}

ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgresql": "django.db.backends.postgresql",
}


def text(name, default=""):
    return os.environ.get(name, default)


def flag(name, *, default):
    value = os.environ.get(name)
    if value is None:
        return default
    word = value.strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}")
    return word in TRUE_WORDS


def integer(name, *, default):
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from error


def money(name, *, default):
    value = os.environ.get(name, default)
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise ImproperlyConfigured(f"{name} must be an amount such as 45.00, not {value!r}") from error


def words(name, default=""):
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def database(name, *, default):
    """Turn the address of a SQLite file or a PostgreSQL database into Django's dictionary."""
    url = urlsplit(os.environ.get(name, default))
    if url.scheme not in ENGINES:
        raise ImproperlyConfigured(f"{name} must begin with one of {sorted(ENGINES)}, not {url.scheme!r}")
    if url.scheme == "sqlite":
        return {"ENGINE": ENGINES["sqlite"], "NAME": url.path.removeprefix("/")}
    return {
        "ENGINE": ENGINES["postgresql"],
        "NAME": url.path.removeprefix("/"),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": url.port or "",
        "CONN_MAX_AGE": 60,
    }
