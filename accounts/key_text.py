"""How an API key is written: `wr_<prefix>_<secret>`, and how it is digested.

    wr_4fTq0XbLw2aZ_9sY...43 characters...Qe0aB1cD
       prefix, 12    secret, 43 (256 bits)    checksum, 6

The checksum is the CRC-32 of all before it. It tells a typo, and a secret scanner a real key, without asking the
database; it protects nothing. At rest there is HMAC-SHA-256 under a pepper, which does not lie in the database: a
stolen dump cannot even be compared with a found key. A slow hash would add nothing to 256 random bits.
Method and alphabet: GitHub's token format (2021). Knows no rows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from django.conf import settings

START = "wr_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_LENGTH = 12
SECRET_LENGTH = 43  # 62^43 > 2^256
CHECKSUM_LENGTH = 6  # 62^6 > 2^32
DERIVED = "secret-key"  # the id of the pepper that SECRET_KEY gives, followed by a mark of that key
SHAPE = re.compile(rf"wr_([0-9A-Za-z]{{{PREFIX_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}\Z")


class KeyMistyped(Exception):
    """The text is no key: its shape or its checksum is wrong."""


@dataclass(frozen=True, slots=True)
class Pepper:
    """A secret of the installation, with the name by which rows refer to it."""

    id: str
    secret: bytes


def mint() -> str:
    """Make a new key."""
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(PREFIX_LENGTH))
    body = START + prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    return body + checksum(body)


def prefix_of(text: str) -> str:
    """Give the part of a key that finds its row. Raises KeyMistyped."""
    found = SHAPE.match(text)
    if found is None or checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        raise KeyMistyped("this is no API key as it was shown: a character is missing, added or changed")
    return found[1]


def checksum(body: str) -> str:
    """Give the six characters that end a key."""
    rest, signs = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, place = divmod(rest, len(ALPHABET))
        signs = ALPHABET[place] + signs
    return signs


def digest(text: str, pepper: Pepper) -> str:
    """Give what is stored of a key."""
    return hmac.new(pepper.secret, text.encode("ascii"), hashlib.sha256).hexdigest()


def peppers() -> list[Pepper]:
    """Give the peppers that are known now: new keys take the first, the others still open what they made.

    The one derived from SECRET_KEY is always among them, so that peppers of one's own can be set later.
    """
    own = [Pepper(id, secret.encode()) for id, secret in settings.API_KEY_PEPPERS.items()]
    derived = hmac.new(settings.SECRET_KEY.encode(), b"wrenchai api keys", hashlib.sha256).digest()
    mark = hashlib.sha256(derived).hexdigest()[:8]
    return [*own, Pepper(f"{DERIVED}-{mark}", derived)]
