"""Every page that people see, and how to come to it. A new page is one line in PAGES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from django.urls import reverse

from agents.models import Finding, TrackedFinding
from frontend.navigation import ProjectPage
from frontend.project_pages import MODULES
from monitoring.models import WebHook, WebHookDelivery
from tasks.models import Schedule
from tests.e2e.scene import Scene

WIDTHS = (1280, 360)
PROJECT = "/projects/alice/shop"
SETTINGS = f"{PROJECT}/settings"
THEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: the name of its picture, its path, and who looks (nobody: a stranger)."""

    name: str
    path: Callable[[Scene], str]
    who: str = "alice"


def _worst() -> TrackedFinding:
    """The worst that has a way of a value, else the worst."""
    found = TrackedFinding.objects.order_by("-worst_rank", "pk")
    flows = Finding.objects.filter(evidence__0__kind="taint_path").values("fingerprint")
    return found.filter(fingerprint__in=flows).first() or found[0]


def _delivery() -> str:
    row = WebHookDelivery.objects.get(event="ping")
    return f"{SETTINGS}/webhooks/{row.hook.public_id}/deliveries/{row.public_id}"


def _first_of(page: ProjectPage) -> Shown:
    """What a tab of a project leads to."""
    path = reverse(page.route, args=["alice/shop"])
    return Shown(page.route.partition(":")[2].replace("-", "_"), lambda _: path)


OF_PROJECT = tuple(_first_of(module.PAGE) for module in MODULES)

PAGES = (
    Shown("sign_in", lambda _: "/login/", who=""),
    Shown("home", lambda _: "/"),
    Shown("home_of_a_viewer", lambda _: "/", who="vera"),
    Shown("runs", lambda _: "/runs"),
    Shown("runs_none_fits", lambda _: "/runs?q=nothing+like+this"),
    Shown("new_run", lambda _: "/runs/new"),
    Shown("new_run_planned", lambda _: "/runs/new?project=alice/shop&goal=find+passwords+and+dangerous+code"),
    Shown("new_run_refused", lambda _: "/runs/new", who="vera"),
    *OF_PROJECT,
    Shown("documents_missing", lambda _: f"{PROJECT}/documentation/changelog"),
    Shown("link_is_over", lambda _: "/enter/none", who=""),
    Shown("run", lambda scene: f"/runs/{scene.inspected.public_id}"),
    Shown("run_documented", lambda scene: f"/runs/{scene.documented.public_id}"),
    Shown("run_waiting", lambda scene: f"/runs/{scene.waiting.public_id}"),
    Shown("run_again", lambda scene: f"/runs/{scene.inspected.public_id}/rerun?from=inspector.lint"),
    Shown("run_seen_by_a_viewer", lambda scene: f"/runs/{scene.inspected.public_id}", who="vera"),
    Shown("run_step", lambda scene: f"/runs/{scene.inspected.public_id}/steps/inspector.lint"),
    Shown("run_log", lambda scene: f"/runs/{scene.inspected.public_id}/log"),
    Shown("run_log_narrowed", lambda scene: f"/runs/{scene.inspected.public_id}/log?q=a&level=info"),
    Shown("run_shares", lambda scene: f"/runs/{scene.inspected.public_id}/shares"),
    Shown("run_shared", lambda scene: f"/shared/{scene.shared}", who=""),
    Shown("run_shared_log", lambda scene: f"/shared/{scene.shared}/log", who=""),
    Shown("run_shared_over", lambda scene: f"/shared/{scene.over}", who=""),
    Shown(
        "findings_narrowed", lambda _: "/projects/alice/shop/findings?severity=high&order=-last_seen&new=true"
    ),
    Shown("findings_everywhere", lambda _: "/findings"),
    Shown("findings_seen_by_a_viewer", lambda _: "/projects/alice/shop/findings", who="vera"),
    Shown(
        "findings_all_that_match", lambda _: "/projects/alice/shop/findings/all?severity=low&severity=info"
    ),
    Shown("findings_swept", lambda scene: f"/findings/sweeps/{scene.sweep}"),
    Shown("finding_in_a_list", lambda _: f"/findings/{_worst().public_id}?list=alice%2Fshop&severity=high"),
    Shown("finding", lambda _: f"/findings/{_worst().public_id}"),
    Shown("code_file", lambda _: f"/projects/alice/shop/code/{quote(_worst().path)}?line={_worst().line}"),
    Shown("teams", lambda _: "/teams"),
    Shown("team", lambda _: "/teams/alice"),
    Shown("invitation", lambda scene: f"/invitations/{scene.invitation}", who=""),
    Shown("settings_people", lambda _: f"{SETTINGS}/people"),
    Shown("settings_credentials", lambda _: f"{SETTINGS}/credentials"),
    Shown("settings_webhooks", lambda _: f"{SETTINGS}/webhooks"),
    Shown("settings_webhook", lambda _: f"{SETTINGS}/webhooks/{WebHook.objects.get().public_id}"),
    Shown("settings_delivery", lambda _: _delivery()),
    Shown("settings_schedules", lambda _: f"{SETTINGS}/schedules"),
    Shown("settings_new_schedule", lambda _: f"{SETTINGS}/schedules/new"),
    Shown("settings_schedule", lambda _: f"{SETTINGS}/schedules/{Schedule.objects.get().public_id}"),
    Shown("settings_quality", lambda _: f"{SETTINGS}/quality"),
    Shown("settings_limits", lambda _: f"{SETTINGS}/limits"),
    Shown("settings_audit", lambda _: f"{SETTINGS}/audit"),
    Shown("settings_danger", lambda _: f"{SETTINGS}/danger"),
    Shown("help", lambda _: "/help"),
    Shown("help_found", lambda _: "/help?q=webhook"),
    Shown("help_page", lambda _: "/help/how_to/add_a_page"),
    Shown("sessions", lambda _: "/account/sessions"),
    Shown("team_audit", lambda _: "/teams/alice/audit"),
    Shown("team_settings", lambda _: "/teams/alice/settings"),
    Shown("new_project", lambda _: "/teams/alice/projects/new"),
    Shown("keys", lambda _: "/account/keys"),
    Shown("password", lambda _: "/account/password"),
    Shown("language", lambda _: "/account/language"),
    Shown("api", lambda _: "/api/v1/docs"),
    Shown("nothing_here", lambda _: "/runs/018f0000-0000-7000-8000-000000000000"),
    Shown("style", lambda _: "/styleguide"),
)
