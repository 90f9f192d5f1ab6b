"""The pages below /projects/<team>/<slug>/settings."""

from __future__ import annotations

from django.urls import path

from accounts import paths  # noqa: F401 - registers the converters
from frontend.project_settings import (
    audit,
    credentials,
    danger,
    deliveries,
    general,
    limits,
    people,
    quality,
    schedules,
    webhooks,
)

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
    path(f"{BASE}/schedules", schedules.listing, name="settings-schedules"),
    path(f"{BASE}/schedules/new", schedules.new, name="settings-schedule-new"),
    path(f"{BASE}/schedules/preview", schedules.preview, name="settings-schedule-preview"),
    path(f"{BASE}/schedules/<uuid:schedule_id>", schedules.one, name="settings-schedule"),
    path(f"{BASE}/quality", quality.page, name="settings-quality"),
    path(f"{BASE}/limits", limits.page, name="settings-limits"),
    path(f"{BASE}/audit", audit.page, name="settings-audit"),
    path(f"{BASE}/danger", danger.page, name="settings-danger"),
]
