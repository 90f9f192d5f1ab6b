"""Typed readers of the environment: the one door by which settings come in.

Each reader declares its variable (name, kind, default, meaning), so that the reference page can be compared
with the code. A value that cannot be read is never guessed at: the fault is kept in `FAULTS`, `manage.py check`
shows it with a hint, and `refuse_faults` stops web and workers from starting.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from wrenchai_project import sentinels


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A variable that the project reads."""

    name: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A variable whose value cannot be used, and what to do."""

    name: str
    message: str
    hint: str


DECLARED: dict[str, Declared] = {}
FAULTS: list[Fault] = []
DATABASE_DEFAULT = "postgresql://wrench@127.0.0.1:5432/wrenchai"
_SECRET_ID = re.compile(r"[0-9A-Za-z-]{1,20}\Z")
GENERATED = frozenset({"SECRET_KEY"})
"""Variables that `./wrench` makes itself for the processes that it starts."""
LEAST_SECRET = 32  # characters; as many bytes as HMAC-SHA-256 gives
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class SettingsRefused(Exception):
    """The environment has faults; the message names each with its hint."""


def text(name: str, default: str, meaning: str, *, shown_default: str | None = None) -> str:
    """Read a string."""
    _declare(name, "text", default if shown_default is None else shown_default, meaning)
    return os.environ.get(name, default)


def flag(name: str, default: bool, meaning: str) -> bool:
    """Read a yes or no: 1, true, yes, on against 0, false, no, off."""
    _declare(name, "flag", "1" if default else "0", meaning)
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    if raw.lower() in {"1", "true", "yes", "on"}:
        return True
    if raw.lower() in {"0", "false", "no", "off"}:
        return False
    _fault(name, f"{raw!r} is neither yes nor no", "use 1 or 0")
    return default


def number(name: str, default: int, meaning: str, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """Read a whole number within bounds."""
    _declare(name, "number", str(default), meaning)
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    try:
        value = int(raw)
    except ValueError:
        _fault(name, f"{raw!r} is no whole number", f"use a number from {least} to {most}")
        return default
    if not least <= value <= most:
        _fault(name, f"{value} is out of bounds", f"use a number from {least} to {most}")
        return default
    return value


def words(name: str, default: tuple[str, ...], meaning: str) -> list[str]:
    """Read a list separated by commas."""
    _declare(name, "list", ",".join(default), meaning)
    raw = os.environ.get(name)
    if raw is None:
        return list(default)
    return [word.strip() for word in raw.split(",") if word.strip()]


def choice(name: str, options: tuple[str, ...], meaning: str) -> str:
    """Read one of a few words; the first is the default."""
    _declare(name, "choice", options[0], meaning)
    raw = os.environ.get(name) or options[0]
    if raw in options:
        return raw
    _fault(name, f"{raw!r} is none of the words it may be", f"use {' or '.join(options)}")
    return options[0]


def networks(name: str, default: tuple[str, ...], meaning: str) -> list[str]:
    """Read addresses and networks separated by commas: 10.0.0.5, 10.0.0.0/8, 2001:db8::/32."""
    found: list[str] = []
    for word in words(name, default, meaning):
        try:
            found.append(str(ip_network(word)))
        except ValueError as error:
            _fault(name, f"{word!r} is no address or network: {error}", "write 10.0.0.5 or 10.0.0.0/8")
    return found


def secrets(name: str, meaning: str, *, least: int = 32) -> dict[str, str]:
    """Read secrets of at least so many characters, each with its id: new-id:secret,old-id:secret. None is told."""
    _declare(name, "secrets", "", meaning)
    hint = f"write id:secret,id:secret; an id of 1 to 20 letters, digits and hyphens, {least} characters or more each"
    found: dict[str, str] = {}
    for place, pair in enumerate(filter(None, os.environ.get(name, "").split(",")), start=1):
        id, _, secret = pair.strip().partition(":")
        if not _SECRET_ID.match(id) or len(secret) < least or id in found:
            _fault(name, f"its part {place} has no id, an id again, or a secret that is too short", hint)
            continue
        found[id] = secret
    return found


def folders(name: str, default: tuple[Path, ...], meaning: str) -> list[Path]:
    """Read folders separated as in PATH. Each must be absolute."""
    _declare(name, "folders", os.pathsep.join(str(p) for p in default), meaning)
    found: list[Path] = []
    for part in os.environ.get(name, os.pathsep.join(str(p) for p in default)).split(os.pathsep):
        if not part:
            continue
        if not Path(part).is_absolute():
            _fault(name, f"{part!r} is not absolute", "write the whole path, starting with /")
            continue
        found.append(Path(part))
    return found


def folder(name: str, default: Path, meaning: str, *, shown_default: str) -> Path:
    """Read one folder; a relative one counts from the working directory."""
    _declare(name, "folder", shown_default, meaning)
    return Path(os.environ.get(name) or default).absolute()


def database(name: str, fallback: str | None, meaning: str) -> dict[str, Any]:
    """Read a PostgreSQL URL into Django's terms: postgresql://user:password@host:port,host2:port/name?sslmode=require.

    With several hosts a connection goes to the first that takes writes: who asks a standby would wait for good.
    """
    _declare(name, "url", "the embedded server, once started", meaning)
    raw = os.environ.get(name) or fallback or DATABASE_DEFAULT
    hint = (
        "write postgresql://user:password@host:5432/name, special characters of the password percent-encoded;"
        " several hosts as host:5432,host2:5432"
    )
    parts, places = _database_places(name, raw, hint)
    if parts.scheme not in {"postgres", "postgresql"} or len(parts.path) < 2:
        told = f"it is no PostgreSQL URL (scheme {parts.scheme!r}, database {parts.path.lstrip('/')!r})"
        _fault(name, told, hint)
        parts, places = urlsplit(DATABASE_DEFAULT), [("127.0.0.1", 5432)]
    options = dict(parse_qsl(parts.query))
    wanted = options.get("target_session_attrs", "read-write")
    if len(places) > 1:
        options["target_session_attrs"] = wanted
    if wanted not in {"read-write", "primary"}:
        told = f"target_session_attrs={wanted} may lead to a server that takes no writes"
        _fault(name, told, "write read-write or primary, or leave it away")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": ",".join(host for host, _ in places),
        "PORT": ",".join(str(port) for _, port in places),
        "OPTIONS": options,
    }


def web_url(name: str, meaning: str) -> str:
    """Read the address of another server, which may hold user and password; empty if there is none."""
    _declare(name, "url", "", meaning)
    hint = "write http://user:password@host:port, special characters of the password percent-encoded"
    raw = os.environ.get(name, "")
    if not raw:
        return ""
    parts = _split(name, raw, "", hint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        _fault(
            name, "it is no address of a web server (the value is not shown, it may hold a password)", hint
        )
        return ""
    return raw


def redis_url(name: str, fallback: str | None, meaning: str) -> str:
    """Read a Redis URL, or one of sentinels: sentinel://:password@host:26379,host2:26379/0?master=name."""
    _declare(name, "url", "the embedded server, once started", meaning)
    hint = "write redis://:password@host:6379/0, special characters of the password percent-encoded"
    raw = os.environ.get(name) or fallback or "redis://127.0.0.1:6379/0"
    if sentinels.is_one(raw):
        try:
            sentinels.parse(raw)
        except ValueError as error:
            _fault(name, f"{error} (the value is not shown, it may hold a password)", sentinels.HINT)
            return "redis://127.0.0.1:6379/0"
        return raw
    parts = _split(name, raw, "redis://127.0.0.1:6379/0", hint)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        _fault(name, f"scheme {parts.scheme!r} is not Redis's", hint)
        return "redis://127.0.0.1:6379/0"
    return raw


