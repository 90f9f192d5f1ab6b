"""Invitation: somebody is asked into a team, or into one project of it. The token is not here, only its digest."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.models.people import Project, Team, User
from accounts.roles import Role
from history.tracking import track


class Outcome(models.TextChoices):
    """What became of an invitation. Open: nothing yet, though its time may be over."""

    OPEN = "", "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"
    REPLACED = "replaced"  # by a newer one for the same person


@track(
    secret=("digest",),
    fixed={"outcome": "what an invitation came to stays", "answered_at": "what an invitation came to stays"},
    unrestorable="a person is invited anew: no version has the token",
)
class Invitation(models.Model):
    """A row asks one person, by address or by account, into a team, or as a guest into one project.

    `role` is what they will be; at most what the inviter is at that moment. It stays when it is over.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="invitations"
    )
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    email = models.EmailField(blank=True)
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="invitations"
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256 of the token, in hex
    is_mailed = models.BooleanField(default=False)  # the token went to the address and was shown to nobody
    invited_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="invitations_made"
    )
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField()  # when the token that counts was made
    expires_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.OPEN, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_is_known"),
            models.CheckConstraint(
                condition=Q(email="", user__isnull=False) | (~Q(email="") & Q(user=None)),
                name="invitation_by_address_or_account",
            ),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="invitation_outcome_is_known"),
            models.CheckConstraint(
                condition=Q(outcome="", answered_at=None) | (~Q(outcome="") & Q(answered_at__isnull=False)),
                name="invitation_over_says_when",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="invitation_expires_after_its_creation"
            ),
            models.UniqueConstraint(
                F("team"), F("project"), Lower("email"), F("user"),
                condition=Q(outcome=""),
                nulls_distinct=False,
                name="invitation_open_once_per_person",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.email or self.user} as {Role(self.role).label}"

    def is_open(self, now: datetime) -> bool:
        """Tell whether it may still be answered."""
        return self.outcome == Outcome.OPEN and now < self.expires_at
