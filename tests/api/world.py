"""A world for the permission matrix: two teams that know nothing of each other, and one of everything in each.

What paths are filled with stands in PARAMETERS, one line per parameter; what writing methods send stands in BODIES,
one line per operation. Who asks stands in ROLES. Nothing is asserted here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db.models import F
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import credentials, keys, sessions
from accounts.bounds import GRANTABLE, READ_ALL
from accounts.models import (
    ApiKey,
    Credential,
    Invitation,
    Membership,
    Project,
    ProjectMembership,
    SessionKind,
    Team,
    User,
)
from accounts.roles import Role
from agents import sights, sweeps
from agents.finding_lists import Wanted
from agents.findings import Verdict
from agents.models import RunQuality, Sweep, TrackedFinding
from history import tracking
from monitoring.models import DeliveryState, WebHookDelivery
from tasks import artifacts, runs, sharing
from tasks.models import Approval, Artifact, Run, RunShare, Step
from tests.agents.found import claim, find
from tests.api.cast import PASSWORD, ask, probe, submit_steps, token

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROLES = (
    "anonymous", "outsider", "viewer", "developer", "maintainer", "owner", "staff", "superuser",
    "key:all", "key:read", "key:submit", "key:elsewhere", "token:old", "key:old",
)  # fmt: skip
ELSEWHERE = ("viewer", "developer", "maintainer", "owner", "staff", "key:all")
"""Who also asks for what belongs to the other team."""
ADMIN_ROLES = frozenset({"anonymous", "owner", "staff", "superuser"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One team with one of everything."""

    team: Team
    project: Project
    second: Project
    owned: Team
    owner: User
    member: User
    open_run: Run
    paused_run: Run
    over_run: Run
    reported_run: Run
    approval: Approval
    finding: TrackedFinding
    credential: Credential
    key: ApiKey
    session: str
    refresh_token: str
    invitation: str
    invitation_token: str
    guest: str
    hook: str
    delivery: str
    schedule: str

    @property
    def project_name(self) -> str:
        return f"{self.team.slug}/{self.project.slug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Something that can be asked for."""

    pattern: str
    methods: tuple[str, ...]

    @property
    def is_api(self) -> bool:
        return (
            self.pattern.startswith(("api/v1/", "api/schema", "livez", "readyz"))
            and self.pattern != "api/v1/docs"
        )

    @property
    def is_admin(self) -> bool:
        return self.pattern.startswith("admin/")

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"<(?:\w+:)?(\w+)>", self.pattern)

    @property
    def described(self) -> str:
        """The path as OpenAPI writes it."""
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.pattern)

    def values(self, method: str, side: Side) -> dict[str, str]:
        """Give what the parameters are filled with. Raises KeyError for one that PARAMETERS lacks."""
        return {name: PARAMETERS[name](side, f"{method} {self.pattern}") for name in self.parameters}

    def path(self, method: str, side: Side) -> str:
        """Fill the pattern with what belongs to a side. Raises KeyError for a parameter that PARAMETERS lacks."""
        if self.pattern in FIXED:
            return FIXED[self.pattern]
        fill = self.values(method, side)
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: fill[found[1]], self.pattern)


FIXED = {
    "admin/^(?P<app_label>accounts|auth|tasks|agents|monitoring)/$": "/admin/accounts/",
    "admin/(?P<url>.*)$": "/admin/no/such/page",
}

