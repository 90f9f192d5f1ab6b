"""Secrets that an installation makes for itself, once: `.wrench/secrets.json`, mode 0600.

Losing the file signs everybody out and makes stored credentials unreadable; it opens no database (those passwords are
in `servers.json`).
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from . import state
from .errors import StateForbidden

SECRETS_FILE = "secrets.json"
_BYTES = {"secret_key": 48, "flower_password": 18, "master_key": 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The content of `secrets.json`; its repr shows nothing."""

    secret_key: str = field(repr=False)
    flower_password: str = field(repr=False)


def make(state_dir: Path) -> Secrets:
    """Return the installation's secrets; generate those that are missing. Raises StateForbidden."""
    with state.locked(state_dir):
        kept = state.read_json(state_dir / SECRETS_FILE)
        whole = kept | {
            name: secrets.token_urlsafe(size) for name, size in _BYTES.items() if not kept.get(name)
        }
        if whole != kept:
            state.write_json(state_dir / SECRETS_FILE, whole)
    return Secrets(secret_key=whole["secret_key"], flower_password=whole["flower_password"])


def secret_key(state_dir: Path) -> str | None:
    """Return the secret key if one was generated; None if not, or if the file is another user's."""
    return _kept(state_dir, "secret_key")


def master_key(state_dir: Path) -> str | None:
    """Return the master key of stored credentials, as 32 bytes in base64url; None as above."""
    return _kept(state_dir, "master_key")


def _kept(state_dir: Path, name: str) -> str | None:
    try:
        found = state.read_json(state_dir / SECRETS_FILE).get(name)
    except StateForbidden:
        return None
    return found if isinstance(found, str) else None
