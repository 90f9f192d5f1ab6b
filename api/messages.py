"""Limits on the messages of a socket: units are drawn from Redis in lots, so that not every message asks it.

A lot is paid in advance for LOT messages, by all rules or by none; when a bucket has no whole lot left, single
messages are drawn. What is left of a lot when the socket ends is lost: the user gets a little less, never more.
Synchronous: `stream` calls `draw` in its threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from accounts.limits import engine
from accounts.limits.book import book
from accounts.limits.calls import Call
from accounts.limits.engine import Fallback, Verdict
from accounts.limits.rules import Kind
from accounts.models import User

LOT = 16
OPENING = "WS"


@dataclass(slots=True, kw_only=True)
class Meter:
    """What a socket may still send before it has to draw again."""

    call: Call
    left: int = field(default=0)

    def spend(self) -> bool:
        """Take one message from what is drawn. False: draw first."""
        if self.left <= 0:
            return False
        self.left -= 1
        return True

    def draw(self) -> Verdict:
        """Draw a lot, or a single message, and spend one of it."""
        if not book.rules(Kind.MESSAGE):
            return Verdict(allowed=True)
        verdict = engine.take(replace(self.call, units=LOT), fallback=Fallback.LOCAL)
        if verdict.allowed:
            self.left = LOT - 1
            return verdict
        return engine.take(self.call, fallback=Fallback.LOCAL)


def opening(user_id: int | None, *, address: str, path: str) -> Verdict:
    """Charge the opening of a socket like a request with the method WS. None: nobody who signed in."""
    call = Call(
        method=OPENING, path=path, address=address, user_id=user_id, user_name=_name(user_id, Kind.REQUEST)
    )
    return engine.take(call, fallback=Fallback.LOCAL)


def meter(user_id: int | None, *, socket: str) -> Meter:
    """Begin to count the messages of a socket."""
    call = Call(kind=Kind.MESSAGE, socket=socket, user_id=user_id, user_name=_name(user_id, Kind.MESSAGE))
    return Meter(call=call)


def _name(user_id: int | None, kind: Kind) -> str:
    """Give the name of a user, if a rule asks for names at all."""
    if user_id is None or not any(rule.subject for rule in book.rules(kind)):
        return ""
    return User.objects.values_list("username", flat=True).filter(pk=user_id).first() or ""
