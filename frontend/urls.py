"""The pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from accounts import paths  # noqa: F401 - registers the converters
from frontend import (
    account,
    control,
    document_files,
    entry,
    finding,
    findings,
    flower,
    home,
    keys,
    language,
    new_run,
    project_pages,
    run_log,
    shares,
    steps,
    styleguide,
    team_audit,
    team_settings,
    teams,
    theme,
    views,
)

app_name = "frontend"

urlpatterns = [
    path("", home.home, name="home"),
    path("runs", home.runs_page, name="runs"),
    path("runs/new", new_run.NewRun.as_view(), name="run-new"),
    path("runs/new/preview", new_run.PlanPreview.as_view(), name="run-preview"),
    path("runs/<uuid:run_id>", views.run_page, name="run"),
    path("runs/<uuid:run_id>/parts", views.run_parts, name="run-parts"),
    path("runs/<uuid:run_id>/log", run_log.log_page, name="run-log"),
    path("runs/<uuid:run_id>/log/lines", run_log.log_lines, name="run-log-lines"),
    path("runs/<uuid:run_id>/steps/<str:key>", steps.step_page, name="step"),
    path("runs/<uuid:run_id>/steps/<str:key>/parts", steps.step_parts, name="step-parts"),
    path("runs/<uuid:run_id>/steps/<str:key>/lines", steps.step_lines, name="step-lines"),
    path("runs/<uuid:run_id>/shares", shares.shares_page, name="run-shares"),
    path("runs/<uuid:run_id>/shares/<uuid:share_id>/revoke", shares.revoke_share, name="run-share-revoke"),
    path("shared/<str:token>", shares.shared_page, name="shared"),
    path("shared/<str:token>/parts", shares.shared_parts, name="shared-parts"),
    path("runs/<uuid:run_id>/cancel", control.cancel_run, name="run-cancel"),
    path("runs/<uuid:run_id>/pause", control.pause_run, name="run-pause"),
    path("runs/<uuid:run_id>/resume", control.resume_run, name="run-resume"),
    path("runs/<uuid:run_id>/priority", control.set_priority, name="run-priority"),
    path("runs/<uuid:run_id>/rerun", control.rerun, name="run-rerun"),
    path("runs/<uuid:run_id>/approvals/<uuid:approval_id>", control.decide, name="run-decide"),
    *project_pages.urlpatterns,
    path("findings", findings.all_findings, name="all-findings"),
    path("findings/<uuid:finding_id>", finding.page, name="finding"),
    path("documents/<str:capability>/<path:path>", document_files.show, name="document"),
    path("account/theme", theme.set_theme, name="theme"),
    path("styleguide", styleguide.page, name="styleguide"),
    path("account/sessions", account.sessions_page, name="sessions"),
    path("account/sessions/revoke", account.revoke_sessions, name="sessions-revoke"),
    path("account/sessions/<uuid:session_id>/revoke", account.revoke_session, name="session-revoke"),
    path("account/keys", keys.keys_page, name="keys"),
    path("account/keys/<uuid:key_id>", keys.change_key, name="key"),
    path("account/language", language.language_page, name="language"),
    path("account/language/set", language.set_language, name="language-set"),
    path("account/password", account.change_password, name="password"),
    path("teams", teams.teams_page, name="teams"),
    path("teams/<team:team>", teams.team_page, name="team"),
    path("teams/<team:team>/audit", team_audit.page, name="team-audit"),
    path("teams/<team:team>/audit/export", team_audit.export, name="team-audit-export"),
    path("teams/<team:team>/settings", team_settings.settings_page, name="team-settings"),
    path("teams/<team:team>/projects/new", team_settings.new_project, name="team-new-project"),
    path("teams/<team:team>/members", teams.change_member, name="team-members"),
    path("teams/<team:team>/leave", teams.leave_team, name="team-leave"),
    path("teams/<team:team>/invitations", teams.invite, name="team-invitations"),
    path(
        "teams/<team:team>/invitations/<uuid:invitation_id>", teams.change_invitation, name="team-invitation"
    ),
    path("invitations/<uuid:invitation_id>/answer", teams.answer_invitation, name="invitation-answer"),
    path("invitations/<str:token>", teams.invitation_page, name="invitation"),
    path("enter/<str:token>", entry.enter, name="enter"),
    path("flower", RedirectView.as_view(url="/flower/"), name="flower-start"),
    path("flower/<path:path>", flower.flower, name="flower-path"),
    path("flower/", flower.flower, name="flower"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="frontend:login"), name="logout"),
]
