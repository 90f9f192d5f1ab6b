"""The pages below /projects/<team>/<slug>/settings."""

from __future__ import annotations

from django.urls import path

from accounts import paths  # noqa: F401 - registers the converters
from frontend.project_settings import credentials, deliveries, general, people, webhooks

BASE = "projects/<project:project>/settings"

urlpatterns = [
    path(BASE, general.general, name="settings"),
    path(f"{BASE}/people", people.people, name="settings-people"),
    path(f"{BASE}/people/invitations", people.invite, name="settings-invitations"),
    path(
        f"{BASE}/people/invitations/<uuid:invitation_id>",
        people.change_invitation,
        name="settings-invitation",
    ),
    path(f"{BASE}/credentials", credentials.listing, name="settings-credentials"),
    path(f"{BASE}/credentials/<uuid:credential_id>", credentials.one, name="settings-credential"),
    path(f"{BASE}/webhooks", webhooks.listing, name="settings-webhooks"),
    path(f"{BASE}/webhooks/<uuid:hook_id>", webhooks.one, name="settings-webhook"),
    path(
        f"{BASE}/webhooks/<uuid:hook_id>/deliveries/<uuid:delivery_id>",
        deliveries.one,
        name="settings-delivery",
    ),
]
