"""The resources of /api/v1/: one file each."""

from __future__ import annotations

from django.urls import path

from accounts import paths  # noqa: F401 - registers the converters
from api.advisories import AdvisorySourcesView
from api.agents import AgentsView, AgentView
from api.approvals import ApprovalsView, ApprovalView
from api.artifacts import ArtifactsView, ArtifactView
from api.audit import AuditView, ProjectAuditView, TeamAuditView
from api.auth import ObtainToken, RefreshAccess, RevokeToken
from api.control import RunMessagesView, RunPauseView, RunPriorityView, RunRerunView, RunResumeView
from api.credentials import CredentialsView, CredentialView
from api.findings import FindingsView, FindingView
from api.fixes import RunFixesView
from api.history import HistoryView
from api.invitations import (
    AcceptView,
    DeclineView,
    MyInvitationsView,
    ProjectInvitationResendView,
    ProjectInvitationsView,
    ProjectInvitationView,
    TeamInvitationResendView,
    TeamInvitationsView,
    TeamInvitationView,
)
from api.keys import KeyRotateView, KeysView, KeyView
from api.lineage import RunLineageView
from api.logs import RunLogsView
from api.me import MeView
from api.members import (
    ProjectLeaveView,
    ProjectMembersView,
    ProjectMemberView,
    TeamLeaveView,
    TeamMembersView,
    TeamMemberView,
)
from api.plans import PlansView
from api.projects import ProjectDeletionView, ProjectMoveView, ProjectsView, ProjectView
from api.quality import ProjectQualityHistoryView, ProjectQualityView, RunQualityView
from api.queues import QueuePauseView, QueueResumeView, QueuesView, QueueView
from api.reports import RunReportView
from api.runs import RunCancelView, RunEventsView, RunsView, RunView
from api.schedule_fires import (
    ScheduleFiresView,
    ScheduleFireView,
    SchedulePreviewView,
    ScheduleTimesView,
)
from api.schedules import SchedulesView, ScheduleView
from api.schema import SchemaView
from api.sessions import SessionRevokeView, SessionsRevokeView, SessionsView
from api.shares import RunSharesView, RunShareView
from api.sse import RunStreamView
from api.steps import AttemptsView, StepsView, StepView
from api.sweeps import MatchingView, SweepCancelView, SweepsView, SweepUndoView, SweepView
from api.teams import TeamDeletionView, TeamsView, TeamTransferView, TeamView
from api.tickets import TicketView
from api.trends import TrendView
from api.triage import FindingsTriageView, FindingTriageView
from api.uploads import UploadsView
from api.webhook_deliveries import DeliveriesView, DeliveryReplayView, DeliveryView
from api.webhooks import WebHookPingView, WebHookSecretView, WebHooksView, WebHookView
from api.workers import WorkersView

app_name = "api"

