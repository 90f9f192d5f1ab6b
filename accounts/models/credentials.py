"""DataKey, Credential: secrets of a project, sealed. `accounts.credentials` is the only writer, and reader."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from accounts.crypto import SEALED
from accounts.models.people import Project, User
from history.tracking import track


class SealedField(models.TextField[str, str]):
    """Holds what `accounts.crypto` has sealed and refuses anything else: no plain text is stored by mistake."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False  # no form, no admin page
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:
        if value is not None and not (isinstance(value, str) and SEALED.match(value)):
            raise ValidationError("only a sealed text is stored here")  # without the value
        return super().get_prep_value(value)


class DataKey(models.Model):
    """A row is the key that seals a project's credentials, itself sealed by a master key."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="data_keys")
    master = models.CharField(max_length=20, editable=False)  # the id of the master key
    wrapped = SealedField()
    is_current = models.BooleanField(default=True)  # the one that seals; others wait for their credentials
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_current=True), name="data_key_one_current_per_project"
            )
        ]

    def __str__(self) -> str:
        return f"data key {self.public_id}"

    @property
    def identity(self) -> str:
        """What the wrapped key is bound to: its row, its field and its project."""
        return f"accounts_datakey|{self.public_id}|wrapped|{self.project_id}"


@track(
    secret=("value",),
    churn=("last_used_at", "data_key"),
    unrestorable="a credential is stored anew: no version has its value",
)
class Credential(models.Model):
    """A row is a secret that a project works with. What it is goes to no page, answer, log or event."""

    class Kind(models.TextChoices):
        GIT_TOKEN = "git_token", "git token"
        DSN = "dsn", "database URL"
        LLM_KEY = "llm_key", "LLM key"

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.SlugField(max_length=60)
    description = models.CharField(max_length=200, blank=True)
    value = SealedField()
    data_key = models.ForeignKey(
        DataKey, on_delete=models.RESTRICT, editable=False, related_name="credentials"
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="credentials"
    )
    replaced_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["project", "name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="credential_name_once_per_project"),
            models.CheckConstraint(
                condition=Q(kind__in=["git_token", "dsn", "llm_key"]), name="credential_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"

    @property
    def identity(self) -> str:
        """What the sealed value is bound to: its row, its field and its project."""
        return f"accounts_credential|{self.public_id}|value|{self.project_id}"
