"""The pages below /projects/<team>/<slug>/settings."""

from __future__ import annotations

from django.urls import path

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
from frontend.project_settings.frame import PAGE

__all__ = ["PAGE", "urlpatterns"]

urlpatterns = [
    path("projects/<project:project>/settings", general.general, name="settings"),
    path("projects/<project:project>/settings/people", people.people, name="settings-people"),
    path(
        "projects/<project:project>/settings/people/invitations", people.invite, name="settings-invitations"
    ),
    path(
        "projects/<project:project>/settings/people/invitations/<uuid:invitation_id>",
        people.change_invitation,
        name="settings-invitation",
    ),
    path("projects/<project:project>/settings/credentials", credentials.listing, name="settings-credentials"),
    path(
        "projects/<project:project>/settings/credentials/<uuid:credential_id>",
        credentials.one,
        name="settings-credential",
    ),
    path("projects/<project:project>/settings/webhooks", webhooks.listing, name="settings-webhooks"),
    path(
        "projects/<project:project>/settings/webhooks/<uuid:hook_id>", webhooks.one, name="settings-webhook"
    ),
    path(
        "projects/<project:project>/settings/webhooks/<uuid:hook_id>/deliveries/<uuid:delivery_id>",
        deliveries.one,
        name="settings-delivery",
    ),
    path("projects/<project:project>/settings/schedules", schedules.listing, name="settings-schedules"),
    path("projects/<project:project>/settings/schedules/new", schedules.new, name="settings-schedule-new"),
    path(
        "projects/<project:project>/settings/schedules/preview",
        schedules.preview,
        name="settings-schedule-preview",
    ),
    path(
        "projects/<project:project>/settings/schedules/<uuid:schedule_id>",
        schedules.one,
        name="settings-schedule",
    ),
    path("projects/<project:project>/settings/quality", quality.page, name="settings-quality"),
    path("projects/<project:project>/settings/limits", limits.page, name="settings-limits"),
    path("projects/<project:project>/settings/audit", audit.page, name="settings-audit"),
    path("projects/<project:project>/settings/danger", danger.page, name="settings-danger"),
]