PARAMETERS: Mapping[str, Callable[[Side, str], str]] = {
    "run_id": lambda side, wanted: str(_run_for(side, wanted).public_id),
    "step": lambda side, wanted: "a",
    "key": lambda side, wanted: "a",
    "kind": lambda side, wanted: "reference",
    "path": lambda side, wanted: "shop/views.py",
    "page": lambda side, wanted: "glossary",
    "capability": lambda side, wanted: "none",  # signed addresses and links to runs have tests of their own
    "share_id": lambda side, wanted: str(RunShare.objects.filter(run=side.over_run).earliest("pk").public_id),
    "name": lambda side, wanted: _name_for(wanted),
    "approval_id": lambda side, wanted: str(side.approval.public_id),
    "finding_id": lambda side, wanted: str(side.finding.public_id),
    "sweep_id": lambda side, wanted: str(Sweep.objects.get(by_user=side.owner.pk, undoes=None).public_id),
    "credential_id": lambda side, wanted: str(side.credential.public_id),
    "key_id": lambda side, wanted: str(side.key.public_id),
    "session_id": lambda side, wanted: side.session,
    "team": lambda side, wanted: (
        (side.owned if wanted == "DELETE api/v1/teams/<team:team>" else side.team).slug
    ),
    "project": lambda side, wanted: _project_for(side, wanted),
    "username": lambda side, wanted: side.member.username,
    "number": lambda side, wanted: _version_of_admin(wanted),
    "invitation_id": lambda side, wanted: side.guest if "projects/" in wanted else side.invitation,
    "token": lambda side, wanted: side.invitation_token,
    "schedule_id": lambda side, wanted: side.schedule,
    "hook_id": lambda side, wanted: side.hook,
    "delivery_id": lambda side, wanted: side.delivery,
    "object_id": lambda side, wanted: _row_of_admin(wanted),
    "id": lambda side, wanted: str(side.member.pk),
    "content_type_id": lambda side, wanted: "1",
}

Body = Mapping[str, Any]
TARGET = {"kind": "git", "url": "https://git.example.org/team/shop.git"}
REQUEST = {"goal": "Find security problems", "target": TARGET}
TIMING = {"cron": "30 2 * * *"}
SCHEDULE = {**REQUEST, **TIMING, "name": "nightly"}
HOOK = {"url": "https://chat.example.org/hooks/5b1e", "events": ["run.finished"]}
DECISION = {"decision": "approve"}
PASSWORDS = {
    "old_password": PASSWORD,
    "new_password1": "another long password",
    "new_password2": "another long password",
}

