"""ApiKey: what a program shows instead of a password. The key itself is not here, only a digest of it."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q

from accounts.bounds import Bounds, actions_of
from accounts.models.people import Project, User
from history.tracking import track


@track(
    secret=("digest",),
    churn=("last_used_at", "pepper"),
    fixed={"revoked_at": "a revoked key stays revoked"},
    unrestorable="a key is made anew: what opened it is kept nowhere",
)
class ApiKey(models.Model):
    """A row is a key that was handed out once. It stays when it is revoked or expired: the history is asked for."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True, editable=False)  # finds the row at each request
    digest = models.CharField(max_length=64, editable=False)  # HMAC-SHA-256 of the whole key, hexadecimal
    pepper = models.CharField(max_length=32, editable=False)  # which pepper that HMAC was made with
    scopes = models.JSONField(default=list)
    is_bound = models.BooleanField(
        default=False
    )  # else a key that loses its last project would gain them all
    projects: models.ManyToManyField[Project, models.Model] = models.ManyToManyField(
        Project, blank=True, related_name="api_keys"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute
    revoked_at = models.DateTimeField(null=True, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by"
    )

    class Meta:
        ordering = ["-pk"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gte=F("created_at")), name="api_key_expires_after_its_creation"
            )
        ]

    def __str__(self) -> str:
        return f"wr_{self.prefix}_… {self.name}"

    def bounds(self) -> Bounds:
        """Give what the key may do at most; asks for its projects."""
        project_ids = frozenset(self.projects.values_list("pk", flat=True)) if self.is_bound else None
        return Bounds(key=self.public_id, actions=actions_of(self.scopes), project_ids=project_ids)

    def is_live(self, now: datetime) -> bool:
        """Tell whether the key opens anything at this moment."""
        return self.revoked_at is None and now < self.expires_at
