"""How deliveries are signed: `X-Wrench-Signature: t=<unix seconds>,v1=<hex>`, one v1 per secret that is good.

A v1 is the HMAC-SHA-256 of `<t>.<body>` with the secret. The time is signed along, so that a receiver can refuse
what somebody recorded and sends again. How to verify: docs/how_to/receive_webhooks.md.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"


def new_secret() -> str:
    """Make a secret of 256 bits."""
    return PREFIX + secrets.token_urlsafe(32)


def signature(keys: Iterable[str], body: bytes, *, at: int) -> str:
    """Sign a body at a time (seconds of the epoch) with each of these secrets."""
    told = f"{at}.".encode() + body
    made = [hmac.new(key.encode(), told, hashlib.sha256).hexdigest() for key in keys]
    return ",".join([f"t={at}", *(f"v1={one}" for one in made)])