BODIES: Mapping[str, Callable[[Side], Body]] = {
    "POST api/v1/token": lambda side: {"username": side.owner.username, "password": PASSWORD},
    "POST api/v1/token/refresh": lambda side: {"refresh_token": side.refresh_token},
    "POST api/v1/token/revoke": lambda side: {"token": side.refresh_token},
    "PATCH api/v1/me": lambda side: {"name": "Another Name"},
    "POST api/v1/runs": lambda side: REQUEST | {"project": side.project_name},
    "POST api/v1/plans": lambda side: REQUEST | {"project": side.project_name},
    "POST api/v1/schedules": lambda side: SCHEDULE | {"project": side.project_name, "name": "weekly"},
    "POST api/v1/schedules/preview": lambda side: TIMING,
    "PATCH api/v1/schedules/<uuid:schedule_id>": lambda side: {"name": "other"},
    "POST api/v1/invitations/accept": lambda side: {"id": side.invitation},
    "POST api/v1/invitations/decline": lambda side: {"id": side.invitation},
    "POST api/v1/teams/<team:team>/invitations": lambda side: {"email": "x@example.org", "role": "viewer"},
    "POST api/v1/projects/<project:project>/invitations": lambda side: {
        "email": "x@example.org",
        "role": "viewer",
    },
    "POST api/v1/runs/<uuid:run_id>/rerun": lambda side: {"from": "a"},
    "POST api/v1/runs/<uuid:run_id>/priority": lambda side: {"priority": 3},
    "POST api/v1/runs/<uuid:run_id>/messages": lambda side: {"text": "go on"},
    "POST api/v1/approvals/<uuid:approval_id>": lambda side: DECISION,
    "POST api/v1/findings/triage": lambda side: {
        "ids": [str(side.finding.public_id)],
        "act": "accept",
        "reason": "seen",
    },
    "POST api/v1/findings/sweeps": lambda side: {"seen": _seen(side.project), "act": "accept"},
    "POST api/v1/findings/<uuid:finding_id>/triage": lambda side: {"act": "accept", "reason": "seen"},
    "POST api/v1/keys": lambda side: {"name": "ci", "scopes": ["run.view"], "projects": [side.project_name]},
    "POST api/v1/teams": lambda side: {"name": "New", "slug": "new"},
    "PATCH api/v1/teams/<team:team>": lambda side: {"name": "Other name"},
    "POST api/v1/teams/<team:team>/transfer": lambda side: {"to": side.member.username},
    "PATCH api/v1/teams/<team:team>/members/<str:username>": lambda side: {"role": "developer"},
    "DELETE api/v1/projects/<project:project>": lambda side: {
        "confirm": f"{side.team.slug}/{side.second.slug}"
    },
    "DELETE api/v1/teams/<team:team>": lambda side: {"confirm": side.owned.slug},
    "POST api/v1/projects": lambda side: {"team": side.team.slug, "slug": "new"},
    "PATCH api/v1/projects/<project:project>": lambda side: {"name": "Other name"},
    "POST api/v1/projects/<project:project>/move": lambda side: {"team": side.owned.slug},
    "PUT api/v1/projects/<project:project>/members/<str:username>": lambda side: {"role": "developer"},
    "POST api/v1/projects/<project:project>/credentials": lambda side: {
        "kind": "git_token",
        "name": "new",
        "value": "a-secret",
    },
    "PUT api/v1/projects/<project:project>/credentials/<uuid:credential_id>": lambda side: {"value": "new"},
    "POST ": lambda side: {
        "goal": "Find security problems",
        "target": "https://git.example.org/team/shop.git",
        "project": side.project.pk,
    },
    "POST api/v1/projects/<project:project>/webhooks": lambda side: HOOK,
    "PATCH api/v1/projects/<project:project>/webhooks/<uuid:hook_id>": lambda side: {"description": "other"},
    "POST teams": lambda side: {"name": "New", "slug": "new"},
    "POST teams/<team:team>/members": lambda side: {"username": side.member.username, "role": "developer"},
    "POST teams/<team:team>/invitations": lambda side: {
        "whom": "x@example.org",
        "role": "viewer",
        "days": "7",
    },
    "POST invitations/<uuid:invitation_id>/answer": lambda side: {"act": "accept"},
    "POST runs/<uuid:run_id>/rerun": lambda side: {"from": "a"},
    "POST runs/<uuid:run_id>/priority": lambda side: {"priority": "3"},
    "POST runs/<uuid:run_id>/approvals/<uuid:approval_id>": lambda side: DECISION,
    "POST account/password": lambda side: PASSWORDS,
    "POST login/": lambda side: {"username": side.owner.username, "password": PASSWORD},
    "POST admin/login/": lambda side: {"username": side.owner.username, "password": PASSWORD},
}
QUERIES: Mapping[str, Callable[[Side], str]] = {
    "GET api/v1/findings/matching": lambda side: f"?project={side.project_name}",
    "GET api/v1/runs/<uuid:run_id>/rerun": lambda side: "?from=a",
    "GET runs/<uuid:run_id>/rerun": lambda side: "?from=a",
    "GET findings/export": lambda side: "?format=csv",
    "GET projects/<project:project>/findings/export": lambda side: "?format=csv",
    "GET teams/<team:team>/audit/export": lambda side: "?format=csv",
    "POST api/v1/uploads": lambda side: f"?name=shop.tar.gz&project={side.project_name}",
}
RAW = frozenset({"POST api/v1/uploads"})
"""Operations that take bytes."""


def routes() -> list[Route]:
    """Give all that the URL conf knows, once each."""
    found: dict[str, Route] = {}

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
        for one in patterns:
            where = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, where)
            else:
                yield where, one.callback

    for pattern, callback in walk(get_resolver().url_patterns, ""):
        view = getattr(callback, "cls", None)
        methods = tuple(name for name in METHODS if hasattr(view, name.lower())) if view else ("GET", "POST")
        found.setdefault(pattern, Route(pattern=pattern, methods=methods))
    return [found[pattern] for pattern in sorted(found)]


