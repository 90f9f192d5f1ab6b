"""DeviceSession, RefreshToken: where a person is signed in, and the chain of tokens that keeps a program so.

Refuses to know how tokens are written (`accounts.tokens`) and what begins or ends a session (`accounts.sessions`).
Invariant: a session that was revoked stays revoked, and of a session's refresh tokens at most one is unused.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import User


class SessionKind(models.TextChoices):
    """What holds a session: a browser by its cookie, or a program by its tokens."""

    BROWSER = "browser"
    PROGRAM = "program"


class EndedBecause(models.TextChoices):
    """Why a session was revoked."""

    SIGNED_OUT = "signed_out", "signed out there"
    REVOKED = "revoked", "revoked by its user"
    ADMIN = "admin", "revoked in the admin"
    PASSWORD = "password", "the password was changed"
    DEACTIVATED = "deactivated", "the account was deactivated"
    REPLAY = "replay", "a refresh token was used twice"


class DeviceSession(models.Model):
    """A row is one sign-in of one device: a browser, or a program with its family of refresh tokens.

    `public_id` is the `sid` claim of tokens, and lies in the session of a browser. `ip` and `user_agent` are those of
    the last request, as far as the web server trusts what it was told.
    """

    public_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="device_sessions")
    kind = models.CharField(max_length=10, choices=SessionKind.choices)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)  # written at most once a minute
    expires_at = models.DateTimeField()  # over by itself then, unless it is renewed before
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_because = models.CharField(max_length=20, choices=EndedBecause.choices, blank=True)

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SessionKind.values), name="session_kind_is_known"),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_because="")
                | Q(revoked_at__isnull=False, revoked_because__in=EndedBecause.values),
                name="revoked_session_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.kind} since {self.created_at:%Y-%m-%d %H:%M}"

    def is_alive(self, now: datetime) -> bool:
        """Tell whether it may still be used."""
        return self.revoked_at is None and self.expires_at > now


class RefreshToken(models.Model):
    """A row is one link in a session's chain of refresh tokens. The token itself is not kept: only its id's hash."""

    session = models.ForeignKey(DeviceSession, on_delete=models.CASCADE, related_name="refresh_tokens")
    jti_hash = models.CharField(max_length=64, unique=True)  # SHA-256 in hex
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["session", "issued_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["session"], condition=Q(used_at=None), name="one_unused_refresh_token_per_session"
            )
        ]

    def __str__(self) -> str:
        return f"refresh token of {self.session_id}, {'used' if self.used_at else 'unused'}"
