"""Links by which people without an account look at one run."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from tasks.models.work import Run, new_public_id


class RunShare(models.Model):
    """A row is a link that shows one run, to whoever has it, until it expires or somebody revokes it.

    The token is not here, only its digest: it was shown once.
    """

    public_id = models.UUIDField(unique=True, default=new_public_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="shares")
    digest = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256 of the token, in hex
    note = models.CharField(max_length=80, blank=True)  # for whom it is, in the words of who made it
    # whoever has it sees these, too; a link of before they could be chosen shows neither
    with_logs = models.BooleanField(default=False, db_default=False)
    with_files = models.BooleanField(default=False, db_default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="share_expires_after_its_creation"
            ),
        ]

    def __str__(self) -> str:
        return f"link to run {self.run_id}, until {self.expires_at:%Y-%m-%d}"

    def is_open(self, now: datetime) -> bool:
        """Tell whether it shows its run still."""
        return self.revoked_at is None and now < self.expires_at
