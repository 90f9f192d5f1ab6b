"""EntryLink: a link that signs somebody in once. Refuses to know who makes one and when: `accounts.entries`."""

from __future__ import annotations

from django.db import models

from accounts.models.people import User


class EntryLink(models.Model):
    """A row is a link that was handed out on the server itself. The token is not kept, only its SHA-256."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="entry_links")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    leads_to = models.CharField(max_length=200, default="/")  # a path of this server
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"link for {self.user}, {'used' if self.used_at else 'unused'}"
