"""Who is behind a socket, and how many sockets they hold.

Synchronous: `stream` calls this in its threads. Knows no Channels. A browser is known by its session cookie, and
then only from our own origin; a program by a token or an API key in `Sec-WebSocket-Protocol: wrench.v1,
bearer.<token>`, never in the URL; both by a one-time ticket (`tickets`) as `ticket.<ticket>`, from no foreign
origin. Of several that are offered the first counts, for the origin as for the person. Whoever has no account but a
shared link (`agents.run_links`) offers its token as `share.<token>`, and is nobody: they follow its one run.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from accounts import keys, sessions, tokens
from accounts.bounds import Bounds
from accounts.key_text import START
from accounts.models import ApiKey, User
from agents import run_links
from api import tickets
from api.tickets import Ticket
from tasks.models import Run
from wrenchai_project.redis_client import client

log = structlog.get_logger(__name__)

PROTOCOL = "wrench.v1"
BEARER = "bearer."
TICKET = "ticket."
SHARE = "share."
FORGET_SECONDS = 60  # a socket that was not renewed for so long no longer counts: its process died


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLook:
    """A look at one run by a link. `pk` is the link's."""

    pk: int
    token: str
    run_id: UUID
    with_logs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody who signed in. `expires_at` is in seconds since 1970; None: as long as the session lasts.

    With `share` it is whoever has a link: nobody. `user_id` is then of who made it, with whose rights it ends.
    """

    user_id: int
    session_key: str = ""
    token: str = ""
    ticket: Ticket | None = None
    expires_at: float | None = None
    bounds: Bounds | None = None
    key: ApiKey | None = None
    share: SharedLook | None = None

    @property
    def seat(self) -> str:
        """Name whose connections are counted: nobody takes those of who made a link."""
        return str(self.user_id) if self.share is None else f"share:{self.share.pk}"

    @property
    def charged(self) -> int | None:
        """Give whom the rate limits charge; None: the address."""
        return self.user_id if self.share is None else None

    def person(self) -> User | None:
        """Give the person's row as it is now, held to the bounds of the key that they came with."""
        if self.share is not None:
            return None
        user = User.objects.filter(pk=self.user_id).first()
        if user is not None:
            user.bounds = self.bounds
        return user


def identify(scope: Mapping[str, Any]) -> Identity | None:
    """Tell who opens a socket; None if nobody who may. Uses a ticket up. Raises TicketsAway."""
    offered = _offered(scope)
    if offered.startswith(BEARER):
        return _by_token(offered.removeprefix(BEARER))
    if offered.startswith(TICKET):
        ticket = tickets.take(offered.removeprefix(TICKET))
        return _by_ticket(ticket) if ticket is not None else None
    if offered.startswith(SHARE):
        return _by_share(offered.removeprefix(SHARE))
    cookies = parse_cookie(_header(scope, b"cookie"))
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return _by_session(key) if key else None


def identify_request(scope: Mapping[str, Any]) -> Identity | None:
    """Tell who sends an HTTP request: by `Authorization: Bearer`, else by the session's cookie."""
    scheme, _, raw = _header(scope, b"authorization").partition(" ")
    if scheme:
        return _by_token(raw.strip()) if scheme.lower() == "bearer" else None
    key = parse_cookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")
    return _by_session(key) if key else None


def again(identity: Identity) -> Identity | None:
    """Give the identity as it would be accepted now; None if it would not be."""
    if identity.share is not None:
        found = _by_share(identity.share.token)
    elif identity.token:
        found = _by_token(identity.token)
    elif identity.ticket is not None:
        found = _by_ticket(identity.ticket)
    else:
        found = _by_session(identity.session_key)
    return found if found is not None and found.user_id == identity.user_id else None


def still_valid(identity: Identity) -> bool:
    """Tell whether the identity would be accepted again now."""
    return again(identity) is not None


