"""Retention against a plain reading of its rules: any runs, any policies."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Project, Team
from tasks import artifacts, partitions, runs
from tasks.models import (
    Artifact,
    Event,
    LogChunk,
    OutboxMessage,
    PruneReport,
    RetentionPolicy,
    Run,
    Step,
)
from tasks.plans import plan_of
from tasks.runs.moves import database_now
from tests.engine.conftest import work
from tests.engine.retention.aging import age, pruned, stored

RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "days": st.integers(0, 12),
            "project": st.integers(0, 2),
            "live": st.booleans(),
            "content": st.sampled_from([b"1", b"2", b"3"]),
            "names": st.sampled_from([b"1", b"2", None]),
            "rerun_of": st.one_of(st.none(), st.integers(0, 5)),
        }
    ),
    min_size=1,
    max_size=8,
)
POLICY = st.one_of(st.none(), st.tuples(*[st.integers(1, 10)] * 3))


@given(given_runs=RUNS, policies=st.tuples(POLICY, POLICY, POLICY))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_goes_was_due_and_what_is_live_stays(
    given_runs: list[dict[str, Any]], policies: tuple[Any, Any, Any], transactional_db: None
) -> None:
    """Projects with and without policies of their own, a default or none; runs of all ages that share bytes."""
    world = World(given_runs, policies)
    try:
        world.build()
        counts = pruned()
        world.compare(counts)
    finally:
        world.tear_down()


class World:
    """Runs as drawn, and what a plain reading of the rules makes of them."""

    def __init__(self, given_runs: list[dict[str, Any]], policies: tuple[Any, Any, Any]) -> None:
        self.given, self.policies = given_runs, policies
        self.runs: list[Run] = []

    def build(self) -> None:
        team = Team.objects.create(name="t", slug="t")
        self.projects = [Project.objects.create(team=team, name=str(n), slug=f"p{n}") for n in range(3)]
        for n, days in enumerate(self.policies):
            if days is not None:
                names = ("keep_runs_days", "keep_events_days", "keep_artifacts_days")
                project = self.projects[n] if n < 2 else None
                RetentionPolicy.objects.create(project=project, **dict(zip(names, days, strict=True)))
        for one in self.given:
            self.runs.append(self.make(one))

    def make(self, one: dict[str, Any]) -> Run:
        named = artifacts.put("n", one["names"], media_type="x").digest if one["names"] else None
        plan = [work("a"), work("b")]
        run, _ = runs.submit(
            plan_of(*plan),
            project_id=self.projects[one["project"]].pk,
            owner_id=None,
            goal="g",
            request={"digest": named},
        )
        if one["rerun_of"] is not None and one["rerun_of"] < len(self.runs):
            Run.objects.filter(pk=run.pk).update(parent=self.runs[one["rerun_of"]])
        step = Step.objects.filter(run=run).first()
        assert step is not None
        ref = artifacts.put("x", one["content"], media_type="x")
        now = database_now()
        Artifact.objects.create(
            run=run, step=step, name="x", digest=ref.digest, size=ref.size, media_type="x", created_at=now
        )
        LogChunk.objects.create(step=step, attempt=1, ordinal=1, at=now, text="said")
        if not one["live"]:
            runs.cancel(run.public_id, by="alice")
        run.refresh_from_db()
        return age(run, one["days"])

    def kept_days(self, one: dict[str, Any], which: int) -> float:
        own = self.policies[one["project"]] if one["project"] < 2 else None
        days = own or self.policies[2]
        return float("inf") if days is None else min(days[which], days[0])

    def is_due(self, one: dict[str, Any], which: int) -> bool:
        return not one["live"] and one["days"] >= self.kept_days(one, which)  # a moment older than whole days

    def compare(self, counts: dict[str, int]) -> None:
        named = {one["names"] for one in self.given if one["live"] or one["days"] == 0}
        parents = {
            self.given[n]["rerun_of"]
            for n in range(len(self.given))
            if self.given[n]["live"] and self.runs[n].parent_id is not None
        }
        artifacts_left, expected = set(), Counter[str]()
        for n, (one, run) in enumerate(zip(self.given, self.runs, strict=True)):
            has_artifact = not self.is_due(one, 2) or one["content"] in named
            goes = self.is_due(one, 0) and not has_artifact and n not in parents
            events_go = self.is_due(one, 1)
            assert Run.objects.filter(pk=run.pk).exists() is not goes, one
            assert Artifact.objects.filter(run=run.pk).exists() is has_artifact, one
            assert Event.objects.filter(run=run.pk).exists() is not events_go, one
            assert LogChunk.objects.filter(step__run=run.pk).exists() is not events_go, one
            expected["tasks.Run"] += goes
            expected["tasks.Event"] += run.last_seq * events_go
            expected["tasks.Artifact"] += not has_artifact
            if has_artifact:
                artifacts_left.add(one["content"])
        for content in artifacts_left:
            digest = Artifact.objects.filter(digest__in=stored()).values_list("digest", flat=True)
            assert artifacts.put("x", content, media_type="x").digest in set(digest)
        assert {what: counts.get(what, 0) for what in expected} == dict(expected)

    def tear_down(self) -> None:
        Event.objects.all().delete()
        Run.objects.all().delete()
        OutboxMessage.objects.all().delete()
        RetentionPolicy.objects.all().delete()
        PruneReport.objects.all().delete()
        Project.objects.all().delete()
        Team.objects.all().delete()
        for path in Path(artifacts.folder_store().location).glob("??/??/*"):
            path.unlink()
        today = database_now().date()
        for day in partitions.days():
            if day < today - timedelta(days=1):
                partitions.drop(day)
