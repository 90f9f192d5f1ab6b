"""AuditRecord: one security act in the chain. `accounts.audit` is the only writer, and nobody changes a row."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models.fields.json import KeyTextTransform


class AuditRecord(models.Model):
    """A row is one act, who did it, and the hash of the row before it. People are told by name, not by foreign
    key: a row outlives them, and a key would have to be set to null.
    """

    number = models.PositiveBigIntegerField(unique=True)  # from 1, without a gap
    at = models.DateTimeField()
    act = models.CharField(max_length=60)
    actor = models.CharField(max_length=150, blank=True)  # user name as it was; empty: nobody had signed in
    actor_id = models.BigIntegerField(null=True)
    way = models.CharField(
        max_length=60
    )  # how the actor came: session, token, key:<id>, or process for none of them
    address = models.CharField(max_length=60, blank=True)
    project_id = models.BigIntegerField(null=True)
    # that of log lines and versions of the same request; by the database as well, for a release that knows it not
    request_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    subject = models.CharField(max_length=200, blank=True)  # what it was done to, as key:<id>
    details = models.JSONField(default=dict)
    previous = models.CharField(max_length=64, unique=True)  # unique: the chain cannot fork
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-number"]
        verbose_name = "audit record"
        indexes = [
            models.Index(fields=["act", "number"], name="audit_by_act"),  # lists filtered by act
            models.Index(fields=["actor", "number"], name="audit_by_actor"),  # lists filtered by person
            models.Index(
                fields=["project_id", "number"],
                name="audit_by_project",
                condition=models.Q(project_id__isnull=False),
            ),  # the records of a project, newest first
            models.Index(
                KeyTextTransform("in", "details"), "number", name="audit_by_place"
            ),  # those of a team
            models.Index(fields=["subject", "number"], name="audit_by_subject"),  # what befell a team itself
        ]
        triggers = [
            pgtrigger.Protect(name="audit_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.act}"
