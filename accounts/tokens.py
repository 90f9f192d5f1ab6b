"""Tokens of programs: signed, checked, renewed, withdrawn. On simplejwt, with a session behind each token.

    issue(session) ──> access (minutes, carries `sid`) + refresh (days, used once)
    rotate(refresh) ─> the refresh token is used up, its successor and a new access token are given

A session's refresh tokens are a chain of which only the last link is unused. What happens to a refresh token that
comes again:
- within GRACE, while its successor was not used: the same successor again. A client that sends twice, or lost the
  answer, goes on; the chain does not fork, so that two who hold a copy still find each other out. (The successor's id
  is made from that of its predecessor, so it can be written again without being stored.)
- otherwise: somebody holds a copy. The session is revoked with all its tokens, and the log says `refresh_replayed`.

Algorithm, issuer and audience are pinned; the key is chosen by `kid` among settings.TOKEN_KEYS, of which the first
signs. A token is only good as long as its session, its user, and its user's password (ADR-0017).
Refuses to know HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar, cast
from uuid import uuid4

import jwt
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import datetime_to_epoch, get_md5_hash_password

from accounts import sessions
from accounts.models import DeviceSession, EndedBecause, RefreshToken, SessionKind, User
from accounts.sessions import SID, Device

log = structlog.get_logger(__name__)

ALGORITHM, ISSUER, AUDIENCE = "HS256", "wrenchai", "wrenchai"  # pinned: what a token says of them is compared
SCOPE = "api"  # all that the person may do: the only one until third parties get tokens
GRACE = timedelta(seconds=10)  # a client's retry comes within seconds; a thief's use would be hidden as long
DERIVED_KEY_ID = "derived"
REQUIRED_CLAIMS = ("exp", "iat", "iss", "aud", "jti", "sub", SID)


class TokenRefused(Exception):
    """A token cannot be used. The message says why, without telling more than its holder may know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a program gets. `expires_in`: seconds until the access token ends."""

    access: str
    refresh: str
    expires_in: int


class KeyRing(TokenBackend):
    """Signs with the first key, verifies with the one that the token names."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__(ALGORITHM, audience=AUDIENCE, issuer=ISSUER)
        self.keys = dict(keys)
        self.key_id = next(iter(self.keys))

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "aud": AUDIENCE, "iss": ISSUER}
        return jwt.encode(claims, self.keys[self.key_id], algorithm=ALGORITHM, headers={"kid": self.key_id})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Give the claims. Raises TokenBackendError; there is no decoding without verifying."""
        try:
            key = self.keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise TokenBackendError("Token is invalid")
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken("Token is expired") from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenBackendError("Token is invalid") from error


def key_ring() -> KeyRing:
    """Give the keys as the settings have them now."""
    keys: Mapping[str, str] = settings.TOKEN_KEYS or {DERIVED_KEY_ID: _from_secret_key("tokens")}
    return _ring(tuple(keys.items()))


@lru_cache(maxsize=4)
def _ring(keys: tuple[tuple[str, str], ...]) -> KeyRing:
    return KeyRing(dict(keys))


_T = TypeVar("_T", bound="SessionToken")


class SessionToken(Token):
    """A token that names its session."""

    def get_token_backend(self) -> TokenBackend:
        return key_ring()

    def verify(self) -> None:
        """Raise TokenError unless type and claims are those of our tokens."""
        super().verify()
        if not str(self["sub"]).isdecimal() or self.get("scope") != SCOPE:
            raise TokenError("Token is invalid")


class AccessToken(SessionToken):
    """Opens the API for some minutes."""

    token_type = "access"  # noqa: S105 - a word, no secret
    lifetime = settings.ACCESS_TOKEN_LIFETIME


class RenewalToken(SessionToken):
    """Gives the next pair, once: what OAuth calls a refresh token. RefreshToken is the row that says so."""

    token_type = "refresh"  # noqa: S105 - a word, no secret
    lifetime = settings.REFRESH_TOKEN_LIFETIME


def sign_in(user: User, device: Device) -> Pair:
    """Begin a program's session and give its first pair."""
    with transaction.atomic():
        session = sessions.begin(user, SessionKind.PROGRAM, device, lasts=_renewal_lifetime())
        link = _link(session, uuid4().hex, timezone.now())
        return _pair(session, link)


def access_token(session: DeviceSession) -> AccessToken:
    """Make an access token of a session."""
    return _stamp(AccessToken(), session)


def read(raw: str) -> AccessToken:
    """Read an access token. Raises TokenRefused."""
    try:
        return AccessToken(cast("Any", raw))
    except TokenError as error:
        raise TokenRefused("the token is invalid or has expired") from error


def check(token: Token) -> DeviceSession:
    """Give the living session, with its user, of an access token that was read. Raises TokenRefused."""
    session = _session_of(token)
    if session is None:
        raise TokenRefused("the token's session is over; sign in again")
    return session