urlpatterns = [
    path("token", ObtainToken.as_view(), name="token"),
    path("token/refresh", RefreshAccess.as_view(), name="token-refresh"),
    path("token/revoke", RevokeToken.as_view(), name="token-revoke"),
    path("me", MeView.as_view(), name="me"),
    path("sessions", SessionsView.as_view(), name="sessions"),
    path("sessions/revoke", SessionsRevokeView.as_view(), name="sessions-revoke"),
    path("sessions/<uuid:session_id>/revoke", SessionRevokeView.as_view(), name="session-revoke"),
    path("stream/ticket", TicketView.as_view(), name="stream-ticket"),
    path("plans", PlansView.as_view(), name="plans"),
    path("runs", RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/stream", RunStreamView.as_view(), name="run-stream"),
    path("runs/<uuid:run_id>/events", RunEventsView.as_view(), name="run-events"),
    path("runs/<uuid:run_id>/steps", StepsView.as_view(), name="run-steps"),
    path("runs/<uuid:run_id>/steps/<str:step>", StepView.as_view(), name="run-step"),
    path("runs/<uuid:run_id>/steps/<str:step>/attempts", AttemptsView.as_view(), name="run-attempts"),
    path("runs/<uuid:run_id>/lineage", RunLineageView.as_view(), name="run-lineage"),
    path("runs/<uuid:run_id>/logs", RunLogsView.as_view(), name="run-logs"),
    path("runs/<uuid:run_id>/cancel", RunCancelView.as_view(), name="run-cancel"),
    path("runs/<uuid:run_id>/messages", RunMessagesView.as_view(), name="run-messages"),
    path("runs/<uuid:run_id>/pause", RunPauseView.as_view(), name="run-pause"),
    path("runs/<uuid:run_id>/resume", RunResumeView.as_view(), name="run-resume"),
    path("runs/<uuid:run_id>/priority", RunPriorityView.as_view(), name="run-priority"),
    path("runs/<uuid:run_id>/rerun", RunRerunView.as_view(), name="run-rerun"),
    path("runs/<uuid:run_id>/quality", RunQualityView.as_view(), name="run-quality"),
    path("runs/<uuid:run_id>/report", RunReportView.as_view(), name="run-report"),
    path("runs/<uuid:run_id>/fixes", RunFixesView.as_view(), name="run-fixes"),
    path("runs/<uuid:run_id>/shares", RunSharesView.as_view(), name="run-shares"),
    path("runs/<uuid:run_id>/shares/<uuid:share_id>", RunShareView.as_view(), name="run-share"),
    path("runs/<uuid:run_id>/artifacts", ArtifactsView.as_view(), name="artifacts"),
    path("runs/<uuid:run_id>/artifacts/<path:name>", ArtifactView.as_view(), name="artifact"),
    path("approvals", ApprovalsView.as_view(), name="approvals"),
    path("approvals/<uuid:approval_id>", ApprovalView.as_view(), name="approval"),
    path("findings", FindingsView.as_view(), name="findings"),
    path("findings/triage", FindingsTriageView.as_view(), name="findings-triage"),
    path("findings/matching", MatchingView.as_view(), name="findings-matching"),
    path("findings/sweeps", SweepsView.as_view(), name="sweeps"),
    path("findings/sweeps/<uuid:sweep_id>", SweepView.as_view(), name="sweep"),
    path("findings/sweeps/<uuid:sweep_id>/cancel", SweepCancelView.as_view(), name="sweep-cancel"),
    path("findings/sweeps/<uuid:sweep_id>/undo", SweepUndoView.as_view(), name="sweep-undo"),
    path("findings/<uuid:finding_id>", FindingView.as_view(), name="finding"),
    path("findings/<uuid:finding_id>/triage", FindingTriageView.as_view(), name="finding-triage"),
    path("schedules", SchedulesView.as_view(), name="schedules"),
    path("schedules/preview", SchedulePreviewView.as_view(), name="schedules-preview"),
    path("schedules/<uuid:schedule_id>", ScheduleView.as_view(), name="schedule"),
    path("schedules/<uuid:schedule_id>/times", ScheduleTimesView.as_view(), name="schedule-times"),
    path("schedules/<uuid:schedule_id>/fires", ScheduleFiresView.as_view(), name="schedule-fires"),
    path("schedules/<uuid:schedule_id>/fire", ScheduleFireView.as_view(), name="schedule-fire"),
    path("uploads", UploadsView.as_view(), name="uploads"),
    path("keys", KeysView.as_view(), name="keys"),
    path("keys/<uuid:key_id>", KeyView.as_view(), name="key"),
    path("keys/<uuid:key_id>/rotate", KeyRotateView.as_view(), name="key-rotate"),
    path("teams", TeamsView.as_view(), name="teams"),
    path("teams/<team:team>", TeamView.as_view(), name="team"),
    path("teams/<team:team>/audit", TeamAuditView.as_view(), name="team-audit"),
    path("teams/<team:team>/deletion", TeamDeletionView.as_view(), name="team-deletion"),
    path("teams/<team:team>/transfer", TeamTransferView.as_view(), name="team-transfer"),
    path("teams/<team:team>/leave", TeamLeaveView.as_view(), name="team-leave"),
    path("teams/<team:team>/members", TeamMembersView.as_view(), name="team-members"),
    path("teams/<team:team>/members/<str:username>", TeamMemberView.as_view(), name="team-member"),
    path("teams/<team:team>/invitations", TeamInvitationsView.as_view(), name="team-invitations"),
    path(
        "teams/<team:team>/invitations/<uuid:invitation_id>",
        TeamInvitationView.as_view(),
        name="team-invitation",
    ),
    path(
        "teams/<team:team>/invitations/<uuid:invitation_id>/resend",
        TeamInvitationResendView.as_view(),
        name="team-invitation-resend",
    ),
    path("invitations", MyInvitationsView.as_view(), name="invitations"),
    path("invitations/accept", AcceptView.as_view(), name="invitations-accept"),
    path("invitations/decline", DeclineView.as_view(), name="invitations-decline"),
    path("projects", ProjectsView.as_view(), name="projects"),
    path(
        "projects/<project:project>/invitations",
        ProjectInvitationsView.as_view(),
        name="project-invitations",
    ),
    path(
        "projects/<project:project>/invitations/<uuid:invitation_id>",
        ProjectInvitationView.as_view(),
        name="project-invitation",
    ),
    path(
        "projects/<project:project>/invitations/<uuid:invitation_id>/resend",
        ProjectInvitationResendView.as_view(),
        name="project-invitation-resend",
    ),
    path("projects/<project:project>", ProjectView.as_view(), name="project"),
    path("projects/<project:project>/deletion", ProjectDeletionView.as_view(), name="project-deletion"),
    path("projects/<project:project>/move", ProjectMoveView.as_view(), name="project-move"),
    path("projects/<project:project>/leave", ProjectLeaveView.as_view(), name="project-leave"),
    path("projects/<project:project>/members", ProjectMembersView.as_view(), name="project-members"),
    path(
        "projects/<project:project>/members/<str:username>",
        ProjectMemberView.as_view(),
        name="project-member",
    ),
    path("projects/<project:project>/credentials", CredentialsView.as_view(), name="credentials"),
    path(
        "projects/<project:project>/credentials/<uuid:credential_id>",
        CredentialView.as_view(),
        name="credential",
    ),
    path("schema", SchemaView.as_view(), {"version": "v1"}, name="schema"),
    path("projects/<project:project>/findings/trend", TrendView.as_view(), name="findings-trend"),
    path("projects/<project:project>/audit", ProjectAuditView.as_view(), name="project-audit"),
    path("projects/<project:project>/quality", ProjectQualityView.as_view(), name="project-quality"),
    path(
        "projects/<project:project>/quality/history",
        ProjectQualityHistoryView.as_view(),
        name="project-quality-history",
    ),
    path("projects/<project:project>/webhooks", WebHooksView.as_view(), name="webhooks"),
    path("projects/<project:project>/webhooks/<uuid:hook_id>", WebHookView.as_view(), name="webhook"),
    path(
        "projects/<project:project>/webhooks/<uuid:hook_id>/ping",
        WebHookPingView.as_view(),
        name="webhook-ping",
    ),
    path(
        "projects/<project:project>/webhooks/<uuid:hook_id>/secret",
        WebHookSecretView.as_view(),
        name="webhook-secret",
    ),
    path(
        "projects/<project:project>/webhooks/<uuid:hook_id>/deliveries",
        DeliveriesView.as_view(),
        name="webhook-deliveries",
    ),
    path(
        "projects/<project:project>/webhooks/<uuid:hook_id>/deliveries/<uuid:delivery_id>",
        DeliveryView.as_view(),
        name="webhook-delivery",
    ),
    path(
        "projects/<project:project>/webhooks/<uuid:hook_id>/deliveries/<uuid:delivery_id>/replay",
        DeliveryReplayView.as_view(),
        name="webhook-delivery-replay",
    ),
    path("history", HistoryView.as_view(), name="history"),
    path("audit", AuditView.as_view(), name="audit"),
    path("advisories/sources", AdvisorySourcesView.as_view(), name="advisory-sources"),
    path("agents", AgentsView.as_view(), name="agents"),
    path("agents/<str:name>", AgentView.as_view(), name="agent"),
    path("queues", QueuesView.as_view(), name="queues"),
    path("queues/<str:name>", QueueView.as_view(), name="queue"),
    path("queues/<str:name>/pause", QueuePauseView.as_view(), name="queue-pause"),
    path("queues/<str:name>/resume", QueueResumeView.as_view(), name="queue-resume"),
    path("workers", WorkersView.as_view(), name="workers"),
]