def make_side(slug: str, *, people: Mapping[str, Role]) -> Side:
    """Make a team with people and one of everything. Wants the fixture `worker`."""
    team = Team.objects.create(name=f"Team {slug}", slug=slug)
    project = Project.objects.create(team=team, name="Shop", slug=f"{slug}-shop")
    second = Project.objects.create(team=team, name="Second", slug=f"{slug}-second")
    made = {}
    for name, role in people.items():
        made[name] = User.objects.create_user(name, password=PASSWORD)
        Membership.objects.create(user=made[name], team=team, role=role)
    member = User.objects.create_user(f"{slug}-member", password=PASSWORD)
    Membership.objects.create(user=member, team=team, role=Role.VIEWER)
    owner = next(made[name] for name, role in people.items() if role == Role.OWNER)
    owned = Team.objects.create(name=f"{slug} too", slug=f"{slug}-too")
    for name, role in people.items():
        Membership.objects.create(user=made[name], team=owned, role=role)
    over = submit_steps(project, probe("a", "say"), owner=owner)
    sharing.share(over, sharing.Terms(lasts=timedelta(days=1)), by_id=owner.pk)
    approval = ask(project)
    find(project, claim())
    sweeps.work(sweeps.order(owner, sights.opened(_seen(project)), Verdict.ACCEPT, reason="", until=None))
    for scope in (project, second):
        ProjectMembership.objects.create(user=member, project=scope, role=Role.VIEWER)
    now = timezone.now()
    session = sessions.begin(owner, SessionKind.PROGRAM, sessions.Device(), lasts=timedelta(days=1))
    answer = APIClient().post("/api/v1/token", {"username": owner.username, "password": PASSWORD})
    hook = _made(owner, f"projects/{slug}/{project.slug}/webhooks", HOOK)["id"]
    delivery = _made(owner, f"projects/{slug}/{project.slug}/webhooks/{hook}/ping", {})["id"]
    WebHookDelivery.objects.update(state=DeliveryState.FAILED.value, next_at=None, ended_at=timezone.now())
    return Side(
        team=team,
        project=project,
        second=second,
        owned=owned,
        owner=owner,
        member=member,
        open_run=over,
        paused_run=over,
        over_run=Run.objects.get(pk=over.pk),
        reported_run=reported(submit_steps(project, probe("super.report"), owner=owner)),
        approval=approval,
        finding=TrackedFinding.objects.get(project=project),
        credential=credentials.store(
            project, Credential.Kind.GIT_TOKEN, "deploy", "a-secret", description="", by=owner, now=now
        ),
        key=_key(owner, scopes=[READ_ALL]).row,
        session=str(session.public_id),
        refresh_token=answer.json()["refresh_token"],
        schedule=_made(owner, "schedules", SCHEDULE | {"project": f"{slug}/{project.slug}"})["id"],
        invitation="",
        invitation_token="",
        guest="",
        hook=hook,
        delivery=delivery,
    )


def with_invitations(side: Side, *, guest: User) -> Side:
    """Invite somebody of the other team, and somebody whom nobody knows yet."""
    team, project = f"teams/{side.team.slug}", f"projects/{side.project_name}"
    invited = _made(side.owner, f"{team}/invitations", {"username": guest.username, "role": "viewer"})
    known = _made(side.owner, f"{project}/invitations", {"username": guest.username, "role": "viewer"})
    new = _made(
        side.owner, f"{team}/invitations", {"email": f"new@{side.team.slug}.example", "role": "viewer"}
    )
    token = str(new["link"]).rstrip("/").rpartition("/")[2]
    # else it depends on the machine's speed whether they may be sent again
    Invitation.objects.update(sent_at=F("sent_at") - timedelta(hours=1))
    return replace(side, invitation=invited["id"], guest=known["id"], invitation_token=token)


def _seen(project: Project) -> str:
    """What somebody saw who looked at all findings of a project."""
    return sights.sealed(sights.take([project.pk], Wanted()))


def _made(owner: User, resource: str, body: Body) -> dict[str, Any]:
    """Make something through the API, as people do."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token(owner)}")
    answer = client.post(f"/api/v1/{resource}", body)
    assert answer.status_code in {201, 202}, answer.content
    return dict(answer.json())


def reported(run: Run) -> Run:
    """Give a run a report, as its last step would."""
    step = run.steps.get()
    Step.objects.filter(pk=step.pk).update(agent="super", operation="report")
    stored = artifacts.put("report.json", b"{}", media_type="application/json")
    Artifact.objects.create(
        run=run, step=step, name="report.json", digest=stored.digest, size=stored.size,
        media_type="application/json", created_at=run.created_at,
    )  # fmt: skip
    RunQuality.objects.create(
        run=run.public_id, project=run.project, at=run.created_at, revision="abc", is_default_branch=True,
        operations=[], gate="baseline", debt_minutes=0, whole={},
    )  # fmt: skip
    return run


def with_open_runs(side: Side) -> Side:
    """Add the runs that are not over; after them no worker may work."""
    open_run, paused = (submit_steps(side.project, probe("a"), owner=side.owner) for _ in range(2))
    runs.pause(paused.public_id, by=side.owner.username)
    return replace(side, open_run=open_run, paused_run=paused)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Ours, theirs, and who asks."""

    ours: Side
    theirs: Side
    programs: Mapping[str, APIClient]
    browsers: Mapping[str, Client]