def rotate(raw: str, device: Device) -> Pair:
    """Use a refresh token up and give the next pair. Raises TokenRefused; a replay revokes the session first."""
    token = _renewal_token(raw)
    outcome = _use(token, device)
    if isinstance(outcome, Pair):
        return outcome
    if outcome is Unused.REPLAYED:
        # stored, and only then refused: an exception in the transaction would take the revocation back
        raise TokenRefused("the refresh token was used before; its session was revoked, sign in again")
    raise TokenRefused("the refresh token's session is over; sign in again")


def withdraw(raw: str) -> None:
    """End the session of a token of either kind. A bad one ends nothing, and that is no error (RFC 7009)."""
    for kind in (RenewalToken, AccessToken):
        try:
            token = kind(cast("Any", raw))
        except TokenError:
            continue
        sessions.end(token[SID], int(token["sub"]), EndedBecause.SIGNED_OUT)


class Unused(StrEnum):
    """Why a refresh token was not used."""

    OVER = "over"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """A refresh token to be written. `jti` is not stored."""

    jti: str
    issued_at: datetime
    expires_at: datetime


@transaction.atomic
def _use(token: RenewalToken, device: Device) -> Pair | Unused:
    """Decide with the session's row locked, so that two who come at once are decided one after the other."""
    session = (
        DeviceSession.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(public_id=token[SID], user_id=int(token["sub"]))
        .first()
    )
    if session is None or not _is_good(token, session):
        return Unused.OVER
    now = timezone.now()
    row = session.refresh_tokens.filter(jti_hash=_hash(token["jti"])).first()
    following = _following(token["jti"])
    if row is not None and row.used_at is None:
        RefreshToken.objects.filter(pk=row.pk).update(used_at=now)
        sessions.seen(session, device)
        return _pair(session, _link(session, following, now))
    after = session.refresh_tokens.filter(jti_hash=_hash(following), used_at=None).first()
    if row is not None and row.used_at is not None and row.used_at > now - GRACE and after is not None:
        log.info("refresh_repeated", session=str(session.public_id), user=session.user_id)
        link = _Link(jti=following, issued_at=after.issued_at, expires_at=after.expires_at)
        return _pair(session, link)
    log.warning("refresh_replayed", session=str(session.public_id), user=session.user_id, ip=device.ip)
    sessions.end(session.public_id, session.user_id, EndedBecause.REPLAY)
    return Unused.REPLAYED


def _link(session: DeviceSession, jti: str, now: datetime) -> _Link:
    """Store the next link of a session's chain; what has expired is no longer needed: its signature refuses it."""
    latest = session.created_at + settings.PROGRAM_SESSION_LIFETIME
    link = _Link(jti=jti, issued_at=now, expires_at=min(now + _renewal_lifetime(), latest))
    session.refresh_tokens.filter(expires_at__lt=now).delete()
    session.refresh_tokens.create(jti_hash=_hash(jti), issued_at=now, expires_at=link.expires_at)
    DeviceSession.objects.filter(pk=session.pk).update(expires_at=link.expires_at)
    return link


def _pair(session: DeviceSession, link: _Link) -> Pair:
    access, refresh = access_token(session), _stamp(RenewalToken(), session)
    refresh["jti"] = link.jti
    refresh.set_iat(at_time=link.issued_at)
    refresh["exp"] = datetime_to_epoch(link.expires_at)
    lasts = int(access["exp"]) - int(access["iat"])
    return Pair(access=str(access), refresh=str(refresh), expires_in=lasts)


def _stamp(token: _T, session: DeviceSession) -> _T:
    """Write whose token it is: the claims that `_is_good` compares."""
    token["sub"] = str(session.user_id)
    token[SID] = str(session.public_id)
    token["scope"] = SCOPE
    token[api_settings.REVOKE_TOKEN_CLAIM] = get_md5_hash_password(session.user.password)
    return token


def _renewal_token(raw: str) -> RenewalToken:
    try:
        return RenewalToken(cast("Any", raw))
    except TokenError as error:
        raise TokenRefused("the refresh token is invalid or has expired; sign in again") from error


def _session_of(token: Token) -> DeviceSession | None:
    session = sessions.find(token[SID], int(token["sub"]))
    return session if session is not None and _is_good(token, session) else None


def _is_good(token: Token, session: DeviceSession) -> bool:
    """Tell whether session, user and password are still those that the token was made for."""
    same_password = constant_time_compare(
        str(token.get(api_settings.REVOKE_TOKEN_CLAIM)), get_md5_hash_password(session.user.password)
    )
    return session.is_alive(timezone.now()) and session.user.is_active and same_password


def _following(jti: str) -> str:
    """Make the id of a refresh token's successor. Who knows no key cannot foresee it."""
    return hmac.new(_from_secret_key("refresh-chain").encode(), jti.encode(), hashlib.sha256).hexdigest()


def _hash(jti: str) -> str:
    return hashlib.sha256(jti.encode()).hexdigest()


def _from_secret_key(purpose: str) -> str:
    """Make a key for one purpose, so that a leaked one opens nothing else."""
    message = f"wrenchai.{purpose}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()


def _renewal_lifetime() -> timedelta:
    return settings.REFRESH_TOKEN_LIFETIME
