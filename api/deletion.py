"""How deletions of projects and teams are asked for over REST: what the body repeats, and examples of the answers."""

from __future__ import annotations

from rest_framework import serializers

from agents.deletion import Deletion, DeletionPreview, Goes, begin, finish, preview
from api.bodies import StrictSerializer

__all__ = [
    "EXAMPLE",
    "EXAMPLE_PREVIEW",
    "ConfirmOrder",
    "Deletion",
    "DeletionPreview",
    "begin",
    "check_confirmed",
    "finish",
    "preview",
]


class ConfirmOrder(StrictSerializer):
    """The body that confirms a deletion."""

    confirm = serializers.CharField(
        max_length=200, help_text="the name of what is deleted, as the preview tells it"
    )


EXAMPLE_GOES: Goes = {
    "projects": 1,
    "runs": 14,
    "schedules": 1,
    "uploads": 0,
    "credentials": 2,
    "webhooks": 1,
    "members": 0,
}
EXAMPLE_PREVIEW: DeletionPreview = {"confirm": "acme/shop", "live_runs": 0, "goes": EXAMPLE_GOES}
EXAMPLE: Deletion = {"deleted": True, "runs_left": 0, "goes": EXAMPLE_GOES}


def check_confirmed(given: str, told: DeletionPreview) -> None:
    """Let pass what repeats the name. Raises ValidationError that tells what would go."""
    if given != told["confirm"]:
        parts = ", ".join(f"{many} {what}" for what, many in told["goes"].items())
        raise serializers.ValidationError(
            {"confirm": [f"repeat {told['confirm']!r} to delete it for good; with it go: {parts}"]}
        )