def make_world() -> World:
    """Make everything. Wants the fixture `worker`."""
    ours = make_side(
        "acme",
        people={
            "viewer": Role.VIEWER,
            "developer": Role.DEVELOPER,
            "maintainer": Role.MAINTAINER,
            "owner": Role.OWNER,
        },
    )
    theirs = make_side("other", people={"outsider": Role.OWNER})
    User.objects.create_user("staff", password=PASSWORD, is_staff=True)
    User.objects.create_superuser("superuser", password=PASSWORD)
    people = {
        name: User.objects.get(username=name) for name in ROLES if ":" not in name and name != "anonymous"
    }
    ours = with_open_runs(with_invitations(ours, guest=theirs.owner))
    theirs = with_open_runs(with_invitations(theirs, guest=ours.member))
    every, owner = sorted(GRANTABLE), ours.owner
    secrets = {
        **{name: token(person) for name, person in people.items()},
        "key:all": _key(owner, scopes=every).text,
        "key:read": _key(owner, scopes=[READ_ALL]).text,
        "key:submit": _key(owner, scopes=["run.submit"]).text,
        "key:elsewhere": _key(owner, scopes=every, projects=[ours.second]).text,
        "token:old": token(owner, lasts=-timedelta(seconds=1)),
        "key:old": _old_key(owner),
    }
    programs, browsers = {"anonymous": APIClient(raise_request_exception=False)}, {}
    for name, secret in secrets.items():
        programs[name] = APIClient(raise_request_exception=False)
        programs[name].credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    for name in ("anonymous", *people):
        browsers[name] = Client(raise_request_exception=False)
        if name in people:
            browsers[name].force_login(people[name])
    return World(ours=ours, theirs=theirs, programs=programs, browsers=browsers)


def _key(owner: User, *, scopes: list[str], projects: list[Project] | None = None) -> keys.MintedKey:
    now = timezone.now()
    return keys.create(
        owner, "ci", scopes=scopes, projects=projects, expires_at=now + timedelta(days=1), now=now
    )


def _old_key(owner: User) -> str:
    minted, past = _key(owner, scopes=sorted(GRANTABLE)), timezone.now() - timedelta(days=9)
    ApiKey.objects.filter(pk=minted.row.pk).update(created_at=past, expires_at=past + timedelta(days=1))
    return minted.text


def _run_for(side: Side, wanted: str) -> Run:
    """Give a run in the state that an operation wants."""
    if "/approvals/" in wanted:
        return side.approval.run
    if wanted.endswith(("/report", "/quality")):
        return side.reported_run
    if wanted.endswith("/resume"):
        return side.paused_run
    if wanted.endswith(("/cancel", "/pause", "/priority", "/messages")):
        return side.open_run
    return side.over_run


def _name_for(wanted: str) -> str:
    """Give the name of an artifact, an agent or a queue."""
    if "/artifacts/" in wanted:
        return "note.txt"
    return "agent.probe" if "/queues/" in wanted else "probe"


def _project_for(side: Side, wanted: str) -> str:
    """Give a project; one without runs for what wants none to be open."""
    is_bare = wanted.endswith(("/deletion", "/move")) or wanted == "DELETE api/v1/projects/<project:project>"
    project = side.second if is_bare else side.project
    return f"{side.team.slug}/{project.slug}"


def _version_of_admin(wanted: str) -> str:
    """Give the first version of the row that a page is asked for; 0: of no row."""
    app, model = wanted.partition(" admin/")[2].split("/")[:2]
    tracked = tracking.find(apps.get_model(app, model))
    row = apps.get_model(app, model)._default_manager.first()
    assert tracked is not None
    first = tracked.versions.objects.filter(pgh_obj=row.pk).first() if row is not None else None
    return "0" if first is None or "deleted" in wanted else str(first.pgh_id)


def _row_of_admin(wanted: str) -> str:
    app, _, model = wanted.partition(" admin/")[2].partition("/")
    if app == "r":
        return "1"
    row = apps.get_model(app, model.partition("/")[0])._default_manager.first()
    return "0" if row is None else str(row.pk).replace("_", "_5F")
