"""The advisory database, as the operator imported it. Written by `importing` alone; read by `matching`."""

from __future__ import annotations

from django.db import models

from agents.findings import Severity


class AdvisorySource(models.Model):
    """A row tells of one ecosystem when and from what its advisories were last imported."""

    ecosystem = models.CharField(max_length=60, unique=True)
    file = models.CharField(max_length=255)  # its name, without folders
    digest = models.CharField(max_length=64)  # SHA-256 of the file, or of a folder's files in order
    imported_at = models.DateTimeField()
    newest = models.DateTimeField()  # when the newest of its records was last modified
    records = models.PositiveIntegerField()  # of this ecosystem in the file, withdrawn ones left out

    class Meta:
        verbose_name = "advisory source"
        ordering = ["ecosystem"]

    def __str__(self) -> str:
        return f"{self.ecosystem} of {self.imported_at:%Y-%m-%d}"


class Advisory(models.Model):
    """A row is one advisory: what is known to be wrong with some versions of some packages."""

    osv_id = models.CharField(max_length=120, unique=True)
    modified = models.DateTimeField()
    summary = models.CharField(max_length=500, blank=True)
    aliases = models.JSONField(default=list)
    severity = models.CharField(
        max_length=10, blank=True, choices=[(s.value, s.value) for s in Severity]
    )  # "": its database does not tell
    score = models.FloatField(null=True)  # CVSS 3 base score
    cwe = models.JSONField(default=list)
    url = models.CharField(max_length=300)
    digest = models.CharField(max_length=64)  # SHA-256 of what was stored: an import passes over equal ones

    class Meta:
        verbose_name = "advisory"
        verbose_name_plural = "advisories"

    def __str__(self) -> str:
        return self.osv_id


class AdvisoryRange(models.Model):
    """A row is one package that an advisory is about, with its affected ranges and versions."""

    advisory = models.ForeignKey(Advisory, on_delete=models.CASCADE, related_name="affected")
    ecosystem = models.CharField(max_length=60)
    package = models.CharField(max_length=300)  # as `versions.package_name` writes it
    ranges = models.JSONField(default=list)  # [[["introduced", "0"], ["fixed", "1.2"]], ...]
    versions = models.JSONField(default=list)

    class Meta:
        verbose_name = "affected package"
        indexes = [
            # what is known of this package?
            models.Index(fields=["ecosystem", "package"], name="advisory_by_package"),
        ]

    def __str__(self) -> str:
        return f"{self.ecosystem} {self.package}"