def mail_url(name: str, meaning: str) -> dict[str, Any]:
    """Read where mail goes, as Django's settings: smtp://user:password@host:587, smtps://host:465, console:."""
    _declare(name, "url", "", meaning)
    raw = os.environ.get(name, "")
    hint = (
        "write smtp://user:password@host:587 (STARTTLS), smtps://user:password@host:465 (TLS), smtp+plain://host:25"
        " for a server on this host or network, or console:"
    )
    nowhere = {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    if not raw:
        return nowhere
    if raw == "console:":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = _split(name, raw, "smtp://localhost", hint)
    ports = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
    if parts.scheme not in ports or not parts.hostname:
        _fault(name, f"scheme {parts.scheme!r} is none of mail, or the host is missing", hint)
        return nowhere
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def faults(*, launching: bool = False) -> list[Fault]:
    """Give what is wrong; without what `./wrench` generates for what it starts, when it is the one that asks."""
    return [fault for fault in FAULTS if not (launching and fault.name in GENERATED)]


def refuse_faults(*, launching: bool = False) -> None:
    """Let a sound environment pass. Raises SettingsRefused naming every fault; `launching` as in `faults`."""
    if standing := faults(launching=launching):
        lines = "\n".join(f"  {fault.name}: {fault.message}; {fault.hint}" for fault in standing)
        raise SettingsRefused(f"the environment has settings that cannot be used:\n{lines}")


def signing_keys(name: str, meaning: str, *, shown_default: str) -> dict[str, str]:
    """Read secrets by their ids: new:secret,old:secret. The first signs, all verify. Empty if there are none."""
    _declare(name, "keys", shown_default, meaning)
    found: dict[str, str] = {}
    hint = (
        f"write id:secret,id2:secret, each secret of {LEAST_SECRET} characters or more: openssl rand -hex 32"
    )
    for position, part in enumerate(filter(None, os.environ.get(name, "").split(",")), start=1):
        key_id, _, secret = part.strip().partition(":")
        if not _KEY_ID.fullmatch(key_id) or len(secret) < LEAST_SECRET:
            _fault(name, f"key {position} has no id or too short a secret (the value is not shown)", hint)
        elif key_id in found:
            _fault(name, f"the id {key_id!r} is there twice", hint)
        else:
            found[key_id] = secret
    return found


def _database_places(name: str, raw: str, hint: str) -> tuple[SplitResult, list[tuple[str, int]]]:
    """Take a database's URL apart, with its hosts and their ports, of which `urlsplit` knows one each."""
    try:
        # the hosts are cut out before: Python refuses brackets in the middle of them, since it knows one host only
        scheme, mark, rest = raw.partition("://")
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        person, at, hosts = authority.rpartition("@")
        parts = urlsplit(f"{scheme}{mark}{person}{at}host{rest[len(authority) :]}" if mark else raw)
        found = [urlsplit(f"//{place}") for place in hosts.split(",")]
        places = [(one.hostname or "", one.port or 5432) for one in found]
    except ValueError:
        _fault(name, "its host or port cannot be read (the value is not shown, it may hold a password)", hint)
        return urlsplit(DATABASE_DEFAULT), [("127.0.0.1", 5432)]
    if len(places) > 1 and not all(host for host, _ in places):
        _fault(name, "it names several hosts, one of them without a name", hint)
    return parts, places


def _split(name: str, raw: str, instead: str, hint: str) -> SplitResult:
    """Take a URL apart, or `instead` of one whose host or port cannot be read. Its password is never told."""
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError:
        _fault(name, "its host or port cannot be read (the value is not shown, it may hold a password)", hint)
        return urlsplit(instead)
    return parts


def _declare(name: str, kind: str, default: str, meaning: str) -> None:
    DECLARED[name] = Declared(name=name, kind=kind, default=default, meaning=meaning)


def _fault(name: str, message: str, hint: str) -> None:
    FAULTS.append(Fault(name=name, message=message, hint=hint))
