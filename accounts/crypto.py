"""Sealing secrets: AES-256-GCM, a data key per project, each wrapped by a master key that is not in the database.

    master key (file, environment) ──wraps──> data key of a project (row) ──seals──> credential (row)

A sealed text is `v1:<nonce and ciphertext, base64url>`. What it belongs to (table, row, field) is authenticated with
it as associated data: copied into another row or field it does not open. Which key opens it is told by key ids, never
tried. Several master keys may be known: the first wraps, all unwrap, so that they can be rotated.
Knows no rows. Invariant: no error and no repr here holds a secret.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12  # random: safe for 2^32 texts under a key (NIST SP 800-38D, 8.3)
SEALED = re.compile(r"v1:[A-Za-z0-9_-]{38,}=*\Z")  # nonce, tag: 28 bytes at least
KEY_ID = re.compile(r"[0-9A-Za-z-]{1,20}\Z")
HOW_TO = (
    "write id:key, one a line (in the environment separated by commas), the newest first;"
    " `openssl rand -base64 32` makes a key"
)


class CryptoError(Exception):
    """Something cannot be sealed or opened. Its children: MasterKeysUnusable, MasterKeyMissing, SealBroken."""


class MasterKeysUnusable(CryptoError):
    """The master keys that are set cannot be read, or there is none."""


class MasterKeyMissing(CryptoError):
    """A data key is wrapped by a master key that is not set (any more)."""


class SealBroken(CryptoError):
    """A text does not open: it was changed, belongs to another row, or its key is another under the same id."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of 256 bits, with the id by which what it seals refers to it."""

    id: str
    secret: bytes = field(repr=False)


def new_key(id: str) -> Key:
    """Make a key."""
    return Key(id, AESGCM.generate_key(bit_length=8 * KEY_BYTES))


def seal(plain: bytes, key: Key, *, identity: str) -> str:
    """Encrypt for the one place that `identity` names."""
    nonce = os.urandom(NONCE_BYTES)
    hidden = AESGCM(key.secret).encrypt(nonce, plain, _associated(identity, key))
    return f"{VERSION}:{base64.urlsafe_b64encode(nonce + hidden).decode()}"


def open_sealed(sealed: str, key: Key, *, identity: str) -> bytes:
    """Decrypt what was sealed for this place by this key. Raises SealBroken."""
    if not SEALED.match(sealed):
        raise SealBroken(f"{identity}: this is no sealed text")
    raw = base64.urlsafe_b64decode(sealed.partition(":")[2])
    try:
        return AESGCM(key.secret).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _associated(identity, key))
    except InvalidTag as error:
        raise SealBroken(
            f"{identity} does not open with key {key.id}: it was changed or moved, or that id has another key now"
        ) from error


def master_keys() -> list[Key]:
    """Give the master keys that are set, the one that wraps first. Raises MasterKeysUnusable, also for none.

    Read anew each time: a key that is added to the file is used without a restart.
    """
    lines = _lines_of_file() + settings.MASTER_KEY.split(",")
    found: dict[str, Key] = {}
    for line in filter(None, (line.strip() for line in lines)):
        key = _parse(line)
        if key.id in found:
            raise MasterKeysUnusable(f"there are two master keys with the id {key.id}; {HOW_TO}")
        found[key.id] = key
    if not found:
        raise MasterKeysUnusable(
            f"no master key is set, so no credential can be kept: set WRENCH_MASTER_KEY_FILE; {HOW_TO}"
        )
    return list(found.values())


def master_key(id: str) -> Key:
    """Give the master key of an id. Raises MasterKeyMissing, MasterKeysUnusable."""
    for key in master_keys():
        if key.id == id:
            return key
    raise MasterKeyMissing(f"the master key {id} is not set, and data keys are wrapped by it: set it again")


def _lines_of_file() -> list[str]:
    path: str = settings.MASTER_KEY_FILE
    if not path:
        return []
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no ASCII"
        raise MasterKeysUnusable(f"WRENCH_MASTER_KEY_FILE={path} cannot be read: {reason}") from None


def _parse(line: str) -> Key:
    id, colon, text = line.partition(":")
    if not colon or not KEY_ID.match(
        id
    ):  # without a colon `id` may be the key itself, which no message may hold
        raise MasterKeysUnusable(f"a master key has no id of letters, digits and hyphens; {HOW_TO}")
    bare = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        secret = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise MasterKeysUnusable(f"the master key {id} is not {KEY_BYTES} bytes as base64; {HOW_TO}")
    return Key(id, secret)


def _associated(identity: str, key: Key) -> bytes:
    return f"{VERSION}|{key.id}|{identity}".encode()