def origin_is_ours(scope: Mapping[str, Any]) -> bool:
    """Tell whether a socket may be opened from where it is.

    Tokens are not sent by themselves, so any origin may. A ticket, and a shared link, may come without an origin, as
    programs send none; a page always tells its own.
    """
    offered, origin = _offered(scope), _header(scope, b"origin").lower()
    if offered.startswith(BEARER) or (offered.startswith((TICKET, SHARE)) and not origin):
        return True
    host = _header(scope, b"host").lower()
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    return urlsplit(origin).netloc == host or origin in settings.CSRF_TRUSTED_ORIGINS


def heads(run_pks: Sequence[int]) -> dict[int, int]:
    """Give the numbers of the newest events."""
    return dict(Run.objects.filter(pk__in=run_pks).values_list("pk", "last_seq"))


def enter(seat: str, socket_id: str) -> bool:
    """Count a socket in, or renew it. False: there are too many others. While Redis is away all may in."""
    try:
        arguments: list[str | float] = [socket_id, time.time(), FORGET_SECONDS, settings.MAX_SOCKETS_PER_USER]
        return bool(_redis().eval(_ENTER, 1, _key(seat), *arguments))
    except RedisError as error:
        log.warning("sockets_not_counted", seat=seat, reason=str(error))
        return True


def leave(seat: str, socket_id: str) -> None:
    """Count a socket out."""
    try:
        _redis().zrem(_key(seat), socket_id)
    except RedisError as error:
        log.warning("sockets_not_counted", seat=seat, reason=str(error))


_ENTER = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', tonumber(ARGV[2]) - tonumber(ARGV[3]))
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
    return 0
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], 2 * tonumber(ARGV[3]))
return 1
"""


@cache
def _redis() -> Redis:
    return client(settings.REDIS_URL, timeout_seconds=2)


def _key(seat: str) -> str:
    return f"wrench:sockets:{seat}"


def _header(scope: Mapping[str, Any], name: bytes) -> str:
    for key, value in scope.get("headers", ()):
        if key.lower() == name:
            return bytes(value).decode("latin-1")
    return ""


def _offered(scope: Mapping[str, Any]) -> str:
    """Give the token or ticket that is offered as a protocol, with its prefix. Empty if there is none."""
    words = scope.get("subprotocols", ())
    return next((word for word in words if word.startswith((BEARER, TICKET, SHARE))), "")


def _by_ticket(ticket: Ticket) -> Identity | None:
    session = sessions.find(ticket.session_id, ticket.user_id)
    if session is None or session.user.get_session_auth_hash() != ticket.password_mark:
        return None
    return Identity(user_id=ticket.user_id, ticket=ticket, expires_at=ticket.expires_at)


def _by_share(token: str) -> Identity | None:
    try:
        row = run_links.look(token)
    except run_links.LinkOver:
        return None
    if row is None or row.created_by_id is None:
        return None
    look = SharedLook(pk=row.pk, token=token, run_id=row.run.public_id, with_logs=row.with_logs)
    return Identity(user_id=row.created_by_id, share=look, expires_at=row.expires_at.timestamp())


def _by_token(raw: str) -> Identity | None:
    if raw.startswith(START):
        return _by_key(raw)
    try:
        token = tokens.read(raw)
        session = tokens.check(token)
    except tokens.TokenRefused:
        return None
    return Identity(user_id=session.user_id, token=raw, expires_at=float(token["exp"]))


def _by_key(raw: str) -> Identity | None:
    try:
        row = keys.recognize(raw, now=timezone.now())
    except (keys.KeyMistyped, keys.KeyUnknown, keys.KeyNotLive):
        return None
    return Identity(
        user_id=row.owner_id,
        token=raw,
        expires_at=row.expires_at.timestamp(),
        bounds=row.owner.bounds,
        key=row,
    )


def _by_session(key: str) -> Identity | None:
    stored = SessionStore(key)
    user = get_user(cast("HttpRequest", SimpleNamespace(session=stored)))
    if not user.is_authenticated or sessions.find(stored.get(sessions.SID), user.pk) is None:
        return None
    return Identity(user_id=user.pk, session_key=key)
