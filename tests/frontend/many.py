"""Tens of times as many rows of everything that a page may list, for the counting of its queries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Model
from django.utils import timezone

from accounts import audit
from accounts.audit import Act
from accounts.models import (
    ApiKey,
    Credential,
    DeviceSession,
    Invitation,
    Membership,
    Project,
    ProjectMembership,
    Team,
    User,
)
from accounts.roles import Role
from agents.models import Finding, Fix, RunQuality, TrackedFinding, TriageAct
from agents.patches import Label
from monitoring.models import WebHook, WebHookDelivery
from tasks.models import (
    Artifact,
    Attempt,
    LogChunk,
    Run,
    RunShare,
    Schedule,
    ScheduleFire,
    Step,
    StepDependency,
)
from tasks.sharing import digest_of
from tests.api.world import Side

TOKEN = "a-link-of-the-first-copies"
"""Of a link to the run with many steps."""


def multiply(side: Side, numbers: range) -> None:
    """Make so many more of everything on a side, as far as pages show it. Other numbers make others."""
    _people_and_places(side, numbers)
    _runs(side, numbers)
    _steps(side.over_run, numbers)
    _findings(side, numbers)
    _settings(side, numbers)


def copies(row: Model | None, numbers: range, **changes: Callable[[int], Any] | Any) -> list[Any]:
    """Store copies of a row; what is given is another in each: a value, or made from its number."""
    assert row is not None
    fields = [
        field for field in type(row)._meta.concrete_fields if not (field.primary_key or field.generated)
    ]
    made = []
    for n in numbers:
        values = {field.attname: getattr(row, field.attname) for field in fields}
        values |= {"public_id": uuid4()} if "public_id" in values else {}
        values |= {name: given(n) if callable(given) else given for name, given in changes.items()}
        made.append(type(row)(**values))
    return list(type(row)._default_manager.bulk_create(made))


def _digest(n: int) -> str:
    return hashlib.sha256(f"copy {n} {uuid4()}".encode()).hexdigest()


def _people_and_places(side: Side, numbers: range) -> None:
    people = User.objects.bulk_create(User(username=f"{side.team.slug}-{n}") for n in numbers)
    for person in people:
        Membership.objects.create(user=person, team=side.team, role=Role.DEVELOPER)
        ProjectMembership.objects.create(user=person, project=side.project, role=Role.DEVELOPER)
    for n in numbers:
        team = Team.objects.create(name=f"Team {n}", slug=f"{side.team.slug}-{n}")
        Membership.objects.create(user=side.owner, team=team, role=Role.OWNER)
    copies(side.project, numbers, slug=lambda n: f"more-{n}", name=lambda n: f"More {n}")
    for one in Invitation.objects.filter(team=side.team, email__endswith=".example"):
        copies(
            one,
            numbers,
            digest=_digest,
            email=lambda n: f"more-{uuid4().hex[:8]}-{n}@example.org",
            user_id=None,
        )
    teams = list(Team.objects.filter(slug__startswith=f"{side.team.slug}-").values_list("pk", flat=True))
    known = Invitation.objects.filter(project=None).first()
    copies(
        known,
        numbers,
        digest=_digest,
        user_id=side.owner.pk,
        email="",
        team_id=lambda n: teams[n % len(teams)],
    )
    copies(DeviceSession.objects.filter(user=side.owner).first(), numbers)
    copies(
        ApiKey.objects.filter(owner=side.owner).first(),
        numbers,
        prefix=lambda n: f"k{n:04}{uuid4().hex[:6]}",
        digest=_digest,
    )


def _runs(side: Side, numbers: range) -> None:
    projects = list(Project.objects.filter(team=side.team).values_list("pk", flat=True))
    for run in (side.over_run, side.open_run, side.approval.run, side.reported_run):
        fresh = Run.objects.get(pk=run.pk)
        steps = list(fresh.steps.all())
        for one in copies(
            fresh,
            numbers,
            idempotency_key=None,
            project_id=side.project.pk if run == side.over_run else (lambda n: projects[n % len(projects)]),
        ):
            Step.objects.bulk_create(_step_of(step, one) for step in steps)
    asked = side.approval
    steps = list(Step.objects.filter(project=side.project).exclude(run=asked.run))
    entries = copies(asked.entry, numbers, name=lambda n: f"more-{n}")
    copies(
        asked,
        numbers,
        entry_id=lambda n: entries[n - numbers.start].pk,
        run_id=lambda n: steps[n % len(steps)].run_id,
        step_id=lambda n: steps[n % len(steps)].pk,
    )
    quality = RunQuality.objects.filter(project=side.project).first()
    ago = timezone.now() - timedelta(days=60)
    copies(quality, numbers, run=lambda _: uuid4(), at=lambda n: ago + timedelta(days=n))
    copies(Run.objects.get(pk=side.over_run.pk), numbers, idempotency_key=None, parent_id=side.over_run.pk)


def _step_of(step: Step, run: Run, **changes: Any) -> Step:
    values = {field.attname: getattr(step, field.attname) for field in Step._meta.concrete_fields}
    values |= {
        "run_id": run.pk,
        "project_id": run.project_id,
        "worker_id": None,
        "added_by_id": None,
        **changes,
    }
    values |= {"fence": uuid4() if values["fence"] else None}
    values.pop("id")
    return Step(**values)


def _steps(run: Run, numbers: range) -> None:
    """Many steps in one run, each with attempts, lines, files and an edge."""
    first = run.steps.get(key="a")
    more = Step.objects.bulk_create(_step_of(first, run, key=f"more-{n}") for n in numbers)
    StepDependency.objects.bulk_create(StepDependency(step=one, needs=first) for one in more)
    attempt, chunk = Attempt.objects.filter(step=first).first(), LogChunk.objects.filter(step=first).first()
    artifact = Artifact.objects.filter(run=run).first()
    if attempt is not None:
        copies(attempt, numbers, fence=lambda _: uuid4(), ordinal=lambda n: n + 2)
        copies(attempt, numbers, fence=lambda _: uuid4(), step_id=lambda n: more[n - numbers.start].pk)
    if chunk is not None:
        copies(chunk, numbers, ordinal=lambda n: n + 100)
    if artifact is not None:
        copies(artifact, numbers, name=lambda n: f"more-{n}.txt")
    Run.objects.filter(pk=run.pk).update(step_count=numbers.stop + 1)
    now = timezone.now()
    share = RunShare(
        run=run,
        created_at=now,
        digest=digest_of(TOKEN) if not numbers.start else _digest(0),
        created_by=run.owner,
        expires_at=timezone.now() + timedelta(days=1),
    )
    share.save()
    copies(share, numbers, digest=_digest)


def _findings(side: Side, numbers: range) -> None:
    tracked = TrackedFinding.objects.get(pk=side.finding.pk)
    seen = Finding.objects.filter(project=side.project, fingerprint=tracked.fingerprint).first()
    assert seen is not None
    copies(
        tracked,
        numbers,
        fingerprint=_digest,
        rule=lambda n: f"rule-{n}",
        path=lambda n: f"p{n}/a.py",
        owner=lambda n: f"@o{n}",
    )
    runs = list(
        Run.objects.filter(project=side.project)
        .exclude(pk=seen.run_id)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    step = {run: Step.objects.filter(run=run).values_list("pk", flat=True).first() for run in runs}
    spread = [run for run in runs if step[run]]
    copies(
        seen,
        numbers,
        run_id=lambda n: spread[n % len(spread)],
        step_id=lambda n: step[spread[n % len(spread)]],
        line=lambda n: n,
    )
    TriageAct.objects.bulk_create(
        TriageAct(finding=tracked, verdict="accept", by=f"somebody {n}", at=timezone.now()) for n in numbers
    )
    Fix.objects.bulk_create(_fix(seen, n) for n in numbers)


def _fix(seen: Finding, n: int) -> Fix:
    return Fix(
        run_id=seen.run_id, step_id=seen.step_id, project_id=seen.project_id, fingerprint=seen.fingerprint,
        agent=seen.agent, rule=seen.rule, severity=seen.severity, path=seen.path, line=seen.line, rungs=[],
        mend=f"mend-{n}", title=f"Fix {n}", diff=f"--- a\n+++ b\n@@ -1 +1 @@\n-a\n+{n}\n",
        label=Label.PARSES_ONLY.value, created_at=timezone.now(),
    )  # fmt: skip


def _settings(side: Side, numbers: range) -> None:
    schedule = Schedule.objects.filter(project=side.project).first()
    assert schedule is not None
    more = copies(schedule, numbers, name=lambda n: f"more {n}")
    ScheduleFire.objects.bulk_create(
        ScheduleFire(
            schedule=one,
            fire_at=timezone.now() - timedelta(days=n),
            fired_at=timezone.now(),
            outcome=ScheduleFire.Outcome.values[0],
        )
        for n, one in enumerate(more)
    )
    credential = Credential.objects.filter(project=side.project).first()
    copies(credential, numbers, name=lambda n: f"more-{n}")
    copies(WebHook.objects.filter(project=side.project).first(), numbers)
    copies(
        WebHookDelivery.objects.filter(hook__project=side.project).first(), numbers, seq=lambda n: 1_000 + n
    )
    for n in numbers:
        audit.record(Act.PROJECT_CHANGED, subject=f"project:{n}", project_id=side.project.pk, by=side.owner)
